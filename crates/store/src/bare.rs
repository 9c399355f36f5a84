//! Rows that are finished, with nothing around them, for `tegata bench`: what the database can do at best, and many
//! certificates in a short time.

use std::sync::LazyLock;

use tegata_domain::application::CertificateApplication;
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::Grant;
use tegata_domain::id::GrantId;
use tegata_domain::outbox::OutboxMail;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::grant;
use crate::many::Insert;
use crate::outbox::{about, values_of};
use crate::store::Tx;

static MAIL: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "outbox (id, at, kind, recipient, key, fields, about, urgency,
            attempts, next_try_at, epoch)",
        "(?, ?, ?, ?, ?, ?, ?, 2, 0, 0, 0)",
        "",
    )
});

static APPLICATION: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "application (id, institution_id, terminal, mail, entered_by, entered_at, state)",
        "(?, ?, ?, ?, ?, ?, 'submitted')",
        "",
    )
});

static GRANT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "issue_grant (id, request_id, application_id, institution_id,
            institution_name, class, code, prefecture, terminal, mail, approved_at, not_after,
            window_end, entered_by, examined_by, approved_by, state, serial, state_at, kind)",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'letter')",
        "",
    )
});

static CERTIFICATE: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "certificate (serial, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
            not_before, not_after, created_at, kind, state)",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, 'subscriber', 'issued')",
        "",
    )
});

/// A mail's row, ready to be bound.
#[derive(Clone, Debug)]
pub struct BareMail {
    mail: OutboxMail,
    about: String,
    values: String,
}

/// A holder with a certificate in force. What is not asked for any more is left out: the reference ID, the DER, and the
/// words under which an application is found.
#[derive(Clone, Debug)]
pub struct BareHolder {
    /// The application.
    pub application: CertificateApplication,
    /// The letter's grant.
    pub grant: Grant,
    /// The certificate, with its fingerprint.
    pub certificate: CertificateRecord,
}

impl BareMail {
    /// Does what is done in Rust before a row is inserted.
    pub fn of(mail: OutboxMail) -> Result<Self, StoreError> {
        let values = values_of(&mail)?;
        let about = about(&mail).to_owned();
        Ok(Self {
            mail,
            about,
            values,
        })
    }

    fn columns(&self) -> Result<[Arg<'_>; 7], StoreError> {
        Ok([
            self.mail.id.as_str().into(),
            self.mail.at.into(),
            self.mail.kind.as_str().into(),
            self.mail.to.as_str().into(),
            self.mail.key.as_str().into(),
            self.values.as_str().into(),
            self.about.as_str().into(),
        ])
    }
}

impl BareHolder {
    fn application(&self) -> Result<[Arg<'_>; 6], StoreError> {
        let application = &self.application;
        Ok([
            application.id.as_str().into(),
            application.institution.as_str().into(),
            application.terminal.as_str().into(),
            application.mail.as_str().into(),
            application.entered_by.as_text().into(),
            application.entered_at.into(),
        ])
    }

    fn grant(&self) -> Result<[Arg<'_>; 19], StoreError> {
        let grant = &self.grant;
        let [state, serial, state_at, ..] = grant::state_columns(&grant.state);
        Ok([
            grant.id.as_str().into(),
            grant.request_id.as_str().into(),
            grant.application.as_str().into(),
            grant.institution.as_str().into(),
            grant.institution_name.as_str().into(),
            grant.class.as_str().into(),
            grant.code.as_str().into(),
            i64::from(grant.prefecture.number()).into(),
            grant.terminal.as_str().into(),
            grant.mail.as_str().into(),
            grant.approved_at.into(),
            grant.not_after.into(),
            grant.window_end.into(),
            grant.persons.entered_by.as_str().into(),
            grant.persons.examined_by.as_str().into(),
            grant.persons.approved_by.as_str().into(),
            state,
            serial,
            state_at,
        ])
    }

    fn certificate(&self) -> Result<[Arg<'_>; 9], StoreError> {
        let certificate = &self.certificate;
        let fingerprint = certificate.fingerprint.as_ref();
        Ok([
            certificate.serial.to_string().into(),
            certificate.ca_key.as_str().into(),
            certificate.shard.into(),
            certificate.grant.as_ref().map(GrantId::as_str).into(),
            fingerprint.map(|print| print.0.as_slice()).into(),
            certificate.spki_sha256.as_slice().into(),
            certificate.not_before.into(),
            certificate.not_after.into(),
            certificate.created_at.into(),
        ])
    }
}

impl Tx {
    /// Inserts mails and nothing else, as many in one statement as the product does.
    pub async fn insert_bare_mails(&mut self, mails: &[BareMail]) -> Result<(), StoreError> {
        self.insert_all(&MAIL, mails, BareMail::columns)
            .await
            .map(drop)
    }

    /// Inserts holders with their certificates.
    pub async fn insert_bare_holders(&mut self, holders: &[BareHolder]) -> Result<(), StoreError> {
        self.insert_all(&APPLICATION, holders, BareHolder::application)
            .await?;
        self.insert_all(&GRANT, holders, BareHolder::grant).await?;
        self.insert_all(&CERTIFICATE, holders, BareHolder::certificate)
            .await
            .map(drop)
    }
}
