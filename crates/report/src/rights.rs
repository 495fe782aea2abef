//! Who may report what: each kind by the departments whose matter it is.

use model::{DepartmentKind, ReportKind};

use DepartmentKind::{City, County, Ecology, Emergency, Fire, Health, Park, Police, Transport};

/// Those who inspect enterprises and order what is to be put right, each in its field (联动执法).
const ENFORCEMENT: &[DepartmentKind] = &[Transport, Emergency, Police, Ecology, Fire, Health];

/// Those whose findings count towards an enterprise's credit (诚信约束).
const CREDIT: &[DepartmentKind] = &[Emergency, County, City];

/// The kinds of department that may report a kind.
pub const fn reporters(kind: ReportKind) -> &'static [DepartmentKind] {
    match kind {
        ReportKind::Waybill => &[Transport],
        ReportKind::RouteDeviation | ReportKind::Diversion => &[Transport, Police],
        ReportKind::VehiclePosition => &[Transport, Park],
        ReportKind::GatePass | ReportKind::Yard | ReportKind::HeadCount => &[Park],
        ReportKind::ZoneEmptied => &[Park, Emergency, Police, Fire],
        ReportKind::ResponseLevel | ReportKind::AllClear => &[Emergency, County, City],
        ReportKind::Dispatch => &[Emergency, Police, Fire, Health],
        ReportKind::Inspection | ReportKind::Finding | ReportKind::Order | ReportKind::Penalty => ENFORCEMENT,
        ReportKind::CreditPoints | ReportKind::BlackList | ReportKind::CreditRepair => CREDIT,
        // An enterprise's own office is no authority.
        ReportKind::ExternalAlert => &[Park, Transport, Emergency, Police, Ecology, Fire, Health, County, City],
    }
}
