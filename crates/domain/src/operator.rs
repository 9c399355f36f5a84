//! Operators and their roles (decision F8).

use std::collections::BTreeSet;
use std::fmt;

use crate::id::OperatorId;
use crate::time::Timestamp;

/// What an operator may do. Deny by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// 管理: operators and configuration, no cases.
    Administrator,
    /// 承認: approves.
    Approver,
    /// 監査: reads everything, changes nothing.
    Auditor,
    /// 発送: records letters as posted.
    Dispatcher,
    /// 審査: examines.
    Examiner,
    /// 照会: answers callers, never sees secrets.
    HelpDesk,
    /// 受付: enters applications.
    Intake,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Administrator,
        Self::Approver,
        Self::Auditor,
        Self::Dispatcher,
        Self::Examiner,
        Self::HelpDesk,
        Self::Intake,
    ];

    /// The word that stands in the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Dispatcher => "dispatcher",
            Self::Examiner => "examiner",
            Self::HelpDesk => "help_desk",
            Self::Intake => "intake",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an operator wants to do; each act names the roles that may. Deny by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Publish, change or take down an announcement on the entrance page.
    Announce,
    /// Approve an application: the grant comes into being.
    Approve,
    /// Change the registered mail address of a certificate.
    ChangeMail,
    /// Close an operator's account.
    DisableOperator,
    /// Enter an application from paper, or an institution.
    Enter,
    /// Examine an application.
    Examine,
    /// Let a certificate be collected longer (D4).
    ExtendWindow,
    /// Propose or confirm the end of a revocation request: completed, or refused and lifted.
    FinishRevocation,
    /// Give roles to an operator, or take them.
    GiveRoles,
    /// Stop a certificate at once, without a request of its holder (F4).
    Hold,
    /// Add operators.
    ManageOperators,
    /// A new reference ID for a lost letter (I2).
    NewReference,
    /// Record a letter as posted, or as come back.
    Post,
    /// Tell a holder otherwise whose mails come back, and record it (P-23).
    ReachHolder,
    /// Release letters: whoever did may print them, and sees their reference IDs.
    ReleaseLetters,
    /// Open a grant for another key (K2).
    Reopen,
    /// Give an operator a new secret of one-time codes.
    ResetAuthenticator,
    /// Have a notice sent again (F6).
    SendAgain,
    /// Let a frozen grant go on (K2).
    Unfreeze,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 19] = [
        Self::Announce,
        Self::Approve,
        Self::ChangeMail,
        Self::DisableOperator,
        Self::Enter,
        Self::Examine,
        Self::ExtendWindow,
        Self::FinishRevocation,
        Self::GiveRoles,
        Self::Hold,
        Self::ManageOperators,
        Self::NewReference,
        Self::Post,
        Self::ReachHolder,
        Self::ReleaseLetters,
        Self::Reopen,
        Self::ResetAuthenticator,
        Self::SendAgain,
        Self::Unfreeze,
    ];

    /// The roles that may do it; of an act of two persons, those that may propose it.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Approve => &[Role::Approver],
            Self::ChangeMail => &[Role::Approver, Role::Examiner, Role::HelpDesk, Role::Intake],
            Self::Announce
            | Self::DisableOperator
            | Self::GiveRoles
            | Self::ManageOperators
            | Self::ResetAuthenticator => &[Role::Administrator],
            Self::Enter => &[Role::Intake],
            Self::Examine => &[Role::Examiner],
            Self::FinishRevocation => &[Role::Approver, Role::Examiner],
            // Whoever answers the telephone at night stops a stolen terminal, and takes a case up.
            Self::ExtendWindow
            | Self::Hold
            | Self::NewReference
            | Self::Reopen
            | Self::SendAgain
            | Self::Unfreeze => &[Role::Approver, Role::Examiner, Role::HelpDesk],
            Self::Post | Self::ReleaseLetters => &[Role::Dispatcher],
            // By telephone or by letter.
            Self::ReachHolder => &[Role::Dispatcher, Role::HelpDesk, Role::Intake],
        }
    }

    /// The roles that may confirm it as the second person (F8); none for an act of one person.
    /// The help desk never does: it hears the caller and must not be alone with the case.
    pub const fn confirming_roles(self) -> &'static [Role] {
        match self {
            Self::Announce
            | Self::Approve
            | Self::Enter
            | Self::Examine
            | Self::Hold
            | Self::ManageOperators
            | Self::Post
            | Self::ReachHolder
            | Self::SendAgain => &[],
            Self::ChangeMail
            | Self::ExtendWindow
            | Self::FinishRevocation
            | Self::NewReference
            | Self::Reopen
            | Self::Unfreeze => &[Role::Approver, Role::Examiner],
            Self::DisableOperator | Self::GiveRoles | Self::ResetAuthenticator => {
                &[Role::Administrator]
            }
            Self::ReleaseLetters => &[Role::Dispatcher],
        }
    }
}

/// A person who works for the certification authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The operator's id.
    pub id: OperatorId,
    /// The name to log in with.
    pub name: String,
    /// The roles held now.
    pub roles: BTreeSet<Role>,
    /// When the account was closed.
    pub disabled_at: Option<Timestamp>,
}

impl Operator {
    /// Whether this operator may do `act` now; an act of two persons: propose it.
    pub fn may(&self, act: Act) -> bool {
        self.has_one_of(act.roles())
    }

