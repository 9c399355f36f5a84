//! What a terminal asks for and what it is told (decisions K1, W5; RFC 7030 §4.2): the request of a key that it made
//! itself, and why such a request is not taken.
//!
//! Of a request only the public key goes into a certificate. Subject and further names are compared with what approval
//! printed, extensions are never looked at (T31).

use tegata_domain::grant::Grant;
use tegata_domain::id::FlowId;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms::certificates_only;
use tegata_pki::csr::{CertificationRequest, CsrError, wanted_attributes};
use tegata_pki::key::{KeyAlgorithm, PublicKey, WeakKey};
use tegata_store::CaKeyPurpose;

use crate::authority::key_algorithm;
use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::issue::subject_name;

/// Where the certificate of a terminal's key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuance {
    /// Issued: a CMS envelope that holds it alone, DER (RFC 7030 §4.2.3).
    Issued(Vec<u8>),
    /// Accepted and stored, but the signer does not answer now; the same request later gets it.
    Pending,
}

/// The 確認番号 that a terminal sends along, and the procedure that it was mailed for (K2).
pub struct CodeAnswer {
    /// What [`EnrolmentRefusal::CodeNeeded`] named.
    pub flow: FlowId,
    /// As typed.
    pub code: Secret<String>,
}

/// Why a terminal's request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentRefusal {
    /// The request is signed with another algorithm than the one for its key.
    #[error("the request must be signed with {wanted}")]
    Algorithm {
        /// Its name.
        wanted: String,
    },
    /// The IDs are right, and the policy asks for a number that was mailed just now.
    #[error("a code was mailed to the registered address; send the request again with it")]
    CodeNeeded {
        /// The procedure that takes it.
        flow: FlowId,
        /// The registered address, masked.
        masked_mail: String,
        /// Its last second.
        expires_at: Timestamp,
    },
    /// The grant has its key, and this is another one (K2).
    #[error(
        "the key of this grant was fixed by the first collection; another key needs two operators to open it again"
    )]
    KeyFixed,
    /// A key of another kind, or a shorter one, than the profile has.
    #[error("this profile certifies keys of the kind {wanted}")]
    KeyKind {
        /// The kind, as configuration names it.
        wanted: KeyKind,
    },
    /// The key was certified before, for this terminal or for another one (T35).
    #[error("this key was certified before; make another one")]
    KeyKnown,
    /// No PKCS#10 of ours to read.
    #[error("the body is no PKCS#10 request in base64")]
    Malformed,
    /// Not signed by the key in it.
    #[error("the request is not signed by its own key")]
    Possession,
    /// The subject is neither empty nor the grant's, or further names are asked for (W5).
    #[error("leave the subject empty, or write {subject}; ask for no further names")]
    Subject {
        /// The grant's, RFC 4514.
        subject: String,
    },
    /// Key after key was certified and none of them was ever seen in use.
    #[error("{most} keys wait for their first use; use one of them, or call the help desk")]
    TooManyKeys {
        /// How many may wait.
        most: usize,
    },
    /// A key with a known weakness.
    #[error("this key is too weak: {0}; make another one")]
    Weak(String),
}

/// A kind of keys, comparable and printable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyKind(KeyAlgorithm);

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl App {
    /// Which attributes a request should have (RFC 7030 §4.5.2): the kind of key and the signature; DER.
    pub fn csr_attributes(&self) -> Result<Vec<u8>> {
        Ok(wanted_attributes(self.subscriber_key_kind()?))
    }

    /// The certificates of the subscribers' CA up to its root, in a CMS envelope, DER (RFC 7030 §4.1.3). Those of retired
    /// keys stay in it while certificates of theirs are in force.
    pub fn ca_envelope(&self) -> Vec<u8> {
        let all = self.authorities().all().iter();
        let own: Vec<_> = all
            .filter(|key| key.purpose != CaKeyPurpose::Tls)
            .map(|key| key.certificate.clone())
            .collect();
        certificates_only(&own)
    }

    /// The key of a request for `grant`: signed by itself, of the profile's kind and strong, and asking for nothing
    /// that the grant does not say.
    pub(crate) fn requested_key(&self, request: &[u8], grant: &Grant) -> Result<PublicKey> {
        let request = CertificationRequest::from_der(request).map_err(refusal_of)?;
        let key = request.public_key();
        self.check_key(key)?;
        let asked = request.subject().map_err(|_| EnrolmentRefusal::Malformed)?;
        let own = subject_name(self.policy(), grant)?;
        if request.asks_for_other_names() || !(asked.is_empty() || own.says_the_same(&asked)) {
            let subject = own.to_string();
            return Err(EnrolmentRefusal::Subject { subject }.into());
        }
        Ok(key.clone())
    }

    /// Whether a key may be certified for a subscriber (K6, T35).
    fn check_key(&self, key: &PublicKey) -> Result<()> {
        check_strong(key)?;
        let wanted = self.subscriber_key_kind()?;
        if !key.algorithm().satisfies(wanted) {
            let wanted = KeyKind(wanted);
            return Err(EnrolmentRefusal::KeyKind { wanted }.into());
        }
        Ok(())
    }

    fn subscriber_key_kind(&self) -> Result<KeyAlgorithm> {
        key_algorithm(&self.policy().ca.subscriber_key)
    }
}

/// A key with a known weakness is certified for nobody (T35).
pub(crate) fn check_strong(key: &PublicKey) -> Result<()> {
    let weak = |weakness: WeakKey| EnrolmentRefusal::Weak(weakness.to_string());
    Ok(key.check_strength().map_err(weak)?)
}

fn refusal_of(error: CsrError) -> Error {
    match error {
        CsrError::Algorithm(wanted) => EnrolmentRefusal::Algorithm {
            wanted: wanted.to_string(),
        }
        .into(),
        CsrError::Key(error) => EnrolmentRefusal::Weak(error.to_string()).into(),
        CsrError::Malformed => EnrolmentRefusal::Malformed.into(),
        CsrError::ProofOfPossession => EnrolmentRefusal::Possession.into(),
        CsrError::TooLong(_) => EnrolmentRefusal::Malformed.into(),
        CsrError::Weak(weakness) => EnrolmentRefusal::Weak(weakness.to_string()).into(),
    }
}

/// One certificate in an envelope of its own.
pub(crate) fn envelope(der: &[u8]) -> Result<Vec<u8>> {
    let certificate = Certificate::from_der(der)
        .map_err(|error| internal("read a certificate of ours", error))?;
    Ok(certificates_only(&[certificate]))
}
