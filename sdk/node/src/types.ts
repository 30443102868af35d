import type { components, paths } from "./openapi.js";

/** The API's objects, as the OpenAPI document has them. */
export type Schemas = components["schemas"];

/** An object as it is answered: nothing is left out, what is not there is null. */
type Answered<T> = T extends object ? { [Field in keyof T]-?: Answered<T[Field]> } : T;

/** A portal session. */
export type PortalSession = Answered<Schemas["PortalSession"]>;

/** Where a portal session stands. */
export type PortalSessionStatus = PortalSession["status"];

/** A new portal session, with what no other answer ever holds: `token` and `url`. */
export type CreatedPortalSession = Answered<Schemas["CreatedPortalSession"]>;

/** A portal session whose link was just exchanged: with the browser token and the tabs of the portal. */
export type ExchangedPortalSession = Answered<Schemas["ViewedPortalSession"]>;

/** The customer: one of two ids. */
export type CustomerReference =
  | {
      /** Your own id of the customer, who is made on first sight. */
      customerExternalId: string;
      customerId?: undefined;
    }
  | {
      /** Our id of a customer that exists. */
      customerId: string;
      customerExternalId?: undefined;
    };

/** What a portal session is to be: whose, and whatever differs from the portal's settings. */
export type CreatePortalSessionParams = CustomerReference &
  Omit<Schemas["CreatePortalSession"], "customerExternalId" | "customerId">;

/** Which portal sessions to list. */
export type ListPortalSessionsParams = NonNullable<paths["/v1/portal-sessions"]["get"]["parameters"]["query"]>;
