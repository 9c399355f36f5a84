//! T31: whatever a request asks for, the certificate is what approval printed, with the request's key; or there is none.

use tegata_app::{EnrolmentRefusal, Issuance, Refusal};
use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_pki::ObjectIdentifier;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;

use crate::enrolment::one;
use crate::world::{World, ids, refusal, source, worlds};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const BOOLEAN: u8 = 0x01;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(long) => out.extend([0x81, long]),
        Err(_) => {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            out.extend([0x82, high, low]);
        }
    }
    out.extend(content);
    out
}

fn oid(text: &str) -> Vec<u8> {
    tlv(0x06, &[ObjectIdentifier::new(text).unwrap().as_bytes()])
}

/// A name of one CN.
fn name(cn: &str) -> Vec<u8> {
    let value = tlv(UTF8_STRING, &[cn.as_bytes()]);
    let pair = tlv(SEQUENCE, &[&oid("2.5.4.3"), &value]);
    tlv(SEQUENCE, &[&tlv(SET, &[&pair])])
}

/// extensionRequest with these extensions.
fn asking_for(extensions: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
    let all = tlv(SEQUENCE, &parts);
    let kind = oid("1.2.840.113549.1.9.14");
    tlv(SEQUENCE, &[&kind, &tlv(SET, &[&all])])
}

fn extension(kind: &str, value: &[u8]) -> Vec<u8> {
    let critical = tlv(BOOLEAN, &[&[0xff]]);
    let value = tlv(OCTET_STRING, &[value]);
    tlv(SEQUENCE, &[&oid(kind), &critical, &value])
}

fn certificate_authority() -> Vec<u8> {
    extension("2.5.29.19", &tlv(SEQUENCE, &[&tlv(BOOLEAN, &[&[0xff]])]))
}

fn any_purpose() -> Vec<u8> {
    extension("2.5.29.37", &tlv(SEQUENCE, &[&oid("2.5.29.37.0")]))
}

fn other_name(name: &str) -> Vec<u8> {
    let dns = tlv(0x82, &[name.as_bytes()]);
    extension("2.5.29.17", &tlv(SEQUENCE, &[&dns]))
}

fn challenge_password(text: &str) -> Vec<u8> {
    let value = tlv(SET, &[&tlv(UTF8_STRING, &[text.as_bytes()])]);
    tlv(SEQUENCE, &[&oid("1.2.840.113549.1.9.7"), &value])
}

/// A request that is signed by its own key, whatever it asks for.
fn request(subject: &[u8], attributes: &[Vec<u8>]) -> (SoftSigner, Vec<u8>) {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let signer = SoftSigner::from_private_key(key);
    let parts: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
    let info = tlv(
        SEQUENCE,
        &[
            &[0x02, 1, 0],
            subject,
            signer.public_key().spki_der(),
            &tlv(0xa0, &parts),
        ],
    );
    let signature = signer.sign(&info).unwrap();
    let signature = tlv(0x03, &[&[0], &signature]);
    let algorithm = signer.signature_algorithm().to_der();
    let der = tlv(SEQUENCE, &[&info, &algorithm, &signature]);
    (signer, der)
}

impl World {
    /// What a request gets for a letter of its own: the certificate, or the refusal.
    async fn ask(&self, request: &[u8]) -> Result<Certificate, EnrolmentRefusal> {
        let posted = self.posted().await;
        let asked = self
            .app
            .enroll(ids(&posted), request, None, source(1), self.now());
        match asked.await {
            Ok(Issuance::Issued(der)) => Ok(one(Issuance::Issued(der))),
            other => match refusal(other) {
                Refusal::Enrolment(refused) => Err(refused),
                refused => panic!("{refused}"),
            },
        }
    }
}

/// Everything that a certificate says, but its number, its times, its key and where its list lies: a line for each.
fn says(certificate: &Certificate) -> Vec<String> {
    const OWN: [&str; 3] = ["2.5.29.14", "2.5.29.31", "1.3.6.1.5.5.7.1.1"];
    let own = OWN.map(|kind| ObjectIdentifier::new(kind).unwrap());
    let extensions = certificate.extensions().map(|(kind, critical)| {
        let value = certificate.extension_value(&kind).unwrap_or_default();
        let value = if own.contains(&kind) { &[] } else { value };
        format!("{kind} {critical} {value:02x?}")
    });
    let names = [certificate.subject(), certificate.issuer()].map(ToString::to_string);
    names.into_iter().chain(extensions).collect()
}

