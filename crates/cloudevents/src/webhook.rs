//! Standard Webhooks 1.0.0: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, the last one an HMAC-SHA256 of
//! `id.timestamp.body`. The id stays the same over all attempts; the timestamp is that of the attempt.
//!
//! Limits: a secret has 24 to 64 bytes; up to `SIGNATURES_MAX` signatures are looked at.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Span, Time};
use sha2::Sha256;

/// The header with the event's id.
pub const ID_HEADER: &str = "webhook-id";

/// The header with the time of the attempt, seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header with one signature or more, spaces between them.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far the time of an attempt may be from the receiver's, either way.
pub const TOLERANCE: Span = Span::from_secs(300);

/// The most signatures of one message: a secret and those it replaces.
pub const SIGNATURES_MAX: usize = 8;

const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const PREFIX: &str = "whsec_";

/// A secret that sender and receiver share. Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// The values of the three headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: String,
    /// `webhook-signature`.
    pub signature: String,
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// Too short to be safe, or too long.
    #[error("read the webhook secret: it is `{PREFIX}` and 24 to 64 bytes in base 64")]
    Secret,
    /// An id that could be read as an id and a time.
    #[error("sign the message: its id is empty, holds a full stop, or what no header can")]
    Id,
    /// No secret, or too many.
    #[error("sign the message: it is signed with 1 to {SIGNATURES_MAX} secrets")]
    Secrets,
    /// Before 1970.
    #[error("sign the message: it is sent before 1970")]
    Time,
}

/// Why a message is not taken for genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFault {
    /// The time is none.
    #[error("verify the message: its {TIMESTAMP_HEADER} is no number of seconds")]
    Timestamp,
    /// It is too old, or from the future: it may be a repetition.
    #[error("verify the message: its {TIMESTAMP_HEADER} is more than {TOLERANCE} from now")]
    Time,
    /// No signature of a known kind fits.
    #[error("verify the message: none of its signatures is right")]
    Signature,
}

impl Secret {
    /// From its bytes.
    ///
    /// # Errors
    /// Fewer than 24 or more than 64.
    pub fn new(bytes: &[u8]) -> Result<Self, SignFault> {
        if SECRET_BYTES.contains(&bytes.len()) { Ok(Self(bytes.to_vec())) } else { Err(SignFault::Secret) }
    }

    /// From `whsec_` and base 64, padded or not.
    ///
    /// # Errors
    /// Any other form; as `new`.
    pub fn parse(text: &str) -> Result<Self, SignFault> {
        let coded = text.strip_prefix(PREFIX).ok_or(SignFault::Secret)?;
        let bytes = STANDARD_NO_PAD.decode(coded.trim_end_matches('=')).map_err(|_| SignFault::Secret)?;
        Self::new(&bytes)
    }

