//! Sample rows: a case from application to grant, and certificates for it.

use std::collections::BTreeSet;

use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::certificate::{CertificateKind, CertificateRecord, CertificateState};
use tegata_domain::entropy::{self, SeededEntropy};
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, Persons};
use tegata_domain::id::{
    ApplicationId, CaKeyId, Fingerprint, GrantId, InstitutionId, OperatorId, ReferenceRowId,
    SerialNumber,
};
use tegata_domain::institution::{
    ClassName, Institution, InstitutionCode, MailAddress, Prefecture, TerminalName,
};
use tegata_domain::operator::{Operator, Role};
use tegata_domain::reference::{ReferenceScope, RequestId, StoredReference};
use tegata_domain::time::Timestamp;
use tegata_store::{CaKeyPurpose, CaKeyRow, CaKeyState};

use crate::databases::Database;

/// The instant of the samples.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
/// An hour later: no claim of these tests lasts until then.
pub(crate) const FAR: Timestamp = NOW.plus_seconds(3_600);

/// Makes samples that differ from each other and are the same in each run.
pub(crate) struct Samples(pub(crate) SeededEntropy);

/// A case with its grant, stored.
pub(crate) struct Case {
    pub(crate) samples: Samples,
    pub(crate) operators: [OperatorId; 3],
    pub(crate) institution: Institution,
    pub(crate) application: CertificateApplication,
    pub(crate) grant: Grant,
    pub(crate) reference_id: ReferenceRowId,
    pub(crate) ca_key: CaKeyId,
}

impl Samples {
    pub(crate) fn new() -> Self {
        Self(SeededEntropy::new(7))
    }

    pub(crate) fn operator(&self, name: &str, roles: &[Role]) -> Operator {
        Operator {
            id: OperatorId::generate(NOW, &self.0),
            name: name.to_owned(),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            disabled_at: None,
        }
    }

    pub(crate) fn institution(&self, code: &str) -> Institution {
        Institution {
            id: InstitutionId::generate(NOW, &self.0),
            class: ClassName::new("medical"),
            code: InstitutionCode::from_stored(code.to_owned()),
            name: "見本医院".to_owned(),
            kana: "ミホンイイン".to_owned(),
            prefecture: Prefecture::from_number(1).unwrap(),
            postal_code: "060-0000".to_owned(),
            address: "見本市一丁目".to_owned(),
            telephone: "000-000-0000".to_owned(),
            changed_at: None,
            closed_at: None,
        }
    }

    pub(crate) fn application(
        &self,
        institution: &InstitutionId,
        entered_by: EnteredBy,
    ) -> CertificateApplication {
        CertificateApplication {
            id: ApplicationId::generate(NOW, &self.0),
            institution: institution.clone(),
            terminal: TerminalName::parse("受付端末").unwrap(),
            mail: MailAddress::parse("front@example.jp").unwrap(),
            entered_by,
            entered_at: NOW,
            state: ApplicationState::Submitted,
        }
    }

    pub(crate) fn reference(&self, created_at: Timestamp) -> (ReferenceRowId, StoredReference) {
        let reference = StoredReference {
            hmac: entropy::octets::<32>(&self.0).to_vec(),
            pepper: 1,
            salt: entropy::octets::<16>(&self.0).to_vec(),
            scope: ReferenceScope::Letter,
            posted_at: None,
            release: None,
            created_at,
        };
        (ReferenceRowId::generate(NOW, &self.0), reference)
    }

    pub(crate) fn ca_key(&self, purpose: CaKeyPurpose) -> CaKeyRow {
        CaKeyRow {
            id: CaKeyId::generate(NOW, &self.0),
            purpose,
            state: CaKeyState::Active,
            certificate: vec![0x30, 0x00],
            chain: Some(vec![1, 2, 3]),
            key_file: Some("subscriber.key".to_owned()),
            shards: 1,
            not_after: NOW.plus_days(3_650),
            created_at: NOW,
        }
    }

    pub(crate) fn serial(&self) -> SerialNumber {
        SerialNumber::generate(&self.0)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(entropy::octets(&self.0))
    }

