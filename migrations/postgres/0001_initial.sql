-- Vestibule on PostgreSQL 15 and later. The same tables as migrations/sqlite/0001_initial.sql.

create table tenants (
    id          uuid primary key,
    slug        text not null,
    name        text not null,
    created_at  timestamptz not null,
    constraint tenants_slug unique (slug)
);

create table keys (
    id           uuid primary key,
    tenant_id    uuid not null references tenants,
    is_secret    boolean not null,
    livemode     boolean not null,
    name         text,
    permissions  text not null, -- JSON: a list of patterns
    grants       text not null, -- JSON: a list of patterns
    secret_hash  bytea not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz
);
create index keys_tenant on keys (tenant_id, id);

create table portals (
    id          uuid primary key,
    tenant_id   uuid not null references tenants,
    slug        text not null,
    enabled     boolean not null,
    settings    text not null, -- JSON
    created_at  timestamptz not null,
    constraint portals_slug unique (tenant_id, slug)
);
create index portals_list on portals (tenant_id, id);

create table customers (
    id           uuid primary key,
    tenant_id    uuid not null,
    livemode     boolean not null,
    external_id  text collate "C" not null, -- compared and listed by its bytes
    profile      text not null, -- JSON
    created_at   timestamptz not null,
    constraint customers_external_id unique (tenant_id, livemode, external_id)
);
create index customers_list on customers (tenant_id, livemode, id);

-- One row, two credentials in turn. A session exists only while its customer and its portal
-- do: every statement that reads one joins both, so no foreign key has to be paid for here.
-- Partitioned by the UUIDv7 id, that is by time; the sweeper makes and drops the partitions.
create table portal_sessions (
    id                  uuid not null,
    tenant_id           uuid not null,
    portal_id           uuid not null,
    customer_id         uuid not null,
    livemode            boolean not null,
    permissions         text not null, -- JSON: a list of tuples
    return_url          text,
    path                text,
    delivery            text not null,
    preview             boolean not null,
    locale              text,
    metadata            text not null, -- JSON: strings by name
    scopes              text,          -- JSON: a list, as another dialect asked for them
    created_at          timestamptz not null,
    link_hash           bytea,         -- none when the session was made without a link
    link_expires_at     timestamptz not null,
    session_ttl         bigint not null, -- seconds
    opened_at           timestamptz,
    used_at             timestamptz,
    nonce_hash          bytea,         -- of the exchange that won
    browser_hash        bytea,
    browser_expires_at  timestamptz,
    first_used_at       timestamptz,   -- set while a repeat of the exchange is still possible
    ended_at            timestamptz,
    ip_address          text,
    user_agent          text,
    primary key (id)
) partition by range (id);
create index portal_sessions_list on portal_sessions (tenant_id, livemode, id);
create index portal_sessions_customer on portal_sessions (customer_id, id);
-- For the list of links that can be used: older than a quarter of an hour, as long as links usually live, there are only
-- those that live longer. What these indexes hold never changes, so that an exchange touches none of them.
create index portal_sessions_long_links on portal_sessions (tenant_id, livemode, id)
    where link_hash is not null and link_expires_at - created_at > interval '15 minutes';

-- No foreign keys: events outlive what they tell of.
create table events (
    id           uuid not null,
    tenant_id    uuid not null,
    livemode     boolean not null,
    type         text not null,
    created_at   timestamptz not null,
    actor_type   text not null,
    actor_id     uuid,
    ip_address   text,
    user_agent   text,
    session_id   uuid,
    customer_id  uuid,
    portal_id    uuid,
    data         text not null, -- JSON
    primary key (tenant_id, livemode, id) -- the order of lists, so that one index serves both
) partition by range (id);
create index events_session on events (session_id, id);
create index events_customer on events (customer_id, id);

create table idempotency (
    id           bytea primary key, -- of key, method, path with query, and Idempotency-Key
    expires_at   timestamptz not null,
    fingerprint  bytea not null,    -- of the request's body
    sealed       bytea not null     -- status and body, opened only by who sent the request
);
create index idempotency_expiry on idempotency (expires_at);

-- What every instance polls, so that its caches never outlive a revocation. The position is
-- the transaction's id: a reader that remembers the oldest transaction still running when it
-- last looked can't miss one that commits late.
create table revocations (
    id        uuid primary key,
    position  bigint not null default (pg_current_xact_id()::text::bigint),
    kind      text not null,
    target    uuid not null,
    at        timestamptz not null
);
create index revocations_position on revocations (position);
