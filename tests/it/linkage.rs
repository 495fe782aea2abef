//! Two nodes and three departments: the walk of deploy/examples/linkage, with real processes and through the commands that people use.
//!
//! Gas gets out; the warning names zones and people; transport diverts vehicles, the park empties the zone, emergency responds and gives the
//! all clear; the joint case is answered and closes; the city has followed all of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use harness::{Davy, Feed, Publisher, run};
use serde_json::Value;
use wire::v1;
use wire::v1::event::Body;

use crate::sites::now_ms;

const LONG: Duration = Duration::from_secs(60);
const TOPIC: &str = "davy/v1/rugang/e01/gw1/telemetry";

/// What is told of the walk, in order; README shows the same.
const STORY: [&str; 27] = [
    "warning.opened",
    "warning.picture",
    "warning.received",
    "warning.received",
    "warning.received",
    "report.response_level",
    "report.dispatch",
    "report.diversion",
    "report.gate_pass",
    "report.head_count",
    "report.head_count",
    "report.zone_emptied",
    "incident.declared",
    "incident.notified",
    "warning.responded",
    "warning.responded",
    "warning.responded",
    "report.all_clear",
    "case.opened",
    "case.answered",
    "case.answered",
    "case.answered",
    "case.closed",
    "warning.resolved",
    "warning.resolved",
    "warning.resolved",
    "warning.closed",
];

fn example(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies in the workspace");
    std::fs::read_to_string(root.join("deploy/examples/linkage").join(file)).expect("a file of the example")
}

fn filter() -> v1::EventFilter {
    let kinds = ["warning.*", "report.*", "incident.*", "case.*"].map(str::to_owned).to_vec();
    v1::EventFilter { kinds, ..v1::EventFilter::default() }
}

/// The events of the walk: what the clock alone says, such as a reminder, comes when it comes.
fn told(events: &[v1::Event]) -> Vec<v1::Event> {
    events.iter().filter(|event| STORY.contains(&event.kind.as_str())).cloned().collect()
}

/// A department at its own Davy: a feed, and commands.
struct Office {
    id: &'static str,
    server: String,
    feed: Feed,
}

impl Office {
    fn of(id: &'static str, davy: &Davy) -> Self {
        Self { id, server: format!("http://{}", davy.grpc()), feed: Feed::follow_some(davy.addresses(), filter()) }
    }

    /// A command, as somebody of the department gives it.
    fn does(&self, words: &[&str]) {
        run(words.iter().copied().chain(["--server", &self.server, "--actor", "当班"])).succeeded();
    }

    fn warning(&self, word: &str, warning: &str, more: &[&str]) {
        self.does(&[&["warning", word, warning, self.id], more].concat());
    }

    fn report(&self, kind: &str, about: &str, fields: &[&str]) {
        let fields = fields.iter().flat_map(|field| ["--set", field]);
        let words = ["report", kind, "--department", self.id, "--about", about].into_iter().chain(fields);
        self.does(&words.collect::<Vec<_>>());
    }

    /// The event of a kind that its feed brings.
    async fn hears(&self, kind: &str) -> v1::Event {
        let find = |events: &[v1::Event]| events.iter().find(|event| event.kind == kind).cloned();
        self.feed.until(LONG, &format!("{} hears {kind}", self.id), find).await
    }
}

