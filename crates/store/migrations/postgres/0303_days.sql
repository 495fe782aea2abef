-- no-transaction
-- Days are sums over hours.
create materialized view figures_1d
with (timescaledb.continuous, timescaledb.materialized_only = true) as
select
    time_bucket(86400000000::int8, start) as start,
    point,
    sum(samples)::int8 as samples,
    sum(count)::int8 as count,
    sum(sum) as sum,
    sum(sum_huge) as sum_huge,
    min(min) as min,
    max(max) as max,
    first(first, start) filter (where first is not null) as first,
    last(last, start) filter (where last is not null) as last,
    sum(weighted) as weighted,
    sum(weighted_huge) as weighted_huge,
    sum(good)::int8 as good
from figures_1h
group by 1, 2
with no data;
