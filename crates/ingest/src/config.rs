//! The broker's address and how to speak to it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::IngestError;
use crate::json::MAX_PAYLOAD_BYTES;

/// What ingest needs beside its parts.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The data folder: keeps the MQTT client id, and the births of Sparkplug nodes.
    pub data: PathBuf,
    /// The id under which Davy says STATE to Sparkplug nodes; see `check_host_id`.
    pub sparkplug_host_id: String,
    /// Users of MQTT have rights, so nobody may push for gateways that speak MQTT: over gRPC nobody would ask for a password.
    pub mqtt_guarded: bool,
}

/// The id of the Sparkplug host unless told otherwise.
pub const DEFAULT_HOST_ID: &str = "davy";

/// Checks an id of a Sparkplug host: 1 to 128 bytes, without `/`, `+`, `#`, blanks and control characters.
pub fn check_host_id(id: &str) -> Result<(), &'static str> {
    match id {
        "" => Err("it is empty"),
        _ if id.len() > 128 => Err("it is longer than 128 bytes"),
        _ if id.contains(|c: char| "/+#".contains(c) || c.is_whitespace() || c.is_control()) => {
            Err("it has a blank or one of / + # in it")
        }
        _ => Ok(()),
    }
}

/// A text that Debug does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A broker and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether over TLS, with the certificates this machine trusts.
    pub tls: bool,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// Deliveries the broker may send unacknowledged, 4,096 at least in production (traps 4).
    pub receive_maximum: u16,
    /// Silence after which each side pings.
    pub keep_alive: Duration,
    /// How often the canary is sent.
    pub canary_every: Duration,
    /// The link is down when neither canary nor anything else came for this long.
    pub canary_timeout: Duration,
    /// The first wait before another attempt; doubled each time, with jitter.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
}

/// Longest MQTT packet taken, announced to the broker as Maximum Packet Size (traps 11): a payload, its topic, its properties.
pub(crate) const MAX_PACKET_BYTES: u32 = {
    const MARGIN: usize = 128 * 1024;
    #[expect(clippy::cast_possible_truncation, reason = "1.1 MiB")]
    let size = (MAX_PAYLOAD_BYTES + MARGIN) as u32;
    size
};

impl MqttConfig {
    /// Reads `mqtt[s]://[user:pass@]host:port`; the port may be left out (1883, 8883), user and password may hold `%XX`.
    pub fn parse(url: &str) -> Result<Self, IngestError> {
        let invalid = |reason| IngestError::InvalidUrl { reason };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let tls = match scheme {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(invalid("its scheme is neither mqtt nor mqtts")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, address) = rest.rsplit_once('@').map_or((None, rest), |(login, address)| (Some(login), address));
        if address.contains(['/', '?', '#']) {
            return Err(invalid("something follows the port"));
        }
        let (host, port) = split_port(address).ok_or_else(|| invalid("its port is not 1 to 65535"))?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(invalid("it has no host"));
        }
        let login = login.map(|login| read_login(login).ok_or_else(|| invalid("user or password cannot be read"))).transpose()?;
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(if tls { 8883 } else { 1883 }),
            tls,
            login,
            receive_maximum: 8_192,
            keep_alive: Duration::from_secs(15),
            canary_every: Duration::from_secs(3),
            canary_timeout: Duration::from_secs(15),
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
        })
    }
}

/// Host and port; the address of IP version 6 stands in brackets.
fn split_port(address: &str) -> Option<(&str, Option<u16>)> {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some((host, Some(port)))
        }
        _ => Some((address, None)),
    }
}

fn read_login(login: &str) -> Option<(String, Secret)> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    Some((decode_percent(user).filter(|user| !user.is_empty())?, Secret(decode_percent(password)?)))
}

fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|it| char::from(it).to_digit(16));
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let config = MqttConfig::parse("mqtt://broker.example:1884").unwrap();
        assert_eq!((&*config.host, config.port, config.tls, config.login), ("broker.example", 1884, false, None));
        let config = MqttConfig::parse("mqtts://davy:p%40ss:w%C3%A4@10.0.0.1/").unwrap();
        let (user, password) = config.login.clone().unwrap();
        assert_eq!((&*config.host, config.port, config.tls), ("10.0.0.1", 8883, true));
        assert_eq!((&*user, password.expose()), ("davy", "p@ss:wä"));
        assert_eq!(MqttConfig::parse("mqtt://[::1]:1883").unwrap().host, "[::1]");
        assert_eq!(MqttConfig::parse("mqtt://[::1]").unwrap().port, 1883);
    }

    #[test]
    fn what_is_no_address_is_said_without_the_password() {
        for url in
            ["", "mqtt:", "http://h:1", "mqtt://", "mqtt://:1883", "mqtt://h:0", "mqtt://h:65536", "mqtt://h:x", "mqtt://h:1/a"]
        {
            assert!(MqttConfig::parse(url).is_err(), "{url}");
        }
        for url in ["mqtt://u:secret%4@h", "mqtt://:secret@h", "mqtt://u:secret@h:99999", "mqtt://u:secret@"] {
            let error = MqttConfig::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{url}");
        }
        let debug = format!("{:?}", MqttConfig::parse("mqtt://u:secret@h").unwrap());
        assert!(!debug.contains("secret") && debug.contains('u'), "{debug}");
    }
}
