// Made from openapi.json by `npm run generate`; not to be changed by hand.

export interface paths {
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The keys that sign assertions
         * @description A JWK set (RFC 7517). A new key is published a day before it signs.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Is it alive
         * @description The process runs; says nothing of the database.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Is it ready
         * @description The database answers and takes writes, and its clock agrees.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List customers */
        get: {
            parameters: {
                query?: {
                    /** @description The id of the customer that the page comes before: the ones just newer. */
                    endingBefore?: string;
                    /** @description Only the one with your own id. */
                    externalId?: string;
                    /** @description How many entries, 20 when left out. */
                    limit?: number;
                    /** @description The id of the customer that the page comes after. */
                    startingAfter?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        /** Create a customer */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Makes a retry safe: 1–255 visible ASCII characters. */
                    "Idempotency-Key"?: string | null;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreateCustomer"];
                };
            };
            responses: never;
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/customers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a customer */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The customer's id */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        /**
         * Erase a customer
         * @description The person's sessions end, personal data go, and events keep only ids.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The customer's id */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        options?: never;
        head?: never;
        /** Change a customer */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The customer's id */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UpdateCustomer"];
                };
            };
            responses: never;
        };
        trace?: never;
    };
    "/v1/customers/{id}/portal-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Revoke all sessions of a customer */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The customer's id */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the audit trail
         * @description Of the key's mode. What becomes of a portal, which both modes share, is in the trails of both.
         */
        get: {
            parameters: {
                query?: {
                    /** @description The id of the event that the page comes before: the ones just newer. */
                    endingBefore?: string;
                    /** @description How many entries, 20 when left out. */
                    limit?: number;
                    /** @description Only about this session, also when it was revoked. */
                    portalSessionId?: string;
                    /** @description The id of the event that the page comes after. */
                    startingAfter?: string;
                    /**
                     * @description Only this type: `portal_session.` `created`, `opened`, `exchanged`, `exchange_refused`, `revoked` or `ended`; `key.` `created`,
                     *     `rolled` or `revoked`; `portal.` or `customer.` `created`, `updated` or `deleted`.
                     */
                    type?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portal-session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who am I
         * @description By cookie or as `Authorization: Bearer` browser token.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Which portal's cookie counts, when there are several; else the one started last */
                    portal?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        /**
         * Log out
         * @description Ends the session on the server and clears its cookie. By cookie only from the portal's own pages.
         */
        delete: {
            parameters: {
                query?: {
                    /** @description Which portal's cookie counts, when there are several; else the one started last */
                    portal?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portal-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List portal sessions
         * @description Newest first. Used and expired sessions are left out unless `status` or `includeExpired` asks for them.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Only this customer's, by your id. */
                    customerExternalId?: string;
                    /** @description Only this customer's, by our id. */
                    customerId?: string;
                    /** @description The id of the session that the page comes before: the ones just newer. */
                    endingBefore?: string;
                    /** @description Used and expired ones as well. */
                    includeExpired?: boolean;
                    /** @description How many entries, 20 when left out. */
                    limit?: number;
                    /** @description Only this portal's: slug or id. */
                    portal?: string;
                    /** @description The id of the session that the page comes after. */
                    startingAfter?: string;
                    /** @description Only those that stand there: `pending`, `opened`, `active`, `ended` or `expired`. */
                    status?: "pending" | "opened" | "active" | "ended" | "expired";
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        /**
         * Mint a one-time link
         * @description The answer's `url` is what you send your customer to; `token` and `url` are shown only here.
         */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Makes a retry safe: 1–255 visible ASCII characters. */
                    "Idempotency-Key"?: string | null;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreatePortalSession"];
                };
            };
            responses: never;
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portal-sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a portal session */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The session's id */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        /**
         * Revoke a portal session
         * @description A hard delete: the link and the browser session both stop at once.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The session's id */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portal-sessions/exchange": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchange a link token
         * @description Exactly one of any number of calls gets 200; every other gets the same 401.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ExchangeToken"];
                };
            };
            responses: never;
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List portals */
        get: {
            parameters: {
                query?: {
                    /** @description The id of the entry that the page comes before: the ones just newer. */
                    endingBefore?: string;
                    /** @description How many entries, 20 when left out. */
                    limit?: number;
                    /** @description The id of the entry that the page comes after. */
                    startingAfter?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        /** Create a portal */
        post: {
            parameters: {
                query?: never;
                header?: {
                    /** @description Makes a retry safe: 1–255 visible ASCII characters. */
                    "Idempotency-Key"?: string | null;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CreatePortal"];
                };
            };
            responses: never;
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portals/{portal}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get a portal */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id or slug */
                    portal: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        /**
         * Delete a portal
         * @description Its sessions end. The portal `default` can't be deleted.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id or slug */
                    portal: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        options?: never;
        head?: never;
        /** Change a portal */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Id or slug */
                    portal: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UpdatePortal"];
                };
            };
            responses: never;
        };
        trace?: never;
    };
    "/v1/portals/{portal}/api/{path}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Call the merchant's own API
         * @description Sends the request on to `{upstreamUrl}/{path}` with its method, query, body (10 MiB at most, each way)
         *     and content type, and with `Vestibule-Assertion`: a JWT that says who asks, signed by a key of
         *     `/.well-known/jwks.json`. Any method but `TRACE` and `CONNECT`; an unsafe one by cookie only from the portal's own pages.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Where to in the merchant's API */
                    path: string;
                    /** @description The portal's id */
                    portal: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/portals/{portal}/auth": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * May this request pass
         * @description For the forward-auth of nginx, Traefik and Caddy: a browser session of this portal, by cookie or
         *     as `Authorization: Bearer` browser token, gets 200 with who it is in the headers.
         */
        get: {
            parameters: {
                query?: {
                    /** @description A tuple that the session must have, else 403 */
                    permission?: string;
                };
                header?: never;
                path: {
                    /** @description The portal's id */
                    portal: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: never;
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Who did it: a key, the end user (by customer id), or the operator. */
        Actor: {
            id?: string | null;
            /** @example key */
            type: "key" | "end_user" | "operator";
        };
        /** @description How the hosted pages look. */
        Branding: {
            displayName?: string | null;
            logoUrl?: string | null;
            /** @example #2563eb */
            primaryColor: string;
        };
        /** @description How the hosted pages look. */
        BrandingChanges: {
            /** @description The name on the pages; 1–256 characters. */
            displayName?: string | null;
            /**
             * Format: uri
             * @description An https address of an image.
             */
            logoUrl?: string | null;
            /**
             * @description `#rrggbb`.
             * @example #2563eb
             */
            primaryColor?: string | null;
        };
        /** @description What the exchange of a link started. */
        BrowserSession: {
            /** Format: date-time */
            endedAt?: string | null;
            /** Format: date-time */
            expiresAt: string;
            ipAddress?: string | null;
            /** Format: date-time */
            startedAt: string;
            userAgent?: string | null;
        };
        /**
         * @description A customer to be made.
         * @example {
         *       "externalId": "acme-001",
         *       "email": "jo@acme.example"
         *     }
         */
        CreateCustomer: {
            /** @description 1–256 characters. */
            companyName?: string | null;
            /** @description An ISO 4217 code of three letters. */
            defaultCurrency?: string | null;
            /** @description 1–256 characters. */
            email?: string | null;
            /** @description Your own id of the customer; unique, and fixed. 1–256 characters. */
            externalId: string;
            /** @description A BCP 47 language tag. */
            locale?: string | null;
            /** @description Strings by name. */
            metadata?: {
                [key: string]: string;
            } | null;
            /** @description 1–256 characters. */
            name?: string | null;
            /** @description 1–64 characters. */
            phone?: string | null;
        };
        /** @description A new portal session, with what no other answer ever holds. */
        CreatedPortalSession: components["schemas"]["PortalSession"] & {
            /**
             * @description The link token; with `mode: token` the browser token. Shown only here.
             * @example pst_…
             */
            token: string;
            /** @description The link to send the customer to; null with `mode: token`. */
            url?: string | null;
        };
        /**
         * @description A portal to be made: everything that can be changed later, and a slug.
         * @example {
         *       "slug": "my-portal",
         *       "name": "My portal"
         *     }
         */
        CreatePortal: components["schemas"]["UpdatePortal"] & {
            /** @description 3–64 lower-case letters, digits and single inner hyphens; unique. */
            slug: string;
        };
        /**
         * @description A link to be made. Give exactly one of `customerExternalId` and `customerId`.
         * @example {
         *       "customerExternalId": "acme-001",
         *       "permissions": [
         *         "api.*.read_key"
         *       ],
         *       "returnUrl": "https://your-app.example/billing"
         *     }
         */
        CreatePortalSession: {
            /** @description Your own id of the customer, who is made on first sight. 1–256 characters. */
            customerExternalId?: string | null;
            /** @description Our id of a customer that exists. */
            customerId?: string | null;
            delivery?: components["schemas"]["Delivery"] | null;
            /**
             * Format: int32
             * @description Seconds that the link lives; the portal's `linkTtl` when left out.
             */
            expiresIn?: number | null;
            /** @description A BCP 47 language tag for the pages. */
            locale?: string | null;
            /** @description Strings by name: at most 50, names of 1–40 and values of at most 500 characters. */
            metadata?: {
                [key: string]: string;
            } | null;
            mode?: components["schemas"]["Mode"] | null;
            /**
             * Format: uri-reference
             * @description Where to land in the portal; starts with one `/`.
             */
            path?: string | null;
            /**
             * @description What the session may do, as tuples `{resourceType}.{resourceId}.{action}`, `*` for any; the portal's `defaultPermissions`
             *     when left out.
             */
            permissions?: string[] | null;
            /** @description Slug or id of the portal; `default` when left out. */
            portal?: string | null;
            /** @description Shows the portal with a banner, for trying it out. */
            preview?: boolean | null;
            /** @description Revokes the customer's unused links first. */
            replaceExisting?: boolean | null;
            /**
             * Format: uri
             * @description Where people go back to: https, or http on a loopback host.
             */
            returnUrl?: string | null;
            /**
             * Format: int32
             * @description Seconds that the browser session lives; the portal's `sessionTtl` when left out.
             */
            sessionTtl?: number | null;
        } & ({
            customerExternalId: string;
        } | {
            customerId: string;
        });
        /** @description A customer. */
        Customer: {
            companyName?: string | null;
            /** Format: date-time */
            createdAt: string;
            defaultCurrency?: string | null;
            email?: string | null;
            /** @example acme-001 */
            externalId: string;
            /** @example cus_06FFNIzBqHtoj7vIDMNL9Y */
            id: string;
            livemode: boolean;
            locale?: string | null;
            metadata: {
                [key: string]: string;
            };
            name?: string | null;
            /**
             * @description Always `customer`.
             * @example customer
             */
            object: string;
            phone?: string | null;
        };
        /** @enum {string} */
        Delivery: "message" | "redirect";
        Error: {
            /**
             * @description What happened, for programs.
             * @example validation_error
             */
            code: string;
            /** @description Where the code is explained. */
            docUrl: string;
            /** @description What happened, for people. */
            message: string;
            /**
             * @description The field that it is about.
             * @example permissions[0]
             */
            param?: string;
            /**
             * @description The same as in the `Request-Id` header.
             * @example req_06FFNIzBqHtoj7vIDMNL9X
             */
            requestId: string;
            /**
             * @description The class of the error.
             * @example invalid_request_error
             */
            type: string;
        };
        /** @description Every error's body. */
        ErrorBody: {
            error: components["schemas"]["Error"];
        };
        /** @description An entry of the audit trail. */
        Event: {
            actor: components["schemas"]["Actor"];
            /** Format: date-time */
            createdAt: string;
            customerId?: string | null;
            /** @description More about what happened. */
            data: Record<string, never>;
            /** @example evt_06FFNIzBqHtoj7vIDMNL9W */
            id: string;
            ipAddress?: string | null;
            livemode: boolean;
            /**
             * @description Always `event`.
             * @example event
             */
            object: string;
            portalId?: string | null;
            portalSessionId?: string | null;
            /** @example portal_session.created */
            type: string;
            userAgent?: string | null;
        };
        /**
         * @description A link token to be exchanged. The token is the only credential.
         * @example {
         *       "token": "pst_…",
         *       "transport": "bearer"
         *     }
         */
        ExchangeToken: {
            /**
             * @description A random text of your own: a repeat with the same within 60 seconds gets a new browser
             *     token as long as the first one is unused, so that a lost answer does not burn the link.
             */
            nonce?: string | null;
            /** @description The link token. */
            token: string;
            transport?: components["schemas"]["Transport"] | null;
        };
        /** @description How the service does. */
        Health: {
            /** @description In one word: `ok`, `ready`, `unavailable`. */
            status: string;
        };
        /** @enum {string} */
        Mode: "link" | "token";
        /** @description A portal configuration. */
        Portal: {
            allowedReturnOrigins: string[];
            appUrl?: string | null;
            branding: components["schemas"]["Branding"];
            /** Format: date-time */
            createdAt: string;
            defaultPermissions: string[];
            enabled: boolean;
            frameAncestors: string[];
            /** @example ptl_06FFNIzBqHtoj7vIDMNL9Z */
            id: string;
            /**
             * Format: int32
             * @description Seconds that a link lives.
             */
            linkTtl: number;
            name?: string | null;
            /**
             * @description Always `portal`.
             * @example portal
             */
            object: string;
            returnUrl?: string | null;
            /**
             * Format: int32
             * @description Seconds that a browser session lives.
             */
            sessionTtl: number;
            /** @example my-portal */
            slug: string;
            upstreamUrl?: string | null;
        };
        /** @description A portal session. */
        PortalSession: {
            browserSession?: components["schemas"]["BrowserSession"] | null;
            /** Format: date-time */
            createdAt: string;
            /** @example acme-001 */
            customerExternalId: string;
            /** @example cus_06FFNIzBqHtoj7vIDMNL9Y */
            customerId: string;
            /** @example message */
            delivery: "message" | "redirect";
            /**
             * Format: date-time
             * @description When the link ends; in the answer to an exchange, when the browser session ends.
             */
            expiresAt: string;
            /** @example ps_06FFNIzBqHtoj7vIDMNL9X */
            id: string;
            /** @description Whether the link was exchanged. */
            isUsed: boolean;
            livemode: boolean;
            locale?: string | null;
            metadata: {
                [key: string]: string;
            };
            /**
             * @description Always `portal_session`.
             * @example portal_session
             */
            object: string;
            /**
             * Format: date-time
             * @description When the landing page was first seen.
             */
            openedAt?: string | null;
            path?: string | null;
            /**
             * @example [
             *       "api.*.read_key"
             *     ]
             */
            permissions: string[];
            /**
             * @description The portal's slug.
             * @example default
             */
            portal: string;
            /** @example ptl_06FFNIzBqHtoj7vIDMNL9Z */
            portalId: string;
            preview: boolean;
            returnUrl?: string | null;
            /** @example pending */
            status: "pending" | "opened" | "active" | "ended" | "expired";
            /**
             * Format: date-time
             * @description When the link was exchanged.
             */
            usedAt?: string | null;
        };
        /** @description How many sessions were revoked. */
        RevokedSessions: {
            /** Format: int64 */
            revoked: number;
        };
        /** @enum {string} */
        Transport: "cookie" | "bearer";
        /**
         * @description What to change. A field that is left out stays; null clears it. Metadata merge by name.
         * @example {
         *       "name": "Jo Doe"
         *     }
         */
        UpdateCustomer: {
            /** @description 1–256 characters. */
            companyName?: string | null;
            /** @description An ISO 4217 code of three letters. */
            defaultCurrency?: string | null;
            /** @description 1–256 characters. */
            email?: string | null;
            /** @description A BCP 47 language tag. */
            locale?: string | null;
            /** @description Strings by name; a null removes one. */
            metadata?: {
                [key: string]: string | null;
            } | null;
            /** @description 1–256 characters. */
            name?: string | null;
            /** @description 1–64 characters. */
            phone?: string | null;
        };
        /**
         * @description What to change. A field that is left out stays; null clears it.
         * @example {
         *       "branding": {
         *         "displayName": "Acme"
         *       }
         *     }
         */
        UpdatePortal: {
            /** @description Origins that a session's `returnUrl` must lie in; empty for any. */
            allowedReturnOrigins?: string[] | null;
            /**
             * Format: uri
             * @description Your own portal, in place of the hosted pages.
             */
            appUrl?: string | null;
            branding?: components["schemas"]["BrandingChanges"] | null;
            /** @description What a session may do when its creation doesn't say. */
            defaultPermissions?: string[] | null;
            /** @description A disabled portal starts no session and suspends those that it has. */
            enabled?: boolean | null;
            /**
             * @description Origins that may show the portal in a frame; empty for none. A Content-Security-Policy has to be able to name them: no
             *     IPv6 address, and no host with an underscore.
             */
            frameAncestors?: string[] | null;
            /**
             * Format: int32
             * @description Seconds that a link lives, 900 unless set.
             */
            linkTtl?: number | null;
            /** @description For people to read; 1–256 characters. */
            name?: string | null;
            /**
             * Format: uri
             * @description Where people are sent when they leave or their session is over.
             */
            returnUrl?: string | null;
            /**
             * Format: int32
             * @description Seconds that a browser session lives, 86400 unless set.
             */
            sessionTtl?: number | null;
            /** @description 3–64 lower-case letters, digits and single inner hyphens; unique. */
            slug?: string;
            /**
             * Format: uri
             * @description Your back end behind the gateway.
             */
            upstreamUrl?: string | null;
        };
        /** @description A session as its own browser sees it. */
        ViewedPortalSession: components["schemas"]["PortalSession"] & {
            /**
             * @description What the portal shows, in this order.
             * @example [
             *       "keys",
             *       "analytics",
             *       "docs"
             *     ]
             */
            tabs: string[];
            /** @description The browser token, when the exchange asked for `transport: bearer`. */
            token?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description On the answer to a repeat, which is the first one's. */
        "Idempotency-Replayed": "true";
        /** @description How many requests are left, `r`, and the seconds until there are more, `t`. */
        RateLimit: string;
        /** @description How many requests may come at once, `q`, and in how many seconds as many come back, `w`. */
        "RateLimit-Policy": string;
        /** @description Names the request, in the log as well. */
        "Request-Id": string;
        /** @description In how many seconds it is worth trying again (RFC 9110, section 10.2.3). */
        "Retry-After": number;
        /** @description How to show a credential (RFC 9110, section 11.6.1). */
        "WWW-Authenticate": "Bearer";
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
