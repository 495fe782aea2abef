//! What must not disturb the others: noise, silence, giants, crowds.

use super::*;
use crate::config::MAX_PACKET_BYTES;

/// Numbers that only look random, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(&mut byte).take(length).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_and_silence_change_nothing_for_others() {
    let site = Site::start(None).await;
    let mut good = site.client(V5, "gw1").await;
    let mut silent = Vec::new();
    for round in 0..200_u8 {
        silent.push(Peer::reach(site.address, V5).await);
        let mut noisy = if round % 2 == 0 {
            Peer::reach(site.address, V5).await
        } else {
            // Noise after a proper CONNECT, where every kind of packet is read.
            site.client(if round % 4 == 1 { V5 } else { V311 }, &format!("noisy{round}")).await
        };
        let mut bytes = noise(u64::from(round) + 1, 600);
        // A first byte of a valid kind gets further.
        bytes[0] = (round % 16) << 4;
        noisy.shout(&bytes).await;
        good.publish_acked(u16::from(round) + 1, TOPIC, value(f64::from(round))).await;
    }
    let wanted: Vec<f64> = (0..200_u8).map(f64::from).collect();
    assert_eq!(site.plant.values("e01", 1), wanted);
    assert!(!site.serving.is_finished());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_that_is_too_large_ends_its_connection_only() {
    let site = Site::start(None).await;
    let mut good = site.client(V5, "good").await;
    for version in VERSIONS {
        let mut giant = site.client(version, "giant").await;
        // Announced is enough.
        let announced = MAX_PACKET_BYTES + 1;
        let length: Vec<u8> =
            (0..4).map(|at| u8::try_from(announced >> (7 * at) & 127).unwrap() | if at < 3 { 128 } else { 0 }).collect();
        giant.shout(&[&[0x32], &*length].concat()).await;
        giant.until_closed().await;
    }
    good.publish_acked(1, TOPIC, value(1.0)).await;
    good.publish_acked(2, TOPIC, vec![b' '; 1024 * 1024 + 1]).await;
    let dead = site.journal().all(journal::JournalId::Dead);
    assert_eq!(wire::DeadLetter::decode(&dead[0].body).unwrap().reason, "too_large", "a little too large is a dead letter");
    site.stop().await;
}

/// A subscriber that reads nothing is left behind; who publishes does not wait for it for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_does_not_read_stops_nobody() {
    let site = Site::start(None).await;
    let mut deaf = site.client(V5, "deaf").await;
    assert_eq!(deaf.subscribe("davy/#").await, 1);
    let mut good = site.client(V5, "gw1").await;
    let padding = " ".repeat(64 * 1024);
    for n in 1..=400_u16 {
        good.publish_acked(n, TOPIC, value(f64::from(n)) + &padding).await;
    }
    assert_eq!(site.plant.values("e01", 1).len(), 400);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_too_many_is_closed_at_once() {
    let (publisher, _receiver) = local_link();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::new());
    let rooms = Rooms {
        house: Arc::new(House::new(None, publisher, shutdown.clone())),
        engine: Arc::new(engine::Mqtt5::new()),
        places: Arc::new(Semaphore::new(1)),
        tasks: JoinSet::new(),
    };
    let running = tokio::spawn(Box::pin(rooms.run(listener, None, shutdown.clone())));
    let first = Peer::reach(address, V5).await;
    let mut second = Peer::reach(address, V5).await;
    assert_eq!(second.until_closed().await, Vec::<u8>::new());
    drop(first);
    let welcome = async {
        loop {
            let mut third = Peer::reach(address, V5).await;
            third.connect("third", None, None).await;
            if third.next().await.is_some() {
                break;
            }
        }
    };
    within(welcome, "the place to be free").await;
    shutdown.request();
    within(running, "the broker to end").await.unwrap();
}

#[test]
fn connections_leave_files_for_the_rest() {
    assert!((1..=CONNECTIONS).contains(&connections()));
}