    /// The intent of a certificate; a subscriber's where there is a grant, else a server's.
    pub(crate) fn intent(&self, ca_key: &CaKeyId, grant: Option<&GrantId>) -> CertificateRecord {
        CertificateRecord {
            serial: self.serial(),
            kind: match grant {
                Some(_) => CertificateKind::Subscriber,
                None => CertificateKind::TlsServer,
            },
            ca_key: ca_key.clone(),
            shard: 0,
            grant: grant.cloned(),
            fingerprint: None,
            spki_sha256: entropy::octets(&self.0),
            not_before: NOW,
            not_after: NOW.plus_days(1_000),
            created_at: NOW,
            state: CertificateState::Intended,
        }
    }

    /// A grant for an application; `number` is that of its request ID.
    pub(crate) fn grant(
        &self,
        application: &CertificateApplication,
        institution: &Institution,
        operators: &[OperatorId; 3],
        number: u64,
    ) -> Grant {
        Grant {
            id: GrantId::generate(NOW, &self.0),
            request_id: RequestId::new(NOW.japan_date(), number),
            application: application.id.clone(),
            origin: GrantOrigin::Letter,
            institution: institution.id.clone(),
            institution_name: institution.name.clone(),
            class: institution.class.clone(),
            code: institution.code.clone(),
            prefecture: institution.prefecture,
            terminal: application.terminal.clone(),
            mail: application.mail.clone(),
            second_mail: None,
            approved_at: NOW,
            not_after: NOW.plus_days(1_180),
            window_end: NOW.plus_days(180),
            persons: Persons {
                entered_by: operators[0].to_string(),
                examined_by: operators[1].clone(),
                approved_by: operators[2].clone(),
            },
            state: GrantState::Approved,
        }
    }
}

impl Case {
    /// Stores three operators, an institution, an application, a grant and a CA key.
    pub(crate) async fn store(database: &Database) -> Self {
        let samples = Samples::new();
        let people = ["intake", "examiner", "approver"].map(|name| samples.operator(name, &[]));
        let operators = people.clone().map(|operator| operator.id);
        let institution = samples.institution("0110119153");
        let application =
            samples.application(&institution.id, EnteredBy::Operator(operators[0].clone()));
        let grant = samples.grant(&application, &institution, &operators, 1);
        let (reference_id, reference) = samples.reference(NOW);
        let ca_key = samples.ca_key(CaKeyPurpose::Subscriber);
        let case = Self {
            operators,
            institution: institution.clone(),
            application: application.clone(),
            grant: grant.clone(),
            reference_id: reference_id.clone(),
            ca_key: ca_key.id.clone(),
            samples,
        };
        database
            .write(|tx| {
                Box::pin(async move {
                    for operator in &people {
                        tx.insert_operator(operator, "hash", b"totp", NOW).await?;
                    }
                    tx.insert_institution(&institution, NOW).await?;
                    tx.insert_application(&application).await?;
                    tx.insert_grant(&grant, &reference_id, &reference, b"letter")
                        .await?;
                    tx.insert_ca_key(&ca_key).await
                })
            })
            .await;
        case
    }

    /// Stores another application of the same institution with its grant.
    pub(crate) async fn another_grant(&self, database: &Database, number: u64) -> Grant {
        let application = self.samples.application(
            &self.institution.id,
            EnteredBy::Operator(self.operators[0].clone()),
        );
        let grant = self
            .samples
            .grant(&application, &self.institution, &self.operators, number);
        let (reference_id, reference) = self.samples.reference(NOW);
        let stored = grant.clone();
        database
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_application(&application).await?;
                    tx.insert_grant(&stored, &reference_id, &reference, b"letter")
                        .await
                })
            })
            .await;
        grant
    }

    /// Stores the intent of a certificate for the grant.
    pub(crate) async fn intend(&self, database: &Database, grant: &GrantId) -> CertificateRecord {
        let record = self.samples.intent(&self.ca_key, Some(grant));
        let stored = record.clone();
        database
            .write(|tx| Box::pin(async move { tx.insert_intent(&stored, b"tbs").await }))
            .await;
        record
    }

    /// Stores an issued certificate for the grant.
    pub(crate) async fn issue(&self, database: &Database, grant: &GrantId) -> CertificateRecord {
        let mut record = self.intend(database, grant).await;
        let fingerprint = self.samples.fingerprint();
        let serial = record.serial;
        let issued = database
            .write(move |tx| {
                Box::pin(async move { tx.issue_certificate(&serial, &fingerprint, b"der").await })
            })
            .await;
        assert!(issued);
        record.state = CertificateState::Issued;
        record.fingerprint = Some(fingerprint);
        record
    }
}
