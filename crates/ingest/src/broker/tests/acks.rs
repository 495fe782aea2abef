//! What is acknowledged is durable; what is not durable is not acknowledged; wills come after the data.

use super::*;
use peer::{PUBACK, PUBCOMP, PUBREC};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_waits_for_durability() {
    let site = Site::start(None).await;
    for (version, qos, answer) in VERSIONS.into_iter().flat_map(|it| [(it, 1, PUBACK), (it, 2, PUBREC)]) {
        let mut client = site.client(version, "gw1").await;
        let before = site.plant.values("e01", 1).len();
        site.journal().hold_durability(true);
        client.publish(qos, 7, TOPIC, value(1.0)).await;
        site.journal().until("the append", |journal| crate::tests::values(journal, "e01", 1).len() > before).await;
        client.hears_nothing().await;
        site.journal().hold_durability(false);
        assert_eq!(client.answer(answer).await, (7, 0), "version {version}, QoS {qos}");
        if qos == 2 {
            client.release(7).await;
            assert_eq!(client.answer(PUBCOMP).await, (7, 0));
        }
        client.take_leave().await;
    }
    assert_eq!(site.plant.values("e01", 1).len(), 4, "each once");
    site.stop().await;
}

/// One connection waits; the others do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qos_0_is_taken_without_an_answer_and_in_order() {
    let site = Site::start(None).await;
    let mut client = site.client(V311, "gw1").await;
    for n in 0..100_u8 {
        client.publish(0, 0, TOPIC, value(f64::from(n))).await;
    }
    client.publish_acked(1, TOPIC, value(100.0)).await;
    let wanted: Vec<f64> = (0..=100_u8).map(f64::from).collect();
    assert_eq!(site.plant.values("e01", 1), wanted);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_journaled_is_not_acknowledged() {
    let site = Site::start(None).await;
    let mut clients = Vec::new();
    for (index, version) in VERSIONS.into_iter().enumerate() {
        clients.push(site.client(version, &format!("gw{index}")).await);
    }
    site.journal().break_appends();
    for mut client in clients {
        client.publish(1, 1, TOPIC, value(1.0)).await;
        client.publish(1, 2, TOPIC, value(2.0)).await;
        assert_eq!(client.until_closed().await, Vec::<u8>::new(), "the connection ends without a PUBACK");
    }
    site.stop.request();
    within(site.serving, "the broker to end").await.unwrap().unwrap();
    assert!(site.plant.stop().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_comes_once_and_after_the_data() {
    let site = Site::start(None).await;
    let mut wanted = Vec::new();
    for version in VERSIONS {
        let mut client = Peer::reach(site.address, version).await;
        client.connect("gw1", None, Some((TOPIC, &value(-1.0)))).await;
        assert_eq!(client.connack().await, 0);
        client.publish_acked(1, TOPIC, value(1.0)).await;
        // The last one is not even acknowledged when the connection is gone.
        client.publish(1, 2, TOPIC, value(2.0)).await;
        drop(client);
        wanted.extend([1.0, 2.0, -1.0]);
        site.until_values(&wanted).await;
    }
    let mut polite = Peer::reach(site.address, V5).await;
    polite.connect("gw1", None, Some((TOPIC, &value(-1.0)))).await;
    assert_eq!(polite.connack().await, 0);
    polite.publish_acked(1, TOPIC, value(3.0)).await;
    polite.take_leave().await;
    let mut next = site.client(V5, "gw1").await;
    next.publish_acked(1, TOPIC, value(4.0)).await;
    wanted.extend([3.0, 4.0]);
    assert_eq!(site.plant.values("e01", 1), wanted, "who takes leave has no will");
    site.stop().await;
}

/// A Sparkplug node that comes back must not be declared dead by the connection it had before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_will_of_a_connection_that_was_taken_over_comes_before_the_new_ones_data() {
    let site = Site::start(None).await;
    let mut wanted = Vec::new();
    for version in VERSIONS.into_iter().cycle().take(10) {
        let mut old = Peer::reach(site.address, version).await;
        old.connect("gw1", None, Some((TOPIC, &value(-1.0)))).await;
        assert_eq!(old.connack().await, 0);
        old.publish_acked(1, TOPIC, value(1.0)).await;
        let mut new = site.client(version, "gw1").await;
        new.publish_acked(1, TOPIC, value(2.0)).await;
        new.take_leave().await;
        wanted.extend([1.0, -1.0, 2.0]);
        site.until_values(&wanted).await;
        old.until_closed().await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_frees_the_port_and_says_nothing_in_the_name_of_others() {
    let site = Site::start(None).await;
    let mut client = Peer::reach(site.address, V5).await;
    client.connect("gw1", None, Some((TOPIC, &value(-1.0)))).await;
    assert_eq!(client.connack().await, 0);
    client.publish_acked(1, TOPIC, value(1.0)).await;
    let silent = Peer::reach(site.address, V5).await;
    let begun = std::time::Instant::now();
    site.stop.request();
    within(site.serving, "the broker to end").await.unwrap().unwrap();
    assert!(begun.elapsed() < STOP_WITHIN * 3, "{:?}", begun.elapsed());
    let again = EmbeddedBroker::bind(BrokerConfig { listen: site.address, users: None }).await.unwrap();
    let taken = EmbeddedBroker::bind(BrokerConfig { listen: again.local_addr(), users: None }).await.unwrap_err();
    assert!(taken.to_string().contains("--mqtt-listen"), "{taken}");
    assert_eq!(site.plant.values("e01", 1), [1.0]);
    client.until_closed().await;
    drop(silent);
    site.plant.stop().await.unwrap();
}
