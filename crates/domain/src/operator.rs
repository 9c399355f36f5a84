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

/// What an operator wants to do; each act names the roles that may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Approve an application: the grant comes into being.
    Approve,
    /// Enter an application from paper, or an institution.
    Enter,
    /// Examine an application.
    Examine,
    /// Propose or confirm the end of a revocation request: completed, or refused and lifted.
    FinishRevocation,
    /// Add operators and give roles.
    ManageOperators,
    /// Record a letter as posted.
    Post,
    /// Print a letter: see its reference ID once.
    PrintLetter,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 7] = [
        Self::Approve,
        Self::Enter,
        Self::Examine,
        Self::FinishRevocation,
        Self::ManageOperators,
        Self::Post,
        Self::PrintLetter,
    ];

    /// The roles that may do it.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Approve => &[Role::Approver],
            Self::Enter => &[Role::Intake],
            Self::Examine => &[Role::Examiner],
            Self::FinishRevocation => &[Role::Approver, Role::Examiner],
            Self::ManageOperators => &[Role::Administrator],
            Self::Post | Self::PrintLetter => &[Role::Dispatcher],
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
    /// Whether this operator may do `act` now.
    pub fn may(&self, act: Act) -> bool {
        self.disabled_at.is_none() && act.roles().iter().any(|role| self.roles.contains(role))
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

    #[test]
    fn each_role_may_do_what_this_table_says_and_nothing_else() {
        let table: [(Role, &[Act]); 7] = [
            (Role::Administrator, &[Act::ManageOperators]),
            (Role::Approver, &[Act::Approve, Act::FinishRevocation]),
            (Role::Auditor, &[]),
            (Role::Dispatcher, &[Act::Post, Act::PrintLetter]),
            (Role::Examiner, &[Act::Examine, Act::FinishRevocation]),
            (Role::HelpDesk, &[]),
            (Role::Intake, &[Act::Enter]),
        ];
        assert_eq!(table.map(|(role, _)| role), Role::ALL);
        for (role, acts) in table {
            for act in Act::ALL {
                let may = operator(&[role]).may(act);
                assert_eq!(may, acts.contains(&act), "{role} {act:?}");
            }
        }
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
