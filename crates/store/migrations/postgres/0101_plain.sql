-- PostgreSQL without TimescaleDB: `samples` is cut into pieces by time, made when the first row comes or ahead of it.

-- quality: 1 good, 2 uncertain, 3 bad, 4 calibrating. flags: 1 historical, 2 arrival time, 4 out of range, 8 retained, 16 transient; from
-- bit 8 on a count that says which of two rows with the same point, time and time of record was recorded later.
create table samples (
    ts timestamptz not null,
    recorded_at timestamptz not null,
    value float8,
    point int4 not null,
    quality int2 not null,
    flags int2 not null
) partition by range (ts);

-- The partitions of `samples`, from `lo` to before `hi`. `state`: open (rows come), packing (being copied into the table `name`_p), packed.
-- A writer holds a shared lock on open pieces until it commits, and raises `touched` of all others: so a copy knows when it was overtaken.
-- `seen` is `touched` when a copy began; one that was overtaken is thrown away and tried again when the time `not_before` is past.
create table pieces (
    lo int8 primary key,
    hi int8 not null check (hi > lo),
    name text not null,
    state text not null check (state in ('open', 'packing', 'packed')),
    touched int8 not null,
    seen int8 not null default 0,
    not_before int8 not null default -9223372036854775808
);

insert into history_settings (id, layout, width) values (1, 'plain', 3600000000);

create table figures_1h (like figures_1m including all);
create table figures_1d (like figures_1m including all);
