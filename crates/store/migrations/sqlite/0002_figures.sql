-- What is kept of each point for each minute, hour and day; good in microseconds, weighted in value times seconds.
-- Times are microseconds since 1970. Led by the start: a minute of all points goes to neighbouring pages, and old ones go as a range.
create table figures_1m (
    start integer not null,
    point integer not null,
    samples integer not null,
    count integer not null,
    sum real,
    min real,
    max real,
    first real,
    last real,
    weighted real,
    good integer not null,
    primary key (start, point)
) strict, without rowid;

create table figures_1h (
    start integer not null,
    point integer not null,
    samples integer not null,
    count integer not null,
    sum real,
    min real,
    max real,
    first real,
    last real,
    weighted real,
    good integer not null,
    primary key (start, point)
) strict, without rowid;

create table figures_1d (
    start integer not null,
    point integer not null,
    samples integer not null,
    count integer not null,
    sum real,
    min real,
    max real,
    first real,
    last real,
    weighted real,
    good integer not null,
    primary key (start, point)
) strict, without rowid;

-- claimed_to: a sample before it that comes from now on is late and marks its minute; raised before the samples are read.
-- done_to: the figures before it are worked out, but for the minutes marked. Kept figures begin with the year 2000.
-- raw_from, minutes_from: before these retention has deleted samples and figures of minutes.
create table figures_state (
    id integer primary key check (id = 1),
    claimed_to integer not null,
    done_to integer not null,
    raw_from integer not null,
    minutes_from integer not null
) strict;

insert into figures_state (id, claimed_to, done_to, raw_from, minutes_from)
values (1, 946684800000000, 946684800000000, 946684800000000, 946684800000000);

-- Minutes that late samples came to; `mark` grows with each write, so that one which comes while the minute is worked out is not lost.
create table dirty_minutes (
    point integer not null,
    minute integer not null,
    mark integer not null,
    primary key (point, minute)
) strict, without rowid;

create index dirty_minutes_by_minute on dirty_minutes (minute);

-- How long a value holds; 300 s is what a site's point has where nothing is said.
alter table points add column hold integer not null default 300000000;

-- raised_at is the least integer where the raise is not known: those are listed last.
create table occurrences (
    id text not null primary key,
    position integer not null,
    subject text not null,
    alarm text not null,
    kind text not null,
    priority text not null,
    park text not null,
    enterprise text not null,
    installation text not null,
    operator text not null,
    state text not null,
    activations integer not null,
    raised_at integer not null,
    recorded_at integer,
    value real,
    limit_value real,
    annunciated integer,
    returned_at integer,
    acknowledged_at integer,
    acknowledged_by text,
    closed_at integer
) strict, without rowid;

create index occurrences_by_raise on occurrences (raised_at, id);
create index occurrences_by_subject on occurrences (subject, raised_at);
create index occurrences_open on occurrences (raised_at, id) where closed_at is null;
create index occurrences_by_end on occurrences (closed_at) where closed_at is not null;
