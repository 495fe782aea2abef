//! Online rates over a real server and a real engine.

use std::time::Duration;

use model::{Body, Protocol, SourceId};
use wire::v1;

use crate::api::{Box_, plant};
use crate::plant::put_on;

async fn rates(plant: &mut Box_, request: v1::ListOnlineRatesRequest) -> v1::ListOnlineRatesResponse {
    plant.client.list_online_rates(request).await.expect("answers").into_inner()
}

/// The rates once so many points are online.
async fn online(plant: &mut Box_, online: u32) -> v1::ListOnlineRatesResponse {
    let wait = async {
        loop {
            let now = rates(plant, v1::ListOnlineRatesRequest::default()).await;
            if now.total.as_ref().is_some_and(|it| it.points == 2 && it.online == online) {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time")
}

#[tokio::test]
async fn points_come_online_and_go() {
    let mut plant = plant().await;
    assert_eq!(online(&mut plant, 0).await.total.expect("a sum").rate, Some(0.0), "never heard of is not online");
    plant.sample(2, 1.0).await;
    let half = online(&mut plant, 1).await;
    assert_eq!(half.enterprises.len(), 1);
    assert_eq!((half.enterprises[0].enterprise.as_str(), half.enterprises[0].rate), ("e01", Some(0.5)));
    assert!(half.parks.is_empty(), "it is in no park");
    plant.sample(1, 1.0).await;
    online(&mut plant, 2).await;
    let down = Body::SourceDown { source: SourceId::of(Protocol::Mqtt), since: plant.journal.now(), reason: "test".to_owned() };
    put_on(&*plant.journal, &down).await;
    online(&mut plant, 0).await;
    put_on(&*plant.journal, &Body::SourceUp { source: SourceId::of(Protocol::Mqtt), session_lost: false }).await;
    online(&mut plant, 2).await;
    let elsewhere = v1::ListOnlineRatesRequest { enterprises: vec!["e02".to_owned()], ..Default::default() };
    let none = rates(&mut plant, elsewhere).await;
    assert!(none.enterprises.is_empty());
    assert_eq!(none.total.expect("a sum").rate, None, "of nothing there is no share");
    plant.shutdown.request();
}
