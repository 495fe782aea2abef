//! Who may report what, and of which places.

use super::*;
use crate::{Reason, reporters};

/// Every kind of report with every kind of department.
#[test]
fn only_those_whose_matter_it_is_report() {
    for (_, body) in all() {
        for kind in DepartmentKind::ALL {
            let taken = Desk::new().submit(1, &draft("r", kind.as_str(), body.clone()));
            let may = reporters(body.kind()).contains(kind);
            assert_eq!(taken.is_ok(), may, "{:?} by {kind:?}: {taken:?}", body.kind());
            if let Err(refusal) = taken {
                assert_eq!((refusal.reason, refusal.field), (Reason::NotAllowed, "department"));
                assert!(refusal.message.contains(body.kind().word()), "{}", refusal.message);
            }
        }
        assert!(!reporters(body.kind()).contains(&DepartmentKind::Enterprise), "an enterprise reports to authorities elsewhere");
    }
}

#[test]
fn a_department_reports_of_its_own_places() {
    let mut desk = Desk::new();
    let far = |department: &str, body: ReportBody| Draft { park: text("yangkou"), ..draft("r", department, body) };
    for (who, body) in [("office", head_count("3号", 1).into()), ("emergency", AllClear { place: text("3号") }.into())] {
        let refusal = desk.submit(1, &far(who, body)).expect_err("another park, another county");
        assert_eq!((refusal.reason, refusal.field), (Reason::NotAllowed, "department"), "{who}");
        assert!(refusal.message.contains("yangkou"), "{}", refusal.message);
    }
}

#[test]
fn the_scope_is_the_narrowest_that_is_known() {
    let scope = |change: fn(&mut Draft), who: &str, body: ReportBody| {
        let mut desk = Desk::new();
        let mut draft = draft("r", who, body);
        change(&mut draft);
        desk.submit(1, &draft).expect("taken");
        let scope = desk.journal[0].event.scope.clone();
        [scope.park, scope.enterprise, scope.installation].map(|it| it.map(|it| it.to_string()).unwrap_or_default())
    };
    let count = |place: &str| ReportBody::from(head_count(place, 1));
    assert_eq!(scope(|_| {}, "office", count("unit")), ["rugang", "e01", "unit"]);
    assert_eq!(scope(|_| {}, "office", count("e01")), ["rugang", "e01", ""]);
    assert_eq!(scope(|_| {}, "office", count("三号楼")), ["rugang", "", ""], "its own park");
    assert_eq!(scope(|it| it.enterprise = text("e01"), "office", count("三号楼")), ["rugang", "e01", ""]);
    assert_eq!(scope(|it| it.park = text("rugang"), "transport", waybill().into()), ["rugang", "e01", ""]);
    assert_eq!(scope(|_| {}, "transport", position("v", "").into()), ["", "", ""], "on the road");
    let dispatch = Dispatch { resource: text("a"), from: text("b"), to: text("unit"), state: DispatchState::Arrived };
    assert_eq!(scope(|_| {}, "fire", dispatch.into()), ["rugang", "e01", "unit"]);
}
