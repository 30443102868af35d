// RevKeen's own client against a server: node revkeen.mjs, with the server's address, key and a
// customer's id in the environment.
import assert from "node:assert/strict";
import { RevKeenAPIError, RevKeenClient } from "@revkeen/sdk";

const { BASE_URL, KEY, CUSTOMER } = process.env;
const client = (apiKey, options = {}) => new RevKeenClient({ apiKey, baseUrl: `${BASE_URL}/v2`, ...options });
const refused = (work, status, code) =>
  assert.rejects(work, (error) => {
    assert.ok(error instanceof RevKeenAPIError, `${error}`);
    assert.deepEqual([error.status, error.body.error.code], [status, code]);
    return true;
  });

const merchant = client(KEY);
const { data: session } = await merchant.customer.portalSessionsCreate({ customer_id: CUSTOMER, ttl_minutes: 30 });
assert.equal(session.customer_id, CUSTOMER);
assert.equal(session.customerId, CUSTOMER);
assert.ok(session.url.startsWith(`${BASE_URL}/r/rkcps_`));
assert.equal(Date.parse(session.expires_at) - Date.parse(session.created_at), 30 * 60_000);

// The token in the key's place, and beside the merchant's key.
const beside = client(KEY, { headers: { authorization: `Bearer ${session.token}` } });
for (const portal of [client(session.token), beside]) {
  const { data: customer } = await portal.customer.portalCustomerGet();
  assert.deepEqual([customer.id, customer.object, customer.name], [CUSTOMER, "customer", "Ada"]);
  assert.equal(customer.company_name, null);

  const list = await portal.customer.portalSubscriptionsList({ limit: 3 });
  assert.equal(list.data[0].path, "/subscriptions");
  assert.equal((await portal.customer.portalSubscriptionsGet("sub_1")).data[0].path, "/subscriptions/sub_1");
  const canceled = await portal.customer.portalSubscriptionsCancel("sub_1");
  assert.deepEqual(canceled.data[0], { path: "/subscriptions/sub_1/cancel", bytes: 0 });
  const atEnd = await portal.customer.portalSubscriptionsCancel("sub_1", { cancel_at_period_end: true });
  assert.ok(atEnd.data[0].bytes > 0);
  assert.equal((await portal.customer.portalInvoicesList()).data[0].path, "/invoices");
  assert.equal((await portal.customer.portalInvoicesGet("inv_1")).data[0].path, "/invoices/inv_1");
}

await refused(() => client("rk_live_123").customer.portalSessionsCreate({ customer_id: CUSTOMER }), 401, "unauthenticated");
await refused(() => merchant.customer.portalSessionsCreate({ customer_id: "cus_a1b2c3d4e5f6" }), 404, "resource_missing");
await refused(() => merchant.customer.portalSessionsCreate({ customer_id: CUSTOMER, ttl_minutes: 1 }), 400, "validation_error");
await refused(() => merchant.customer.portalCustomerGet(), 401, "session_invalid");
