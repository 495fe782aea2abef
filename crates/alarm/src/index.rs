//! From a point's number to its place in this partition: two loads, no hash.
//! Numbers are dense over the whole deployment, but a partition holds only some: pages of 1,024 hold those that are near each other.

use model::PointNumber;

const PAGE: usize = 1_024;
const NONE: u32 = u32::MAX;

/// Where each number lives.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// For each page of numbers, which stored page.
    directory: Vec<u32>,
    pages: Vec<u32>,
}

impl Index {
    /// The index of sorted numbers to their rank.
    pub(crate) fn of(numbers: &[PointNumber]) -> Self {
        let mut index = Self::default();
        for (local, number) in (0_u32..).zip(numbers) {
            let at = index.slot(number.0 as usize);
            index.pages[at] = local;
        }
        index
    }

    fn slot(&mut self, number: usize) -> usize {
        let page = number / PAGE;
        if self.directory.len() <= page {
            self.directory.resize(page + 1, NONE);
        }
        if self.directory[page] == NONE {
            self.directory[page] = u32::try_from(self.pages.len() / PAGE).unwrap_or(NONE);
            self.pages.resize(self.pages.len() + PAGE, NONE);
        }
        self.directory[page] as usize * PAGE + number % PAGE
    }

    /// The place of a point, if it lives here.
    #[inline]
    pub(crate) fn get(&self, number: PointNumber) -> Option<usize> {
        let number = number.0 as usize;
        let page = *self.directory.get(number / PAGE)?;
        let local = *self.pages.get(page as usize * PAGE + number % PAGE)?;
        (local != NONE).then_some(local as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let numbers = [0, 1, 1_023, 1_024, 70_000, 5_000_000].map(PointNumber);
        let index = Index::of(&numbers);
        for (local, number) in numbers.iter().enumerate() {
            assert_eq!(index.get(*number), Some(local));
        }
        for absent in [2, 1_022, 1_025, 69_999, 4_999_999, 5_000_001, u32::MAX] {
            assert_eq!(index.get(PointNumber(absent)), None, "{absent}");
        }
    }
}
