-- Vestibule on SQLite. The same tables as migrations/postgres/0001_initial.sql: an id is a
-- 16-byte blob, a time is integer milliseconds, a truth value is 0 or 1.

create table tenants (
    id          blob primary key,
    slug        text not null unique,
    name        text not null,
    created_at  integer not null
) strict, without rowid;

create table keys (
    id           blob primary key,
    tenant_id    blob not null references tenants,
    is_secret    integer not null,
    livemode     integer not null,
    name         text,
    permissions  text not null,
    grants       text not null,
    secret_hash  blob not null,
    created_at   integer not null,
    expires_at   integer,
    revoked_at   integer
) strict, without rowid;
create index keys_tenant on keys (tenant_id, id);

create table portals (
    id          blob primary key,
    tenant_id   blob not null references tenants,
    slug        text not null,
    enabled     integer not null,
    settings    text not null,
    created_at  integer not null,
    unique (tenant_id, slug)
) strict, without rowid;
create index portals_list on portals (tenant_id, id);

create table customers (
    id           blob primary key,
    tenant_id    blob not null,
    livemode     integer not null,
    external_id  text not null,
    profile      text not null,
    created_at   integer not null,
    unique (tenant_id, livemode, external_id)
) strict, without rowid;
create index customers_list on customers (tenant_id, livemode, id);

create table portal_sessions (
    id                  blob primary key,
    tenant_id           blob not null,
    portal_id           blob not null,
    customer_id         blob not null,
    livemode            integer not null,
    permissions         text not null,
    return_url          text,
    path                text,
    delivery            text not null,
    preview             integer not null,
    locale              text,
    metadata            text not null,
    scopes              text,
    created_at          integer not null,
    link_hash           blob,
    link_expires_at     integer not null,
    session_ttl         integer not null,
    opened_at           integer,
    used_at             integer,
    nonce_hash          blob,
    browser_hash        blob,
    browser_expires_at  integer,
    first_used_at       integer,
    ended_at            integer,
    ip_address          text,
    user_agent          text
) strict, without rowid;
create index portal_sessions_list on portal_sessions (tenant_id, livemode, id);
create index portal_sessions_customer on portal_sessions (customer_id, id);
-- For the list of links that can be used: older than a quarter of an hour, as long as links usually live, there are only
-- those that live longer. What these indexes hold never changes, so that an exchange touches none of them.
create index portal_sessions_long_links on portal_sessions (tenant_id, livemode, id)
    where link_hash is not null and link_expires_at - created_at > 900000;

create table events (
    id           blob not null,
    tenant_id    blob not null,
    livemode     integer not null,
    type         text not null,
    created_at   integer not null,
    actor_type   text not null,
    actor_id     blob,
    ip_address   text,
    user_agent   text,
    session_id   blob,
    customer_id  blob,
    portal_id    blob,
    data         text not null,
    primary key (tenant_id, livemode, id)
) strict, without rowid;
create index events_session on events (session_id, id);
create index events_customer on events (customer_id, id);

create table idempotency (
    id           blob primary key,
    expires_at   integer not null,
    fingerprint  blob not null,
    sealed       blob not null
) strict, without rowid;
create index idempotency_expiry on idempotency (expires_at);

-- One writer at a time: the rows' order is the order of the commits.
create table revocations (
    position  integer primary key autoincrement,
    id        blob not null,
    kind      text not null,
    target    blob not null,
    at        integer not null
) strict;
