//! RCR-3: terminals and the person to talk to, as entered and checked.

use serde::{Deserialize, Serialize};
use tegata_domain::applicant::Contact;
use tegata_domain::institution::{MailAddress, TerminalName};
use tegata_domain::register;

use crate::error::{FieldProblem, Refusal, Result};
use crate::typed_mails::TypedMails;

/// Terminals of one submission at the most.
pub const MOST_TERMINALS: usize = 8;
/// Characters of a name of a person or a department at the most.
const LONGEST_NAME: usize = 40;

/// RCR-3 as entered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnteredContact {
    /// 端末名称等, one for each terminal.
    pub terminals: Vec<String>,
    /// 担当部署名.
    pub department: String,
    /// 担当者名.
    pub person: String,
    /// 電話番号.
    pub telephone: String,
    /// メールアドレス.
    pub mail: String,
    /// メールアドレス(確認用).
    pub mail_confirmation: String,
    /// 予備のメールアドレス.
    pub second_mail: String,
}

impl EnteredContact {
    /// With a field for one more terminal, up to [`MOST_TERMINALS`].
    pub fn with_one_more(mut self) -> Self {
        if self.terminals.len() < MOST_TERMINALS {
            self.terminals.push(String::new());
        }
        self
    }
}

/// RCR-3, checked.
pub(crate) struct Wanted {
    /// One for each terminal.
    pub(crate) terminals: Vec<TerminalName>,
    /// Whom to talk to.
    pub(crate) contact: Contact,
    /// メールアドレス.
    pub(crate) mail: MailAddress,
}

/// What was entered, or what is wrong with each field. A correction is about one terminal.
pub(crate) fn check_contact_form(form: &EnteredContact, is_correction: bool) -> Result<Wanted> {
    let mut problems = Vec::new();
    let mut terminals = Vec::new();
    for (field, typed) in TERMINAL_FIELDS.iter().zip(&form.terminals) {
        let typed = typed.trim();
        if typed.is_empty() && !(terminals.is_empty() && problems.is_empty()) {
            continue;
        }
        match TerminalName::parse(typed) {
            Some(name) => match tegata_paper::unprintable(typed) {
                Some(found) => problems.push((*field, FieldProblem::Unprintable(found))),
                None => terminals.push(name),
            },
            None => problems.push((*field, FieldProblem::TerminalName)),
        }
    }
    if is_correction {
        terminals.truncate(1);
    }
    if terminals.is_empty() && problems.is_empty() {
        problems.push(("terminal_1", FieldProblem::TerminalName));
    }
    let mut name = |field, typed: &str, is_needed: bool| {
        let typed = typed.trim();
        if typed.is_empty() && is_needed {
            problems.push((field, FieldProblem::PersonMissing));
        } else if typed.chars().count() > LONGEST_NAME {
            problems.push((field, FieldProblem::TooLong { max: LONGEST_NAME }));
        } else if let Some(found) = tegata_paper::unprintable(typed) {
            problems.push((field, FieldProblem::Unprintable(found)));
        }
        typed.to_owned()
    };
    let department = name("department", &form.department, false);
    let person = name("person", &form.person, true);
    let telephone = register::telephone(&form.telephone);
    if telephone.is_none() {
        problems.push(("telephone", FieldProblem::TelephoneInvalid));
    }
    let typed = TypedMails {
        mail: &form.mail,
        confirmation: &form.mail_confirmation,
        second_mail: &form.second_mail,
    };
    let (mail, second_mail) = typed.read(&mut problems);
    match (mail, telephone) {
        (Some(mail), Some(telephone)) if problems.is_empty() => Ok(Wanted {
            terminals,
            contact: Contact {
                department: (!department.is_empty()).then_some(department),
                person,
                telephone,
                second_mail,
            },
            mail,
        }),
        _ => Err(Refusal::Form(problems).into()),
    }
}

/// The fields of RCR-3 for terminals.
pub const TERMINAL_FIELDS: [&str; MOST_TERMINALS] = [
    "terminal_1",
    "terminal_2",
    "terminal_3",
    "terminal_4",
    "terminal_5",
    "terminal_6",
    "terminal_7",
    "terminal_8",
];
