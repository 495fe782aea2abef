//! Alarms that another Davy judges: listed with their origin, in the hands of its operators alone.

use std::sync::Arc;

use engine::AlarmConfig;
use journal::{Journal, JournalId};
use model::{AlarmState, AlarmTransition, Epoch, EventId, KeySeq, Origin, Time, Transition};
use tonic::Code;
use wire::{EventRecord, Kept, v1};

use crate::api::{Box_, connect, facts, revise};
use crate::listed::{event, raise, transition};
use crate::mem::MemJournal;
use crate::plant::{GAS, append};

fn theirs(seq: u64) -> EventId {
    EventId { epoch: Epoch(9), key: Arc::from("engine/1"), key_seq: KeySeq(seq), ordinal: 0 }
}

/// Events of the county, as an upstream's records hold them; they begin with the id `seq`.
async fn take(journal: &dyn Journal, seq: u64, alarms: &[(&str, AlarmTransition)]) {
    let origin = Arc::new(Origin { node: Arc::from("county-a"), recorded_at: Time::YEAR_2000 });
    let record = EventRecord {
        events: alarms.iter().map(|(point, alarm)| event(point, 0, alarm.clone())).collect(),
        kept: (seq..).zip(alarms).map(|(seq, _)| Some(Kept { id: Some(theirs(seq)), origin: Arc::clone(&origin) })).collect(),
        ..EventRecord::default()
    };
    append(journal, JournalId::Events, "upstream/county_a", wire::encode_event_record(&record)).await;
}

async fn acknowledge(plant: &mut Box_, point: &str, occurrence: &EventId) -> Result<v1::AcknowledgeAlarmResponse, tonic::Status> {
    let request = v1::AcknowledgeAlarmRequest {
        point: point.to_owned(),
        alarm: "high".to_owned(),
        occurrence: occurrence.to_string(),
        actor: "li".to_owned(),
        ..v1::AcknowledgeAlarmRequest::default()
    };
    plant.client.acknowledge_alarm(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn they_are_listed_beside_own_ones_and_no_command_on_them_is_taken() {
    let journal = MemJournal::new();
    revise(&*journal).await;
    let mut plant = connect(Arc::clone(&journal) as _, AlarmConfig::default(), true).await;
    plant.sample(2, 30.0).await;
    let own = plant.listed(1).await.alarms.remove(0);
    assert_eq!((own.point.as_str(), own.alarm.as_str(), own.origin.as_str()), (GAS, "high", ""));
    let alarm = |seq| AlarmTransition { occurrence: Some(theirs(seq)), ..raise() };
    take(&*journal, 1, &[(GAS, alarm(1)), ("e77-GT-1", alarm(2))]).await;
    let all = plant.listed(3).await.alarms;
    let origins: Vec<_> = all.iter().map(|it| (it.point.as_str(), it.origin.as_str())).collect();
    assert_eq!(origins.iter().filter(|it| **it == (GAS, "county-a")).count(), 1, "{origins:?}");

    for (point, occurrence) in [(GAS, theirs(1)), ("e77-GT-1", theirs(2)), ("e77-GT-1", theirs(5))] {
        let refused = acknowledge(&mut plant, point, &occurrence).await.expect_err("not here");
        let (reason, facts) = facts(&refused);
        assert_eq!(
            (refused.code(), reason.as_str(), facts["origin"].as_str()),
            (Code::FailedPrecondition, "judged_elsewhere", "county-a")
        );
        assert!(refused.message().contains("county-a"), "{}", refused.message());
    }
    let occurrence = EventId::parse(&own.occurrence).expect("an id");
    acknowledge(&mut plant, GAS, &occurrence).await.expect("the own one is ours");

    let pages = v1::ListAlarmsRequest { page_size: 1, ..v1::ListAlarmsRequest::default() };
    let (mut shown, mut token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListAlarmsRequest { page_token: token, ..pages.clone() };
        let page = plant.client.list_alarms(request).await.expect("lists").into_inner();
        shown.extend(page.alarms.into_iter().map(|it| (it.point, it.origin)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    shown.sort();
    shown.dedup();
    assert_eq!(shown.len(), 3, "each on a page of its own: {shown:?}");

    let ended = AlarmTransition { occurrence: Some(theirs(1)), ..transition(Transition::Closed, AlarmState::Normal) };
    take(&*journal, 3, &[(GAS, ended)]).await;
    let left = plant.listed(2).await.alarms;
    assert!(left.iter().any(|it| it.point == GAS && it.origin.is_empty()), "the own one goes on: {left:?}");
    plant.shutdown.request();
}
