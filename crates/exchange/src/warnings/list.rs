//! `ListWarnings`: filters and pages. The list is of the present, and never cut by time (traps 46a).

use desk::Standing;
use model::{Colour, EventId, Time};
use warning::{Warning, Warnings};
use wire::{Cursor, Failure, v1};

use super::convert::{is_late, warning_to_v1};

const PAGE_MAX: i32 = 1_000;
const PAGE_DEFAULT: i32 = 100;
const IDS_MAX: usize = 1_000;

/// A checked request.
#[derive(Debug)]
pub(crate) struct ListRequest {
    open_only: bool,
    late_only: bool,
    colours: Vec<Colour>,
    parks: Vec<String>,
    enterprises: Vec<String>,
    departments: Vec<String>,
    page_size: usize,
    /// The last one of the page before.
    after: Option<(Time, EventId)>,
}

impl ListRequest {
    pub(crate) fn check(request: v1::ListWarningsRequest) -> Result<Self, Failure> {
        let v1::ListWarningsRequest { open_only, colours, parks, enterprises, departments, late_only, page_size, page_token } =
            request;
        let lists = [("parks", &parks), ("enterprises", &enterprises), ("departments", &departments)];
        if let Some((field, _)) = lists.into_iter().find(|(_, ids)| ids.len() > IDS_MAX) {
            return Err(Failure::field(field, format!("name {IDS_MAX} at most")));
        }
        let colour = |it: &String| Colour::parse(it).ok_or_else(|| Failure::field("colours", "use blue, yellow, orange or red"));
        let page_size = match page_size {
            0 => PAGE_DEFAULT,
            size @ 1..=PAGE_MAX => size,
            _ => return Err(Failure::field("page_size", format!("use 1 to {PAGE_MAX}, or 0 for {PAGE_DEFAULT}"))),
        };
        Ok(Self {
            colours: colours.iter().map(colour).collect::<Result<_, _>>()?,
            page_size: usize::try_from(page_size).unwrap_or(1),
            after: token(&page_token)?,
            open_only,
            late_only,
            parks,
            enterprises,
            departments,
        })
    }

    /// One page of the list as it is at a moment of journal time.
    pub(crate) fn page(&self, warnings: &Warnings, standing: Standing) -> v1::ListWarningsResponse {
        let Standing { epoch, position, now } = standing;
        let mut found: Vec<_> = warnings.iter().filter(|it| self.lets_through(it, now)).collect();
        found.sort_by_key(|it| order(it));
        let total_size = i32::try_from(found.len()).unwrap_or(i32::MAX);
        let rest = found.into_iter().skip_while(|it| self.after.as_ref().is_some_and(|after| order(it) <= *after));
        let mut page: Vec<_> = rest.take(self.page_size + 1).collect();
        let more = page.len() > self.page_size;
        page.truncate(self.page_size);
        let last = page.last().filter(|_| more);
        v1::ListWarningsResponse {
            next_page_token: last.map(|it| format!("{}/{}", it.opened_at.micros(), it.id)).unwrap_or_default(),
            warnings: page.into_iter().map(|it| warning_to_v1(it, warnings.origin(&it.id), now)).collect(),
            cursor: Cursor::after(epoch, position).encode(),
            total_size,
        }
    }

    fn lets_through(&self, warning: &Warning, now: Time) -> bool {
        let addressed = || {
            let told = warning.addressees.iter().filter(|party| party.steps.is_some());
            told.map(|party| party.department.as_str()).any(|it| self.departments.iter().any(|id| id == it))
        };
        (!self.open_only || warning.closed.is_none())
            && (!self.late_only || is_late(warning, now))
            && (self.colours.is_empty() || self.colours.contains(&warning.colour))
            && within(&self.parks, warning.scope.park.as_deref())
            && within(&self.enterprises, warning.scope.enterprise.as_deref())
            && (self.departments.is_empty() || addressed())
    }
}

fn within(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|it| it == value))
}

/// Oldest first.
fn order(warning: &Warning) -> (Time, EventId) {
    (warning.opened_at, warning.id.clone())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_its_field() {
        let field = |request| ListRequest::check(request).err().and_then(|failure| failure.field);
        let good = v1::ListWarningsRequest::default();
        assert_eq!(field(good.clone()), None);
        assert_eq!(field(v1::ListWarningsRequest { colours: vec!["green".to_owned()], ..good.clone() }), Some("colours"));
        for page_size in [-1, PAGE_MAX + 1] {
            assert_eq!(field(v1::ListWarningsRequest { page_size, ..good.clone() }), Some("page_size"));
        }
        assert_eq!(field(v1::ListWarningsRequest { page_token: "7".to_owned(), ..good.clone() }), Some("page_token"));
        let ids = vec![String::new(); IDS_MAX + 1];
        assert_eq!(field(v1::ListWarningsRequest { parks: ids.clone(), ..good.clone() }), Some("parks"));
        assert_eq!(field(v1::ListWarningsRequest { departments: ids, ..good }), Some("departments"));
    }

    #[test]
    fn a_token_reads_back() {
        let id = EventId::parse("00000000000000ab-exchange/warnings-42-3").expect("valid");
        let after = token("-5/00000000000000ab-exchange/warnings-42-3").expect("valid");
        assert_eq!(after, Some((Time::from_micros(-5), id)));
    }
}
