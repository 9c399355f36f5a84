//! Issued certificates: states, and what follows from the clock.

use crate::id::{CaKeyId, Fingerprint, GrantId, SerialNumber};
use crate::revocation::ReasonCode;
use crate::time::Timestamp;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateKind {
    /// Signs the nightly feed of the relying systems.
    FeedSigner,
    /// Signs OCSP answers.
    OcspResponder,
    /// A terminal's.
    Subscriber,
    /// One of our TLS servers'.
    TlsServer,
}

impl CertificateKind {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FeedSigner => "feed_signer",
            Self::OcspResponder => "ocsp_responder",
            Self::Subscriber => "subscriber",
            Self::TlsServer => "tls_server",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::FeedSigner,
            Self::OcspResponder,
            Self::Subscriber,
            Self::TlsServer,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// A certificate as the hot row knows it; the DER stands in a table of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Its serial number, unique over all our CA keys (I4).
    pub serial: SerialNumber,
    /// What it is for.
    pub kind: CertificateKind,
    /// The key that signs it.
    pub ca_key: CaKeyId,
    /// The shard of the revocation list, fixed at issue (W4).
    pub shard: i64,
    /// The grant, for a subscriber's certificate.
    pub grant: Option<GrantId>,
    /// SHA-256 of the DER; there once it is issued.
    pub fingerprint: Option<Fingerprint>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki_sha256: [u8; 32],
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// When the intent was stored.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: CertificateState,
}

/// Where a certificate stands. Expired and renewable are answers about an instant, not states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// The intent is stored; a signature may exist (F5).
    Intended,
    /// In force.
    Issued,
    /// 一時停止 (RFC 5280 §5.3.1 certificateHold).
    OnHold {
        /// Since when.
        at: Timestamp,
    },
    /// 失効.
    Revoked {
        /// Since when: the hold's instant where there was a hold (F4).
        at: Timestamp,
        /// Why; `None` is written without a reason (W4).
        reason: Option<ReasonCode>,
    },
    /// Replaced by a newer one.
    Superseded {
        /// Since when.
        at: Timestamp,
    },
    /// The intent was given up; listed as revoked, because a signature may exist.
    Void {
        /// Since when.
        at: Timestamp,
    },
}

/// A move of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateMove {
    /// Put it on hold.
    Hold,
    /// The signature is verified and stored.
    Issue,
    /// Lift the hold.
    Lift,
    /// Revoke it.
    Revoke(Option<ReasonCode>),
    /// A newer one is in use.
    Supersede,
    /// Give the intent up.
    Void,
}

/// The certificate's state does not have this move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate that is {state} cannot make this move")]
pub struct CertificateRefusal {
    /// The state's word.
    pub state: &'static str,
}

impl CertificateState {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Issued => "issued",
            Self::OnHold { .. } => "on_hold",
            Self::Revoked { .. } => "revoked",
            Self::Superseded { .. } => "superseded",
            Self::Void { .. } => "void",
        }
    }

    /// When the certificate was stopped, where it is.
    pub const fn stopped_at(self) -> Option<Timestamp> {
        match self {
            Self::Intended | Self::Issued => None,
            Self::OnHold { at }
            | Self::Revoked { at, .. }
            | Self::Superseded { at }
            | Self::Void { at } => Some(at),
        }
    }

    /// The reason that CRL and OCSP give; `None` where it is left out.
    pub const fn reason(self) -> Option<ReasonCode> {
        match self {
            Self::OnHold { .. } => Some(ReasonCode::CertificateHold),
            Self::Revoked { reason, .. } => reason,
            Self::Superseded { .. } => Some(ReasonCode::Superseded),
            Self::Intended | Self::Issued | Self::Void { .. } => None,
        }
    }

    /// The state after `step`, or a refusal.
    ///
    /// A hold ends only by a decision of persons (F4): a certificate on hold is not superseded when
    /// a newer one is seen; where the hold is lifted, the next sight of the newer one does it.
    /// A hold is no reason to revoke for good, so `Revoke(CertificateHold)` is refused.
    pub fn apply(self, step: CertificateMove, at: Timestamp) -> Result<Self, CertificateRefusal> {
        use CertificateMove as M;
        let refusal = CertificateRefusal {
            state: self.as_str(),
        };
        match (self, step) {
            (Self::Intended, M::Issue) | (Self::OnHold { .. }, M::Lift) => Ok(Self::Issued),
            (Self::Intended, M::Void) => Ok(Self::Void { at }),
            (_, M::Revoke(Some(ReasonCode::CertificateHold))) => Err(refusal),
            (Self::Issued, M::Hold) => Ok(Self::OnHold { at }),
            (Self::Issued, M::Revoke(reason)) => Ok(Self::Revoked { at, reason }),
            (Self::OnHold { at: held }, M::Revoke(reason)) => {
                Ok(Self::Revoked { at: held, reason })
            }
            (Self::Issued, M::Supersede) => Ok(Self::Superseded { at }),
            _ => Err(refusal),
        }
    }
}

/// Whether `now` lies in the validity, both ends included (RFC 5280 §4.1.2.5).
pub fn is_valid_at(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> bool {
    not_before <= now && now <= not_after
}
