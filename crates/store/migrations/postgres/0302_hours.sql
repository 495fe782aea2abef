-- no-transaction
-- Hours are sums over minutes, refreshed by Davy where minutes were written. PostgreSQL refuses a sum beyond what a number holds, which
-- would keep the hour of all points from ever being summed up: what is near that is summed up apart, a 10^20th of it. A sum that is
-- no number compares as greater than all.
create materialized view figures_1h
with (timescaledb.continuous, timescaledb.materialized_only = true) as
select
    time_bucket(3600000000::int8, start) as start,
    point,
    sum(samples)::int8 as samples,
    sum(count)::int8 as count,
    sum(sum) filter (where abs(sum) < 1e290) as sum,
    sum(sum * 1e-20) filter (where abs(sum) >= 1e290) as sum_huge,
    min(min) as min,
    max(max) as max,
    first(first, start) filter (where first is not null) as first,
    last(last, start) filter (where last is not null) as last,
    sum(weighted) filter (where abs(weighted) < 1e290) as weighted,
    sum(weighted * 1e-20) filter (where abs(weighted) >= 1e290) as weighted_huge,
    sum(good)::int8 as good
from figures_1m
group by 1, 2
with no data;
