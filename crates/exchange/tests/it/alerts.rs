//! Warnings as alerts over a real HTTP server: each message of a chain, the feed, and what a client has already.

use std::net::SocketAddr;

use cap::{Decoded, MsgType, ResponseType, Scope, Status, Urgency, decode};
use model::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire::v1;

use crate::server::Served;
use crate::warnings::{at, eventually, journal, only, raise, response, said, start};

/// Serves the pages; ends with the test.
async fn http(served: &Served) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let alerts = served.alerts.clone();
    tokio::spawn(async move { axum::serve(listener, alerts).await });
    address
}

/// An answer: the status, its headers in lower case, its body.
struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        let line = self.headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name}: {}", self.headers)).to_owned()
    }
}

async fn get(address: SocketAddr, path: &str, header: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let request = format!("GET {path} HTTP/1.1\r\nhost: davy\r\n{header}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let (status, headers) = head.split_once("\r\n").expect("a status");
    let status = status.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a number");
    let headers = headers.lines().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| format!("{}: {}\n", name.to_ascii_lowercase(), value.trim())).collect();
    Answer { status, headers, body: body.to_owned() }
}

async fn latest(address: SocketAddr, warning: &v1::Warning) -> Decoded {
    let answer = get(address, &format!("/cap/{}", warning.id), "").await;
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/cap+xml; charset=utf-8"));
    decode(answer.body.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{}", answer.body))
}

/// What a reference to a message looks like.
fn reference(message: &Decoded) -> String {
    let alert = &message.alert;
    format!("{},{},{}", alert.sender.as_str(), alert.identifier.as_str(), alert.sent)
}

fn references(message: &Decoded) -> Vec<String> {
    message.alert.references.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_chain_goes_from_alert_over_update_to_its_end() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    let address = http(&served).await;
    raise(&journal, 10, "p1").await;
    eventually("opened", || said(&journal) == ["warning.opened"]).await;
    let warning = only(&mut served).await;
    let first = latest(address, &warning).await;
    let alert = &first.alert;
    assert_eq!((alert.identifier.as_str(), alert.sent.time()), (warning.id.as_str(), at(10)));
    assert_eq!((alert.msg_type, alert.scope, alert.status), (MsgType::Alert, Scope::Restricted, Status::Actual));
    assert!(alert.references.is_empty() && alert.restriction.is_some());
    let languages: Vec<_> = alert.info.iter().map(|it| it.language.as_ref().map_or("", |it| it.as_str())).collect();
    assert_eq!(languages, ["zh-CN", "en-US"]);
    let info = &alert.info[0];
    assert_eq!((info.event.as_str(), info.area[0].desc.as_str()), ("高报", "p1"), "the id of a place without a name");
    assert_eq!(info.instruction.as_ref().map(|it| it.as_str()), Some("look"));
    assert!(info.expires.is_some_and(|it| it.time() == at(10) + Span::from_secs(7 * 24 * 3_600)));

    // A step that is late is no message; what it lifts the warning to is.
    journal.set_now(at(70));
    eventually("escalated", || said(&journal).len() == 3).await;
    let second = latest(address, &only(&mut served).await).await;
    assert_eq!(
        (second.alert.msg_type, second.alert.sent.time(), references(&second)),
        (MsgType::Update, at(70), vec![reference(&first)])
    );
    assert!(second.alert.info[0].description.as_ref().is_some_and(|it| it.as_str().contains("e01、park")));

    journal.set_now(at(80));
    let closing = v1::RespondToWarningRequest {
        text: "阀门已关 & 泄漏<止>\u{1b}".to_owned(),
        ..response(&warning, "park", "close")
    };
    served.client.respond_to_warning(closing).await.expect("closed");
    let third = latest(address, &only(&mut served).await).await;
    assert_eq!((third.alert.msg_type, references(&third)), (MsgType::Update, vec![reference(&first), reference(&second)]));
    let info = &third.alert.info[1];
    assert_eq!((info.urgency, info.response_type.as_slice()), (Urgency::Past, &[ResponseType::AllClear][..]));
    assert!(
        info.instruction.is_none() && info.description.as_ref().is_some_and(|it| it.as_str().contains("阀门已关 & 泄漏<止>"))
    );
    let feed = get(address, "/cap", "").await.body;
    assert!(feed.contains("term=\"over\"") && feed.contains("lifted") && feed.matches("<entry>").count() == 1, "{feed}");
    served.stop().await;
}

#[tokio::test]
async fn what_was_issued_in_error_is_taken_back() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    let address = http(&served).await;
    raise(&journal, 10, "p1").await;
    eventually("opened", || said(&journal) == ["warning.opened"]).await;
    let warning = only(&mut served).await;
    let first = latest(address, &warning).await;
    served.client.respond_to_warning(response(&warning, "e01", "cancel")).await.expect("cancelled");
    let last = latest(address, &warning).await;
    assert_eq!((last.alert.msg_type, references(&last)), (MsgType::Cancel, vec![reference(&first)]));
    assert_eq!(last.alert.note.as_ref().map(|it| it.as_str()), Some("valve shut"));
    served.stop().await;
}

#[tokio::test]
async fn the_feed_has_the_latest_of_each_from_the_newest_and_says_when_nothing_is_new() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    let address = http(&served).await;
    let empty = get(address, "/cap", "").await;
    assert_eq!((empty.status, empty.header("content-type").as_str()), (200, "application/atom+xml; charset=utf-8"));
    assert_eq!(empty.body.matches("<entry>").count(), 0);
    for n in 0..3 {
        raise(&journal, 10 + n, &format!("p{n}")).await;
        eventually("opened", || i64::try_from(said(&journal).len()).is_ok_and(|count| count == n + 1)).await;
    }
    let feed = get(address, "/cap", "").await;
    let warnings = served.client.list_warnings(v1::ListWarningsRequest::default()).await.expect("lists").into_inner().warnings;
    let at = |warning: &v1::Warning| feed.body.find(&format!("href=\"/cap/{}\"", warning.id)).expect("an entry");
    assert!(at(&warnings[0]) > at(&warnings[1]) && at(&warnings[1]) > at(&warnings[2]), "from the newest: {}", feed.body);
    assert!(feed.body.contains("<updated>2000-01-01T00:00:12.000000Z</updated>"), "{}", feed.body);

    assert!(!get(address, "/cap", "").await.headers.contains("last-modified"), "more may be said within this second");
    journal.set_now(crate::warnings::at(13));
    for path in ["/cap".to_owned(), format!("/cap/{}", warnings[0].id)] {
        let page = get(address, &path, "").await;
        let same = get(address, &path, &format!("if-none-match: {}\r\n", page.header("etag"))).await;
        assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", page.header("etag")));
        let same = get(address, &path, &format!("if-modified-since: {}\r\n", page.header("last-modified"))).await;
        assert_eq!(same.status, 304);
        let other = get(address, &path, "if-none-match: \"other\"\r\n").await;
        assert_eq!((other.status, other.body), (200, page.body));
    }
    let before = feed.header("etag");
    raise(&journal, 20, "p9").await;
    eventually("opened", || said(&journal).len() == 4).await;
    assert_eq!(get(address, "/cap", &format!("if-none-match: {before}\r\n")).await.status, 200);
    for path in ["/cap/no-such", "/cap/00000000000000ab-exchange/warnings-42-3"] {
        let missing = get(address, path, "").await;
        assert!(missing.status == 404 && missing.body.contains("/cap lists those there are"), "{}", missing.body);
    }
    served.stop().await;
}
