"""Unkey's own client against a server: python unkey.py VERSION STEP..., with the server's address and
keys in the environment. Both generations do the same in their own words."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

# This file has the client's name, and its folder comes first on the path.
sys.path.pop(0)

import httpx
from unkey.py import Unkey, errors
from unkey.py.utils import BackoffStrategy, RetryConfig

VERSION, *WANTED = sys.argv[1:]
BASE_URL, KEY = os.environ["BASE_URL"], os.environ["KEY"]
IS_OLD = VERSION == "3.0.3"
NO_RETRIES = RetryConfig("none", BackoffStrategy(0, 0, 0, 0), False)
RETRIES = RetryConfig("backoff", BackoffStrategy(10, 100, 1.5, 5000), True)


def client(key=KEY, **options):
    return Unkey(root_key=key, server_url=BASE_URL, **options)


def create(unkey, portal="default", external_id="user_123", **options):
    if IS_OLD:
        words = {"slug": portal, "permissions": ["api.*.read_key", "api.*.read_analytics"]}
    else:
        words = {"portal": portal, "scopes": ["keys:read", "analytics:read"]}
    return unkey.portal.create_session(external_id=external_id, **words, **options).result


def token_of(made):
    """The older generation calls the token a session id; the newer one reads the code from the URL."""
    return made.data.session_id if IS_OLD else parse_qs(urlsplit(made.data.url).query)["code"][0]


def exchange(unkey, token, **options):
    if IS_OLD:
        data = unkey.portal.exchange_session(session_id=token, **options).result.data
        return data.token, data.expires_at
    data = unkey.portal.exchange_code(code=token, **options).result.data
    return data.access_token, data.expires_at


def whoami(token):
    return httpx.get(f"{BASE_URL}/v1/portal-session", headers={"authorization": f"Bearer {token}"})


def refused(kind, status, work):
    """The error has its class, its status and our request id."""
    try:
        work()
    except kind as error:
        assert error.status_code == status, error
        assert error.data.meta.request_id.startswith("req_"), error
        assert error.data.error.status == status, error
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def flow():
    with client() as unkey:
        made = create(unkey)
        assert made.meta.request_id.startswith("req_")
        token, expires_at = exchange(unkey, token_of(made))
        assert token.startswith("bst_")
        assert abs(expires_at - time.time() * 1000 - 86_400_000) < 60_000
        session = whoami(token).json()
        assert session["customerExternalId"] == "user_123"
        assert session["tabs"] == ["keys", "analytics", "docs"]
        if not IS_OLD:
            holders(unkey, made)


def holders(unkey, made):
    for name in ["list_b", "list_a", "list_B"]:
        create(unkey, external_id=name)
    first = unkey.portal.list_sessions(portal="default", search="list_", limit=2)
    assert [holder.external_id for holder in first.data] == ["list_B", "list_a"]
    assert first.pagination.has_more
    rest = unkey.portal.list_sessions(portal="default", search="list_", cursor=first.pagination.cursor)
    assert [holder.external_id for holder in rest.data] == ["list_b"]
    assert not rest.pagination.has_more
    assert rest.data[0].sessions[0].status == "pending"
    assert rest.data[0].sessions[0].scopes == ["keys:read", "analytics:read"]
    own = unkey.portal.list_sessions(portal="default", search="user_123")
    assert [(held.id, held.status) for held in own.data[0].sessions] == [(made.data.id, "active")]
    for revoked in [1, 0]:
        done = unkey.portal.revoke_session(portal="default", external_id="user_123")
        assert done.data.sessions_revoked == revoked
    refused(errors.NotFoundErrorResponse, 404, lambda: unkey.portal.list_sessions(portal="missing"))
    revoke = unkey.portal.revoke_session
    refused(errors.NotFoundErrorResponse, 404, lambda: revoke(portal="missing", external_id="user_123"))


def typed():
    with client() as unkey:
        error = refused(errors.BadRequestErrorResponse, 400, lambda: create(unkey, external_id=""))
        assert error.data.error.errors[0].location == "body.externalId"
        refused(errors.UnauthorizedErrorResponse, 401, lambda: create(client("unkey_123")))
        disabled = os.environ["DISABLED_PORTAL"]
        refused(errors.ForbiddenErrorResponse, 403, lambda: create(unkey, disabled))
        refused(errors.NotFoundErrorResponse, 404, lambda: create(unkey, "missing"))
        refused(errors.UnauthorizedErrorResponse, 401, lambda: exchange(unkey, "pst_nonsense"))
        refused(errors.BadRequestErrorResponse, 400, lambda: exchange(unkey, "x" * 70_000))


def concurrent():
    with client() as unkey, ThreadPoolExecutor(8) as pool:
        token = token_of(create(unkey))
        calls = [pool.submit(exchange, unkey, token) for _ in range(16)]
        lost = [call.exception() for call in calls if call.exception()]
        assert len(lost) == 15
        assert all(isinstance(error, errors.UnauthorizedErrorResponse) for error in lost), lost


class Lossy(httpx.Client):
    """Loses the first answer that is a success."""

    answers = 0

    def send(self, request, **options):
        response = super().send(request, **options)
        if response.is_success:
            self.answers += 1
            if self.answers == 1:
                raise httpx.ReadError("lost", request=request)
        return response


def lost():
    with client() as unkey:
        token, other = token_of(create(unkey)), token_of(create(unkey))
    lossy = Lossy()
    unkey = client(client=lossy)
    headers = {"Idempotency-Key": "n"}
    again, _ = exchange(unkey, token, retries=RETRIES, http_headers=headers)
    assert lossy.answers == 2
    assert whoami(again).status_code == 200
    # Without the header a second try can't be told from somebody else's.
    lossy.answers = 0
    refused(errors.UnauthorizedErrorResponse, 401, lambda: exchange(unkey, other, retries=RETRIES))


def limited():
    with client() as unkey:
        for _ in range(20):
            try:
                create(unkey, retries=NO_RETRIES)
            except errors.TooManyRequestsErrorResponse as error:
                assert int(error.headers["retry-after"]) >= 1
                return
    raise AssertionError("nothing was limited")


def broken():
    with client() as unkey:
        refused(errors.InternalServerErrorResponse, 500, lambda: create(unkey, retries=NO_RETRIES))


STEPS = {"flow": flow, "errors": typed, "concurrent": concurrent, "lost": lost, "limited": limited, "broken": broken}
for step in WANTED:
    STEPS[step]()
