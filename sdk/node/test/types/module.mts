// What users may and may not write, as the compiler sees it.
import {
  type CreatePortalSessionParams,
  type ExchangedPortalSession,
  type PortalSession,
  RateLimitError,
  verifyAssertion,
  Vestibule,
  VestibuleError,
} from "@vestibule/node";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Equal<A, B>) => {};

const client = new Vestibule(process.env["VESTIBULE_SECRET_KEY"], { baseUrl: "https://portal.example.com" });
new Vestibule("", { baseUrl: "", timeout: 1, maxRetries: 0, fetch, dangerouslyAllowBrowser: true });
// @ts-expect-error -- there is no default for the base URL
new Vestibule("");
// @ts-expect-error -- a typo
new Vestibule("", { baseURL: "" });

const { portalSessions } = client;

const link = await portalSessions.create({ customerExternalId: "a", permissions: ["api.*.read_key"], delivery: "redirect" });
same<typeof link.url, string>(true);
same<typeof link.token, string>(true);
same<typeof link.status, "pending" | "opened" | "active" | "ended" | "expired">(true);
same<typeof link.returnUrl, string | null>(true);
same<typeof link.metadata, { [name: string]: string }>(true);
const token = await portalSessions.create({ customerId: "cus_1", mode: "token", metadata: { a: "b" } });
same<typeof token.url, null>(true);
const either = await portalSessions.create({ customerId: "cus_1" } as CreatePortalSessionParams);
same<typeof either.url, string | null>(true);
await portalSessions.create({ customerId: "cus_1", returnUrl: null }, { idempotencyKey: "a", timeout: 1, maxRetries: 0 });
// @ts-expect-error -- a customer is needed
await portalSessions.create({ permissions: [] });
// @ts-expect-error -- and only one
await portalSessions.create({ customerId: "cus_1", customerExternalId: "a" });
// @ts-expect-error -- a typo
await portalSessions.create({ customerId: "cus_1", retrunUrl: "https://a.example" });
// @ts-expect-error -- not one of the words
await portalSessions.create({ customerId: "cus_1", delivery: "mail" });

const session = await portalSessions.get("ps_1", { signal: new AbortController().signal });
same<typeof session, PortalSession>(true);
same<NonNullable<typeof session.browserSession>["endedAt"], string | null>(true);
// @ts-expect-error -- shown only once
session.url;

same<Awaited<ReturnType<typeof portalSessions.list>>, PortalSession[]>(true);
for (const { id } of await portalSessions.list({ status: "active", limit: 100 })) id.length;
for await (const { id } of portalSessions.list({ includeExpired: true })) id.length;
const list: Promise<PortalSession[]> = portalSessions.list();
const { data, hasMore } = await portalSessions.list().page();
same<[typeof data, typeof hasMore], [PortalSession[], boolean]>(true);
// @ts-expect-error -- not a state
portalSessions.list({ status: "used" });
// @ts-expect-error -- a typo
portalSessions.list({ customerID: "a" });

same<ReturnType<typeof portalSessions.revoke>, Promise<void>>(true);

const exchanged = await portalSessions.exchange("pst_1", { nonce: "0123456789abcdef" });
same<typeof exchanged, ExchangedPortalSession>(true);
same<typeof exchanged.token, string>(true);
same<typeof exchanged.tabs, string[]>(true);

try {
  await list;
} catch (error) {
  if (error instanceof RateLimitError) same<typeof error.retryAfter, number | undefined>(true);
  if (error instanceof VestibuleError) same<typeof error.code, string>(true);
}

const claims = await verifyAssertion("", { issuer: "", audience: ["a", "b"], jwks: { keys: [] }, clockTolerance: 1 });
same<typeof claims.permissions, string[]>(true);
// @ts-expect-error -- an audience is needed
await verifyAssertion("", { issuer: "", jwksUrl: "" });
