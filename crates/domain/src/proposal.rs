//! What one operator proposes and another confirms (decision F8, T40): the acts of two persons.
//!
//! The end of a request to revoke has a proposal of its own ([`crate::revocation`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{OperatorId, ProposalId};
use crate::institution::MailAddress;
use crate::operator::{Act, Role};
use crate::reference::RequestId;
use crate::time::{CalendarDate, Timestamp};

/// Most requests that one proposal names: as many letters as two persons put into envelopes.
pub const MOST_REQUESTS: usize = 1_000;

/// An act of two persons with what it is about; no secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposedAct {
    /// Change the registered mail address.
    ChangeMail {
        /// Of which certificate.
        request: RequestId,
        /// The new address.
        mail: MailAddress,
    },
    /// Close an account.
    DisableOperator {
        /// Whose.
        operator: OperatorId,
    },
    /// Let certificates be collected longer (D4).
    ExtendWindow {
        /// Which.
        requests: BTreeSet<RequestId>,
        /// The last day.
        until: CalendarDate,
    },
    /// Give an operator these roles and take all others.
    GiveRoles {
        /// To whom.
        operator: OperatorId,
        /// The roles afterwards.
        roles: BTreeSet<Role>,
    },
    /// A new reference ID for a lost letter; the old one dies (I2).
    NewReference {
        /// Of which certificate.
        request: RequestId,
    },
    /// Release letters for printing.
    ReleaseLetters {
        /// Whose.
        requests: BTreeSet<RequestId>,
    },
    /// Open a grant for another key (K2).
    Reopen {
        /// Which.
        request: RequestId,
    },
    /// A new secret of one-time codes; the old one dies.
    ResetAuthenticator {
        /// Whose.
        operator: OperatorId,
    },
    /// Let a frozen grant go on (K2).
    Unfreeze {
        /// Which.
        request: RequestId,
    },
}

/// The values of an act as they are stored: names, and one or more texts for each.
pub type ActValues = BTreeMap<String, Vec<String>>;

impl ProposedAct {
    /// The word of each act, as it stands in the database and on the command line.
    pub const WORDS: [&str; 9] = [
        "change_mail",
        "disable_operator",
        "extend_window",
        "give_roles",
        "new_reference",
        "release_letters",
        "reopen",
        "reset_authenticator",
        "unfreeze",
    ];

