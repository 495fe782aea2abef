//! Curves, means, values at a moment and rows at even steps, from samples whose answers can be worked out by hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use model::{Quality, Sample};
use store::Store;
use tonic::{Code, Request};
use wire::v1;
use wire::v1::history_service_server::HistoryService;

use super::faulty::Faulty;
use super::{E01, Plant, assert_field, at, sample};
use crate::api::Api;

const SECOND: i64 = 1_000_000;

fn list(points: &[&str]) -> Vec<String> {
    points.iter().map(|point| (*point).to_owned()).collect()
}

/// `p1` rises by one a second for ten minutes, with a peak; `p2` is sent when it changes; values hold for 300 s.
async fn plant() -> Plant {
    let plant = Plant::new().await;
    plant.revise(&[(1, "p1"), (2, "p2")]).await;
    let peak = |second: i64| if second == 333 { 9_999.0 } else { second as f64 };
    plant.samples(E01, (0..600).map(|second| sample(1, second * SECOND, peak(second))).collect()).await;
    let changes = [(0, 10.0, Quality::Good), (30, 20.0, Quality::Uncertain), (90, 5.0, Quality::Bad), (100, 40.0, Quality::Good)];
    let change = |(second, value, quality)| Sample { quality, ..sample(2, second * SECOND, value) };
    plant.samples(E01, changes.map(change).to_vec()).await;
    plant.store_all().await;
    plant
}

fn api(plant: &Plant) -> Api {
    plant.api(Arc::clone(&plant.store))
}

async fn trend(api: &Api, request: v1::QueryTrendRequest) -> Result<v1::QueryTrendResponse, tonic::Status> {
    api.query_trend(Request::new(request)).await.map(tonic::Response::into_inner)
}

fn ten_minutes(points: &[&str], pixels: i32, mode: v1::TrendMode) -> v1::QueryTrendRequest {
    v1::QueryTrendRequest { points: list(points), from: at(0), to: at(600 * SECOND), pixels, mode: mode.into() }
}

#[tokio::test]
async fn a_curve_keeps_its_extremes_on_any_screen() {
    let plant = plant().await;
    let api = api(&plant);
    for pixels in [3, 10, 100, 1_000] {
        let answer = trend(&api, ten_minutes(&["p2", "p1"], pixels, v1::TrendMode::MinMax)).await.unwrap();
        assert!(answer.complete_to.is_some() && answer.bucket_us > 0);
        let names: Vec<_> = answer.series.iter().map(|it| (it.point.as_str(), it.unit.as_str())).collect();
        assert_eq!(names, [("p1", "kPa"), ("p2", "kPa")]);
        let buckets = &answer.series[0].buckets;
        assert!(!buckets.is_empty() && buckets.len() <= pixels as usize, "{} buckets of {pixels}", buckets.len());
        assert_eq!(buckets.iter().map(|it| it.samples).sum::<u64>(), 600);
        assert_eq!(buckets.iter().filter_map(|it| it.max).fold(0.0, f64::max), 9_999.0);
        assert_eq!(buckets.iter().filter_map(|it| it.min).fold(1.0, f64::min), 0.0);
        assert!(buckets.iter().all(|it| it.point.is_empty()));
    }
    let minutes = trend(&api, ten_minutes(&["p1"], 11, v1::TrendMode::MinMax)).await.unwrap();
    assert_eq!((minutes.bucket_us, minutes.resolution()), (60 * SECOND, v1::Resolution::Minute));
    let seconds = trend(&api, ten_minutes(&["p1"], 0, v1::TrendMode::Unspecified)).await.unwrap();
    assert_eq!((seconds.bucket_us, seconds.resolution()), (601_000, v1::Resolution::Raw));
}

#[tokio::test]
async fn a_line_is_of_real_samples() {
    let plant = plant().await;
    let answer = trend(&api(&plant), ten_minutes(&["p1", "p2"], 20, v1::TrendMode::Lttb)).await.unwrap();
    let values = &answer.series[0].values;
    assert_eq!(values.len(), 20);
    assert_eq!((values[0].time, values[19].time), (at(0), at(599 * SECOND)));
    assert!(values.iter().any(|it| it.value == 9_999.0 && it.time == at(333 * SECOND)));
    let shown: Vec<_> = answer.series[1].values.iter().map(|it| it.value).collect();
    assert_eq!(shown, [10.0, 20.0, 40.0], "what is bad is not drawn");
}