#[tokio::test]
async fn t31_hostile_requests_get_what_was_approved_or_nothing() {
    let empty = tlv(SEQUENCE, &[]);
    for world in worlds().await {
        let (_, plain) = request(&empty, &[]);
        let reference = says(&world.ask(&plain).await.unwrap());
        let all = [certificate_authority(), any_purpose()];
        let twice = [certificate_authority(), certificate_authority()];
        let long = "a".repeat(8_000);
        for (what, subject, attributes, taken) in [
            ("CA:TRUE", &empty, vec![asking_for(&all)], true),
            ("an extension twice", &empty, vec![asking_for(&twice)], true),
            ("a password", &empty, vec![challenge_password("x\0y")], true),
            ("a long one", &empty, vec![challenge_password(&long)], true),
            (
                "two requests for extensions",
                &empty,
                vec![asking_for(&all), asking_for(&all)],
                true,
            ),
            (
                "another name",
                &empty,
                vec![asking_for(&[other_name("ca.example")])],
                false,
            ),
            (
                "another name in the second",
                &empty,
                vec![asking_for(&all), asking_for(&[other_name("x")])],
                false,
            ),
            ("a foreign subject", &name("0110119154"), vec![], false),
            ("a subject with NUL", &name("0110119153\0"), vec![], false),
            ("a part of the subject", &name("0110119153"), vec![], false),
            ("no attribute", &empty, vec![vec![0x05, 0]], false),
            (
                "values that are no set",
                &empty,
                vec![tlv(
                    SEQUENCE,
                    &[&oid("1.2.840.113549.1.9.14"), &tlv(SEQUENCE, &[])],
                )],
                false,
            ),
        ] {
            let (signer, der) = request(subject, &attributes);
            match world.ask(&der).await {
                Ok(certificate) => {
                    assert!(taken, "{what}");
                    assert_eq!(certificate.public_key(), signer.public_key(), "{what}");
                    assert_eq!(says(&certificate), reference, "{what}");
                }
                Err(refused) => assert!(!taken, "{what}: {refused}"),
            }
        }
    }
}

/// Requests of every sort, a thousand by chance: signed or not, cut, longer, with any octets as attributes.
#[tokio::test]
async fn t31_a_thousand_requests_by_chance_get_what_was_approved_or_nothing() {
    let world = worlds().await.remove(0);
    let empty = tlv(SEQUENCE, &[]);
    let (_, plain) = request(&empty, &[]);
    let reference = says(&world.ask(&plain).await.unwrap());
    let chance = SeededEntropy::new(7);
    let (mut issued, mut refused) = (0, 0);
    let mut posted = world.posted().await;
    for _ in 0..1_000 {
        let [how, place, length] = octets::<3>(&chance).map(usize::from);
        let how = how % 7;
        let some = octets::<40>(&chance)[..length % 40].to_vec();
        let attributes = match how {
            0 => vec![some.clone()],
            1 => vec![tlv(SEQUENCE, &[&some])],
            2 => vec![asking_for(std::slice::from_ref(&some))],
            3 => vec![asking_for(&[extension("2.5.29.17", &some)])],
            4 => vec![asking_for(&[extension("2.5.29.19", &some)])],
            _ => Vec::new(),
        };
        let (signer, mut der) = request(&empty, &attributes);
        match how {
            5 => der.truncate(place % der.len()),
            6 => {
                let at = place % der.len();
                let octet = some.first().copied().unwrap_or(1);
                der[at] ^= octet.max(1);
            }
            _ => {}
        }
        // What is refused leaves the letter as it was.
        let asked = world
            .app
            .enroll(ids(&posted), &der, None, source(1), world.now());
        match asked.await {
            Ok(issuance) => {
                let certificate = one(issuance);
                assert_eq!(certificate.public_key(), signer.public_key());
                assert_eq!(says(&certificate), reference);
                issued += 1;
                posted = world.posted().await;
            }
            other => match refusal(other) {
                Refusal::Enrolment(_) => refused += 1,
                told => panic!("{told}"),
            },
        }
    }
    assert!(issued > 100 && refused > 100, "{issued} and {refused}");
}
