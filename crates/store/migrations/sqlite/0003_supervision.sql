-- The supervision record. Times are microseconds since 1970; an end that is null lies open.

-- The state of each fold at the position that `progress` has under the same name.
create table supervision_state (
    key text primary key,
    state blob not null
) strict, without rowid;

create table gaps (
    scope text not null,
    reason text not null,
    from_us integer not null,
    to_us integer,
    evidence text not null,
    primary key (scope, reason, from_us)
) strict, without rowid;

create index gaps_by_start on gaps (from_us);
create index gaps_by_end on gaps (to_us) where to_us is not null;

create table rules (
    point text not null,
    alarm text not null,
    from_us integer not null,
    to_us integer,
    kind text not null,
    park text not null,
    enterprise text not null,
    installation text not null,
    body blob not null,
    primary key (point, alarm, from_us)
) strict, without rowid;

create index rules_by_enterprise on rules (enterprise);
create index rules_by_end on rules (to_us) where to_us is not null;

-- `reasons` in the form of reasons.rs.
create table rule_days (
    day integer not null,
    point text not null,
    alarm text not null,
    park text not null,
    enterprise text not null,
    in_force_us integer not null,
    supervised_us integer not null,
    reasons blob not null,
    primary key (day, point, alarm)
) strict, without rowid;

create index rule_days_by_point on rule_days (point, alarm, day);
