//! Who may say and hear what, over the wire (traps 78).

use super::*;
use peer::PUBACK;

const USERS: &str = r#"
[[user]]
name = "one"
password = "1"
gateways = ["rugang/e01/gw1", "spBv1.0/g/n"]

[[user]]
name = "two"
password = "2"
gateways = ["rugang/e01/gw2"]

[[user]]
name = "viewer"
password = "3"
role = "reader"
"#;

async fn login(site: &Site, version: u8, id: &str, login: (&str, &str)) -> Peer {
    let mut peer = Peer::reach(site.address, version).await;
    peer.connect(id, Some(login), None).await;
    assert_eq!(peer.connack().await, 0, "{login:?}");
    peer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_refused_by_its_code() {
    let site = Site::start(Some(USERS)).await;
    for (version, code) in [(V311, 4), (V5, 0x86)] {
        for who in [Some(("one", "2")), Some(("nobody", "1")), Some(("one", "")), None] {
            let mut peer = Peer::reach(site.address, version).await;
            peer.connect("c", who, None).await;
            assert_eq!(peer.connack().await, code, "{who:?}");
            assert_eq!(peer.until_closed().await, Vec::<u8>::new());
        }
        login(&site, version, "c", ("one", "1")).await.take_leave().await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_publishes_its_own_topics_only() {
    let site = Site::start(Some(USERS)).await;
    let mut five = login(&site, V5, "five", ("two", "2")).await;
    for (index, topic) in
        [TOPIC, "davy/v1/rugang/e01/gw2/receipt", "spBv1.0/g/NCMD/n", "spBv1.0/STATE/davy"].into_iter().enumerate()
    {
        let id = u16::try_from(index).unwrap() + 1;
        five.publish(1, id, topic, value(1.0)).await;
        assert_eq!(five.answer(PUBACK).await, (id, 0x87), "{topic}");
        five.publish(0, 0, topic, value(1.0)).await;
    }
    // The connection goes on.
    five.publish_acked(9, "davy/v1/rugang/e01/gw2/telemetry", value(1.0)).await;
    // MQTT 3.1.1 has no word for it: the connection ends, and nothing is acknowledged.
    for qos in 0..=2 {
        let mut older = login(&site, V311, "older", ("two", "2")).await;
        older.publish(qos, 1, TOPIC, value(1.0)).await;
        assert_eq!(older.until_closed().await, Vec::<u8>::new(), "QoS {qos}");
    }
    let mut own = login(&site, V311, "own", ("one", "1")).await;
    own.publish_acked(1, TOPIC, value(2.0)).await;
    assert_eq!(site.plant.values("e01", 1), [2.0], "nothing of what was denied came in");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_hears_its_own_topics_only() {
    let site = Site::start(Some(USERS)).await;
    for (version, refusal) in [(V311, 0x80), (V5, 0x87)] {
        let mut one = login(&site, version, "one", ("one", "1")).await;
        for filter in ["#", "davy/v1/+/+/+/receipt", "davy/v1/rugang/e01/gw2/receipt", "$share/g/#", "spBv1.0/#"] {
            assert_eq!(one.subscribe(filter).await, refusal, "{filter}");
        }
        for filter in ["davy/v1/rugang/e01/gw1/receipt", "spBv1.0/g/NCMD/n/#", "spBv1.0/STATE/davy"] {
            assert_eq!(one.subscribe(filter).await, 1, "{filter}");
        }
        let mut viewer = login(&site, version, "viewer", ("viewer", "3")).await;
        assert_eq!(viewer.subscribe("davy/#").await, 1);
        one.publish_acked(1, TOPIC, value(1.0)).await;
        assert_eq!(viewer.message().await, (TOPIC.to_owned(), value(1.0)));
        for n in ["gw2", "gw1"] {
            let topic = format!("davy/v1/rugang/e01/{n}/receipt");
            site.outgoing.send(Outgoing { topic, payload: "{}".into(), retain: false }).await.unwrap();
        }
        assert_eq!(one.message().await.0, "davy/v1/rugang/e01/gw1/receipt", "not that of its neighbour");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_of_another_gateway_is_refused_at_the_door() {
    let site = Site::start(Some(USERS)).await;
    for (version, code) in [(V311, 5), (V5, 0x87)] {
        let mut peer = Peer::reach(site.address, version).await;
        peer.connect("c", Some(("two", "2")), Some((TOPIC, &value(1.0)))).await;
        assert_eq!(peer.connack().await, code);
        drop(peer);
    }
    let mut own = login(&site, V5, "own", ("one", "1")).await;
    own.publish_acked(1, TOPIC, value(2.0)).await;
    assert_eq!(site.plant.values("e01", 1), [2.0], "and is never said");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_id_is_not_taken_from_another_user() {
    let site = Site::start(Some(USERS)).await;
    let mut one = login(&site, V5, "shared", ("one", "1")).await;
    for (version, code) in [(V311, 5), (V5, 0x87)] {
        let mut two = Peer::reach(site.address, version).await;
        two.connect("shared", Some(("two", "2")), None).await;
        assert_eq!(two.connack().await, code);
    }
    one.publish_acked(1, TOPIC, value(1.0)).await;
    // Its own user may, and may again when it is gone.
    let again = login(&site, V5, "shared", ("one", "1")).await;
    one.until_closed().await;
    drop(again);
    let free = async {
        loop {
            let mut two = Peer::reach(site.address, V5).await;
            two.connect("shared", Some(("two", "2")), None).await;
            if two.connack().await == 0 {
                break;
            }
        }
    };
    within(free, "the client id to be free").await;
    site.stop().await;
}

#[tokio::test]
async fn without_users_only_this_machine_is_let_in() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = EmbeddedBroker::bind(BrokerConfig { listen: everywhere, users: None }).await.unwrap_err();
    assert!(matches!(refused, IngestError::Anonymous { .. }) && refused.to_string().contains("--mqtt-users"), "{refused}");
    let users = Some(Users::parse("users.toml", USERS).unwrap());
    EmbeddedBroker::bind(BrokerConfig { listen: everywhere, users }).await.unwrap();
}
