-- With TimescaleDB `samples` is a hypertable; the columns mean what those of the plain layout do.
create table samples (
    ts timestamptz not null,
    recorded_at timestamptz not null,
    value float8,
    point int4 not null,
    quality int2 not null,
    flags int2 not null
);

select create_hypertable('samples', by_range('ts', interval '1 hour'), create_default_indexes => false);

create index samples_by_time on samples using brin (ts, point) with (pages_per_range = 4);

-- Chunks of a day.
select create_hypertable('figures_1m', by_range('start', 86400000000), create_default_indexes => false);
