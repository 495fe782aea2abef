//! What the server's planner must know of a table before it finds its way through the indices.
//!
//! The server counts for itself, but looks only once a minute and not where its own upkeep is turned off: until then a list of alarms may
//! sort a year of them for one page.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, query};
use tracing::debug;

use super::column;
use super::errors::during;
use crate::StoreError;

/// Rows of which a wrong way through them can be felt.
const ROWS: i64 = 2_000;

/// Has the server count what it never counted; pieces of samples are read by ways that need no count.
pub(super) async fn first(connection: &mut PgConnection) -> Result<(), StoreError> {
    let doing = "count the rows of a table";
    let sql = "select s.relname::text from pg_stat_user_tables s join pg_class c on c.oid = s.relid \
               where s.schemaname = current_schema() and c.relkind = 'r' and c.reltuples <= 0 and s.n_mod_since_analyze > $1 \
                   and s.relname = any('{points,occurrences,events,dead_letters,figures_1m,figures_1h,figures_1d,gaps,rules,rule_days}')";
    let rows = query(sql).bind(ROWS).fetch_all(&mut *connection).await.map_err(during(doing))?;
    for row in &rows {
        let table: String = column(row, 0)?;
        query(AssertSqlSafe(format!("analyze {table}")))
            .persistent(false)
            .execute(&mut *connection)
            .await
            .map_err(during(doing))?;
        debug!(table, "the server has counted the rows of a table for the first time");
    }
    Ok(())
}
