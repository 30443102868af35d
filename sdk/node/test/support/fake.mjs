import { once } from "node:events";
import { createServer } from "node:http";

/** A well-formed key that no server knows. */
export const KEY = `vst_sk_test_${"0".repeat(60)}`;

/**
 * A server on loopback that answers as `handle(request, response)` says and keeps what was asked.
 * It ends with the test.
 */
export async function fake(test, handle) {
  const requests = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const seen = { method: request.method, url: request.url, headers: request.headers, body };
    requests.push(seen);
    await handle(seen, response, requests.length);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

/** Answers with JSON. */
export function answer(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Answers with an error in Vestibule's envelope. */
export function refuse(response, status, code, { type = "api_error", headers = {}, ...more } = {}) {
  answer(response, status, { error: { type, code, message: `It is ${code}.`, requestId: "req_1", docUrl: "d", ...more } }, headers);
}

/** A proxy before the server at `target` that does as it asks, and then loses the first `count` answers. */
export function lossy(test, target, count, lose = (response) => response.socket.destroy()) {
  return fake(test, async ({ method, url, headers, body }, response, number) => {
    const { host, connection, "content-length": length, "transfer-encoding": coding, ...kept } = headers;
    const real = await fetch(target + url, { method, headers: kept, ...(body && { body }) });
    const text = await real.text();
    if (number <= count) return lose(response);
    response.writeHead(real.status, { "content-type": "application/json" });
    response.end(text);
  });
}
