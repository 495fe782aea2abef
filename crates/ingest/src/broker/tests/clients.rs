//! Clients as they are: Mosquitto's and rumqttc.

use std::process::Command;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquittos_clients_speak_both_versions_on_one_port() {
    let site = Site::start(None).await;
    let receipt = "davy/v1/rugang/e01/gw1/receipt";
    site.outgoing.send(Outgoing { topic: receipt.to_owned(), payload: "{\"seq\":1}".into(), retain: true }).await.unwrap();
    let port = site.address.port().to_string();
    let mut wanted = Vec::new();
    for (version, value) in [("mqttv311", 1.0), ("mqttv5", 2.0)] {
        for qos in ["0", "1", "2"] {
            let payload = super::value(value);
            let arguments = ["-V", version, "-p", &port, "-q", qos, "-t", TOPIC, "-m", &payload].map(str::to_owned);
            let published = tokio::task::spawn_blocking(move || Command::new("mosquitto_pub").args(arguments).status().unwrap());
            assert!(published.await.unwrap().success(), "{version}, QoS {qos}");
            wanted.push(value);
            site.until_values(&wanted).await;
        }
        let arguments = ["-V", version, "-p", &port, "-t", receipt, "-C", "1", "-W", "10", "-F", "%r %p"].map(str::to_owned);
        let heard = tokio::task::spawn_blocking(move || Command::new("mosquitto_sub").args(arguments).output().unwrap());
        assert_eq!(String::from_utf8(heard.await.unwrap().stdout).unwrap(), "1 {\"seq\":1}\n", "retained: {version}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rumqttc_publishes_and_hears_its_receipts() {
    let site = Site::start(None).await;
    let (client, mut events) = AsyncClient::new(MqttOptions::new("gw1", "127.0.0.1", site.address.port()), 64);
    let (acknowledge, mut acknowledged) = mpsc::channel(1_024);
    let (tell, mut receipts) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Packet::PubAck(ack)) => acknowledge.send(ack).await.unwrap(),
                Event::Incoming(Packet::Publish(it)) => tell.send(it.payload).await.unwrap(),
                _ => {}
            }
        }
    });
    let receipt = "davy/v1/rugang/e01/gw1/receipt";
    client.subscribe(receipt, QoS::AtLeastOnce).await.unwrap();
    for n in 0..500_u16 {
        client.publish(TOPIC, QoS::AtLeastOnce, false, value(f64::from(n))).await.unwrap();
    }
    for n in 0..500 {
        assert!(within(acknowledged.recv(), "a PUBACK").await.is_some(), "after {n}");
    }
    let wanted: Vec<f64> = (0..500_u16).map(f64::from).collect();
    assert_eq!(site.plant.values("e01", 1), wanted);
    site.outgoing.send(Outgoing { topic: receipt.to_owned(), payload: "{}".into(), retain: true }).await.unwrap();
    assert_eq!(within(receipts.recv(), "the receipt").await.as_deref(), Some(&b"{}"[..]));
    site.stop().await;
}
