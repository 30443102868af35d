-- Customers that were erased, until their events are cleared. The index only served to find those, and every create and
-- exchange paid for it.

drop index events_customer;

create table erasures (
    customer_id  blob primary key,
    tenant_id    blob not null,
    livemode     integer not null,
    erased_at    integer not null
) strict, without rowid;
