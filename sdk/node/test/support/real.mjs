import { randomUUID } from "node:crypto";
import { Vestibule } from "@vestibule/node";

const env = process.env;

/** Where the real server is; without one, what needs it is skipped. */
export const baseUrl = env.VESTIBULE_BASE_URL;
export const secretKey = env.VESTIBULE_SECRET_KEY;
export const withServer = { skip: baseUrl ? false : "VESTIBULE_BASE_URL is not set" };

/** A client of the real server, or of a proxy before it. */
export const client = (options = {}, key = secretKey) => new Vestibule(key, { baseUrl, ...options });

/** The id of a customer that nobody else has. */
export const someone = () => `customer-${randomUUID()}`;
