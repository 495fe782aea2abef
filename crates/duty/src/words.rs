//! Who reports and who is told, as words in records and for people.

use crate::Party;

impl Party {
    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnTheSpot => "on_the_spot",
            Self::HeadOfUnit => "head_of_unit",
            Self::Unit => "unit",
            Self::County => "county",
            Self::City => "city",
            Self::Province => "province",
            Self::StateCouncil => "state_council",
            Self::Ecology => "ecology",
            Self::OwnGovernmentAndAbove => "own_government_and_above",
            Self::ProvinceAndMinistry => "province_and_ministry",
            Self::Police => "police",
            Self::Investigators => "investigators",
            Self::OwnGovernment => "own_government",
            Self::ReportedTo => "reported_to",
        }
    }
}

/// What a word of `Party::as_str` is called in Chinese; other words stay as they are, for records may be of a later law.
pub fn party_zh(word: &str) -> &str {
    match word {
        "on_the_spot" => "现场人员",
        "head_of_unit" => "单位负责人",
        "unit" => "单位",
        "county" => "县级应急管理部门",
        "city" => "市级应急管理部门",
        "province" => "省级应急管理部门",
        "state_council" => "国务院有关部门",
        "ecology" => "生态环境部门",
        "own_government_and_above" => "本级政府及上一级生态环境部门",
        "province_and_ministry" => "省级及国务院生态环境部门",
        "police" => "公安机关",
        "investigators" => "事故调查组",
        "own_government" => "本级政府",
        "reported_to" => "原报告部门",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LIMITS;

    #[test]
    fn every_party_of_the_table_has_a_word_and_a_name() {
        for party in LIMITS.iter().flat_map(|limit| [limit.who, limit.whom]) {
            assert_ne!(party_zh(party.as_str()), party.as_str(), "{party:?}");
        }
        assert_eq!(party_zh("governor"), "governor");
    }
}
