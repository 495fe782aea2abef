//! One transaction of upkeep.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, query};

use super::errors::during;
use super::kept;
use crate::upkeep::Patch;
use crate::{Figure, Resolution, StoreError};

/// The marks as they were read: one that grew since then stays.
pub(super) const UNMARK: &str = "delete from dirty_minutes where (point, minute, mark) in \
     (select value ->> 0, value ->> 1, value ->> 2 from json_each(?))";

/// Makes all of the changes, or none.
pub(super) async fn apply(connection: &mut SqliteConnection, patch: &Patch) -> Result<(), StoreError> {
    let doing = || during("write figures");
    let mut transaction = connection.begin_with("begin immediate").await.map_err(during("begin a transaction"))?;
    if let Some(claimed_to) = patch.claimed_to {
        let sql = query("update figures_state set claimed_to = max(claimed_to, ?)").bind(claimed_to.micros());
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    if let Some((resolution, from, to)) = patch.clear {
        let sql = format!("delete from {} where start >= ? and start < ?", kept::table(resolution));
        let sql = query(AssertSqlSafe(sql)).bind(from.micros()).bind(to.micros());
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    for (resolution, start, point) in &patch.gone {
        let sql = format!("delete from {} where start = ? and point = ?", kept::table(*resolution));
        let sql = query(AssertSqlSafe(sql)).bind(start.micros()).bind(i64::from(point.0));
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    for (figures, missing) in [(&patch.put, false), (&patch.missing, true)] {
        for resolution in Resolution::ALL {
            let some: Vec<Figure> = figures.iter().filter(|(of, _)| of == resolution).map(|(_, figure)| *figure).collect();
            kept::insert(*resolution, missing).rows(&mut transaction, &some, kept::bind).await.map_err(doing())?;
        }
    }
    if !patch.unmark.is_empty() {
        let marks: Vec<_> = patch.unmark.iter().map(|(point, minute, mark)| [i64::from(*point), *minute, *mark]).collect();
        query(UNMARK).bind(format!("{marks:?}")).execute(&mut *transaction).await.map_err(doing())?;
    }
    if let Some(done_to) = patch.done_to {
        let sql = query("update figures_state set done_to = max(done_to, ?)").bind(done_to.micros());
        sql.execute(&mut *transaction).await.map_err(doing())?;
    }
    transaction.commit().await.map_err(during("commit a transaction"))
}
