//! Pages of lists: oldest first, each begun after the last one of the page before. A page ends at its size, or earlier where it would be
//! larger than clients take (traps 56).

use model::{EventId, Time};
use prost::Message;
use wire::Failure;

pub(crate) const PAGE_MAX: i32 = 1_000;
const PAGE_DEFAULT: i32 = 100;
pub(crate) const IDS_MAX: usize = 1_000;
/// Clients take 4 MiB where nobody says otherwise.
const PAGE_BYTES: usize = 3 * 1024 * 1024;

/// Which page is wanted.
#[derive(Debug)]
pub(crate) struct Paging {
    size: usize,
    /// The last one of the page before.
    after: Option<(Time, EventId)>,
}

/// One page.
pub(crate) struct Page<M> {
    pub(crate) items: Vec<M>,
    /// Empty on the last page.
    pub(crate) next_page_token: String,
    /// On all pages.
    pub(crate) total_size: i32,
}

impl Paging {
    pub(crate) fn check(page_size: i32, page_token: &str) -> Result<Self, Failure> {
        let size = match page_size {
            0 => PAGE_DEFAULT,
            size @ 1..=PAGE_MAX => size,
            _ => return Err(Failure::field("page_size", format!("use 1 to {PAGE_MAX}, or 0 for {PAGE_DEFAULT}"))),
        };
        Ok(Self { size: usize::try_from(size).unwrap_or(1), after: token(page_token)? })
    }

    /// Cuts one page out of what a filter let through, as it is shown.
    pub(crate) fn page<'a, T: 'a, M: Message>(
        &self,
        found: impl Iterator<Item = &'a T>,
        order: impl Fn(&T) -> (Time, &EventId),
        show: impl Fn(&T) -> M,
    ) -> Page<M> {
        let mut found: Vec<_> = found.collect();
        found.sort_by(|one, other| order(one).cmp(&order(other)));
        let total_size = i32::try_from(found.len()).unwrap_or(i32::MAX);
        let is_before = |it: &&T| self.after.as_ref().is_some_and(|(at, id)| order(it) <= (*at, id));
        let mut rest = found.into_iter().skip_while(is_before).peekable();
        let (mut items, mut last, mut bytes) = (Vec::new(), None, 0);
        while items.len() < self.size
            && let Some(item) = rest.peek()
        {
            let shown = show(item);
            bytes += shown.encoded_len();
            if bytes > PAGE_BYTES && last.is_some() {
                break;
            }
            items.push(shown);
            last = rest.next();
        }
        let last = last.filter(|_| rest.peek().is_some()).map(order);
        let next_page_token = last.map(|(at, id)| format!("{}/{id}", at.micros())).unwrap_or_default();
        Page { items, next_page_token, total_size }
    }
}

fn token(text: &str) -> Result<Option<(Time, EventId)>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (micros, id) = text.split_once('/')?;
        Some((Time::from_micros(micros.parse().ok()?), EventId::parse(id)?))
    };
    read().map(Some).ok_or_else(|| Failure::field("page_token", "give it as the page before did"))
}

/// A filter names at most so many.
pub(crate) fn few(field: &'static str, ids: Vec<String>) -> Result<Vec<String>, Failure> {
    if ids.len() > IDS_MAX { Err(Failure::field(field, format!("name {IDS_MAX} at most"))) } else { Ok(ids) }
}

/// Whether a filter lets a value through.
pub(crate) fn within(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|it| it == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_its_field() {
        let field = |size, token| Paging::check(size, token).err().and_then(|failure| failure.field);
        assert_eq!(field(0, ""), None);
        for size in [-1, PAGE_MAX + 1] {
            assert_eq!(field(size, ""), Some("page_size"));
        }
        assert_eq!(field(1, "7"), Some("page_token"));
        assert_eq!(few("parks", vec![String::new(); IDS_MAX + 1]).err().and_then(|it| it.field), Some("parks"));
    }

    #[test]
    fn pages_hold_all_once_in_order_and_none_is_too_large() {
        let id = |n: u64| EventId::parse(&format!("00000000000000ab-exchange/casework-{n}-0")).expect("valid");
        let items: Vec<(Time, EventId)> =
            [(5, 9), (5, 2), (1, 3), (7, 1), (5, 4)].map(|(at, n)| (Time::from_micros(at), id(n))).into();
        for (size, bytes, pages) in [(2, 10, 3), (1_000, PAGE_BYTES / 3, 3), (1_000, PAGE_BYTES * 2, 5)] {
            let show = |(_, id): &(Time, EventId)| wire::v1::CaseEnd {
                actor: id.key_seq.0.to_string(),
                text: "x".repeat(bytes),
                ..wire::v1::CaseEnd::default()
            };
            let (mut token, mut seen, mut count) = (String::new(), Vec::new(), 0);
            loop {
                let page = Paging::check(size, &token).expect("valid").page(items.iter(), |(at, id)| (*at, id), show);
                assert_eq!(page.total_size, 5);
                seen.extend(page.items.into_iter().map(|it| it.actor));
                count += 1;
                if page.next_page_token.is_empty() {
                    break;
                }
                token = page.next_page_token;
            }
            assert_eq!((seen.join(" ").as_str(), count), ("3 2 4 9 1", pages), "{size} of {bytes} bytes");
        }
    }

    #[test]
    fn a_token_reads_back() {
        let id = EventId::parse("00000000000000ab-exchange/warnings-42-3").expect("valid");
        let after = token("-5/00000000000000ab-exchange/warnings-42-3").expect("valid");
        assert_eq!(after, Some((Time::from_micros(-5), id)));
    }
}
