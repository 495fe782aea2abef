//! What clients could leave behind in memory, and do not.

use super::*;
use peer::{PUBACK, PUBCOMP, PUBREC};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_say_is_passed_on_and_never_retained() {
    let site = Site::start(None).await;
    let mut wanted = Vec::new();
    for version in VERSIONS {
        let mut there = site.client(version, "there").await;
        assert_eq!(there.subscribe("davy/#").await, 1);
        let mut client = site.client(version, "gw1").await;
        for (qos, answer) in [(0, None), (1, Some(PUBACK)), (2, Some(PUBREC))] {
            let said = f64::from(qos);
            client.publish_retained(qos, 7, TOPIC, value(said)).await;
            if let Some(answer) = answer {
                assert_eq!(client.answer(answer).await, (7, 0), "version {version}, QoS {qos}");
            }
            assert_eq!(there.message().await, (TOPIC.to_owned(), value(said)), "version {version}, QoS {qos}");
            wanted.push(said);
        }
        site.until_values(&wanted).await;
        let mut late = site.client(version, "late").await;
        assert_eq!(late.subscribe("davy/#").await, 1);
        late.hears_nothing().await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retained_will_is_refused_at_the_door() {
    let site = Site::start(None).await;
    for (version, code) in [(V311, 5), (V5, 0x87)] {
        let mut peer = Peer::reach(site.address, version).await;
        let will = value(-1.0);
        peer.open(Hello { id: "c", will: Some((TOPIC, &will)), retained_will: true, ..Hello::default() }).await;
        assert_eq!(peer.connack().await, code);
    }
    let mut good = site.client(V5, "c").await;
    good.publish_acked(1, TOPIC, value(1.0)).await;
    assert_eq!(site.plant.values("e01", 1), [1.0]);
    site.stop().await;
}

/// It is durable at PUBREC, so nothing of it has to wait for PUBREL, which may never come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_qos_2_is_passed_on_before_its_release_and_once() {
    let site = Site::start(None).await;
    for version in VERSIONS {
        let mut other = site.client(version, "other").await;
        assert_eq!(other.subscribe("davy/#").await, 1);
        let mut client = site.client(version, "gw1").await;
        client.publish(2, 7, TOPIC, value(1.0)).await;
        assert_eq!(client.answer(PUBREC).await, (7, 0));
        assert_eq!(other.message().await, (TOPIC.to_owned(), value(1.0)), "version {version}");
        client.release(7).await;
        assert_eq!(client.answer(PUBCOMP).await, (7, 0));
        other.hears_nothing().await;
    }
    assert_eq!(site.plant.values("e01", 1), [1.0, 1.0]);
    site.stop().await;
}
