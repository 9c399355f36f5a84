//! What a procedure of 発行申請 keeps of its forms.

use serde::{Deserialize, Serialize};
use tegata_domain::applicant::Applicant;
use tegata_domain::application::CertificateApplication;
use tegata_domain::flow::ApplicationFlow;
use tegata_domain::institution::Institution;

use crate::application_contact::EnteredContact;
use crate::error::{Result, internal};

/// RCR-2 as entered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnteredInstitution {
    /// 区分, by its name.
    pub class: String,
    /// 都道府県, in small Latin letters.
    pub prefecture: String,
    /// 医療機関コード: ten digits, or the last seven.
    pub code: String,
}

/// Everything that a procedure keeps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Entered {
    pub(super) institution: EnteredInstitution,
    pub(super) contact: EnteredContact,
    /// RCR-5: the numbers, sealed under the cookie's key; without the cookie nobody reads them.
    pub(super) numbers: Option<String>,
    /// RCR-5: 電子証明書 申請情報受付通知 was not sent.
    pub(super) is_mail_withheld: bool,
}

pub(super) fn read_entered(flow: &ApplicationFlow) -> Entered {
    serde_json::from_str(&flow.entered).unwrap_or_default()
}

pub(super) fn write_entered(entered: &Entered) -> Result<String> {
    serde_json::to_string(entered).map_err(|error| internal("keep a form", error))
}

/// What a correction begins with: the application as it stands.
pub(crate) fn entered_of(
    application: &CertificateApplication,
    applicant: &Applicant,
    institution: &Institution,
) -> Result<String> {
    let contact = &applicant.contact;
    let mail = application.mail.as_str().to_owned();
    write_entered(&Entered {
        institution: EnteredInstitution {
            class: institution.class.as_str().to_owned(),
            prefecture: institution.prefecture.romaji().to_owned(),
            code: institution.code.as_str().to_owned(),
        },
        contact: EnteredContact {
            terminals: vec![application.terminal.as_str().to_owned()],
            department: contact.department.clone().unwrap_or_default(),
            person: contact.person.clone(),
            telephone: contact.telephone.clone(),
            mail_confirmation: mail.clone(),
            mail,
            second_mail: match &contact.second_mail {
                Some(mail) => mail.as_str().to_owned(),
                None => String::new(),
            },
        },
        numbers: None,
        is_mail_withheld: false,
    })
}
