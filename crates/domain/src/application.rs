//! An application for a certificate and its examination (decision F2, F8).
//!
//! The states and moves are drawn in `docs/states.md`.

use crate::id::{ApplicationId, GrantId, InstitutionId, OperatorId};
use crate::institution::{MailAddress, TerminalName};
use crate::time::Timestamp;

/// 発行申請: one terminal of one institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateApplication {
    /// Its id.
    pub id: ApplicationId,
    /// Who applies.
    pub institution: InstitutionId,
    /// What the certificate is for.
    pub terminal: TerminalName,
    /// Where notices go.
    pub mail: MailAddress,
    /// Who entered it.
    pub entered_by: EnteredBy,
    /// When.
    pub entered_at: Timestamp,
    /// Where it stands.
    pub state: ApplicationState,
}

/// Who entered an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnteredBy {
    /// The applicant, on the web.
    Applicant,
    /// An operator, from paper.
    Operator(OperatorId),
}

impl EnteredBy {
    /// The text that stands in the database: `applicant` or the operator's id.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Applicant => "applicant",
            Self::Operator(id) => id.as_str(),
        }
    }

    /// Reads the text back.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "applicant" {
            return Some(Self::Applicant);
        }
        OperatorId::parse(text).ok().map(Self::Operator)
    }

    /// Whether this operator entered it.
    pub fn is(&self, operator: &OperatorId) -> bool {
        matches!(self, Self::Operator(id) if id == operator)
    }
}

/// Where an application stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationState {
    /// A grant was made.
    Approved {
        /// Who examined it.
        examined_by: OperatorId,
        /// Who approved it.
        by: OperatorId,
        /// When.
        at: Timestamp,
        /// The grant.
        grant: GrantId,
    },
    /// The applicant withdrew it.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// It was examined and waits for approval.
    Examined {
        /// Who examined it.
        by: OperatorId,
        /// When.
        at: Timestamp,
    },
    /// It ended without a certificate.
    Rejected {
        /// Who rejected it.
        by: OperatorId,
        /// When.
        at: Timestamp,
        /// The reason that the applicant reads.
        reason: String,
    },
    /// The applicant is asked to correct it.
    Returned {
        /// Who returned it.
        by: OperatorId,
        /// When.
        at: Timestamp,
        /// The reason that the applicant reads.
        reason: String,
    },
    /// It waits for examination.
    Submitted,
}

impl ApplicationState {
    /// The word that stands in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "approved",
            Self::Cancelled { .. } => "cancelled",
            Self::Examined { .. } => "examined",
            Self::Rejected { .. } => "rejected",
            Self::Returned { .. } => "returned",
            Self::Submitted => "submitted",
        }
    }
}

/// Why an application cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationRefusal {
    /// The operator already took part in this case (F8).
    #[error("the same person cannot take two parts in one case; ask another operator")]
    SamePerson,
    /// The move does not exist in this state.
    #[error("the application is {0}; look at the case again")]
    State(&'static str),
}

impl CertificateApplication {
    /// Examination: submitted → examined.
    pub fn examine(self, by: OperatorId, at: Timestamp) -> Result<Self, ApplicationRefusal> {
        self.expect(&["submitted"])?;
        self.expect_other_person(&by)?;
        Ok(Self {
            state: ApplicationState::Examined { by, at },
            ..self
        })
    }

    /// Approval: examined → approved, by a third person.
    pub fn approve(
        self,
        by: OperatorId,
        at: Timestamp,
        grant: GrantId,
    ) -> Result<Self, ApplicationRefusal> {
        self.expect(&["examined"])?;
        self.expect_other_person(&by)?;
        let ApplicationState::Examined {
            by: examined_by, ..
        } = self.state
        else {
            return Err(ApplicationRefusal::State("changed"));
        };
        Ok(Self {
            state: ApplicationState::Approved {
                examined_by,
                by,
                at,
                grant,
            },
            ..self
        })
    }

    /// 差戻し: submitted or examined → returned.
    pub fn give_back(
        self,
        by: OperatorId,
        at: Timestamp,
        reason: String,
    ) -> Result<Self, ApplicationRefusal> {
        self.expect(&["submitted", "examined"])?;
        Ok(Self {
            state: ApplicationState::Returned { by, at, reason },
            ..self
        })
    }

    /// 却下: submitted, examined or returned → rejected.
    pub fn reject(
        self,
        by: OperatorId,
        at: Timestamp,
        reason: String,
    ) -> Result<Self, ApplicationRefusal> {
        self.expect(&["submitted", "examined", "returned"])?;
        Ok(Self {
            state: ApplicationState::Rejected { by, at, reason },
            ..self
        })
    }

    /// 取消 by the applicant, before approval.
    pub fn cancel(self, at: Timestamp) -> Result<Self, ApplicationRefusal> {
        self.expect(&["submitted", "examined", "returned"])?;
        Ok(Self {
            state: ApplicationState::Cancelled { at },
            ..self
        })
    }

    /// The applicant corrected it: returned → submitted.
    pub fn resubmit(self) -> Result<Self, ApplicationRefusal> {
        self.expect(&["returned"])?;
        Ok(Self {
            state: ApplicationState::Submitted,
            ..self
        })
    }

    /// The register changed after the examination: examined → submitted, to be examined again.
    pub fn examine_again(self) -> Result<Self, ApplicationRefusal> {
        self.expect(&["examined"])?;
        Ok(Self {
            state: ApplicationState::Submitted,
            ..self
        })
    }

    fn expect(&self, states: &[&str]) -> Result<(), ApplicationRefusal> {
        let state = self.state.as_str();
        if states.contains(&state) {
            Ok(())
        } else {
            Err(ApplicationRefusal::State(state))
        }
    }

    fn expect_other_person(&self, by: &OperatorId) -> Result<(), ApplicationRefusal> {
        let examined =
            matches!(&self.state, ApplicationState::Examined { by: other, .. } if other == by);
        if examined || self.entered_by.is(by) {
            return Err(ApplicationRefusal::SamePerson);
        }
        Ok(())
    }
}
