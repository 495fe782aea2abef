-- What every kind of PostgreSQL server has alike. Times are microseconds since 1970 everywhere but in `samples`, which each layout makes
-- for itself. Texts are as written but for NUL, which PostgreSQL has no room for and which stands there escaped.

-- The journal whose positions this database holds: one row.
create table source (
    id int2 primary key check (id = 1),
    epoch text not null
);

-- How far each journal is stored; written in the transaction of the rows. `after` is the position that the last batch followed: with it
-- one statement moves many journals and leaves alone those that stand elsewhere. `ties`: see `flags` of samples.
create table progress (
    journal text collate "C" primary key,
    position int8 not null,
    after int8 not null,
    time int8 not null,
    ties int2 not null
);

create table points (
    number int8 primary key,
    id text collate "C" not null,
    unit text not null,
    quantity text not null,
    park text not null,
    enterprise text not null,
    installation text not null,
    hold int8 not null
);

create index points_by_id on points (id);

-- Samples that would tear holes into the pieces of `samples`: dated before 2000 or from 2100 on, recorded then, of a point whose number
-- is beyond int4, or scattered over more pieces than one batch may make (traps 65). Queries read both tables.
create table samples_strange (
    ts int8 not null,
    point int8 not null,
    recorded_at int8 not null,
    value float8,
    quality int2 not null,
    flags int2 not null,
    primary key (ts, point)
);

create index samples_strange_by_point on samples_strange (point, ts);

create table events (
    position int8 not null,
    ordinal int8 not null,
    id text collate "C" not null,
    occurred_at int8 not null,
    recorded_at int8 not null,
    kind text collate "C" not null,
    subject text collate "C" not null,
    park text collate "C" not null,
    enterprise text collate "C" not null,
    installation text collate "C" not null,
    body bytea not null,
    primary key (position, ordinal)
);

create index events_by_time on events (occurred_at, position);
-- An index takes entries of some 2,700 bytes and texts are of any length: it holds their beginnings, and of an id beyond that a hash.
create unique index events_by_id on events (left(id, 200), hashtextextended(id, 0));
create index events_by_subject on events (left(subject, 200), left(kind, 100), position, ordinal);

-- `position` is the place in the journal `dead`; from 2^62 on stand rows of other journals that the database refused.
create table dead_letters (
    position int8 primary key,
    at int8 not null,
    gateway text collate "C" not null,
    topic text not null,
    reason text collate "C" not null,
    detail text not null,
    payload bytea not null,
    payload_bytes int8 not null,
    count int8 not null
);

create index dead_letters_by_time on dead_letters (at, position);
create index dead_letters_by_gateway on dead_letters (left(gateway, 200));
create sequence refused_letters as int8 minvalue 4611686018427387904;

create table occurrences (
    id text collate "C" primary key,
    position int8 not null,
    subject text collate "C" not null,
    alarm text collate "C" not null,
    kind text not null,
    priority text collate "C" not null,
    park text collate "C" not null,
    enterprise text collate "C" not null,
    installation text collate "C" not null,
    operator text collate "C" not null,
    state text not null,
    activations int8 not null,
    raised_at int8,
    recorded_at int8,
    value float8,
    "limit" float8,
    annunciated bool,
    returned_at int8,
    acknowledged_at int8,
    acknowledged_by text,
    closed_at int8
);

-- A raise that is not known is listed as if before all time.
create index occurrences_by_raise on occurrences ((coalesce(raised_at, -9223372036854775808)) desc, id desc);
create index occurrences_by_subject on occurrences (left(subject, 200));
create index occurrences_by_end on occurrences (closed_at) where closed_at is not null;
create index occurrences_open on occurrences ((coalesce(raised_at, -9223372036854775808)) desc, id desc) where closed_at is null;

-- What is kept of each point for each minute; good in microseconds, weighted in value times seconds; a sum may be infinite or no number.
-- Led by the point, as curves are read; the index by start is for retention. With TimescaleDB it becomes a hypertable.
create table figures_1m (
    start int8 not null,
    point int8 not null,
    samples int8 not null,
    count int8 not null,
    sum float8 not null,
    min float8,
    max float8,
    first float8,
    last float8,
    weighted float8 not null,
    good int8 not null,
    primary key (point, start)
);

create index figures_1m_by_start on figures_1m (start);

-- claimed_to: a sample before it that comes from now on is late and marks its minute. A writer looks at it under a shared lock when its
-- rows are written and keeps the lock until it commits: whoever raises it waits for the writers under way and then sees their rows.
-- done_to: the figures before it are worked out, but for the minutes marked. Kept figures begin with the year 2000.
-- raw_from, minutes_from: before these retention has deleted samples and figures of minutes.
create table figures_state (
    id int2 primary key check (id = 1),
    claimed_to int8 not null,
    done_to int8 not null,
    raw_from int8 not null,
    minutes_from int8 not null
);

insert into figures_state (id, claimed_to, done_to, raw_from, minutes_from)
values (1, 946684800000000, 946684800000000, 946684800000000, 946684800000000);

-- Minutes that late samples came to; `mark` grows with each write, so that one which comes while the minute is worked out is not lost.
create table dirty_minutes (
    point int8 not null,
    minute int8 not null,
    mark int8 not null,
    primary key (point, minute)
);

create index dirty_minutes_by_minute on dirty_minutes (minute);

-- `layout`: plain, apache or community; chosen when the tables are made and never changed. `width`: of the pieces to come, microseconds.
create table history_settings (
    id int2 primary key check (id = 1),
    layout text not null,
    width int8 not null
);
