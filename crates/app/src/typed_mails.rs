//! メールアドレス, its confirmation and 予備のメールアドレス, as typed on RCR-3 and RU-6.

use tegata_domain::institution::MailAddress;

use crate::error::FieldProblem;

/// Three fields of a form.
pub(crate) struct TypedMails<'a> {
    /// メールアドレス.
    pub(crate) mail: &'a str,
    /// The same again.
    pub(crate) confirmation: &'a str,
    /// 予備のメールアドレス; empty for none.
    pub(crate) second_mail: &'a str,
}

impl TypedMails<'_> {
    /// The address and 予備, where they can be read; what is wrong is added to `problems` by the name of its field.
    pub(crate) fn read(
        &self,
        problems: &mut Vec<(&'static str, FieldProblem)>,
    ) -> (Option<MailAddress>, Option<MailAddress>) {
        let mail = MailAddress::from_typed(self.mail);
        if mail.is_none() {
            problems.push(("mail", FieldProblem::MailInvalid));
        } else if mail != MailAddress::from_typed(self.confirmation) {
            problems.push(("mail_confirmation", FieldProblem::MailsDiffer));
        }
        let second_mail = MailAddress::from_typed(self.second_mail);
        if second_mail.is_none() && !self.second_mail.trim().is_empty() {
            problems.push(("second_mail", FieldProblem::MailInvalid));
        } else if second_mail.is_some() && second_mail == mail {
            problems.push(("second_mail", FieldProblem::MailTwice));
        }
        (mail, second_mail)
    }
}
