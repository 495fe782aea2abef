//! `davy migrate`: makes or brings up to date the tables of a store, and says what the database is.

use anyhow::Context;
use store::{Description, StoreError, StoreUrl};

use crate::exit::CommandError;

/// Runs the migrations that are not yet there; `davy up` does the same at its start.
pub async fn run(url: &str) -> Result<(), CommandError> {
    let failed = |error: StoreError| CommandError::of(error.kind(), error);
    let url = url.parse::<StoreUrl>().with_context(|| "take --store".to_owned()).map_err(CommandError::usage)?;
    let store = store::open(&url).await.map_err(failed)?;
    let prepared = store.prepare().await.map_err(failed);
    store.close().await;
    let Description { version, without, .. } = prepared?;
    eprintln!("store   {url}");
    eprintln!("server  {version}");
    for missing in without {
        eprintln!("note    {missing}");
    }
    eprintln!("tables are up to date");
    Ok(())
}
