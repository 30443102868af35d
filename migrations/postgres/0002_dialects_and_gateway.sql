-- What other dialects and the gateway need.

-- The gateway's signing keys. Each signs for one period of 30 days and is made by whichever
-- instance needs it first, so that all instances share it.
create table signing_keys (
    period      bigint primary key,
    public_key  bytea not null,
    sealed      boolean not null, -- whether the private key is, under gateway.secret
    private_key bytea not null,   -- PKCS #8
    created_at  timestamptz not null
);
