//! Makes the first pictures that warnings want, one after the other, beside the desk: nothing that is to be said waits for one. A picture
//! is asked for at the desk like any other thing; one that a crash takes back is wanted still, and made at the next start.

use std::sync::Arc;
use std::time::Duration;

use desk::Counter;
use journal::{Journal, JournalId, Level};
use model::{Partition, Picture, PointId, Position, RequestId, Revision};
use service::Shutdown;
use tokio::time::Instant;
use tracing::{info, warn};
use warning::Wanted;
use zone::{Asked, Bounds, Source, Tables};

use super::clerk::{PictureAsk, WarningAsk, WarningClerk};
use super::measured::{Tap, read};

/// How long reading may take, the wind and the head counts together; what was not read by then is unknown.
const READ_MAX: Duration = Duration::from_secs(1);

/// The loop that makes pictures.
pub(crate) struct Painter {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) counter: Arc<Counter<WarningClerk>>,
    /// The net under the journal's wake-up (traps 49).
    pub(crate) look_every: Duration,
}

/// What is wanted, by which site, and up to where that is known.
struct Order {
    wanted: Vec<Wanted>,
    site: Arc<Revision>,
    position: Position,
}

impl Painter {
    /// Runs until shutdown.
    pub(crate) async fn run(self, shutdown: &Shutdown) {
        let tables = Tables::shipped();
        while !shutdown.is_requested() {
            // Cancel-safe: what is not finished is wanted still.
            let position = tokio::select! {
                position = self.round(&tables) => position,
                () = shutdown.requested() => return,
            };
            // Cancel-safe: waiting changes nothing.
            tokio::select! {
                _ = self.journal.wait(JournalId::Events, position, Level::Durable) => {}
                () = tokio::time::sleep(self.look_every) => {}
                () = shutdown.requested() => return,
            }
        }
    }

    /// Makes what is wanted; gives the position up to which nothing more is.
    async fn round(&self, tables: &Tables) -> Position {
        let order = self.counter.read(|clerk, standing| Order {
            wanted: clerk.warnings.wanted().collect(),
            site: Arc::clone(&clerk.site),
            position: standing.position,
        });
        // A desk that lags is asked again.
        let Ok(Order { wanted, site, position }) = order.await else { return Position(u64::MAX) };
        for wanted in wanted {
            let picture = self.paint(tables, &site, wanted).await;
            let (warning, isolate_m, heads) = (picture.warning.to_string(), picture.isolate_m, picture.total.known);
            let Some(ask) = ask(picture) else { continue };
            match self.counter.ask(WarningAsk::Picture(Box::new(ask))).await {
                Ok(_) => info!(warning, isolate_m, heads, "a warning has its first picture"),
                Err(failure) => warn!(reason = failure.reason, warning, "a first picture is not on record yet; it is made again"),
            }
        }
        position
    }

    async fn paint(&self, tables: &Tables, site: &Revision, wanted: Wanted) -> Picture {
        let deadline = Instant::now() + READ_MAX;
        let now = self.journal.now();
        let asked = Asked {
            warning: wanted.warning,
            asked_by: wanted.asked_by,
            topic: wanted.topic,
            scope: wanted.scope,
            points: wanted.points,
            at: now,
        };
        let source = Source::of(&site.site, asked);
        let taps: Vec<_> = source.wind_points().filter_map(|point| tap(site, point)).collect();
        let wind = read(&*self.journal, &taps, now, deadline).await;
        let draft = source.draft(tables, &Bounds::default(), &wind);
        let taps: Vec<_> = draft.head_points().into_iter().filter_map(|point| tap(site, point)).collect();
        let heads = read(&*self.journal, &taps, now, deadline).await;
        draft.picture(&heads)
    }
}

/// The same picture is the same request: an opening or an adjustment has one.
fn ask(picture: Picture) -> Option<PictureAsk> {
    let request_id = RequestId::new(&format!("picture/{}", picture.asked_by)).ok()?;
    Some(PictureAsk { request_id, picture })
}

/// Where a point's samples stand: in the partition of its enterprise.
fn tap(site: &Revision, id: &PointId) -> Option<Tap> {
    let (number, point) = site.points().find(|(_, point)| point.id == *id)?;
    Some(Tap { point: id.clone(), number, partition: Partition::of(&point.enterprise) })
}
