//! First pictures: which warnings still want one, and the latest of each. A picture is made outside, from what the site knows and from what
//! was measured, and counts when it is read back; a warning that was opened right before a crash still wants its own at the next start.

use std::sync::Arc;

use model::{Event, EventBody, EventId, Picture, RecordedEvent, Scope, WarningTransition};

use crate::fold::Warnings;

/// A picture that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The warning.
    pub warning: EventId,
    /// The event that asks: the opening, or the last adjustment that changed what it is about.
    pub asked_by: EventId,
    /// Its topic.
    pub topic: String,
    /// Whom it concerns.
    pub scope: Scope,
    /// The points of the alarms behind it, in order, each once.
    pub points: Vec<Arc<str>>,
}

impl Warnings {
    /// The pictures that are to be made, oldest warning first.
    pub fn wanted(&self) -> impl Iterator<Item = Wanted> {
        self.wanted.iter().filter_map(|(id, asked_by)| {
            let warning = self.warnings.get(id)?;
            let mut points: Vec<_> = warning.alarms.iter().map(|it| Arc::clone(&it.point)).collect();
            points.dedup();
            let (topic, scope) = (warning.topic.clone(), warning.scope.clone());
            Some(Wanted { warning: id.clone(), asked_by: asked_by.clone(), topic, scope, points })
        })
    }

    /// The latest picture of a warning.
    pub fn picture(&self, warning: &EventId) -> Option<&Picture> {
        self.pictures.get(warning).map(|it| &**it)
    }

    /// Whether a warning wants a picture that is not there yet.
    pub fn is_wanted(&self, warning: &EventId) -> bool {
        self.wanted.contains_key(warning)
    }

    /// A picture as an event; `None` where nobody wants it any more.
    pub fn pictured(&self, picture: &Picture) -> Option<Event> {
        let warning = self.warnings.get(&picture.warning)?;
        (self.wanted.get(&picture.warning) == Some(&picture.asked_by)).then(|| Event {
            occurred_at: picture.at,
            subject: Arc::clone(&warning.place.id),
            scope: warning.scope.clone(),
            revision: self.rules.revision,
            body: EventBody::Picture(Box::new(picture.clone())),
        })
    }

    /// An event about a warning asks for a picture.
    pub(crate) fn want(&mut self, warning: &EventId, asked_by: &EventId) {
        self.wanted.insert(warning.clone(), asked_by.clone());
    }

    pub(crate) fn has_picture(&mut self, recorded: &RecordedEvent, picture: &Picture) {
        let Some(warning) = self.warnings.get_mut(&picture.warning) else { return };
        if warning.closed.is_none() {
            // Zones are news to who reads messages.
            warning.say(recorded, WarningTransition::Adjusted);
        }
        if self.wanted.get(&picture.warning) == Some(&picture.asked_by) {
            self.wanted.remove(&picture.warning);
        }
        self.pictures.insert(picture.warning.clone(), Box::new(picture.clone()));
    }
}
