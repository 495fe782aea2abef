//! The short list of ways in which a request or an operation fails, the same at every boundary.

/// What kind of failure it is; decides the gRPC status and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller's input is wrong; the field is named.
    InvalidInput,
    /// No such thing.
    NotFound,
    /// The thing is not in the state that the request needs.
    Conflict,
    /// A position that is no longer, or not yet, there.
    OutOfRange,
    /// Something Davy depends on cannot be reached at present.
    Unavailable,
    /// A bound was reached; later is better.
    Exhausted,
    /// What was stored cannot be trusted.
    Corrupt,
    /// Davy is at fault.
    Internal,
}
