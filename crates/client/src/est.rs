//! EST as a client (RFC 7030, decision W5): the CAs, the wanted key, a first certificate by IDs, a next one by the
//! certificate that is there.
//!
//! A certificate that comes is judged here before anybody installs it: it must be for the key that was sent, from a CA
//! that is known, for client authentication, and in a renewal for the same subject.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms;
use tegata_pki::csr::{self, CertificationRequest};
use tegata_pki::digest::MessageDigest;
use tegata_pki::key::{KeyAlgorithm, PublicKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::signer::{SignError, Signer};

use crate::exchange::{self, Connection};
use crate::failure::Failure;
use crate::ports::{Body, Identity, Method, Request, Response, Scheme, TerminalKey};
use crate::trust::Trust;

const CACERTS: &str = "/.well-known/est/cacerts";
const CSRATTRS: &str = "/.well-known/est/csrattrs";
const SIMPLE_ENROLL: &str = "/.well-known/est/simpleenroll";
const SIMPLE_REENROLL: &str = "/.well-known/est/simplereenroll";
const PKCS7: &str = "application/pkcs7-mime";
const PKCS10: &str = "application/pkcs10";
const CSRATTRS_TYPE: &str = "application/csrattrs";
/// The procedure in which a 確認番号 was mailed.
const PROCEDURE: &str = "tegata-procedure";
const MAIL_CODE: &str = "tegata-mail-code";
/// Where the server names no time.
const LATER: u64 = 60;

/// The IDs of a letter or of a 更新申請受付票, and the 確認番号 where one was asked for.
pub(crate) struct Ids<'a> {
    pub(crate) request: &'a RequestId,
    pub(crate) reference: &'a ReferenceId,
    /// The procedure and the number.
    pub(crate) mail_code: Option<(&'a str, &'a Secret<String>)>,
}

/// What came of a first enrolment.
pub(crate) enum Enrolled {
    Certificate(Box<Certificate>),
    /// A 確認番号 was mailed; the same again with this procedure and the number.
    MailCode {
        procedure: String,
        /// Whether the one that was sent along was wrong.
        was_wrong: bool,
    },
}

/// The CA certificates, and the instant that the server believes in.
pub(crate) fn ca_certificates(
    connection: &Connection<'_>,
) -> Result<(Vec<Certificate>, Option<Timestamp>), Failure> {
    let response = connection.send(connection.get(CACERTS))?;
    exchange::success(&response)?;
    Ok((read_certificates(&response)?, response.date))
}

/// The key that the server wants; none where it names none that this client makes.
pub(crate) fn wanted_key(connection: &Connection<'_>) -> Result<Option<KeyAlgorithm>, Failure> {
    let response = connection.send(connection.get(CSRATTRS))?;
    if matches!(response.status, 204 | 404) {
        return Ok(None);
    }
    exchange::success(&response)?;
    expect_type(&response, CSRATTRS_TYPE)?;
    let wanted = from_base64(&response)?;
    let known = [
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::P256,
        KeyAlgorithm::Rsa3072,
        KeyAlgorithm::P384,
    ];
    let found = known
        .into_iter()
        .find(|one| csr::wanted_attributes(*one) == wanted);
    Ok(found)
}

/// `simpleenroll` by IDs.
pub(crate) fn enroll(
    connection: &Connection<'_>,
    ids: &Ids<'_>,
    key: Arc<dyn TerminalKey>,
) -> Result<Enrolled, Failure> {
    let mut request = post(connection, SIMPLE_ENROLL, key)?;
    let reference = Secret::new(ids.reference.expose().to_owned());
    request.basic = Some((ids.request.to_string(), reference));
    if let Some((procedure, code)) = ids.mail_code {
        request.headers.push((PROCEDURE, procedure.to_owned()));
        request.headers.push((MAIL_CODE, code.expose().clone()));
    }
    let response = connection.send(request)?;
    if response.status == 403
        && let Some(procedure) = response.header(PROCEDURE)
        && let Some(word @ ("mail_code_needed" | "mail_code_wrong")) =
            response.header(exchange::ERROR_WORD)
    {
        return Ok(Enrolled::MailCode {
            procedure: procedure.to_owned(),
            was_wrong: word == "mail_code_wrong",
        });
    }
    Ok(Enrolled::Certificate(Box::new(issued(&response)?)))
}

