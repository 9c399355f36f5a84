//! The operator's server, as far as a terminal meets it: EST and the client's JSON over certificates that it really
//! signs, with the rules of renewal (F3, K2) that a crash must not break.

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
use tegata_pki::ObjectIdentifier;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms;
use tegata_pki::csr::{self, CertificationRequest};
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::profile::{
    CaPosition, CertificatePolicy, CertificateProfile, Subscriber, SubscriberCa, TlsCa,
};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;
use tegata_pki::tbs::{self, TbsParameters};

use crate::own_server;
use crate::world::at;

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

struct Authority {
    name: DistinguishedName,
    signer: SoftSigner,
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

    fn enroll(&self, request: &Request, now: Timestamp, fault: Option<&Fault>) -> Response {
        let (user, password) = request.basic.as_ref().unwrap();
        let renewed = {
            let issued = self.issued.lock().unwrap();
            let found = issued
                .iter()
                .find(|one| one.old.is_some() && one.request_id == *user);
            found.cloned()
        };
        if let Some(renewed) = renewed {
            // The IDs of a receipt retrieve, and nothing else (I7).
            let wanted = key_of(request);
            return if *renewed.certificate.public_key() == wanted {
                pkcs7(&[renewed.certificate])
            } else {
                no(409, "key_fixed")
            };
        }
        if (user.as_str(), password.expose().as_str()) != LETTER {
            return no(401, "ids_wrong");
        }
        let needed = *self.mail_code.lock().unwrap();
        if let Some(code) = needed {
            let sent = request
                .headers
                .iter()
                .find(|(name, _)| *name == "tegata-mail-code");
            let word = match sent {
                None => "mail_code_needed",
                Some((_, sent)) if sent != code => "mail_code_wrong",
                Some(_) => "",
            };
            if !word.is_empty() {
                let mut response = no(403, word);
                let procedure = ("tegata-procedure".to_owned(), "00112233".to_owned());
                response.headers.push(procedure);
                return response;
            }
        }
        let key = key_of(request);
        let mut fixed = self.letter_key.lock().unwrap();
        match fixed.as_ref() {
            Some(known) if *known != key => return no(409, "key_fixed"),
            Some(_) => {
                let issued = self.issued.lock().unwrap();
                let found = issued
                    .iter()
                    .find(|one| *one.certificate.public_key() == key);
                return pkcs7(&[found.unwrap().certificate.clone()]);
            }
            None => {}
        }
        *fixed = Some(key.clone());
        drop(fixed);
        self.make(
            &key,
            None,
            LETTER.0,
            (now.plus_seconds(-600), now.plus_days(1_180)),
            fault,
        )
    }

    fn reenroll(
        &self,
        request: &Request,
        old: &Issued,
        now: Timestamp,
        fault: Option<&Fault>,
    ) -> Response {
        let key = key_of(request);
        let print = fingerprint(&old.certificate);
        let successors: Vec<Issued> = {
            let issued = self.issued.lock().unwrap();
            issued
                .iter()
                .filter(|one| one.old == Some(print))
                .cloned()
                .collect()
        };
        if let Some(same) = successors
            .iter()
            .find(|one| *one.certificate.public_key() == key)
        {
            return pkcs7(std::slice::from_ref(&same.certificate));
        }
        if successors.iter().any(|one| one.was_seen) {
            return no(409, "renewed_before");
        }
        let end = old.certificate.not_after();
        if now < Timestamp::from_unix(end).plus_days(-91) {
            return no(403, "renewal_not_open");
        }
        let validity = (now.plus_seconds(-600), now.plus_days(1_180));
        self.make(&key, Some(print), "202702120000077", validity, fault)
    }

    fn make(
        &self,
        key: &PublicKey,
        old: Option<Fingerprint>,
        request_id: &str,
        validity: (Timestamp, Timestamp),
        fault: Option<&Fault>,
    ) -> Response {
        let other = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let certificate = match fault {
            Some(Fault::WrongKey) => {
                issue(&self.authority, &subject(), other.public_key(), validity)
            }
            Some(Fault::WrongAuthority) => issue(&self.foreign, &subject(), key, validity),
            _ => issue(&self.authority, &subject(), key, validity),
        };
        self.issued.lock().unwrap().push(Issued {
            certificate: certificate.clone(),
            request_id: request_id.to_owned(),
            old,
            was_seen: false,
            standing: Standing::Good,
        });
        pkcs7(&[certificate])
    }

    fn in_use(&self, one: &Issued, now: Timestamp) -> Response {
        let print = fingerprint(&one.certificate);
        for other in self.issued.lock().unwrap().iter_mut() {
            if fingerprint(&other.certificate) == print {
                other.was_seen = true;
            } else if other.old.is_some() && other.old == one.old {
                // The one whose key was lost with an answer.
                other.standing = Standing::Superseded;
            }
        }
        let body = json!({
            "version": 1,
            "certificate": print.to_string(),
            "request_id": one.request_id,
            "seen_at": now.to_string(),
        });
        respond(200, "application/json", body.to_string().as_bytes())
    }

