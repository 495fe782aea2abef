//! `ListWarnings`: filters and pages. The list is of the present, and never cut by time (traps 46a).

use desk::Standing;
use model::{Colour, Time};
use warning::{Warning, Warnings};
use wire::{Cursor, Failure, v1};

use super::convert::{is_late, warning_to_v1};
use crate::paging::{Paging, few, within};

/// A checked request.
#[derive(Debug)]
pub(crate) struct ListRequest {
    open_only: bool,
    late_only: bool,
    colours: Vec<Colour>,
    parks: Vec<String>,
    enterprises: Vec<String>,
    departments: Vec<String>,
    paging: Paging,
}

impl ListRequest {
    pub(crate) fn check(request: v1::ListWarningsRequest) -> Result<Self, Failure> {
        let v1::ListWarningsRequest { open_only, colours, parks, enterprises, departments, late_only, page_size, page_token } =
            request;
        let colour = |it: &String| Colour::parse(it).ok_or_else(|| Failure::field("colours", "use blue, yellow, orange or red"));
        Ok(Self {
            colours: colours.iter().map(colour).collect::<Result<_, _>>()?,
            paging: Paging::check(page_size, &page_token)?,
            parks: few("parks", parks)?,
            enterprises: few("enterprises", enterprises)?,
            departments: few("departments", departments)?,
            open_only,
            late_only,
        })
    }

    /// One page of the list as it is at a moment of journal time.
    pub(crate) fn page(&self, warnings: &Warnings, standing: Standing) -> v1::ListWarningsResponse {
        let Standing { epoch, position, now } = standing;
        let found = warnings.iter().filter(|it| self.lets_through(it, now));
        let page = self.paging.page(found, |it| (it.opened_at, &it.id), |it| warning_to_v1(warnings, it, now));
        v1::ListWarningsResponse {
            warnings: page.items,
            cursor: Cursor::after(epoch, position).encode(),
            next_page_token: page.next_page_token,
            total_size: page.total_size,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::{IDS_MAX, PAGE_MAX};

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
}