/// `simplereenroll` by the certificate that is there; `key` is the new one.
pub(crate) fn reenroll(
    connection: &Connection<'_>,
    identity: Identity,
    key: Arc<dyn TerminalKey>,
) -> Result<Certificate, Failure> {
    let mut request = post(connection, SIMPLE_REENROLL, key)?;
    request.identity = Some(identity);
    issued(&connection.send(request)?)
}

/// Whether a certificate is what was asked for. `old` is the one that it continues.
pub(crate) fn judge(
    certificate: &Certificate,
    key: &PublicKey,
    old: Option<&Certificate>,
    trust: &Trust,
    now: Timestamp,
) -> Result<(), Failure> {
    let wrong = |why: &str| Err(Failure::WrongCertificate(why.to_owned()));
    if certificate.public_key() != key {
        return wrong("it is for another key");
    }
    if !trust.issued(certificate) {
        return wrong("it comes from no authority of the operator");
    }
    if !certificate.has_client_auth() || certificate.is_ca() {
        return wrong("it is not for client authentication");
    }
    if certificate.not_after() < now.unix() {
        return wrong("it is over");
    }
    match old {
        Some(old) if old.subject() != certificate.subject() => wrong("it names somebody else"),
        Some(old) if old.not_after() > certificate.not_after() => {
            wrong("it ends before the one that it continues")
        }
        _ => Ok(()),
    }
}

fn post(
    connection: &Connection<'_>,
    path: &str,
    key: Arc<dyn TerminalKey>,
) -> Result<Request, Failure> {
    // Subject and extensions are the server's to say (W5).
    let nobody = DistinguishedName::builder().build();
    let nobody = nobody.map_err(|error| Failure::Key(error.to_string()))?;
    let request = CertificationRequest::create(&nobody, &RequestSigner(key))
        .map_err(|error| Failure::Key(error.to_string()))?;
    Ok(Request {
        method: Method::Post,
        body: Some(Body {
            content_type: PKCS10,
            is_base64: true,
            octets: STANDARD.encode(request).into_bytes(),
        }),
        ..connection.get(path)
    })
}

pub(crate) fn issued(response: &Response) -> Result<Certificate, Failure> {
    if response.status == 202 {
        return Err(Failure::Later(response.retry_after.unwrap_or(LATER)));
    }
    exchange::success(response)?;
    let certificates = read_certificates(response)?;
    let leaf = certificates.into_iter().find(|one| !one.is_ca());
    leaf.ok_or_else(|| Failure::WrongCertificate("none came".to_owned()))
}

pub(crate) fn read_certificates(response: &Response) -> Result<Vec<Certificate>, Failure> {
    expect_type(response, PKCS7)?;
    cms::read_certificates_only(&from_base64(response)?).map_err(|_| exchange::not_ours(response))
}

fn from_base64(response: &Response) -> Result<Vec<u8>, Failure> {
    let is_blank = |octet: &u8| octet.is_ascii_whitespace();
    let text: Vec<u8> = response
        .body
        .iter()
        .copied()
        .filter(|octet| !is_blank(octet))
        .collect();
    STANDARD
        .decode(text)
        .map_err(|_| exchange::not_ours(response))
}

fn expect_type(response: &Response, wanted: &str) -> Result<(), Failure> {
    if response.media_type() == wanted {
        Ok(())
    } else {
        Err(exchange::not_ours(response))
    }
}

/// Signs a certification request with a key that stays where it is.
struct RequestSigner(Arc<dyn TerminalKey>);

impl Signer for RequestSigner {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let scheme = match self.public_key().algorithm() {
            KeyAlgorithm::P256 => Scheme::EcdsaP256Sha256,
            KeyAlgorithm::P384 => Scheme::EcdsaP384Sha384,
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                Scheme::RsaPkcs1Sha256
            }
        };
        let signed = self.0.sign(scheme, message);
        signed.map_err(|error| SignError::Unavailable(error.to_string()))
    }

    fn sign_digest(&self, _: &MessageDigest) -> Result<Vec<u8>, SignError> {
        // Certification requests are signed as a whole.
        Err(SignError::Refused)
    }
}
