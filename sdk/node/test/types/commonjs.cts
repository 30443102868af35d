import sdk = require("@vestibule/node");

const client = new sdk.Vestibule("", { baseUrl: "" });
const session: Promise<sdk.PortalSession> = client.portalSessions.get("ps_1");
session.catch((error: unknown) => error instanceof sdk.NotFoundError);
