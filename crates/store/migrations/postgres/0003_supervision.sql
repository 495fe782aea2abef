-- The supervision record, alike on every kind of server. Times are microseconds since 1970; an end that is null lies open. Names of
-- points, sources and gateways are short by their own rules, so that they fit into keys as they are.

-- The state of each fold at the position that `progress` has under the same name.
create table supervision_state (
    key text collate "C" primary key,
    state bytea not null
);

create table gaps (
    scope text collate "C" not null,
    reason text collate "C" not null,
    from_us int8 not null,
    to_us int8,
    evidence text not null,
    primary key (scope, reason, from_us)
);

create index gaps_by_start on gaps (from_us);
create index gaps_by_end on gaps (to_us) where to_us is not null;

create table rules (
    point text collate "C" not null,
    alarm text collate "C" not null,
    from_us int8 not null,
    to_us int8,
    kind text not null,
    park text not null,
    enterprise text not null,
    installation text not null,
    body bytea not null,
    primary key (point, alarm, from_us)
);

create index rules_by_enterprise on rules (enterprise);
create index rules_by_end on rules (to_us) where to_us is not null;

-- `reasons` in the form of reasons.rs.
create table rule_days (
    day int8 not null,
    point text collate "C" not null,
    alarm text collate "C" not null,
    park text not null,
    enterprise text not null,
    in_force_us int8 not null,
    supervised_us int8 not null,
    reasons bytea not null,
    primary key (day, point, alarm)
);

create index rule_days_by_point on rule_days (point, alarm, day);
