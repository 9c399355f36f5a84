//! The operator's server, as far as a terminal meets it: EST and the client's JSON over certificates that it really
//! signs, with the rules of renewal (F3, K2) that a crash must not break.

mod authority;
mod est;
mod terminal;

use std::collections::VecDeque;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tegata_client::ports::{
    HttpError, Identity, Method, Request, Response, Scheme, Server, TerminalKey,
};
use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::csr;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};

use self::authority::{Authority, authority, ca_profile, issue, subject, tls_profile};
use self::est::pkcs7;
use crate::own_server;

/// IDs of the letter that waits.
pub(crate) const LETTER: (&str, &str) = ("202702010000042", "AbCdEfGh23");
const CHALLENGE: &[u8] = b"a handshake";

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    OnHold,
    Revoked,
    Superseded,
}

#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: Certificate,
    pub(crate) request_id: String,
    /// The certificate that it continues.
    pub(crate) old: Option<Fingerprint>,
    pub(crate) was_seen: bool,
    pub(crate) standing: Standing,
}

/// What happens instead of an answer, or to it.
pub(crate) enum Fault {
    /// The request does not arrive.
    Error(HttpError),
    /// It arrives and is done, and the answer is lost.
    LostAnswer(HttpError),
    /// Somebody else answers.
    Other(u16, &'static str, &'static str),
    /// The server says no with this word.
    No(u16, &'static str),
    /// 202.
    Later(u64),
    /// A certificate for another key.
    WrongKey,
    /// A certificate of another CA.
    WrongAuthority,
}

pub(crate) struct FakeServer {
    pub(crate) tls_root: Certificate,
    pub(crate) issuer: Certificate,
    /// The chain that a handshake shows.
    pub(crate) shown: Mutex<Vec<Vec<u8>>>,
    authority: Authority,
    foreign: Authority,
    pub(crate) issued: Mutex<Vec<Issued>>,
    letter_key: Mutex<Option<PublicKey>>,
    /// For requests whose path ends so, in order.
    pub(crate) faults: Mutex<VecDeque<(&'static str, Fault)>>,
    /// Method, path, and who asked.
    pub(crate) requests: Mutex<Vec<String>>,
    /// Every octet that arrived.
    pub(crate) received: Mutex<Vec<u8>>,
    /// The server's clock minus the terminal's, seconds.
    pub(crate) clock_ahead: Mutex<i64>,
    /// Answers of `notices`, given out for ever where there is one.
    pub(crate) notices: Mutex<Option<Notice>>,
    /// The 確認番号 that is asked for, and whether it was.
    pub(crate) mail_code: Mutex<Option<&'static str>>,
    /// The announcement of a version.
    pub(crate) manifest: Mutex<Option<Vec<u8>>>,
}

/// What `notices` says.
#[derive(Clone)]
pub(crate) struct Notice {
    pub(crate) status: &'static str,
    pub(crate) renewal: Option<&'static str>,
    pub(crate) message: Option<(u16, &'static str)>,
    pub(crate) next: Option<&'static str>,
}

impl FakeServer {
    pub(crate) fn new() -> Self {
        let (tls, tls_root) = authority("Sample Site CA", &tls_profile());
        let (authority, issuer) = authority("Sample Billing NW Common Root CA - G1", &ca_profile());
        let (foreign, _) = self::authority("Another CA", &ca_profile());
        drop(tls);
        Self {
            shown: Mutex::new(vec![b"leaf".to_vec(), tls_root.der().to_vec()]),
            tls_root,
            issuer,
            authority,
            foreign,
            issued: Mutex::default(),
            letter_key: Mutex::default(),
            faults: Mutex::default(),
            requests: Mutex::default(),
            received: Mutex::default(),
            clock_ahead: Mutex::default(),
            notices: Mutex::default(),
            mail_code: Mutex::default(),
            manifest: Mutex::default(),
        }
    }

    /// A certificate that was given out in earlier times, and its key.
    pub(crate) fn give(&self, end: Timestamp, request_id: &str) -> (Certificate, PrivateKey) {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let begin = end.plus_days(-1_180).plus_seconds(1);
        let certificate = issue(&self.authority, &subject(), key.public_key(), (begin, end));
        self.issued.lock().unwrap().push(Issued {
            certificate: certificate.clone(),
            request_id: request_id.to_owned(),
            old: None,
            was_seen: true,
            standing: Standing::Good,
        });
        (certificate, key)
    }