    /// As it is handed to the receiver.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The headers of an attempt to send a body. While a secret is replaced, sign with the new one and the old one.
///
/// # Errors
/// An id with a full stop or what no header can hold; no secret or too many; a time before 1970.
pub fn sign(secrets: &[Secret], id: &str, at: Time, body: &[u8]) -> Result<Headers, SignFault> {
    if id.is_empty() || !id.bytes().all(|it| it.is_ascii_graphic() && it != b'.') {
        return Err(SignFault::Id);
    }
    if secrets.is_empty() || secrets.len() > SIGNATURES_MAX {
        return Err(SignFault::Secrets);
    }
    let seconds = at.micros().div_euclid(1_000_000);
    if seconds < 0 {
        return Err(SignFault::Time);
    }
    let timestamp = seconds.to_string();
    let signature = |secret: &Secret| format!("v1,{}", STANDARD.encode(secret.mac(id, &timestamp, body).finalize().into_bytes()));
    let signatures: Vec<_> = secrets.iter().map(signature).collect();
    Ok(Headers { id: id.to_owned(), timestamp, signature: signatures.join(" ") })
}

/// Whether a message is genuine and of now. Compares in constant time.
///
/// # Errors
/// A time that is none or too far from now; no signature that fits.
pub fn verify(secret: &Secret, headers: &Headers, body: &[u8], now: Time) -> Result<(), VerifyFault> {
    let digits = headers.timestamp.bytes().all(|it| it.is_ascii_digit());
    let seconds: i64 = headers.timestamp.parse().ok().filter(|_| digits).ok_or(VerifyFault::Timestamp)?;
    let at = Time::from_micros(seconds.saturating_mul(1_000_000));
    if now.since(at) > TOLERANCE || at.since(now) > TOLERANCE {
        return Err(VerifyFault::Time);
    }
    let fits = |signature: &str| {
        let coded = signature.strip_prefix("v1,").and_then(|it| STANDARD.decode(it).ok());
        coded.is_some_and(|bytes| secret.mac(&headers.id, &headers.timestamp, body).verify_slice(&bytes).is_ok())
    };
    if headers.signature.split(' ').take(SIGNATURES_MAX).any(fits) { Ok(()) } else { Err(VerifyFault::Signature) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The first is the reference vector of the specification's own libraries; the others were signed by its Python library, 1.1.0.
    #[test]
    fn signatures_are_those_of_the_reference() {
        let body = "{\"type\":\"contact.created\",\"timestamp\":\"2022-11-03T20:26:10.344522Z\",\
             \"data\":{\"id\":\"1f81eb52-5198-4599-803e-771906343485\"}}";
        for (secret, id, seconds, body, signature) in [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                "{\"test\": 2432232314}",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
                1_674_087_231,
                body,
                "v1,Inw/unYkpAh6Njpdz4O+hnN82xYMXQ6NjnZIQN/mzIQ=",
            ),
            (
                "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
                "01-engine/17-42-0",
                0,
                "氯",
                "v1,tClygjbJQ9+iWwNEseuUBf3xMyaixj0l+xcPrJJmqdo=",
            ),
        ] {
            let secret = Secret::parse(secret).unwrap();
            let at = Time::from_micros(seconds * 1_000_000);
            let headers = sign(std::slice::from_ref(&secret), id, at, body.as_bytes()).unwrap();
            assert_eq!(headers, Headers { id: id.to_owned(), timestamp: seconds.to_string(), signature: signature.to_owned() });
            assert_eq!(verify(&secret, &headers, body.as_bytes(), at), Ok(()));
        }
    }

    fn secret(byte: u8) -> Secret {
        Secret::new(&[byte; 24]).unwrap()
    }

    #[test]
    fn a_replaced_secret_is_good_until_it_is_gone() {
        let (old, new, other) = (secret(1), secret(2), secret(3));
        let at = Time::from_micros(1_795_912_560_999_999);
        let headers = sign(&[new.clone(), old.clone()], "01-engine/17-42-0", at, b"body").unwrap();
        assert_eq!(headers.timestamp, "1795912560");
        assert_eq!(headers.signature.split(' ').count(), 2);
        for known in [&old, &new] {
            assert_eq!(verify(known, &headers, b"body", at), Ok(()));
        }
        assert_eq!(verify(&other, &headers, b"body", at), Err(VerifyFault::Signature));
    }

    #[test]
    fn repetitions_and_wrong_clocks_are_refused() {
        let at = Time::from_micros(1_795_912_560_000_000);
        let headers = sign(&[secret(1)], "a", at, b"").unwrap();
        let after = |seconds: i64| verify(&secret(1), &headers, b"", at + Span::from_secs(seconds));
        assert_eq!((after(300), after(-300)), (Ok(()), Ok(())));
        assert_eq!((after(301), after(-301)), (Err(VerifyFault::Time), Err(VerifyFault::Time)));
        for wrong in ["", "x", "-1", "+1", "1.0", "99999999999999999999"] {
            let headers = Headers { timestamp: wrong.to_owned(), ..headers.clone() };
            assert_eq!(verify(&secret(1), &headers, b"", at), Err(VerifyFault::Timestamp), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_signed_is_named() {
        let at = Time::from_micros(0);
        for id in ["", "a.b", "a b", "a\n", "氯"] {
            assert_eq!(sign(&[secret(1)], id, at, b""), Err(SignFault::Id), "{id:?}");
        }
        assert_eq!(sign(&[], "a", at, b""), Err(SignFault::Secrets));
        assert_eq!(sign(&vec![secret(1); SIGNATURES_MAX + 1], "a", at, b""), Err(SignFault::Secrets));
        assert_eq!(sign(&[secret(1)], "a", Time::from_micros(-1), b""), Err(SignFault::Time));
        for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"] {
            assert_eq!(Secret::parse(text), Err(SignFault::Secret), "{text}");
        }
        assert!(Secret::new(&[0; 23]).is_err() && Secret::new(&[0; 65]).is_err());
        assert_eq!(format!("{:?}", secret(7)), "Secret");
        assert_eq!(Secret::parse(&secret(7).reveal()), Ok(secret(7)));
    }

    proptest! {
        #[test]
        fn any_other_byte_is_noticed(body in proptest::collection::vec(any::<u8>(), 1..50), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let now = Time::from_micros(1_795_912_560_000_000);
            let headers = sign(&[secret(1)], "a", now, &body).unwrap();
            prop_assert_eq!(verify(&secret(1), &headers, &body, now), Ok(()));
            let mut other = body.clone();
            other[at.index(body.len())] ^= 1 << bit;
            prop_assert_eq!(verify(&secret(1), &headers, &other, now), Err(VerifyFault::Signature));
        }

        #[test]
        fn no_header_panics(id in "\\PC{0,9}", timestamp in "[0-9]{0,20}", signature in "(v1,)?[a-zA-Z0-9+/= ,]{0,60}") {
            let headers = Headers { id, timestamp, signature };
            prop_assert!(verify(&secret(1), &headers, b"x", Time::from_micros(0)).is_err());
        }
    }
}
