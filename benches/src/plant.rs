//! A private Mosquitto and a private Davy (the release build) with 1,000 points over 20 gateways.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rumqttc::v5::mqttbytes::v5::ConnectProperties;
use rumqttc::v5::{AsyncClient, EventLoop, MqttOptions};

pub(crate) const GATEWAYS: usize = 20;
pub(crate) const POINTS: usize = 1_000;

/// Killed on drop.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) const fn of(child: Child) -> Self {
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) struct Broker {
    port: harness::Port,
    _process: Process,
}

impl Broker {
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = harness::Port::take();
        let config = folder.join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n\
             max_inflight_messages 8192\nset_tcp_nodelay true\nlog_type error\n",
            port.number()
        );
        std::fs::write(&config, text)?;
        let child = Command::new("mosquitto").arg("-c").arg(&config).stderr(Stdio::null()).spawn().context("start mosquitto")?;
        let broker = Self { port, _process: Process(child) };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", broker.port())).is_ok() {
                return Ok(broker);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("mosquitto does not listen on port {}", broker.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// A client of MQTT 5 with manual acknowledgements and a window of 8,192.
    pub(crate) fn client(&self, id: &str, manual_acks: bool) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(id, "127.0.0.1", self.port());
        options.set_manual_acks(manual_acks).set_connect_properties(ConnectProperties {
            receive_maximum: Some(8_192),
            max_packet_size: Some(1 << 20),
            ..ConnectProperties::new()
        });
        options.set_keep_alive(Duration::from_secs(30));
        let mut network = rumqttc::NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        AsyncClient::new(options, 10_000)
    }
}

pub(crate) struct Davy {
    pub(crate) grpc: String,
    _process: Process,
}

impl Davy {
    pub(crate) async fn start(folder: &Path, broker: u16) -> anyhow::Result<Self> {
        let site = folder.join("site.toml");
        std::fs::write(&site, site_text()?)?;
        let binary = std::env::current_exe()?.with_file_name("davy");
        if !binary.exists() {
            bail!("{} is not there; run `cargo build --release` first", binary.display());
        }
        let mut child = Command::new(binary)
            .args(["up", "--log", "warn", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
            .args([PathBuf::from("--site"), site, PathBuf::from("--data"), folder.join("data")])
            .args(["--mqtt", &format!("mqtt://127.0.0.1:{broker}")])
            .stderr(Stdio::piped())
            .spawn()
            .context("start davy")?;
        let lines = BufReader::new(child.stderr.take().context("read davy's lines")?).lines();
        let process = Process(child);
        let (mut grpc, mut http) = (None, None);
        let mut lines = lines.map_while(Result::ok);
        while grpc.is_none() || http.is_none() {
            let line = lines.next().context("davy ended before it said where it listens")?;
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("grpc"), Some(url)) => grpc = Some(url.to_owned()),
                (Some("http"), Some(url)) => http = Some(url.to_owned()),
                _ => {}
            }
        }
        std::thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        let (grpc, http) = (grpc.unwrap_or_default(), http.unwrap_or_default());
        ready(&http).await?;
        Ok(Self { grpc, _process: process })
    }
}

async fn ready(http: &str) -> anyhow::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = http.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    for _ in 0..200 {
        if let Ok(mut stream) = tokio::net::TcpStream::connect(&address).await {
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: davy\r\nconnection: close\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("davy is not ready at {http}")
}

fn site_text() -> anyhow::Result<String> {
    let mut text = String::from(
        "[park]\nid = \"bench\"\nname = \"bench\"\n[[enterprise]]\nid = \"e01\"\npark = \"bench\"\nname = \"e01\"\n\
         [[installation]]\nid = \"i01\"\nenterprise = \"e01\"\nname = \"i01\"\n",
    );
    for point in 0..POINTS {
        write!(
            text,
            "[[point]]\nid = \"p{point}\"\ninstallation = \"i01\"\nquantity = \"pressure\"\nunit = \"kPa\"\n\
             source = {{ mqtt = \"bench/e01/gw{}\", tag = \"T{point}\" }}\n\
             [[point.alarm]]\nkind = \"high\"\nlimit = 80.0\ndeadband = 5.0\n\
             [[point.alarm]]\nkind = \"low\"\nlimit = 20.0\ndeadband = 5.0\n",
            point % GATEWAYS
        )?;
    }
    Ok(text)
}

/// Topic and payload of one sample of one point.
pub(crate) fn message(point: usize, micros: i64, value: f64) -> (String, Vec<u8>) {
    let (millis, rest) = (micros / 1_000, micros % 1_000);
    let topic = format!("davy/v1/bench/e01/gw{}/telemetry", point % GATEWAYS);
    (topic, format!("{{\"ts\":{millis}.{rest:03},\"values\":{{\"T{point}\":{value}}}}}").into_bytes())
}

/// Microseconds since 1970 by this machine's clock.
pub(crate) fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
