//! New addresses for a holder's mails: as typed on RU-6, as they wait in the procedure, and the notes that tell the
//! earlier addresses of them (P-23, F8).

use serde::{Deserialize, Serialize};
use tegata_domain::grant::Grant;
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::download::values_of;
use crate::error::{FieldProblem, Refusal, Result, internal};
use crate::source::Source;
use crate::typed_mails::TypedMails;

/// RU-6 as sent.
#[derive(Clone)]
pub struct AddressForm {
    /// The version that the page carried.
    pub version: i64,
    /// 新しいメールアドレス, as typed.
    pub mail: String,
    /// The same again.
    pub confirmation: String,
    /// 予備のメールアドレス, as typed; empty for none.
    pub second_mail: String,
}

/// Addresses that wait for the code; they stand in the procedure between its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAddresses {
    /// 新しいメールアドレス.
    pub mail: MailAddress,
    /// 予備のメールアドレス.
    pub second_mail: Option<MailAddress>,
    /// Whether the number that was mailed to the first one was typed: then 予備 is asked about.
    pub is_first_proven: bool,
}

#[derive(Serialize, Deserialize)]
struct Entered {
    mail: String,
    second_mail: Option<String>,
    #[serde(default)]
    is_first_proven: bool,
}

impl NewAddresses {
    /// The typed addresses, or what is wrong with each.
    pub(crate) fn checked(form: &AddressForm, grant: &Grant) -> Result<Self> {
        let mut problems = Vec::new();
        let typed = TypedMails {
            mail: &form.mail,
            confirmation: &form.confirmation,
            second_mail: &form.second_mail,
        };
        let (mail, second_mail) = typed.read(&mut problems);
        if problems.is_empty()
            && mail.as_ref() == Some(&grant.mail)
            && second_mail == grant.second_mail
        {
            problems.push(("mail", FieldProblem::MailUnchanged));
        }
        match mail {
            Some(mail) if problems.is_empty() => Ok(Self {
                mail,
                second_mail,
                is_first_proven: false,
            }),
            _ => Err(Refusal::Form(problems).into()),
        }
    }

    /// 予備, where it is none of the registered addresses: then it has a number of its own.
    pub(crate) fn unproven_second(&self, old: &Grant) -> Option<&MailAddress> {
        let second = self.second_mail.as_ref();
        second.filter(|second| old.addresses().all(|registered| registered != *second))
    }

    /// The address whose number is asked for now.
    pub(crate) fn asked(&self) -> &MailAddress {
        match &self.second_mail {
            Some(second) if self.is_first_proven => second,
            _ => &self.mail,
        }
    }

    /// What the audit trail says about a change.
    pub(crate) fn detail(&self, old: &Grant) -> String {
        let masked = |mail: &MailAddress, second: &Option<MailAddress>| match second {
            Some(second) => format!("{} and {}", mail.masked(), second.masked()),
            None => mail.masked(),
        };
        format!(
            "from {} to {}",
            masked(&old.mail, &old.second_mail),
            masked(&self.mail, &self.second_mail)
        )
    }

    /// As it stands in the procedure.
    pub(crate) fn write(&self) -> Result<String> {
        let entered = Entered {
            mail: self.mail.as_str().to_owned(),
            second_mail: self.second_mail.as_ref().map(ToString::to_string),
            is_first_proven: self.is_first_proven,
        };
        serde_json::to_string(&entered).map_err(|error| internal("keep a form", error))
    }

    /// Reads it back.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let entered: Entered = serde_json::from_str(text).ok()?;
        let second_mail = match &entered.second_mail {
            Some(second) => Some(MailAddress::parse(second)?),
            None => None,
        };
        Some(Self {
            mail: MailAddress::parse(&entered.mail)?,
            second_mail,
            is_first_proven: entered.is_first_proven,
        })
    }
}

impl App {
    /// The notes about changed addresses: to each earlier one, and to 予備 where that is new. `key` makes them unique.
    pub(crate) fn address_notes(
        &self,
        old: &Grant,
        new: &NewAddresses,
        (key, source): (&str, Option<Source>),
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let mut values = values_of(old);
        values.push(("at", now.to_string()));
        values.push(("old_mail", old.mail.masked()));
        values.push(("new_mail", new.mail.masked()));
        let second = |address: &Option<MailAddress>| address.as_ref().map(MailAddress::masked);
        let seconds = [
            ("old_second_mail", second(&old.second_mail)),
            ("new_second_mail", second(&new.second_mail)),
            ("source", source.map(|source| source.to_string())),
        ];
        values.extend(
            seconds
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let is_old = |address: &&MailAddress| old.addresses().any(|old| old == *address);
        let added = new.second_mail.iter().filter(|address| !is_old(address));
        old.addresses()
            .chain(added)
            .enumerate()
            .map(|(n, to)| {
                let key = format!("address_changed:{key}:{n}");
                self.mail(MailKind::AddressChanged, to, key, &values, now)
            })
            .collect()
    }
}
