//! Many subscribers with a certificate each, put into the database directly: to make 600,000 keys would take hours, and
//! what is measured does not look at them.

use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateKind, CertificateRecord, CertificateState};
use tegata_domain::entropy::octets;
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, Persons, window_end};
use tegata_domain::id::{
    ApplicationId, CaKeyId, Fingerprint, GrantId, ReferenceRowId, SerialNumber,
};
use tegata_domain::institution::{Institution, MailAddress, TerminalName};
use tegata_domain::operator::Role;
use tegata_domain::reference::{ReferenceScope, RequestId, StoredReference};
use tegata_domain::time::Timestamp;
use tegata_pki::digest::sha256;
use tegata_store::BareHolder;

use super::ocsp::subscriber_ca;
use super::world::{World, clinic};
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;
use crate::system::SystemEntropy;

/// Subscribers stored in one transaction.
const BATCH: usize = 10_000;

/// Who stands behind the subscribers of a bench.
pub(crate) struct Fleet {
    ca: CaKeyId,
    institution: Institution,
    persons: Persons,
}

/// What one subscriber has.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    /// From 1; its mail address is made from it ([`address`]).
    pub(crate) number: u64,
    /// P.
    pub(crate) approved_at: Timestamp,
    /// The certificate's last second.
    pub(crate) not_after: Timestamp,
}

/// A subscriber as it stands in the database.
#[derive(Clone)]
pub(crate) struct Stored {
    /// Its grant, whose certificate is in use.
    pub(crate) grant: GrantId,
    /// Its certificate's serial number.
    pub(crate) serial: SerialNumber,
}

/// The mail address of a subscriber.
pub(crate) fn address(number: u64) -> String {
    format!("terminal{number}@mail.example")
}

impl Fleet {
    /// An institution and three operators in an empty world.
    pub(crate) async fn prepare(world: &World) -> Outcome<Self> {
        let now = world.app.clock_now();
        let (ca, _) = subscriber_ca(world)?;
        let examiner = world.operator("examiner", Role::Examiner, now).await?;
        let approver = world.operator("approver", Role::Approver, now).await?;
        let institution = world.app.add_institution(clinic(), Actor::System, now);
        Ok(Self {
            ca,
            institution: institution.await?,
            persons: Persons {
                entered_by: EnteredBy::Applicant.as_text().to_owned(),
                examined_by: examiner.id,
                approved_by: approver.id,
            },
        })
    }

    /// Stores subscribers with a certificate in use each, in their order.
    pub(crate) async fn store(
        &self,
        world: &World,
        subscribers: &[Subscriber],
    ) -> Outcome<Vec<Stored>> {
        let mut all = Vec::with_capacity(subscribers.len());
        for batch in subscribers.chunks(BATCH) {
            let holders = batch.iter().map(|one| self.holder(world, one));
            let holders: Vec<BareHolder> = holders.collect::<Outcome<_>>()?;
            all.extend(holders.iter().map(|holder| Stored {
                grant: holder.grant.id.clone(),
                serial: holder.certificate.serial,
            }));
            world
                .store
                .write(move |tx| Box::pin(async move { tx.insert_bare_holders(&holders).await }))
                .await
                .map_err(|error| database_failure("store subscribers", &error))?;
        }
        Ok(all)
    }

    fn holder(&self, world: &World, one: &Subscriber) -> Outcome<BareHolder> {
        let at = one.approved_at;
        let serial = SerialNumber::generate(&SystemEntropy);
        let mail = MailAddress::parse(&address(one.number));
        let terminal = TerminalName::parse(&format!("terminal {}", one.number));
        let application = CertificateApplication {
            id: ApplicationId::generate(at, &SystemEntropy),
            institution: self.institution.id.clone(),
            terminal: terminal.ok_or_else(|| failed("name a terminal"))?,
            mail: mail.ok_or_else(|| failed("make an address"))?,
            entered_by: EnteredBy::Applicant,
            entered_at: at,
            state: ApplicationState::Submitted,
        };
        let grant = Grant {
            id: GrantId::generate(at, &SystemEntropy),
            request_id: RequestId::new(at.japan_date(), one.number),
            application: application.id.clone(),
            origin: GrantOrigin::Letter,
            institution: self.institution.id.clone(),
            institution_name: self.institution.name.clone(),
            class: self.institution.class.clone(),
            code: self.institution.code.clone(),
            prefecture: self.institution.prefecture,
            terminal: application.terminal.clone(),
            mail: application.mail.clone(),
            second_mail: None,
            approved_at: at,
            not_after: one.not_after,
            window_end: window_end(at, &world.app.policy().periods),
            persons: self.persons.clone(),
            state: GrantState::SeenInUse { serial, at },
        };
        let certificate = CertificateRecord {
            serial,
            kind: CertificateKind::Subscriber,
            ca_key: self.ca.clone(),
            shard: 0,
            grant: Some(grant.id.clone()),
            fingerprint: Some(Fingerprint(sha256(serial.octets()))),
            spki_sha256: sha256(serial.octets()),
            not_before: at,
            not_after: one.not_after,
            created_at: at,
            state: CertificateState::Issued,
        };
        Ok(BareHolder {
            application,
            grant,
            certificate,
        })
    }
}

/// The reference ID of a grant, which nobody knows.
pub(crate) fn reference(at: Timestamp, scope: ReferenceScope) -> (ReferenceRowId, StoredReference) {
    let stored = StoredReference {
        hmac: octets::<32>(&SystemEntropy).to_vec(),
        pepper: 1,
        salt: octets::<16>(&SystemEntropy).to_vec(),
        scope,
        created_at: at,
        posted_at: None,
        release: None,
    };
    (ReferenceRowId::generate(at, &SystemEntropy), stored)
}

fn failed(doing: &str) -> Failure {
    Failure::new(
        format!("the bench could not {doing}"),
        "run `cargo xtask test`",
    )
}
