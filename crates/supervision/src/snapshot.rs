//! States of the two folds as bytes; what stands where is said by the code below, one line a field.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AlarmKind, Epoch, Header, Partition, PointNumber, RevisionNumber, SourceId, Span};

use crate::codec::{Reader, RestoreError, Writer};
use crate::due::Due;
use crate::events::{EventsFold, Open};
use crate::fold::{Gateway, PartitionFold};
use crate::gap::Reason;
use crate::layout::Place;
use crate::needs::{Needs, ONLINE, RuleSpan};
use crate::point::Hot;
use crate::sources::{Outage, Source, Sources};

const PARTITION_MAGIC: [u8; 4] = *b"DVSP";
const EVENTS_MAGIC: [u8; 4] = *b"DVSE";

impl PartitionFold {
    /// The state after the last record.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::header(PARTITION_MAGIC);
        out.u8(self.partition.0);
        out.u64(self.header.position.0);
        out.time(self.header.time);
        out.u64(self.header.epoch.0);
        out.u8(u8::from(self.begun));
        out.u8(u8::from(self.skipped));
        out.u8(u8::from(self.starting));
        out.time(self.now);
        out.u32(self.version);
        out.u32(self.revision.0);
        out.list(self.sources.0.iter(), Writer::source);
        out.list(self.gateways.iter(), Writer::gateway);
        out.list(self.points.iter().zip(&self.hot), |out, (place, hot)| out.point(place, hot));
        out.list(self.rules.values(), Writer::rule);
        out.list(self.zones.iter(), |out, (park, zone)| {
            out.text(park);
            out.text(zone);
        });
        out.0
    }

    /// The fold as it was after the record that the state stands for.
    pub fn restore(state: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = Reader::header(state, PARTITION_MAGIC)?;
        let mut fold = Self::new(Partition(reader.u8()?));
        fold.header = Header { position: reader.position()?, time: reader.time()?, epoch: Epoch(reader.u64()?) };
        fold.begun = reader.flag()?;
        fold.skipped = reader.flag()?;
        fold.starting = reader.flag()?;
        fold.now = reader.time()?;
        fold.version = reader.u32()?;
        fold.revision = RevisionNumber(reader.u32()?);
        fold.sources = Sources(reader.list(Reader::source)?);
        let sources = fold.sources.0.len();
        if fold.sources.0.iter().enumerate().any(|(at, it)| it.parent.is_some_and(|parent| parent >= at)) {
            return Err(reader.broken());
        }
        fold.gateways = reader.list(|reader| reader.gateway(sources))?;
        let gateways = fold.gateways.len();
        (fold.points, fold.hot) = reader.list(|reader| reader.point(sources, gateways))?.into_iter().unzip();
        let rules = reader.list(Reader::rule)?;
        fold.rules = rules.into_iter().map(|it| ((Arc::clone(&it.point), Arc::clone(&it.alarm)), it)).collect();
        fold.zones = reader.list(|reader| Ok((reader.text()?, reader.text()?)))?.into_iter().collect();
        reader.end()?;
        fold.due = Due::new(fold.points.len());
        (0..fold.points.len()).for_each(|local| fold.register(local));
        Ok(fold)
    }
}

impl EventsFold {
    /// The state after the last event.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::header(EVENTS_MAGIC);
        out.time(self.now);
        out.u8(u8::from(self.skipped));
        out.list(self.open.iter(), |out, ((point, alarm, fault), open)| {
            out.text(point);
            out.text(alarm);
            out.u8(u8::from(*fault));
            out.reason(open.reason);
            out.time(open.from);
            out.text(&open.evidence);
        });
        out.0
    }

    /// The fold as it was after the event that the state stands for.
    pub fn restore(state: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = Reader::header(state, EVENTS_MAGIC)?;
        let (now, skipped) = (reader.time()?, reader.flag()?);
        let open = reader.list(|reader| {
            let key = (reader.text()?, reader.text()?, reader.flag()?);
            let open = Open { reason: reader.reason()?, from: reader.time()?, evidence: reader.text()?.to_string() };
            Ok((key, open))
        })?;
        reader.end()?;
        Ok(Self { now, skipped, open: open.into_iter().collect::<BTreeMap<_, _>>() })
    }
}

