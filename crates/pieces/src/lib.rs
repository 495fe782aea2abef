//! Pieces: how folds write their state as bytes and read it back, so that each names its parts and nothing else.
//! In: values of the model and of the standard library; bytes that may be anything.
//! Out: the bytes of a snapshot; the values in it, or where it is broken.
//! May not enter: clocks, IO, async, logging, hash order, any Davy crate but model; what a snapshot means.
//! Start at piece.rs (the format, and what a piece is), then snapshot.rs (its head).

mod nouns;
mod picture;
mod piece;
mod reader;
mod snapshot;

pub use piece::Piece;
pub use reader::{Broken, Reader};
pub use snapshot::{Format, RestoreError};