    /// The word of this act.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ChangeMail { .. } => "change_mail",
            Self::DisableOperator { .. } => "disable_operator",
            Self::ExtendWindow { .. } => "extend_window",
            Self::GiveRoles { .. } => "give_roles",
            Self::NewReference { .. } => "new_reference",
            Self::ReleaseLetters { .. } => "release_letters",
            Self::Reopen { .. } => "reopen",
            Self::ResetAuthenticator { .. } => "reset_authenticator",
            Self::Unfreeze { .. } => "unfreeze",
        }
    }

    /// The act whose roles decide who may propose and confirm.
    pub const fn act(&self) -> Act {
        match self {
            Self::ChangeMail { .. } => Act::ChangeMail,
            Self::DisableOperator { .. } => Act::DisableOperator,
            Self::ExtendWindow { .. } => Act::ExtendWindow,
            Self::GiveRoles { .. } => Act::GiveRoles,
            Self::NewReference { .. } => Act::NewReference,
            Self::ReleaseLetters { .. } => Act::ReleaseLetters,
            Self::Reopen { .. } => Act::Reopen,
            Self::ResetAuthenticator { .. } => Act::ResetAuthenticator,
            Self::Unfreeze { .. } => Act::Unfreeze,
        }
    }

    /// The certificates it is about, by their request IDs.
    pub fn requests(&self) -> Vec<&RequestId> {
        match self {
            Self::ChangeMail { request, .. }
            | Self::NewReference { request }
            | Self::Reopen { request }
            | Self::Unfreeze { request } => vec![request],
            Self::ExtendWindow { requests, .. } | Self::ReleaseLetters { requests } => {
                requests.iter().collect()
            }
            Self::DisableOperator { .. }
            | Self::GiveRoles { .. }
            | Self::ResetAuthenticator { .. } => Vec::new(),
        }
    }

    /// The operator it is about.
    pub const fn operator(&self) -> Option<&OperatorId> {
        match self {
            Self::DisableOperator { operator }
            | Self::GiveRoles { operator, .. }
            | Self::ResetAuthenticator { operator } => Some(operator),
            _ => None,
        }
    }

    /// The values that are stored beside the word.
    pub fn values(&self) -> ActValues {
        let mut values = ActValues::new();
        let requests: Vec<String> = self
            .requests()
            .into_iter()
            .map(ToString::to_string)
            .collect();
        if !requests.is_empty() {
            values.insert("requests".to_owned(), requests);
        }
        if let Some(operator) = self.operator() {
            values.insert("operator".to_owned(), vec![operator.to_string()]);
        }
        match self {
            Self::ChangeMail { mail, .. } => {
                values.insert("mail".to_owned(), vec![mail.to_string()]);
            }
            Self::ExtendWindow { until, .. } => {
                values.insert("until".to_owned(), vec![until.to_string()]);
            }
            Self::GiveRoles { roles, .. } => {
                let words = roles.iter().map(ToString::to_string).collect();
                values.insert("roles".to_owned(), words);
            }
            _ => {}
        }
        values
    }

    /// Reads word and values back.
    pub fn parse(word: &str, values: &ActValues) -> Option<Self> {
        let list = |name: &str| values.get(name).map(Vec::as_slice).unwrap_or_default();
        let one = |name: &str| match list(name) {
            [only] => Some(only.as_str()),
            _ => None,
        };
        let request = || one("requests").and_then(RequestId::parse);
        let requests = || {
            let read = list("requests").iter().map(|text| RequestId::parse(text));
            read.collect::<Option<BTreeSet<_>>>()
        };
        let operator = || one("operator").and_then(|text| OperatorId::parse(text).ok());
        Some(match word {
            "change_mail" => Self::ChangeMail {
                request: request()?,
                mail: one("mail").and_then(MailAddress::parse)?,
            },
            "disable_operator" => Self::DisableOperator {
                operator: operator()?,
            },
            "extend_window" => Self::ExtendWindow {
                requests: requests()?,
                until: one("until").and_then(|text| CalendarDate::parse(text).ok())?,
            },
            "give_roles" => Self::GiveRoles {
                operator: operator()?,
                roles: list("roles")
                    .iter()
                    .map(|word| Role::parse(word))
                    .collect::<Option<_>>()?,
            },
            "new_reference" => Self::NewReference {
                request: request()?,
            },
            "release_letters" => Self::ReleaseLetters {
                requests: requests()?,
            },
            "reopen" => Self::Reopen {
                request: request()?,
            },
            "reset_authenticator" => Self::ResetAuthenticator {
                operator: operator()?,
            },
            "unfreeze" => Self::Unfreeze {
                request: request()?,
            },
            _ => return None,
        })
    }
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// What is to be done.
    pub act: ProposedAct,
    /// Why; for a caller's wish, whom the proposer called back.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: OperatorId,
    /// When.
    pub proposed_at: Timestamp,
    /// Where it stands.
    pub state: ProposalState,
}

/// Where a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalState {
    /// Another person confirmed it, and it was done.
    Confirmed {
        /// Who.
        by: OperatorId,
        /// When.
        at: Timestamp,
    },
    /// It waits for another person.
    Proposed,
    /// Another person said no.
    Refused {
        /// Who.
        by: OperatorId,
        /// When.
        at: Timestamp,
    },
    /// The proposer took it back.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
}

