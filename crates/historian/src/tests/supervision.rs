//! What callers may ask of the supervision record, and what they may not.

use std::sync::Arc;

use tonic::Request;
use wire::v1;
use wire::v1::history_service_server::HistoryService;

use super::{Plant, assert_field, at};

#[tokio::test]
async fn a_period_or_a_moment_has_to_be_said() {
    let plant = Plant::new().await;
    let api = plant.api(Arc::clone(&plant.store));
    const DAY: i64 = 86_400_000_000;
    let ask = |from, to, at| v1::QuerySupervisionRequest { from, to, at, ..v1::QuerySupervisionRequest::default() };
    let wrong = [
        (ask(None, None, None), "from"),
        (ask(at(1), None, None), "to"),
        (ask(at(1), at(1), None), "to"),
        (ask(at(0), at(400 * DAY + 1), None), "from"),
        (ask(at(0), at(1), at(1)), "at"),
        (v1::QuerySupervisionRequest { points: vec![String::new(); 10_001], ..ask(None, None, at(1)) }, "points"),
    ];
    for (request, field) in wrong {
        let shown = format!("{:?}", (request.from, request.to, request.at));
        assert_field(&api.query_supervision(Request::new(request)).await.unwrap_err(), field, &shown);
    }
    let rates = |from, to| v1::GetOnlineRatesRequest { from, to, ..v1::GetOnlineRatesRequest::default() };
    for (request, field) in [(rates(None, at(1)), "from"), (rates(at(0), at(400 * DAY + 1)), "from"), (rates(at(2), at(1)), "to")]
    {
        let shown = format!("{request:?}");
        assert_field(&api.get_online_rates(Request::new(request)).await.unwrap_err(), field, &shown);
    }
}

#[tokio::test]
async fn where_nothing_was_recorded_nothing_is_claimed() {
    let plant = Plant::new().await;
    let api = plant.api(Arc::clone(&plant.store));
    let period = v1::QuerySupervisionRequest { from: at(0), to: at(1), ..v1::QuerySupervisionRequest::default() };
    let answer = api.query_supervision(Request::new(period)).await.unwrap().into_inner();
    assert_eq!(answer, v1::QuerySupervisionResponse::default());
    let (points, alarms) = (vec!["p1".to_owned()], vec!["high".to_owned(), "low".to_owned()]);
    let moment = v1::QuerySupervisionRequest { points, alarms, at: at(5), ..v1::QuerySupervisionRequest::default() };
    let answer = api.query_supervision(Request::new(moment)).await.unwrap().into_inner();
    let shown: Vec<_> = answer.moments.iter().map(|it| (it.alarm.as_str(), it.could_have_fired)).collect();
    assert_eq!((shown, answer.complete_to), (vec![("high", None), ("low", None)], None));
    let rates = v1::GetOnlineRatesRequest { from: at(0), to: at(1), ..v1::GetOnlineRatesRequest::default() };
    let answer = api.get_online_rates(Request::new(rates)).await.unwrap().into_inner();
    assert_eq!((answer.rates.len(), answer.complete_to), (0, None));
}
