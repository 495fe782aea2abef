//! Reports at their desk: what of the site concerns them, their snapshot, their counters and log lines.

use bytes::Bytes;
use desk::{Clerk, Standing};
use metrics::counter;
use model::{ErrorKind, Event, EventBody, RecordedEvent, RequestId, Revision, Site, Time};
use parking_lot::Mutex;
use prost::Message as _;
use report::{Draft, Judged, Refusal, Reports, Sample, Seen};
use tracing::info;
use wire::{Cursor, Failure, record_v1, v1};

use super::submit::refused;
use crate::metrics::{REPORTS, REPORTS_UNREADABLE};

/// The fold, and the site in force.
#[derive(Default)]
pub(crate) struct ReportClerk {
    reports: Reports,
    /// What of the site in force concerns reports.
    site: Revision,
    /// What this process has seen; held for one look at a time.
    seen: Mutex<Seen>,
}

/// An answer, and what points take.
pub(crate) struct Answered {
    pub(crate) response: v1::SubmitReportResponse,
    pub(crate) sample: Option<Sample>,
}

impl ReportClerk {
    fn look(&self, draft: &Draft) -> Result<Judged, Refusal> {
        self.reports.judge(draft, &mut self.seen.lock())
    }

    fn answered(&self, draft: &Draft, at: Time, (event_id, cursor): (String, String)) -> Answered {
        let sample = self.reports.sample(draft, at);
        Answered { response: v1::SubmitReportResponse { event_id, cursor, sampled: sample.is_some() }, sample }
    }
}

impl Clerk for ReportClerk {
    type Ask = Draft;
    type Answer = Answered;

    const KEY: &'static str = "exchange/reports";
    const KEEPS: &'static str = "reports";
    const LOSS: &'static str = "a repeated report may be taken for a new one";

    fn revise(&mut self, site: &Revision, at: Time) {
        self.site = of_reports(site);
        self.reports.revise(&self.site, at);
    }

    fn apply(&mut self, event: &RecordedEvent) {
        self.reports.apply(event);
    }

    fn snapshot(&self) -> Bytes {
        let site = Some(wire::revision_to_record(&self.site));
        record_v1::ReportSnapshot { site, state: self.reports.snapshot() }.encode_to_vec().into()
    }

    fn restore(&mut self, body: &[u8]) -> bool {
        let restored = || {
            let snapshot = record_v1::ReportSnapshot::decode(body).ok()?;
            let site = wire::revision_from_record(&snapshot.site?).ok()?;
            let reports = Reports::restore(&site, &snapshot.state).ok()?;
            Some(Self { reports, site, seen: Mutex::default() })
        };
        restored().map(|it| *self = it).is_some()
    }

    fn due(&mut self, _: Time) -> Vec<Event> {
        Vec::new()
    }

    fn next_deadline(&self) -> Option<Time> {
        None
    }

    fn request_id(ask: &Draft) -> &RequestId {
        &ask.request_id
    }

    fn judge(&self, ask: &Draft, _: Time) -> Option<Event> {
        match self.look(ask) {
            Ok(Judged::News(event)) => Some(*event),
            Ok(Judged::Known | Judged::Sampled { .. }) | Err(_) => None,
        }
    }

    fn answer(&self, ask: &Draft, standing: Standing) -> Result<Answered, Failure> {
        if let Some(outcome) = self.reports.outcome(&ask.request_id) {
            outcome.answers(ask).map_err(refused)?;
            let cursor = Cursor::after(standing.epoch, outcome.position).encode();
            return Ok(self.answered(ask, outcome.occurred_at, (outcome.event.to_string(), cursor)));
        }
        match self.look(ask).map_err(refused)? {
            Judged::Sampled { at } => Ok(self.answered(ask, at, (String::new(), String::new()))),
            Judged::Known | Judged::News(_) => {
                let message = "the report is on record and cannot be read back; repeat with the same request_id";
                Err(Failure::new(ErrorKind::Unavailable, "outcome_unknown", message))
            }
        }
    }

    fn missed(&self) {
        counter!(REPORTS_UNREADABLE).increment(1);
    }

    fn said(&self, event: &Event) {
        let EventBody::Report(report) = &event.body else { return };
        let (kind, department) = (report.body.kind().word(), report.department.as_str());
        counter!(REPORTS, "kind" => kind).increment(1);
        info!(kind, department, subject = &*event.subject, "a department reported");
    }
}

/// Of the points only those that stand for reports: a snapshot of 200,000 would be kept for nothing.
fn of_reports(revision: &Revision) -> Revision {
    let Site { parks, enterprises, installations, departments, .. } = revision.site.clone();
    let points = revision.numbers.iter().zip(&revision.site.points);
    let points = points.filter(|(_, point)| point.source.gateway.as_str().ends_with("/reports"));
    let (numbers, points) = points.map(|(number, point)| (*number, point.clone())).unzip();
    Revision {
        number: revision.number,
        content_hash: revision.content_hash,
        numbers,
        site: Site { parks, enterprises, installations, departments, points, ..Site::default() },
        ..Revision::default()
    }
}
