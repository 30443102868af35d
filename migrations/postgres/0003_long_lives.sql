-- Sessions that may last for more than a day and a quarter of an hour: of a day that is over they are all that has to be
-- looked at before it is dropped. What this index holds never changes, so that an exchange does not touch it.

create index portal_sessions_long_lives on portal_sessions (id)
    where session_ttl > 86400 or link_expires_at - created_at > interval '15 minutes';
