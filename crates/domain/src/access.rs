//! What each page and button of the console needs (decision F8). Deny by default: an address without a right
//! does not exist.

use crate::operator::{Act, Operator, Role};

/// What an operator must be allowed to do before an address of the console answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Open to everybody: the login.
    Anyone,
    /// Return or reject an application: the examiner, and the approver once it was examined.
    Answer,
    /// Be the second person of some act; which one, the act itself decides again.
    Confirm,
    /// Do, or propose, this act.
    Do(Act),
    /// Propose some act of two persons; which one, the act itself decides again.
    Propose,
    /// Read announcements, those of other days included.
    ReadAnnouncements,
    /// Read the audit trail.
    ReadAudit,
    /// Read cases, institutions and mails; nothing secret stands in them.
    ReadCases,
    /// Read how many notices go out and how many certificates come to their end; counts name nobody.
    ReadFigures,
    /// Read which letters wait.
    ReadLetters,
    /// Read who works here, with which roles.
    ReadOperators,
    /// Be logged in.
    SignedIn,
}

impl Right {
    /// The name in the table of routes.
    pub fn name(self) -> String {
        match self {
            Self::Anyone => "anyone".to_owned(),
            Self::Answer => "answer".to_owned(),
            Self::Confirm => "confirm".to_owned(),
            Self::Do(act) => format!("do {act:?}"),
            Self::Propose => "propose".to_owned(),
            Self::ReadAnnouncements => "read announcements".to_owned(),
            Self::ReadAudit => "read audit".to_owned(),
            Self::ReadCases => "read cases".to_owned(),
            Self::ReadFigures => "read figures".to_owned(),
            Self::ReadLetters => "read letters".to_owned(),
            Self::ReadOperators => "read operators".to_owned(),
            Self::SignedIn => "signed in".to_owned(),
        }
    }

    /// Whether nobody needs to be logged in for it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Anyone)
    }

    /// Whether a person with this role has it.
    pub fn is_of(self, role: Role) -> bool {
        let confirms = |act: &Act| act.confirming_roles().contains(&role);
        match self {
            Self::Anyone | Self::ReadFigures | Self::SignedIn => true,
            Self::Answer => matches!(role, Role::Approver | Role::Examiner),
            Self::Confirm => Act::ALL.iter().any(confirms),
            Self::Do(act) => act.roles().contains(&role),
            Self::Propose => Act::ALL
                .iter()
                .any(|act| !act.confirming_roles().is_empty() && act.roles().contains(&role)),
            Self::ReadAudit => role == Role::Auditor,
            Self::ReadCases => role != Role::Administrator,
            Self::ReadLetters => matches!(role, Role::Auditor | Role::Dispatcher),
            Self::ReadAnnouncements | Self::ReadOperators => {
                matches!(role, Role::Administrator | Role::Auditor)
            }
        }
    }

    /// Whether this operator has it now. Without any role, one may still log out.
    pub fn is_held_by(self, operator: &Operator) -> bool {
        operator.disabled_at.is_none()
            && (matches!(self, Self::Anyone | Self::SignedIn)
                || operator.roles.iter().any(|role| self.is_of(*role)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::id::OperatorId;
    use crate::time::Timestamp;

    fn holders(right: Right) -> Vec<Role> {
        let all = Role::ALL.into_iter();
        all.filter(|role| right.is_of(*role)).collect()
    }

    #[test]
    fn the_auditor_reads_everything_and_changes_nothing() {
        for right in [
            Right::ReadAnnouncements,
            Right::ReadAudit,
            Right::ReadCases,
            Right::ReadFigures,
            Right::ReadLetters,
            Right::ReadOperators,
        ] {
            assert!(right.is_of(Role::Auditor), "{right:?}");
        }
        for right in [Right::Answer, Right::Confirm, Right::Propose] {
            assert!(!right.is_of(Role::Auditor), "{right:?}");
        }
        for act in Act::ALL {
            assert!(!Right::Do(act).is_of(Role::Auditor), "{act:?}");
        }
    }

    #[test]
    fn administrators_have_no_part_in_cases_and_see_none() {
        for right in [Right::Answer, Right::ReadCases, Right::ReadLetters] {
            assert!(!right.is_of(Role::Administrator), "{right:?}");
        }
    }

    #[test]
    fn letters_are_for_those_who_send_them() {
        assert_eq!(
            holders(Right::ReadLetters),
            [Role::Auditor, Role::Dispatcher]
        );
        assert_eq!(holders(Right::Do(Act::ReleaseLetters)), [Role::Dispatcher]);
    }

    #[test]
    fn second_persons_are_never_the_help_desk() {
        assert_eq!(
            holders(Right::Confirm),
            [
                Role::Administrator,
                Role::Approver,
                Role::Dispatcher,
                Role::Examiner
            ]
        );
        assert!(Right::Propose.is_of(Role::HelpDesk));
    }

    #[test]
    fn a_closed_account_has_no_right_at_all() {
        let now = Timestamp::from_unix(1_800_000_000);
        let mut operator = Operator {
            id: OperatorId::generate(now, &SeededEntropy::new(1)),
            name: "sato".to_owned(),
            roles: BTreeSet::new(),
            disabled_at: None,
        };
        assert!(Right::SignedIn.is_held_by(&operator));
        assert!(!Right::ReadCases.is_held_by(&operator));
        assert!(!Right::ReadFigures.is_held_by(&operator));
        operator.roles = Role::ALL.into_iter().collect();
        assert!(Right::ReadCases.is_held_by(&operator));
        operator.disabled_at = Some(now);
        assert!(!Right::SignedIn.is_held_by(&operator) && !Right::ReadCases.is_held_by(&operator));
    }
}
