-- What other dialects and the gateway need. SQLite's own collation goes by bytes already.

create table signing_keys (
    period      integer primary key,
    public_key  blob not null,
    sealed      integer not null,
    private_key blob not null,
    created_at  integer not null
) strict;
