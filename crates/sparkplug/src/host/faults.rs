//! The rules that a node breaks: said once, counted for ever.
//!
//! Limits: `FAULTS_MAX` pairs of rule and device in a node; beyond, a rule counts for the node as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Time;

use super::report::FaultReport;

const FAULTS_MAX: usize = 64;
const DETAIL_BYTES_MAX: usize = 512;

/// By rule and device.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(BTreeMap<(Arc<str>, Option<Arc<str>>), FaultReport>);

impl Faults {
    /// Notes a fault; true the first time.
    pub(super) fn note(&mut self, rule: &'static str, device: Option<&Arc<str>>, detail: &str, now: Time) -> bool {
        let full = self.0.len() >= FAULTS_MAX;
        let mut key = (Arc::from(rule), device.cloned());
        if full && !self.0.contains_key(&key) {
            key.1 = None;
        }
        let detail = cut(detail);
        if let Some(known) = self.0.get_mut(&key) {
            known.last = now;
            known.count = known.count.saturating_add(1);
            known.detail = detail;
            return false;
        }
        let report = FaultReport { device: key.1.clone(), rule: key.0.clone(), detail, since: now, last: now, count: 1 };
        self.0.insert(key, report);
        true
    }

    /// Takes in what was noted in an earlier run.
    pub(super) fn restore(&mut self, report: FaultReport) {
        if self.0.len() < FAULTS_MAX {
            let detail = cut(&report.detail);
            self.0.insert((report.rule.clone(), report.device.clone()), FaultReport { detail, ..report });
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &FaultReport> {
        self.0.values()
    }
}

fn cut(detail: &str) -> String {
    let end = (0..=DETAIL_BYTES_MAX.min(detail.len())).rev().find(|end| detail.is_char_boundary(*end)).unwrap_or(0);
    detail[..end].to_owned()
}
