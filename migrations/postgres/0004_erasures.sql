-- Customers that were erased, until their events are cleared. The index only served to find those, and every create and
-- exchange paid for it.

drop index events_customer;

create table erasures (
    customer_id  uuid primary key,
    tenant_id    uuid not null,
    livemode     boolean not null,
    erased_at    timestamptz not null
);