    /// Whether this operator may be the second person of `act` now.
    pub fn may_confirm(&self, act: Act) -> bool {
        self.has_one_of(act.confirming_roles())
    }

    fn has_one_of(&self, roles: &[Role]) -> bool {
        self.disabled_at.is_none() && roles.iter().any(|role| self.roles.contains(role))
    }
}

/// A name to log in with: 1 to 32 small letters, digits, `.`, `-` or `_`, beginning with a letter.
pub fn is_operator_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn operator(roles: &[Role]) -> Operator {
        Operator {
            id: OperatorId::generate(NOW, &SeededEntropy::new(1)),
            name: "suzuki".to_owned(),
            roles: roles.iter().copied().collect(),
            disabled_at: None,
        }
    }

    /// Each role with what it may do alone or propose, and what it may confirm.
    const TABLE: [(Role, &[Act], &[Act]); 7] = [
        (
            Role::Administrator,
            &[
                Act::Announce,
                Act::DisableOperator,
                Act::GiveRoles,
                Act::ManageOperators,
                Act::ResetAuthenticator,
            ],
            &[
                Act::DisableOperator,
                Act::GiveRoles,
                Act::ResetAuthenticator,
            ],
        ),
        (
            Role::Approver,
            &[
                Act::Approve,
                Act::ChangeMail,
                Act::ExtendWindow,
                Act::FinishRevocation,
                Act::Hold,
                Act::NewReference,
                Act::Reopen,
                Act::SendAgain,
                Act::Unfreeze,
            ],
            CASES,
        ),
        (Role::Auditor, &[], &[]),
        (
            Role::Dispatcher,
            &[Act::Post, Act::ReachHolder, Act::ReleaseLetters],
            &[Act::ReleaseLetters],
        ),
        (
            Role::Examiner,
            &[
                Act::ChangeMail,
                Act::Examine,
                Act::ExtendWindow,
                Act::FinishRevocation,
                Act::Hold,
                Act::NewReference,
                Act::Reopen,
                Act::SendAgain,
                Act::Unfreeze,
            ],
            CASES,
        ),
        (
            Role::HelpDesk,
            &[
                Act::ChangeMail,
                Act::ExtendWindow,
                Act::Hold,
                Act::NewReference,
                Act::ReachHolder,
                Act::Reopen,
                Act::SendAgain,
                Act::Unfreeze,
            ],
            &[],
        ),
        (
            Role::Intake,
            &[Act::ChangeMail, Act::Enter, Act::ReachHolder],
            &[],
        ),
    ];
    const CASES: &[Act] = &[
        Act::ChangeMail,
        Act::ExtendWindow,
        Act::FinishRevocation,
        Act::NewReference,
        Act::Reopen,
        Act::Unfreeze,
    ];

    #[test]
    fn each_role_may_do_and_confirm_what_this_table_says_and_nothing_else() {
        assert_eq!(TABLE.map(|(role, ..)| role), Role::ALL);
        let mut cells = 0;
        for (role, acts, confirmed) in TABLE {
            for act in Act::ALL {
                let one = operator(&[role]);
                assert_eq!(one.may(act), acts.contains(&act), "{role} {act:?}");
                let may_confirm = confirmed.contains(&act);
                assert_eq!(one.may_confirm(act), may_confirm, "{role} confirms {act:?}");
                cells += 1;
            }
        }
        assert_eq!(cells, 7 * 19);
    }

    #[test]
    fn the_acts_of_two_persons_are_those_of_decision_f8() {
        let of_two = Act::ALL
            .into_iter()
            .filter(|act| !act.confirming_roles().is_empty());
        let named = [
            Act::ChangeMail,
            Act::DisableOperator,
            Act::ExtendWindow,
            Act::FinishRevocation,
            Act::GiveRoles,
            Act::NewReference,
            Act::ReleaseLetters,
            Act::Reopen,
            Act::ResetAuthenticator,
            Act::Unfreeze,
        ];
        assert!(of_two.eq(named));
    }

    #[test]
    fn nobody_without_a_role_or_with_a_closed_account_may_do_anything() {
        let closed = Operator {
            disabled_at: Some(NOW),
            ..operator(&Role::ALL)
        };
        for act in Act::ALL {
            assert!(operator(&Role::ALL).may(act));
            assert!(!operator(&[]).may(act) && !closed.may(act), "{act:?}");
            assert!(!closed.may_confirm(act), "{act:?}");
        }
    }

    #[test]
    fn roles_are_read_back_from_their_words() {
        for role in Role::ALL {
            assert_eq!(Role::parse(&role.to_string()), Some(role));
        }
        assert_eq!(Role::parse("Approver"), None);
    }

    #[test]
    fn a_name_to_log_in_with_is_short_and_plain() {
        let (longest, longer) = ("a".repeat(32), "a".repeat(33));
        for name in ["a", "suzuki", "suzuki.k-2_x", &longest] {
            assert!(is_operator_name(name), "{name}");
        }
        for name in [
            "",
            "Suzuki",
            "1a",
            ".a",
            "a b",
            "a\n",
            "鈴木",
            "applicant:",
            &longer,
        ] {
            assert!(!is_operator_name(name), "{name:?}");
        }
    }
}