    pub(crate) fn fail(&self, path: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push_back((path, fault));
    }

    pub(crate) fn set(&self, certificate: &Fingerprint, standing: Standing) {
        for one in self.issued.lock().unwrap().iter_mut() {
            if fingerprint(&one.certificate) == *certificate {
                one.standing = standing;
            }
        }
    }

    /// The certificates in force that continue this one.
    pub(crate) fn live_successors(&self, old: &Fingerprint) -> Vec<Fingerprint> {
        let issued = self.issued.lock().unwrap();
        let live = issued
            .iter()
            .filter(|one| one.old == Some(*old) && one.standing == Standing::Good);
        live.map(|one| fingerprint(&one.certificate)).collect()
    }

    /// How many were ever made.
    pub(crate) fn successors_ever(&self, old: &Fingerprint) -> usize {
        let issued = self.issued.lock().unwrap();
        issued.iter().filter(|one| one.old == Some(*old)).count()
    }

    /// Whether a handshake with this certificate and this key would be let in.
    pub(crate) fn accepts(
        &self,
        certificate: &Certificate,
        key: &dyn TerminalKey,
        now: Timestamp,
    ) -> bool {
        let Ok(signature) = key.sign(Scheme::EcdsaP256Sha256, CHALLENGE) else {
            return false;
        };
        let issued = self.issued.lock().unwrap();
        certificate.public_key().verify(CHALLENGE, &signature)
            && certificate.is_valid_at(now.unix())
            && issued
                .iter()
                .any(|one| one.certificate == *certificate && one.standing == Standing::Good)
    }

    pub(crate) fn shown_chain(&self, _: &Server) -> Result<Vec<Vec<u8>>, HttpError> {
        self.requests.lock().unwrap().push("handshake".to_owned());
        Ok(self.shown.lock().unwrap().clone())
    }

    pub(crate) fn answer(
        &self,
        request: &Request,
        root: &Certificate,
        now: Timestamp,
    ) -> Result<Response, HttpError> {
        let mut faults = self.faults.lock().unwrap();
        let fault = match faults.front() {
            Some((path, _)) if request.path.ends_with(path) => faults.pop_front().map(|one| one.1),
            _ => None,
        };
        drop(faults);
        if let Some(Fault::Error(error)) = fault {
            return Err(error);
        }
        if *root != self.tls_root {
            return Err(HttpError::UntrustedServer {
                detail: "another root".to_owned(),
                chain: Vec::new(),
            });
        }
        self.note(request);
        let response = match &fault {
            Some(Fault::Other(status, kind, body)) => respond(*status, kind, body.as_bytes()),
            Some(Fault::No(status, word)) => no(*status, word),
            Some(Fault::Later(seconds)) => Response {
                retry_after: Some(*seconds),
                ..respond(202, "text/plain", b"later\n")
            },
            other => self.serve(request, now, other.as_ref())?,
        };
        if let Some(Fault::LostAnswer(error)) = fault {
            return Err(error);
        }
        let ahead = *self.clock_ahead.lock().unwrap();
        Ok(Response {
            date: Some(now.plus_seconds(ahead)),
            ..response
        })
    }

    fn note(&self, request: &Request) {
        let who = match (&request.identity, &request.basic) {
            (Some(_), _) => " by certificate",
            (None, Some(_)) => " by IDs",
            (None, None) => "",
        };
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        let line = format!("{method} {}{who}", request.path);
        self.requests.lock().unwrap().push(line);
        let mut received = self.received.lock().unwrap();
        received.extend(request.path.as_bytes());
        for (name, value) in &request.headers {
            received.extend(format!("{name}: {value}").as_bytes());
        }
        if let Some(body) = &request.body {
            received.extend(&body.octets);
            received.extend(STANDARD.decode(&body.octets).unwrap_or_default());
        }
        for certificate in request.identity.iter().flat_map(|identity| &identity.chain) {
            received.extend(certificate);
        }
    }