    fn notice(&self, one: &Issued, now: Timestamp) -> Response {
        let end = Timestamp::from_unix(one.certificate.not_after());
        let left = now.japan_date().days_until(end.japan_date());
        let said = self.notices.lock().unwrap().clone().unwrap_or(Notice {
            status: "good",
            renewal: Some("open"),
            message: None,
            next: None,
        });
        let message = said.message.map(|(code, title)| {
            json!({
                "code": code, "notify": true, "title": title, "text": "サーバーの文です。",
                "link": "https://r.example/p/ru", "link_text": "更新する"
            })
        });
        let body = json!({
            "version": 1,
            "certificate": fingerprint(&one.certificate).to_string(),
            "day": now.japan_date().to_string(),
            "status": said.status,
            "not_after": end.to_string(),
            "days_left": left,
            "renewal": said.renewal,
            "renewal_opens": end.plus_days(-90).to_string(),
            "message": message,
            "next_request_at": said.next.map(|next| at(next).to_string()),
            "schedule": {
                "days": [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0], "days_after": 30,
                "first_hour": 9, "last_hour": 17, "busy_first_day": 1, "busy_last_day": 10
            }
        });
        respond(200, "application/json", body.to_string().as_bytes())
    }

    fn list(&self, one: &Issued) -> Response {
        let certificate = &one.certificate;
        let end = Timestamp::from_unix(certificate.not_after()).to_string();
        let begin = Timestamp::from_unix(certificate.not_before()).to_string();
        let status = match one.standing {
            Standing::Good => "good",
            Standing::OnHold => "on_hold",
            Standing::Revoked => "revoked",
            Standing::Superseded => "superseded",
        };
        let receipt_until = one.old.map(|_| end.clone());
        let body = json!({"version": 1, "certificates": [{
            "request_id": one.request_id, "relation": "presented", "receipt_until": receipt_until,
            "institution_code": "0110119153", "terminal": "受付", "request_status": "in_use",
            "accepted_at": begin, "not_after": end, "renewal_opens": begin,
            "can_be_fetched": false,
            "issued": {
                "serial": "5a".repeat(16), "fingerprint": fingerprint(certificate).to_string(),
                "public_key": "00".repeat(32), "subject": "", "issuer": "",
                "not_before": begin, "not_after": end, "status": status
            }
        }]});
        respond(200, "application/json", body.to_string().as_bytes())
    }

    fn stop(&self, one: &Issued, is_hold: bool, now: Timestamp) -> Response {
        let (standing, word) = if is_hold {
            (Standing::OnHold, "on_hold")
        } else {
            (Standing::Revoked, "revoked")
        };
        self.set(&fingerprint(&one.certificate), standing);
        let body = json!({
            "version": 1, "request_id": one.request_id, "number": "R-0007",
            "accepted_at": now.to_string(), "status": word, "since": now.to_string(),
            "mails": ["t****@example.jp"]
        });
        respond(200, "application/json", body.to_string().as_bytes())
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

fn key_of(request: &Request) -> PublicKey {
    let body = request.body.as_ref().unwrap();
    assert_eq!(
        (body.content_type, body.is_base64),
        ("application/pkcs10", true)
    );
    let der = STANDARD.decode(&body.octets).unwrap();
    let read = CertificationRequest::from_der(&der).unwrap();
    assert!(
        read.subject().unwrap().is_empty(),
        "the subject is the server's to say (W5)"
    );
    read.public_key().clone()
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

fn pkcs7(certificates: &[Certificate]) -> Response {
    let text = STANDARD.encode(cms::certificates_only(certificates));
    let kind = "application/pkcs7-mime; smime-type=certs-only";
    respond(200, kind, text.as_bytes())
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

fn subject() -> DistinguishedName {
    DistinguishedName::builder()
        .country("JP")
        .organization("ReceiptOnline")
        .organizational_unit("hokkaido")
        .organizational_unit("medical")
        .common_name("0110119153")
        .build()
        .unwrap()
}

fn ca_profile() -> CertificateProfile {
    CertificateProfile::SubscriberCa(SubscriberCa {
        position: CaPosition::Root,
        path_length: None,
    })
}

fn tls_profile() -> CertificateProfile {
    CertificateProfile::TlsCa(TlsCa {
        permitted_dns: vec!["r.example".to_owned()],
        permitted_ips: Vec::new(),
        path_length: Some(0),
    })
}

fn authority(common_name: &str, profile: &CertificateProfile) -> (Authority, Certificate) {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let signer = SoftSigner::from_private_key(key);
    let name = DistinguishedName::builder()
        .country("JP")
        .organization("Sample Billing NW")
        .common_name(common_name)
        .build()
        .unwrap();
    let authority = Authority { name, signer };
    let public = authority.signer.public_key().clone();
    let validity = (at("2020-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"));
    let name = authority.name.clone();
    let certificate = sign(&authority, &name, &public, profile, validity);
    (authority, certificate)
}

fn issue(
    authority: &Authority,
    subject: &DistinguishedName,
    key: &PublicKey,
    validity: (Timestamp, Timestamp),
) -> Certificate {
    let profile = CertificateProfile::Subscriber(Subscriber {
        policy: CertificatePolicy {
            identifier: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"),
            cps_uri: None,
        },
        crl_uri: "http://pki.example/0.crl".to_owned(),
        ocsp_uri: None,
        ca_issuers_uri: None,
    });
    sign(authority, subject, key, &profile, validity)
}

fn sign(
    authority: &Authority,
    subject: &DistinguishedName,
    key: &PublicKey,
    profile: &CertificateProfile,
    validity: (Timestamp, Timestamp),
) -> Certificate {
    let tbs = tbs::build_tbs(&TbsParameters {
        serial: [0x5a; 16],
        issuer: &authority.name,
        issuer_key: authority.signer.public_key(),
        signature_algorithm: authority.signer.signature_algorithm(),
        subject,
        subject_key: key,
        not_before: validity.0.unix(),
        not_after: validity.1.unix(),
        profile,
    })
    .unwrap();
    Certificate::from_der(&tbs::issue(&tbs, &authority.signer).unwrap()).unwrap()
}