#[tokio::test]
async fn bad_requests_for_curves_name_the_field() {
    let plant = plant().await;
    let api = api(&plant);
    let good = ten_minutes(&["p1"], 100, v1::TrendMode::MinMax);
    let hundred_and_one: Vec<_> = (0..101).map(|n| format!("p{n}")).collect();
    let wrong = [
        (v1::QueryTrendRequest { points: vec![], ..good.clone() }, "points"),
        (v1::QueryTrendRequest { points: hundred_and_one, ..good.clone() }, "points"),
        (v1::QueryTrendRequest { points: list(&["a b"]), ..good.clone() }, "points"),
        (v1::QueryTrendRequest { pixels: 2, ..good.clone() }, "pixels"),
        (v1::QueryTrendRequest { pixels: -1, ..good.clone() }, "pixels"),
        (v1::QueryTrendRequest { pixels: 10_001, ..good.clone() }, "pixels"),
        (v1::QueryTrendRequest { mode: 3, ..good.clone() }, "mode"),
        (v1::QueryTrendRequest { from: None, ..good.clone() }, "from"),
        (v1::QueryTrendRequest { to: None, ..good.clone() }, "to"),
        (v1::QueryTrendRequest { to: at(0), ..good.clone() }, "to"),
        (v1::QueryTrendRequest { to: at(-1), ..good.clone() }, "to"),
    ];
    for (request, field) in wrong {
        let shown = format!("{request:?}");
        assert_field(&trend(&api, request).await.unwrap_err(), field, &shown);
    }
    let unknown = trend(&api, v1::QueryTrendRequest { points: list(&["p1", "p7"]), ..good }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().contains("`p7`"), "{unknown}");
}

#[tokio::test]
async fn both_means_are_told_apart() {
    let plant = plant().await;
    let api = api(&plant);
    let ask = async |points: &[&str], from: i64, to: i64, include_held| {
        let (points, bucket_seconds) = (list(points), 60);
        let (from, to) = (at(from * SECOND), at(to * SECOND));
        let request = v1::QueryAggregatesRequest { points, from, to, bucket_seconds, include_held };
        let answer = api.query_aggregates(Request::new(request)).await.unwrap().into_inner();
        assert!(answer.complete_to.is_some());
        answer.aggregates
    };
    let of_two = ask(&["p2"], 0, 600, false).await;
    let shown: Vec<_> = of_two.iter().map(|it| (it.start, it.samples, it.count, it.mean, it.good_us / SECOND)).collect();
    assert_eq!(shown, [(at(0), 2, 2, Some(15.0), 60), (at(60 * SECOND), 2, 1, Some(40.0), 50)]);
    // 30 s of 10 and 30 s of 20; then 30 s of 20, 10 s of nothing, 20 s of 40.
    let by_time: Vec<_> = of_two.iter().map(|it| it.time_weighted_mean.unwrap()).collect();
    assert!((by_time[0] - 15.0).abs() < 1e-9 && (by_time[1] - 28.0).abs() < 1e-9, "{by_time:?}");
    let held = ask(&["p2"], 0, 600, true).await;
    let starts: Vec<_> = held.iter().map(|it| it.start.unwrap().seconds).collect();
    assert_eq!(starts, [0, 60, 120, 180, 240, 300, 360], "40 holds for 300 s from 100 s on");
    assert_eq!((held[6].samples, held[6].mean, held[6].time_weighted_mean), (0, None, Some(40.0)));
    // A range that begins and ends inside buckets has only what lies in it; all points in the order of numbers.
    let part = ask(&[], 10, 70, false).await;
    let shown: Vec<_> = part.iter().map(|it| (it.point.as_str(), it.start, it.samples, it.min)).collect();
    let wanted = [("p1", at(0), 50, Some(10.0)), ("p1", at(60 * SECOND), 10, Some(60.0)), ("p2", at(0), 1, Some(20.0))];
    assert_eq!(shown, wanted);
}

