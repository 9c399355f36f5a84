//! RX-2 as sent, as checked, and as kept between its pages.

use serde::{Deserialize, Serialize};
use tegata_domain::institution::MailAddress;
use tegata_domain::revocation::StatedReason;

use crate::error::{FieldProblem, Refusal, Result};

/// RX-2 as sent.
#[derive(Clone, Debug)]
pub struct RevocationForm {
    /// The version that the page carried.
    pub version: i64,
    /// メールアドレス.
    pub mail: String,
    /// メールアドレス(確認用).
    pub confirmation: String,
    /// 失効の理由.
    pub reason: String,
    /// 「新しい電子証明書も止めますか。」: `yes`, `no` or nothing.
    pub newer: String,
}

/// RX-2 as it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnteredRevocation {
    /// メールアドレス.
    pub mail: String,
    /// 失効の理由.
    pub reason: StatedReason,
    /// Whether the newer certificate is stopped too; `None` where there is none.
    pub stop_newer: Option<bool>,
}

/// What is kept of RX-2 between its pages; no secret.
#[derive(Serialize, Deserialize)]
pub(super) struct Entered {
    mail: String,
    reason: String,
    #[serde(default)]
    stop_newer: Option<bool>,
}

pub(super) fn check_form(form: &RevocationForm, has_newer: bool) -> Result<Entered> {
    let mut problems = Vec::new();
    let mail = MailAddress::from_typed(&form.mail);
    if mail.is_none() {
        problems.push(FieldProblem::MailInvalid);
    } else if mail != MailAddress::from_typed(&form.confirmation) {
        problems.push(FieldProblem::MailsDiffer);
    }
    let reason = StatedReason::parse(&form.reason);
    if reason.is_none() {
        problems.push(FieldProblem::ReasonUnknown);
    }
    let stop_newer = match form.newer.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    if has_newer && stop_newer.is_none() {
        problems.push(FieldProblem::NewerUnanswered);
    }
    match (mail, reason) {
        (Some(mail), Some(reason)) if problems.is_empty() => Ok(Entered {
            mail: mail.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
            stop_newer: stop_newer.filter(|_| has_newer),
        }),
        _ => Err(Refusal::Fields(problems).into()),
    }
}

pub(super) fn read_entered(text: &str) -> Option<EnteredRevocation> {
    let entered: Entered = serde_json::from_str(text).ok()?;
    let reason = StatedReason::parse(&entered.reason)?;
    Some(EnteredRevocation {
        mail: entered.mail,
        reason,
        stop_newer: entered.stop_newer,
    })
}
