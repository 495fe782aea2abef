//! What happens to rows when something breaks: always all of a batch or nothing, and the next one works.

mod contention;
mod disk;
mod network;
mod poison;
mod restart;

/// A test for each server that has sessions and can break: the one in WebAssembly has one session and keeps nothing.
macro_rules! on_servers {
    ($($case:ident),+ $(,)?) => {
        mod plain {
            $(#[tokio::test] async fn $case() { super::$case(harness::Kind::Plain).await; })+
        }
        mod apache {
            $(#[tokio::test] async fn $case() { super::$case(harness::Kind::Apache).await; })+
        }
    };
}
pub(crate) use on_servers;
