//! The closed lists of words of CAP 1.2.

use crate::leaf::Invalid;

/// An enumeration, its words as the standard writes them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$word_doc])* $word,)+ }

        impl $name {
            /// All of them, in the standard's order.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }

            /// From the word; case counts.
            ///
            /// # Errors
            /// Any other word.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                let found = Self::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| Invalid::new(text, concat!("it has to be one of", $(" ", $text,)+)))
            }
        }
    };
}

words! {
    /// How to take the message.
    Status {
        /// To be acted on by all it is for.
        Actual = "Actual",
        /// To be acted on by those who take part in a drill, named in `note`.
        Exercise = "Exercise",
        /// For the workings of alerting systems.
        System = "System",
        /// Technical testing only: disregard.
        Test = "Test",
        /// Not to be acted on.
        Draft = "Draft",
    }
}

words! {
    /// What the message does.
    MsgType {
        /// Says something new.
        Alert = "Alert",
        /// Replaces earlier messages.
        Update = "Update",
        /// Takes earlier messages back.
        Cancel = "Cancel",
        /// Says that earlier messages came.
        Ack = "Ack",
        /// Refuses earlier messages.
        Error = "Error",
    }
}

words! {
    /// Whom it may reach.
    Scope {
        /// Everybody.
        Public = "Public",
        /// Those whom `restriction` names.
        Restricted = "Restricted",
        /// Those in `addresses` only.
        Private = "Private",
    }
}

words! {
    /// What kind of event.
    Category {
        /// Geophysical.
        Geo = "Geo",
        /// Meteorological.
        Met = "Met",
        /// General emergency and public safety.
        Safety = "Safety",
        /// Law enforcement, military, homeland and private security.
        Security = "Security",
        /// Rescue and recovery.
        Rescue = "Rescue",
        /// Fire suppression and rescue.
        Fire = "Fire",
        /// Medical and public health.
        Health = "Health",
        /// Pollution and other environmental.
        Env = "Env",
        /// Public and private transportation.
        Transport = "Transport",
        /// Utilities and other infrastructure.
        Infra = "Infra",
        /// Chemical, biological, radiological, nuclear or high-yield explosive.
        Cbrne = "CBRNE",
        /// Anything else.
        Other = "Other",
    }
}

words! {
    /// What those reached should do.
    ResponseType {
        /// Take shelter where they are.
        Shelter = "Shelter",
        /// Leave.
        Evacuate = "Evacuate",
        /// Make preparations.
        Prepare = "Prepare",
        /// Carry out an activity planned before.
        Execute = "Execute",
        /// Avoid the event.
        Avoid = "Avoid",
        /// Attend to sources of information.
        Monitor = "Monitor",
        /// Evaluate the message; not for the public.
        Assess = "Assess",
        /// The danger is over.
        AllClear = "AllClear",
        /// Nothing.
        None = "None",
    }
}

words! {
    /// How soon to act.
    Urgency {
        /// At once.
        Immediate = "Immediate",
        /// Within the next hour.
        Expected = "Expected",
        /// In the near future.
        Future = "Future",
        /// No longer.
        Past = "Past",
        /// Not known.
        Unknown = "Unknown",
    }
}

words! {
    /// How bad.
    Severity {
        /// Extraordinary threat to life or property.
        Extreme = "Extreme",
        /// Significant threat.
        Severe = "Severe",
        /// Possible threat.
        Moderate = "Moderate",
        /// Minimal to no known threat.
        Minor = "Minor",
        /// Not known.
        Unknown = "Unknown",
    }
}

words! {
    /// How sure.
    Certainty {
        /// It occurred or goes on.
        Observed = "Observed",
        /// More likely than not.
        Likely = "Likely",
        /// Possible but not likely.
        Possible = "Possible",
        /// Not expected.
        Unlikely = "Unlikely",
        /// Not known.
        Unknown = "Unknown",
    }
}
