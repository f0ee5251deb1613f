//! Which members matter in a record of which kind: one table, by which `why` says what is not on record and `lint` counts.
//!
//! What must hold: a member is asked for only where the record itself has to have it. A fact stands in one record, so the
//! reasoning of an action may stand in the decision that it came from, and is not asked for again.

use crate::record::look::{elements, shown, value};

/// A member by which a record can be understood later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Member {
    /// `policies`: by which rules.
    Policy,
    /// `reasoning`: the agent's own account.
    Reasoning,
    /// `access`: which data were touched. Not asked for where nothing was done (denied, failed, pending, cancelled).
    Access,
    /// `outcome`: how it ended.
    Outcome,
    /// `parent`, or a link: what it came from.
    Parent,
    /// `correlation`: to which chain it belongs.
    Correlation,
    /// `source`: the emitter's count, without which a lost record leaves no gap.
    Source,
}

/// All of them, in the order in which they are shown.
pub(super) const MEMBERS: [Member; 7] = [
    Member::Policy,
    Member::Reasoning,
    Member::Access,
    Member::Outcome,
    Member::Parent,
    Member::Correlation,
    Member::Source,
];

/// The table. Kinds that are not in it, the user's own, have to be found and counted: [`OTHERS`].
const TABLE: &[(&str, &[Member])] = {
    use Member::{Access, Correlation, Outcome, Parent, Policy, Reasoning, Source};
    &[
        // A decision may be the first record of its chain.
        ("decision", &[Policy, Reasoning, Outcome, Correlation, Source]),
        ("model_call", &[Outcome, Parent, Correlation, Source]),
        ("tool_call", &[Access, Outcome, Parent, Correlation, Source]),
        ("retrieval", &[Access, Parent, Correlation, Source]),
        ("message", &[Correlation, Source]),
        ("action", &[Access, Outcome, Parent, Correlation, Source]),
        ("escalation", &[Reasoning, Parent, Correlation, Source]),
        ("handoff", &[Reasoning, Parent, Correlation, Source]),
        ("approval", &[Outcome, Parent, Correlation, Source]),
        ("review", &[Parent, Source]),
        ("error", &[Outcome, Correlation, Source]),
        ("heartbeat", &[Source]),
        ("definition", &[]),
    ]
};

const OTHERS: &[Member] = &[Member::Correlation, Member::Source];

/// The members that matter in a record of that kind.
pub(super) fn expected(kind: &str) -> &'static [Member] {
    let found = TABLE.iter().find(|(name, _)| *name == kind);
    found.map_or(OTHERS, |(_, members)| members)
}

impl Member {
    /// The member's name in a record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Member::Policy => "policies",
            Member::Reasoning => "reasoning",
            Member::Access => "access",
            Member::Outcome => "outcome",
            Member::Parent => "parent",
            Member::Correlation => "correlation",
            Member::Source => "source",
        }
    }

    /// What is said of records that have it not, behind "records of this kind".
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Member::Policy => "name no policy",
            Member::Reasoning => "give no reasoning",
            Member::Access => "name no data that were touched",
            Member::Outcome => "have no outcome",
            Member::Parent => "name nothing that they came from",
            Member::Correlation => "belong to no chain",
            Member::Source => "are not counted by their emitter, so that a lost one leaves no gap",
        }
    }

    /// What is said of one record that has it not.
    pub(super) fn of_one(self) -> &'static str {
        match self {
            Member::Policy => "names no policy",
            Member::Reasoning => "gives no reasoning",
            Member::Access => "names no data that were touched",
            Member::Outcome => "has no outcome",
            Member::Parent => "names nothing that it came from",
            Member::Correlation => "belongs to no chain",
            Member::Source => "is not counted by its emitter, so that a lost record leaves no gap",
        }
    }

    /// Whether a record's text has it.
    pub(super) fn stands_in(self, text: &str) -> bool {
        let any = |name: &str| value(text, &[name]).is_some_and(|list| elements(list).next().is_some());
        match self {
            Member::Policy => any("policies"),
            Member::Reasoning => shown(text, &["reasoning"]).is_some_and(|why| !why.trim().is_empty()),
            Member::Access => any("access"),
            Member::Parent => shown(text, &["parent"]).is_some() || any("links"),
            Member::Outcome | Member::Correlation | Member::Source => shown(text, &[self.name()]).is_some(),
        }
    }

    /// Whether it is to be asked of a record with this text, of a kind in which it matters.
    pub(super) fn is_asked_of(self, text: &str) -> bool {
        let done = |status: Option<String>| status.is_none_or(|status| status == "success" || status == "unknown");
        self != Member::Access || done(shown(text, &["outcome", "status"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_kind_has_its_row() {
        for kind in crate::record::CALLER_KINDS {
            assert!(TABLE.iter().any(|(name, _)| name == kind), "{kind}");
        }
        assert_eq!(expected("reimbursement"), OTHERS);
    }

    #[test]
    fn members_are_seen() {
        let text =
            r#"{"policies":[],"reasoning":" ","parent":null,"links":[{"id":"x"}],"outcome":{"status":"denied"}}"#;
        let has: Vec<_> = MEMBERS.into_iter().filter(|member| member.stands_in(text)).collect();
        assert_eq!(has, [Member::Outcome, Member::Parent]);
        assert!(!Member::Access.is_asked_of(text) && Member::Access.is_asked_of("{}"));
    }
}
