-- The journal whose positions this database holds: one row.
create table source (
    id integer primary key check (id = 1),
    epoch text not null
) strict;

-- How far each journal is stored; written in the transaction of the rows.
create table progress (
    journal text primary key,
    position integer not null,
    time integer not null
) strict, without rowid;

create table points (
    number integer primary key,
    id text not null,
    unit text not null,
    quantity text not null,
    park text not null,
    enterprise text not null,
    installation text not null
) strict;

create index points_by_id on points (id);

-- Times are microseconds since 1970; `bucket` is `ts` divided by 10 s, rounded down.
-- quality: 1 good, 2 uncertain, 3 bad. flags: 1 historical, 2 arrival time, 4 out of range, 8 retained.
create table samples (
    bucket integer not null,
    point integer not null,
    ts integer not null,
    value real,
    quality integer not null,
    flags integer not null,
    recorded_at integer not null,
    primary key (bucket, point, ts)
) strict, without rowid;

create table events (
    position integer not null,
    ordinal integer not null,
    id text not null unique,
    occurred_at integer not null,
    recorded_at integer not null,
    kind text not null,
    subject text not null,
    park text not null,
    enterprise text not null,
    installation text not null,
    body blob not null,
    primary key (position, ordinal)
) strict, without rowid;

create index events_by_time on events (occurred_at);
create index events_by_subject on events (subject);

create table dead_letters (
    position integer primary key,
    at integer not null,
    gateway text not null,
    topic text not null,
    reason text not null,
    detail text not null,
    payload blob not null,
    payload_bytes integer not null,
    count integer not null
) strict;

create index dead_letters_by_time on dead_letters (at);
create index dead_letters_by_gateway on dead_letters (gateway);
