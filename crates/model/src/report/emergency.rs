//! What emergency management reports, and alerts of other systems.

use super::body;
use crate::Time;
use crate::site::words;

words!(
    /// The level of an emergency response (应急响应), from none to the highest.
    PlanLevel {
        /// There is none, or no longer.
        None = "none",
        /// IV.
        Iv = "iv",
        /// III.
        Iii = "iii",
        /// II.
        Ii = "ii",
        /// I.
        I = "i",
    }
);

words!(
    /// How far somebody or something that is sent is.
    DispatchState {
        /// It is to go.
        Ordered = "ordered",
        /// It is on its way.
        OnTheWay = "on_the_way",
        /// It is there.
        Arrived = "arrived",
        /// It is free again.
        Released = "released",
    }
);

body!(
    /// An emergency response was started, changed or ended.
    ResponseLevel {
        /// Its level from now on.
        level: PlanLevel,
        /// By which plan.
        plan: String,
    }
);

body!(
    /// Somebody or something is sent.
    Dispatch {
        /// What or who.
        resource: String,
        /// From where.
        from: String,
        /// To where.
        to: String,
        /// How far it is.
        state: DispatchState,
    }
);

body!(
    /// The danger at a place is over.
    AllClear {
        /// Where.
        place: String,
    }
);

body!(
    /// An alert of another system, as its CAP document says; what is told of its first information is empty where it has none.
    ExternalAlert {
        /// Unique for its sender.
        identifier: String,
        /// Whose it is.
        sender: String,
        /// When it was sent.
        sent: Time,
        /// Alert, Update, Cancel, Ack, Error.
        msg_type: String,
        /// The headline.
        headline: String,
        /// The event.
        event: String,
        /// How bad, in CAP's word.
        severity: String,
        /// How soon, in CAP's word.
        urgency: String,
        /// How sure, in CAP's word.
        certainty: String,
        /// Until when it holds.
        expires: Option<Time>,
        /// Where, in words.
        area: String,
    }
);
