//! One word to all loops: stop.

use tokio_util::sync::CancellationToken;

/// Says once and for all that a part should stop. Clones share the word; a child stops with its parent, not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A word not yet said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says it.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Whether it was said.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves when it is said. Cancel-safe.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// A word of its own for a part that stops earlier than the rest.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_stops_with_its_parent_and_not_the_other_way_round() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.request();
        assert!(first.is_requested() && !parent.is_requested() && !second.is_requested());
        parent.request();
        second.requested().await;
    }
}