impl ProposalState {
    /// The word that stands in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "confirmed",
            Self::Proposed => "proposed",
            Self::Refused { .. } => "refused",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

/// Why a proposal cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalRefusal {
    /// It was confirmed, refused or withdrawn.
    #[error("the proposal is {0} already")]
    Ended(&'static str),
    /// Only the proposer takes a proposal back; another one refuses it.
    #[error("only the one who proposed it can withdraw it; another operator can refuse it")]
    NotProposer,
    /// The second person must be another one, and not the one whose account it is about.
    #[error("a second operator must confirm; neither the proposer nor the person concerned can")]
    SamePerson,
}

impl Proposal {
    /// Another person confirms: proposed → confirmed.
    pub fn confirm(self, by: OperatorId, at: Timestamp) -> Result<Self, ProposalRefusal> {
        self.expect_second_person(&by)?;
        let state = ProposalState::Confirmed { by, at };
        Ok(Self { state, ..self })
    }

    /// Another person says no: proposed → refused.
    pub fn refuse(self, by: OperatorId, at: Timestamp) -> Result<Self, ProposalRefusal> {
        self.expect_second_person(&by)?;
        let state = ProposalState::Refused { by, at };
        Ok(Self { state, ..self })
    }

    /// The proposer takes it back: proposed → withdrawn.
    pub fn withdraw(self, by: &OperatorId, at: Timestamp) -> Result<Self, ProposalRefusal> {
        self.expect_open()?;
        if self.proposed_by != *by {
            return Err(ProposalRefusal::NotProposer);
        }
        let state = ProposalState::Withdrawn { at };
        Ok(Self { state, ..self })
    }

    /// Whether it waits for a second person.
    pub fn is_open(&self) -> bool {
        matches!(self.state, ProposalState::Proposed)
    }

    /// The two persons of an act that was done.
    pub fn persons(&self) -> Option<[&OperatorId; 2]> {
        match &self.state {
            ProposalState::Confirmed { by, .. } => Some([&self.proposed_by, by]),
            _ => None,
        }
    }

    const fn expect_open(&self) -> Result<(), ProposalRefusal> {
        match self.state {
            ProposalState::Proposed => Ok(()),
            _ => Err(ProposalRefusal::Ended(self.state.as_str())),
        }
    }

    fn expect_second_person(&self, by: &OperatorId) -> Result<(), ProposalRefusal> {
        self.expect_open()?;
        if self.proposed_by == *by || self.act.operator() == Some(by) {
            return Err(ProposalRefusal::SamePerson);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn an_act_is_read_back_from_its_word_and_values() {
        let request = RequestId::parse("202611200000001").unwrap();
        let other = RequestId::parse("202611200000002").unwrap();
        let requests = BTreeSet::from([request.clone(), other]);
        let at = Timestamp::from_unix(1_800_000_000);
        let operator = OperatorId::generate(at, &SeededEntropy::new(1));
        let acts = [
            ProposedAct::ChangeMail {
                request: request.clone(),
                mail: MailAddress::parse("clinic@hospital.example").unwrap(),
            },
            ProposedAct::DisableOperator {
                operator: operator.clone(),
            },
            ProposedAct::ExtendWindow {
                requests: requests.clone(),
                until: at.japan_date(),
            },
            ProposedAct::GiveRoles {
                operator: operator.clone(),
                roles: BTreeSet::from([Role::Intake, Role::Approver]),
            },
            ProposedAct::NewReference {
                request: request.clone(),
            },
            ProposedAct::ReleaseLetters { requests },
            ProposedAct::Reopen {
                request: request.clone(),
            },
            ProposedAct::ResetAuthenticator { operator },
            ProposedAct::Unfreeze { request },
        ];
        for (act, word) in acts.iter().zip(ProposedAct::WORDS) {
            assert_eq!(act.as_str(), word);
            assert_eq!(ProposedAct::parse(word, &act.values()).as_ref(), Some(act));
            assert!(!act.act().confirming_roles().is_empty(), "{word}");
            assert!(
                act.operator().is_some() == act.requests().is_empty(),
                "{word}"
            );
        }
        assert_eq!(ProposedAct::parse("reopen", &ActValues::new()), None);
        assert_eq!(ProposedAct::parse("approve", &acts[0].values()), None);
    }
}
