//! EST: a first certificate by the letter's IDs, and a newer one by the certificate that is there (F3, K2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_client::ports::{Request, Response};
use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms;
use tegata_pki::csr::CertificationRequest;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};

use super::authority::{issue, subject};
use super::{FakeServer, Fault, Issued, LETTER, Standing, fingerprint, no, respond};

impl FakeServer {
    pub(super) fn enroll(
        &self,
        request: &Request,
        now: Timestamp,
        fault: Option<&Fault>,
    ) -> Response {
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

    pub(super) fn reenroll(
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

pub(super) fn pkcs7(certificates: &[Certificate]) -> Response {
    let text = STANDARD.encode(cms::certificates_only(certificates));
    let kind = "application/pkcs7-mime; smime-type=certs-only";
    respond(200, kind, text.as_bytes())
}