impl Writer {
    fn reason(&mut self, reason: Reason) {
        self.u8(reason as u8);
    }

    fn source(&mut self, source: &Source) {
        self.text(source.name.as_str());
        self.maybe(source.parent, Self::place);
        self.maybe(source.outage, |out, outage| {
            out.time(outage.since);
            out.u64(outage.at.0);
            out.u8(u8::from(outage.said));
        });
    }

    fn gateway(&mut self, gateway: &Gateway) {
        self.text(&gateway.path);
        self.place(gateway.source);
        self.maybe(gateway.ahead, |out, (time, at)| {
            out.time(time);
            out.u64(at.0);
        });
        self.u32(gateway.row);
        self.time(gateway.row_since);
    }

    fn point(&mut self, place: &Place, hot: &Hot) {
        self.u32(place.number.0);
        self.text(&place.id);
        self.u64(place.stale_after.micros().unsigned_abs());
        self.place(place.gateway);
        self.place(place.source);
        self.time(hot.last);
        self.time(hot.anchor);
        self.u64(hot.at.0);
        self.maybe(hot.stale, Self::time);
        self.maybe(hot.quality, |out, (reason, from, at)| {
            out.reason(reason);
            out.time(from);
            out.u64(at.0);
        });
        self.u8(hot.flags);
    }

    fn rule(&mut self, rule: &RuleSpan) {
        self.text(&rule.point);
        self.text(&rule.alarm);
        self.time(rule.from);
        self.text(rule.kind);
        self.text(&rule.park);
        self.text(&rule.enterprise);
        self.text(&rule.installation);
        rule.needs.write(self);
    }
}

impl Reader<'_> {
    fn reason(&mut self) -> Result<Reason, RestoreError> {
        let at = usize::from(self.u8()?);
        Reason::ALL.get(at).copied().ok_or_else(|| self.broken())
    }

    fn source(&mut self) -> Result<Source, RestoreError> {
        let name = SourceId::named(&self.text()?);
        let parent = self.maybe(Self::u32)?.map(|it| it as usize);
        let outage = self.maybe(|reader| {
            let (since, at) = (reader.time()?, reader.position()?);
            Ok(Outage { since, at, said: reader.flag()? })
        })?;
        Ok(Source { name, parent, outage })
    }

    fn gateway(&mut self, sources: usize) -> Result<Gateway, RestoreError> {
        let (path, source) = (self.text()?, self.place(sources)?);
        let ahead = self.maybe(|reader| Ok((reader.time()?, reader.position()?)))?;
        Ok(Gateway { path, source, ahead, row: self.u32()?, row_since: self.time()? })
    }

    fn point(&mut self, sources: usize, gateways: usize) -> Result<(Place, Hot), RestoreError> {
        let (number, id) = (PointNumber(self.u32()?), self.text()?);
        let stale_after = i64::try_from(self.u64()?).map(Span::from_micros).map_err(|_| self.broken())?;
        let place = Place { number, id, stale_after, gateway: self.place(gateways)?, source: self.place(sources)? };
        let (last, anchor, at, stale) = (self.time()?, self.time()?, self.position()?, self.maybe(Self::time)?);
        let quality = self.maybe(|reader| Ok((reader.reason()?, reader.time()?, reader.position()?)))?;
        let flags = self.u8()?;
        if flags & !Hot::ALL != 0 {
            return Err(self.broken());
        }
        Ok((place, Hot { last, anchor, at, stale, quality, flags }))
    }

    fn rule(&mut self) -> Result<RuleSpan, RestoreError> {
        let (point, alarm, from) = (self.text()?, self.text()?, self.time()?);
        let kind = kind(&self.text()?).ok_or_else(|| self.broken())?;
        let (park, enterprise, installation) = (self.text()?, self.text()?, self.text()?);
        let needs = Needs::read(self)?;
        Ok(RuleSpan { point, alarm, from, to: None, kind, park, enterprise, installation, needs })
    }
}

/// The kind of rule that a word names: a kind of alarm, or `ONLINE`.
pub fn kind(word: &str) -> Option<&'static str> {
    if word == ONLINE { Some(ONLINE) } else { AlarmKind::parse(word).map(AlarmKind::as_str) }
}
