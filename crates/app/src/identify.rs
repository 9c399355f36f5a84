//! Whose certificate is this? What the subscriber listener asks on every request (decision W2).
//!
//! TLS has proved the possession of the key. Here: the chain, the purpose, our table by fingerprint, the dates
//! and the status, in this order. Whoever is not in the table learns only what his own certificate says.

use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateKind, CertificateRecord, CertificateState};
use tegata_domain::grant::{days_left, renewal_opens};
use tegata_domain::id::{Fingerprint, SerialNumber};
use tegata_domain::institution::MailAddress;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_store::{CaKeyPurpose, PresentedRow};

use crate::base::App;
use crate::download::CertificateBox;
use crate::error::Result;
use crate::renew::Successor;
use crate::source::Source;

/// Who stands behind a TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Ours, but its last second is over.
    Expired {
        /// The certificate.
        certificate: CertificateBox,
        /// The renewal that continues it.
        successor: Option<Successor>,
    },
    /// Not ours, or not for clients.
    Foreign {
        /// Common name (or the whole name) of its subject.
        subject: String,
        /// Common name (or the whole name) of its issuer.
        issuer: String,
    },
    /// In force.
    Holder {
        /// The certificate.
        certificate: CertificateBox,
        /// Names it in the pages of a procedure.
        fingerprint: Fingerprint,
        /// Its serial number.
        serial: SerialNumber,
        /// Whether it is itself a renewal.
        is_renewal: bool,
        /// Where it stands on its way to a newer one.
        standing: RenewalStanding,
        /// The renewal that continues it.
        successor: Option<Successor>,
        /// The first instant at which it can be renewed.
        renewal_opens: Timestamp,
        /// Japanese calendar days to its last day.
        days_left: i64,
        /// Where its mails go: the registered address, then 予備 where there is one.
        addresses: Vec<MailAddress>,
    },
    /// None was sent.
    Missing,
    /// 一時停止.
    OnHold {
        /// The certificate.
        certificate: CertificateBox,
        /// Names it in the pages of a procedure.
        fingerprint: Fingerprint,
        /// Since when.
        at: Timestamp,
        /// Whether an operator stopped it without a request of its holder (text 1).
        by_operator: bool,
    },
    /// 失効.
    Revoked {
        /// The certificate.
        certificate: CertificateBox,
        /// Names it in the pages of a procedure.
        fingerprint: Fingerprint,
        /// Since when.
        at: Timestamp,
    },
}

impl App {
    /// Judges the certificate that a TLS client presented (leaf, DER). A certificate in force is recorded as
    /// seen in use, once (K3).
    pub async fn identify(
        &self,
        presented: Option<&[u8]>,
        source: Source,
        now: Timestamp,
    ) -> Result<Identity> {
        let Some(der) = presented else {
            return Ok(Identity::Missing);
        };
        let Ok(certificate) = Certificate::from_der(der) else {
            return Ok(Identity::Foreign {
                subject: String::new(),
                issuer: String::new(),
            });
        };
        let fingerprint = Fingerprint(certificate.fingerprint_sha256());
        let Some(ours) = self.find_ours(&certificate, &fingerprint).await? else {
            return Ok(foreign(&certificate));
        };
        let (record, grant) = (ours.certificate, ours.grant);
        let shown = CertificateBox::of(&grant, record.not_after);
        Ok(match record.state {
            CertificateState::Revoked { at, .. }
            | CertificateState::Superseded { at }
            | CertificateState::Void { at } => Identity::Revoked {
                certificate: shown,
                fingerprint,
                at,
            },
            CertificateState::Intended => foreign(&certificate),
            _ if now > record.not_after => Identity::Expired {
                certificate: shown,
                successor: self.shown_successor(&record).await?,
            },
            _ if now < record.not_before => foreign(&certificate),
            CertificateState::OnHold { at } => Identity::OnHold {
                certificate: shown,
                fingerprint,
                at,
                by_operator: self.is_held_by_operator(&grant).await?,
            },
            CertificateState::Issued => {
                let actor = Actor::Subscriber(source.to_string());
                self.see_in_use(&grant, &record, actor, now).await?;
                let periods = &self.policy().periods;
                let next = if ours.has_renewals {
                    self.successor_of(&record).await?
                } else {
                    None
                };
                let state = next.as_ref().map(|grant| &grant.state);
                Identity::Holder {
                    certificate: shown,
                    fingerprint,
                    serial: record.serial,
                    is_renewal: grant.origin.predecessor().is_some(),
                    standing: RenewalStanding::of(record.not_after, state, periods, now),
                    successor: match &next {
                        Some(next) => Some(self.successor(next, true).await?),
                        None => None,
                    },
                    renewal_opens: renewal_opens(record.not_after, &self.policy().periods),
                    days_left: days_left(record.not_after, now),
                    addresses: grant.addresses().cloned().collect(),
                }
            }
        })
    }

    async fn shown_successor(&self, record: &CertificateRecord) -> Result<Option<Successor>> {
        match self.successor_of(record).await? {
            Some(next) => Ok(Some(self.successor(&next, true).await?)),
            None => Ok(None),
        }
    }

    /// The row of a certificate that one of our CA keys signed for a client.
    async fn find_ours(
        &self,
        certificate: &Certificate,
        fingerprint: &Fingerprint,
    ) -> Result<Option<PresentedRow>> {
        let signed = self
            .authorities()
            .all()
            .iter()
            .filter(|key| key.purpose == CaKeyPurpose::Subscriber)
            .any(|key| {
                certificate.issuer() == key.certificate.subject()
                    && certificate.is_signed_by(key.certificate.public_key())
            });
        if !signed || !certificate.has_client_auth() {
            return Ok(None);
        }
        let row = self.store().reader().await?.presented(fingerprint).await?;
        Ok(row.filter(|row| row.certificate.kind == CertificateKind::Subscriber))
    }
}

fn foreign(certificate: &Certificate) -> Identity {
    let shown = |name: &tegata_pki::name::DistinguishedName| {
        name.common_name()
            .map_or_else(|| name.to_string(), str::to_owned)
    };
    Identity::Foreign {
        subject: shown(certificate.subject()),
        issuer: shown(certificate.issuer()),
    }
}
