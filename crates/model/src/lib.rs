//! The model: the nouns that every room of Davy shares.
//! In: nothing; these are values.
//! Out: ids, times, samples, points, alarms, commands, records, events, and the list of open alarms as a fold over events.
//! May not enter: tokio, clocks, files, sockets, logs, serde, prost, any other Davy crate.
//! Start at record.rs (what goes into the alarm core) and event.rs (what comes out).

mod alarm_list;
mod case;
mod casework;
mod duty_book;
mod error;
mod event;
mod id;
mod incident;
mod origin;
mod picture;
mod place;
mod record;
pub mod report;
mod sample;
mod site;
mod time;
mod warning;

pub use alarm_list::{AlarmKey, AlarmList, OpenAlarm};
pub use case::{CaseChange, CaseTask, CaseTransition};
pub use casework::{CaseworkAction, CaseworkRefusal};
pub use duty_book::{DutyChange, DutyShift, DutyTransition};
pub use error::ErrorKind;
pub use event::{
    Advice, AlarmState, AlarmTransition, ClockFault, ClockFaultKind, ClockOffset, CommandOutcome, CommandVerdict, Event,
    EventBody, EventId, FloodChange, GatewayFault, HistoryLoss, Nuisance, NuisanceKind, PossibleGap, RecordedEvent, Refusal,
    ReplayDifference, Scope, SealNotice, Sequence, SiteRevised, SourceChange, SourceChangeKind, Transition, UnmappedTags,
    sequence,
};
pub use id::{
    AlarmId, DepartmentId, EnterpriseId, Epoch, GatewayPath, InstallationId, InvalidId, KeySeq, PARTITIONS, ParkId, Partition,
    PlaceId, PlanId, PointId, PointNumber, Position, RequestId, ResourceId, RevisionNumber, Subject, WarningRuleId,
};
pub use incident::{
    AccidentClass, IncidentChange, IncidentDoubt, IncidentDuty, IncidentKind, IncidentLosses, IncidentNotice, IncidentTransition,
};
pub use origin::Origin;
pub use picture::{
    Daylight, HeadCount, HeadTotal, InZone, Lies, Picture, PictureArea, PictureNote, PicturePlan, PictureResource, PictureShape,
    PictureSubstance, PictureWind, PictureZone, SpillSize, SubstanceFrom,
};
pub use place::{Extent, HeadSource, Place, PlaceKind, Plan, Resource, ResourceKind, WindPoints};
pub use record::{Batch, Body, Command, CommandKind, Header, Message, Record, SourceId};
pub use report::{Report, ReportBody, ReportKind};
pub use sample::{Quality, Sample, SampleFlags};
pub use site::{
    AlarmKind, AlarmRule, Condition, Direction, Enterprise, Formula, Installation, InstallationKind, Location, MissingMember,
    Park, Point, PointSource, Priority, Protocol, Quantity, Range, Reference, Revision, SHELVE_MAX, Site, Substance, Suppression,
};
pub use time::{Span, Time};
pub use warning::{
    Addressed, Addressee, AlarmFacts, AlarmFilter, Colour, Department, DepartmentKind, Level, StepSpans, StepTimes,
    WarningAction, WarningCause, WarningChange, WarningPlace, WarningRefusal, WarningRule, WarningStep, WarningTransition,
};
