-- For lists of events of one type. Without the two types that make up most of every trail: they are found in the trail itself,
-- and no create or exchange pays for the index.

create index events_type on events (tenant_id, livemode, type, id)
    where type not in ('portal_session.created', 'portal_session.exchanged');
