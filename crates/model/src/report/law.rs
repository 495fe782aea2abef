//! What is reported of enterprises: enforcement (执法) and credit (信用).

use super::body;
use crate::site::words;
use crate::{EnterpriseId, Time};

words!(
    /// How an inspection ended.
    InspectionResult {
        /// Nothing was found.
        Passed = "passed",
        /// Something has to be put right.
        ToRectify = "to_rectify",
        /// It may not go on as it is.
        Failed = "failed",
    }
);

words!(
    /// How bad a hidden danger is.
    Severity {
        /// 一般隐患.
        General = "general",
        /// 重大隐患.
        Major = "major",
    }
);

words!(
    /// How an enterprise stands to the list of those who broke trust.
    BlackListChange {
        /// It was put on it.
        Entered = "entered",
        /// It was taken from it.
        Left = "left",
    }
);

body!(
    /// An enterprise was inspected.
    Inspection {
        /// Which.
        enterprise: EnterpriseId,
        /// How it ended.
        result: InspectionResult,
    }
);

body!(
    /// A hidden danger (隐患) was found.
    Finding {
        /// Where.
        enterprise: EnterpriseId,
        /// How bad.
        severity: Severity,
        /// When it has to be put right.
        due: Option<Time>,
    }
);

body!(
    /// An order to put something right (责令整改).
    Order {
        /// To whom.
        enterprise: EnterpriseId,
        /// Its number.
        number: String,
        /// Until when.
        due: Time,
    }
);

body!(
    /// A fine.
    Penalty {
        /// Whose.
        enterprise: EnterpriseId,
        /// How much, in fen: hundredths of a yuan.
        amount_fen: i64,
        /// Its number.
        number: String,
    }
);

body!(
    /// Points of credit were given or taken.
    CreditPoints {
        /// Whose.
        enterprise: EnterpriseId,
        /// How many; taken where negative.
        points: i32,
        /// Why.
        reason: String,
    }
);

body!(
    /// An enterprise came on the list of those who broke trust (失信名单), or off it.
    BlackList {
        /// Which.
        enterprise: EnterpriseId,
        /// Which way.
        change: BlackListChange,
    }
);

body!(
    /// An enterprise made good (信用修复).
    CreditRepair {
        /// Which.
        enterprise: EnterpriseId,
        /// What it made good.
        what: String,
    }
);
