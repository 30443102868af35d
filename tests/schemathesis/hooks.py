"""What OpenAPI has no words for: how our formats look, and what excludes what."""

import schemathesis
from hypothesis import strategies as st

# Hosts and paths as RFC 3986 has them; what lenient parsers take is refused.
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--") and not label[0].isdigit()
)
HOST = st.lists(LABEL, min_size=2, max_size=3).map(".".join)
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format))
SEGMENT = st.from_regex(r"[A-Za-z0-9_~-]{1,8}", fullmatch=True)
PATH = st.lists(SEGMENT, max_size=4).map(lambda segments: "/" + "/".join(segments))
ORIGIN = st.builds("https://{}{}".format, HOST, PORT)

schemathesis.openapi.format("origin", ORIGIN)
schemathesis.openapi.format("uri", st.builds("{}{}".format, ORIGIN, PATH))
schemathesis.openapi.format("uri-reference", PATH)


@schemathesis.hook
def filter_case(context, case):
    """A page has one cursor, a session one customer, and a whole number no fraction."""
    query = case.query if isinstance(case.query, dict) else {}
    if "startingAfter" in query and "endingBefore" in query:
        return False
    body = case.body
    if case.operation.label == "POST /v1/portal-sessions" and isinstance(body, dict):
        customers = [body.get("customerExternalId"), body.get("customerId")]
        if sum(customer is not None for customer in customers) != 1:
            return False
    return not (isinstance(body, dict) and any(isinstance(value, float) for value in body.values()))