    fn serve(
        &self,
        request: &Request,
        now: Timestamp,
        fault: Option<&Fault>,
    ) -> Result<Response, HttpError> {
        let path = request.path.as_str();
        Ok(match path {
            "/.well-known/est/cacerts" => {
                assert!(request.identity.is_none() && request.basic.is_none());
                pkcs7(std::slice::from_ref(&self.issuer))
            }
            "/p/c/manifest.json" => match &*self.manifest.lock().unwrap() {
                Some(manifest) => respond(200, "application/json", manifest),
                None => respond(404, "text/plain", b"none\n"),
            },
            "/.well-known/est/csrattrs" => {
                let der = csr::wanted_attributes(KeyAlgorithm::P256);
                respond(200, "application/csrattrs", STANDARD.encode(der).as_bytes())
            }
            "/.well-known/est/simpleenroll" => self.enroll(request, now, fault),
            "/.well-known/est/simplereenroll" => {
                let presented = self.presented(request, now)?;
                match presented {
                    Err(response) => response,
                    Ok(old) => self.reenroll(request, &old, now, fault),
                }
            }
            "/api/client/v1/in-use" => match self.presented(request, now)? {
                Err(response) => response,
                Ok(one) => self.in_use(&one, now),
            },
            "/api/client/v1/notices" => match self.identified(request)? {
                None => no(403, "certificate_missing"),
                Some(one) => self.notice(&one, now),
            },
            "/api/client/v1/certificates" => match self.identified(request)? {
                None => no(403, "certificate_missing"),
                Some(one) => self.list(&one),
            },
            "/api/client/v1/hold" | "/api/client/v1/revocation" => {
                match self.presented(request, now)? {
                    Err(response) => response,
                    Ok(one) => self.stop(&one, path.ends_with("hold"), now),
                }
            }
            _ => match self.presented(request, now)? {
                Err(response) => response,
                Ok(one) => own_server::answer(&one, request, now),
            },
        })
    }

    /// Whose certificate it is, where the handshake proves it.
    fn identified(&self, request: &Request) -> Result<Option<Issued>, HttpError> {
        let Some(Identity { chain, key }) = &request.identity else {
            return Ok(None);
        };
        let leaf = Certificate::from_der(chain.first().unwrap()).unwrap();
        let signature = key
            .sign(Scheme::EcdsaP256Sha256, CHALLENGE)
            .map_err(|error| HttpError::Key(error.to_string()))?;
        if !leaf.public_key().verify(CHALLENGE, &signature) {
            return Err(HttpError::Tls("decrypt_error".to_owned()));
        }
        let issued = self.issued.lock().unwrap();
        Ok(issued.iter().find(|one| one.certificate == leaf).cloned())
    }

    fn presented(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Result<Issued, Response>, HttpError> {
        let Some(one) = self.identified(request)? else {
            return Ok(Err(no(403, "certificate_unknown")));
        };
        Ok(match one.standing {
            Standing::OnHold => Err(no(403, "on_hold")),
            Standing::Revoked => Err(no(403, "revoked")),
            Standing::Superseded => Err(no(403, "superseded")),
            Standing::Good if !one.certificate.is_valid_at(now.unix()) => Err(no(403, "expired")),
            Standing::Good => Ok(one),
        })
    }
}

impl tegata_client::ports::Http for FakeServer {
    fn send(&self, _: &Request, _: &Certificate) -> Result<Response, HttpError> {
        panic!("the machine stands between");
    }

    fn shown_chain(&self, server: &Server) -> Result<Vec<Vec<u8>>, HttpError> {
        Self::shown_chain(self, server)
    }
}

pub(crate) fn fingerprint(certificate: &Certificate) -> Fingerprint {
    Fingerprint(certificate.fingerprint_sha256())
}

pub(crate) fn respond(status: u16, kind: &str, body: &[u8]) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        retry_after: None,
        date: None,
        body: body.to_vec(),
    }
}

fn no(status: u16, word: &str) -> Response {
    let body = json!({
        "type": "about:blank", "title": "No", "status": status, "code": word, "detail": "No."
    });
    let mut response = respond(
        status,
        "application/problem+json",
        body.to_string().as_bytes(),
    );
    response
        .headers
        .push(("tegata-error".to_owned(), word.to_owned()));
    response
}