/// A message of so many milliseconds ago: two of one millisecond would be one sample.
fn values(ago_ms: i64, values: &str) -> String {
    format!(r#"{{"ts":{},"values":{{{values}}}}}"#, now_ms() - ago_ms)
}

/// What `davy query …` prints, a line of JSON each.
fn query(server: &str, words: &[&str]) -> Vec<Value> {
    let out = run([&["query"], words, &["--server", server, "--json"]].concat()).succeeded();
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn ids(places: &[v1::PictureItem]) -> BTreeSet<&str> {
    places.iter().map(|place| place.id.as_str()).collect()
}

/// Who takes part: three departments at the county's Davy, and the city at its own.
struct Walk {
    transport: Office,
    park: Office,
    emergency: Office,
    above: Office,
    gateway: Publisher,
}

impl Walk {
    fn departments(&self) -> [&Office; 3] {
        [&self.transport, &self.park, &self.emergency]
    }

    /// The wind comes from the south; then chlorine at more than twice the limit. The id of the warning.
    async fn leak(&mut self) -> String {
        self.gateway.publish(TOPIC, values(1_000, r#""WS":3.2,"WD":180,"AT-1":0.1"#)).await;
        self.gateway.publish(TOPIC, values(0, r#""AT-1":5.4"#)).await;
        let warning = self.emergency.hears("warning.opened").await.id;
        let picture = self.emergency.hears("warning.picture").await;
        let Some(Body::Picture(picture)) = &picture.body else { panic!("{picture:?}") };
        assert_eq!((&picture.warning, picture.shape.as_str()), (&warning, "square"));
        assert_eq!((picture.substances[0].un, picture.substances[0].name_zh.as_str()), (1017, "氯"));
        let inside = ids(&picture.places);
        assert!(inside.contains("north-school") && !inside.contains("south-village"), "{inside:?}");
        assert_eq!(picture.plans[0].id, "chlorine");
        for office in self.departments() {
            office.hears("warning.opened").await;
            office.warning("receive", &warning, &[]);
        }
        warning
    }

    /// Everybody does their part.
    async fn respond(&self, warning: &str) {
        let Self { transport, park, emergency, .. } = self;
        emergency.report("response_level", warning, &["level=iii", "plan=chlorine"]);
        emergency.report("dispatch", warning, &["resource=rugang-team", "from=应急站", "to=e01-chlorine", "state=ordered"]);
        transport.report("diversion", warning, &["road=疏港公路", &format!("warning={warning}")]);
        park.report("gate_pass", warning, &["gate=gate-3", "vehicle=苏F12345", "way=out"]);
        park.report("head_count", warning, &["place=e01-yard", "people=12"]);
        park.report("head_count", warning, &["place=e01-yard", "people=7"]);
        park.report("head_count", warning, &["place=e01-yard", "people=0"]);
        park.report("zone_emptied", warning, &["place=e01-yard", "people_left=0"]);
        let declare =
            ["incident", "declare", "e01", "--what", "accident", "--title", "液氯泄漏", "--installation", "e01-chlorine"];
        emergency.does(&[&declare[..], &["--about", warning]].concat());
        let incident = park.hears("incident.declared").await.id;
        emergency.does(&["incident", "notify", &incident, "e01", "--duty", "head-to-county", "--reference", "2026-17"]);
        for (office, text) in [(transport, "已绕行"), (park, "已清空"), (emergency, "已响应")] {
            office.warning("respond", warning, &["--text", text]);
        }
    }

    /// The leak is stopped; who has to look into it does, and the warning is closed.
    async fn wind_up(&mut self, warning: &str) {
        self.gateway.publish(TOPIC, values(0, r#""AT-1":0.1"#)).await;
        self.emergency.report("all_clear", warning, &["place=e01-chlorine"]);
        let clear = self.transport.hears("report.all_clear").await.id;
        let open = ["case", "open", "rugao-emergency", "--title", "液氯泄漏联合调查", "--enterprise", "e01", "--due", "72h"];
        let tasks = ["--task", "rugao-transport=查运单", "--task", "rugang-office=查作业票", "--task", "rugao-emergency=查储罐"];
        self.emergency.does(&[&open[..], &tasks, &["--evidence", warning, "--evidence", &clear]].concat());
        let case = self.above.hears("case.opened").await.id;
        for office in self.departments() {
            office.does(&["case", "answer", &case, office.id, "--text", "已查", "--evidence", &clear]);
        }
        self.emergency.hears("case.closed").await;
        for office in self.departments() {
            office.warning("resolve", warning, &["--text", "已办结"]);
        }
        self.emergency.warning("close", warning, &["--text", "泄漏已止，解除警报", "--evidence", &clear]);
    }

    /// Every department heard the same story, and so did the city: the same events under the same ids, in the same order.
    async fn all_heard_the_same(&self) {
        let whole = |events: &[v1::Event]| events.iter().any(|event| event.kind == "warning.closed").then(|| told(events));
        let story = self.emergency.feed.until(LONG, "the story is told", whole).await;
        let kinds: Vec<_> = story.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, STORY);
        for office in [&self.transport, &self.park, &self.above] {
            let heard = office.feed.until(LONG, &format!("{} has the whole story", office.id), whole).await;
            let ids = |events: &[v1::Event]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&heard), ids(&story), "{}", office.id);
            let from: BTreeSet<_> = heard.iter().map(|event| event.origin.as_str()).collect();
            let wanted = if office.id == self.above.id { "rugao" } else { "" };
            assert_eq!(from, BTreeSet::from([wanted]), "{}", office.id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gas_leak_from_the_first_alarm_to_the_closed_case() {
    let mut county = Davy::embedded(&example("county.toml"), &["--node", "rugao"]);
    county.start_again().await;
    let upstream = format!("rugao=http://{}", county.grpc());
    let mut city = Davy::embedded(&example("city.toml"), &["--node", "nantong", "--upstream", &upstream]);
    city.start_again().await;
    let mut walk = Walk {
        transport: Office::of("rugao-transport", &county),
        park: Office::of("rugang-office", &county),
        emergency: Office::of("rugao-emergency", &county),
        above: Office::of("nantong-emergency", &city),
        gateway: Publisher::connect(county.mqtt(), "gw1"),
    };
    let warning = walk.leak().await;
    walk.respond(&warning).await;
    walk.wind_up(&warning).await;
    walk.all_heard_the_same().await;

    // The lists of both say the same.
    for server in [&walk.emergency.server, &walk.above.server] {
        let warnings = query(server, &["warnings"]);
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
        assert_eq!(warnings[0]["id"], *warning);
        assert_eq!(warnings[0]["closing"]["department"], "rugao-emergency", "{warnings:#?}");
    }
    let cases = query(&walk.emergency.server, &["cases"]);
    assert!(cases.len() == 1 && !cases[0]["end"].is_null() && cases[0]["end"]["cancelled"] != true, "{cases:#?}");
}