#[tokio::test]
async fn values_at_a_moment_say_how_far_to_trust_them() {
    let plant = plant().await;
    let api = api(&plant);
    let ask = async |points: &[&str], time: Option<i64>| {
        let request = v1::GetValuesAtRequest { points: list(points), at: time.and_then(at) };
        api.get_values_at(Request::new(request)).await.map(tonic::Response::into_inner)
    };
    let answer = ask(&["p2", "p1"], Some(95 * SECOND)).await.unwrap();
    assert!(answer.complete_to.is_some());
    let shown: Vec<_> =
        answer.values.iter().map(|it| (it.point.as_str(), it.time, it.value, it.quality(), it.held, it.unit.as_str())).collect();
    let wanted = [
        ("p1", at(95 * SECOND), Some(95.0), v1::Quality::Good, true, "kPa"),
        ("p2", at(90 * SECOND), Some(5.0), v1::Quality::Bad, true, "kPa"),
    ];
    assert_eq!(shown, wanted);
    let later = ask(&["p2"], Some(400 * SECOND)).await.unwrap().values.remove(0);
    assert_eq!((later.time, later.value, later.held), (at(100 * SECOND), Some(40.0), false), "silent for 300 s");
    let before = ask(&["p2"], Some(-1)).await.unwrap().values.remove(0);
    assert_eq!((before.time, before.value, before.quality()), (None, None, v1::Quality::Unspecified));
    assert_field(&ask(&["p2"], None).await.unwrap_err(), "at", "no moment");
    assert_field(&ask(&[], Some(1)).await.unwrap_err(), "points", "no points");
    assert_eq!(ask(&["p9"], Some(1)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn rows_come_as_they_are_taken() {
    let plant = plant().await;
    let faulty = Faulty::new(Arc::clone(&plant.store), []);
    let api = plant.api(Arc::clone(&faulty) as Arc<dyn Store>);
    let reads = || faulty.sample_reads.load(Ordering::Relaxed);
    let request = |to: i64, step_us| v1::QueryAlignedRequest { points: list(&["p2", "p1"]), from: at(0), to: at(to), step_us };
    let mut pages = api.query_aligned(Request::new(request(600 * SECOND, 100_000))).await.unwrap().into_inner();
    assert_eq!(reads(), 0);
    let (mut rows, mut so_far) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.rows.len() == 500 && page.points == ["p1", "p2"] && page.complete_to.is_some());
        assert!(reads() > so_far, "each page is read when it is taken");
        so_far = reads();
        rows.extend(page.rows);
        if rows.len() == 1_000 {
            tokio::task::yield_now().await;
            assert_eq!(reads(), so_far, "nobody took another page");
        }
    }
    assert_eq!(rows.len(), 6_000);
    let cells = |row: &v1::AlignedRow| row.values.iter().map(|it| it.value).collect::<Vec<_>>();
    assert_eq!((rows[299].time, cells(&rows[299])), (at(29_900_000), vec![Some(29.0), Some(10.0)]));
    assert_eq!(cells(&rows[300]), [Some(30.0), Some(20.0)]);
    assert_eq!(cells(&rows[950]), [Some(95.0), None], "what is bad is not held");
    assert_eq!(cells(&rows[4_001]), [Some(400.0), None], "what is silent is not held");

    let uneven = api.query_aligned(Request::new(request(2_500_000, SECOND))).await.unwrap().into_inner();
    let uneven: Vec<_> = uneven.map(|page| page.unwrap().rows.len()).collect().await;
    assert_eq!(uneven, [3]);
    for (to, step_us) in [(600 * SECOND, 0), (600 * SECOND, 999), (1_000_001 * SECOND, SECOND)] {
        let status = api.query_aligned(Request::new(request(to, step_us))).await.err().unwrap();
        assert_field(&status, "step_us", &format!("{to} {step_us}"));
    }
    let empty = v1::QueryAlignedRequest { points: vec![], ..request(SECOND, SECOND) };
    assert_field(&api.query_aligned(Request::new(empty)).await.err().unwrap(), "points", "no points");
}

#[tokio::test]
async fn a_limit_ends_a_stream_of_samples() {
    let plant = plant().await;
    let api = api(&plant);
    for (limit, wanted) in [(0, 604), (1, 1), (603, 603), (604, 604), (10_000, 604)] {
        let request = v1::QuerySamplesRequest { limit, ..v1::QuerySamplesRequest::default() };
        let pages = api.query_samples(Request::new(request)).await.unwrap().into_inner();
        let counts: Vec<_> = pages.map(|page| page.unwrap().samples.len()).collect().await;
        assert_eq!(counts.iter().sum::<usize>(), wanted);
    }
    let request = v1::QuerySamplesRequest { limit: -1, ..v1::QuerySamplesRequest::default() };
    assert_field(&api.query_samples(Request::new(request)).await.err().unwrap(), "limit", "-1");
}
