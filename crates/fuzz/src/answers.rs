//! What servers, proxies, key modules and settings tell the client (`tegata-client`).

use std::fmt::Write as _;

use tegata_client::net::{self, ProxyVariables, SystemProxy as _, ways};
use tegata_client::outside;
use tegata_client::ports::{Credentials, ProxyChoice, Response, Server};
use tegata_client::settings::{Pack, Preferences, Settings, parse_server};
use tegata_client::update::{self, ReleaseKeys, UpdateError};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_protocol::release::Version;
use tegata_protocol::{Certificates, InUse, Notices, Stopped};

use crate::{holds, text};

/// Octets of a body that are taken.
const MOST: usize = 4096;
/// 2027-01-01.
const NOW: Timestamp = Timestamp::from_unix(1_798_761_600);
/// Keys whose private halves sign nothing here: those of RFC 8032 §7.1.
const RELEASE_KEYS: [&str; 2] = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
];

/// The body of an answer of EST.
pub fn est_answer(octets: &[u8]) -> bool {
    let answer = response(200, "application/pkcs7-mime", octets);
    let Ok(certificates) = outside::certificates(&answer) else {
        return false;
    };
    assert!(certificates.len() <= 16);
    if let Ok(issued) = outside::issued(&answer) {
        assert!(!issued.is_ca() && certificates.contains(&issued));
    }
    true
}

/// An answer over HTTP.
pub fn http_answer(octets: &[u8]) -> bool {
    let Some(answer) = net::outside::answer(octets, MOST) else {
        return false;
    };
    assert!(answer.body.len() <= MOST && answer.body.len() <= octets.len());
    assert!(!(100..200).contains(&answer.status));
    assert!(answer.headers.len() <= 64);
    let mut head = format!("HTTP/1.1 {:03} again\r\n", answer.status);
    for (name, value) in &answer.headers {
        assert_eq!(*name, name.to_ascii_lowercase());
        assert!(!name.contains([':', ' ', '\r', '\n']));
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
        if !["transfer-encoding", "content-length"].contains(&name.as_str()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    let has_body = !matches!(answer.status, 204 | 304);
    assert!(has_body || answer.body.is_empty());
    let _ = write!(head, "content-length: {}\r\n\r\n", answer.body.len());
    let again = net::outside::answer(&[head.as_bytes(), &answer.body].concat(), MOST);
    // Octets beyond ASCII grew; what is too long for a head is refused.
    if answer.headers.len() < 64 && head.len() < 32 * 1024 {
        assert!(again.is_some_and(|again| {
            again.status == answer.status
                && again.body == answer.body
                && again.date == answer.date
                && again.retry_after == answer.retry_after
        }));
    }
    true
}

/// A status, a blank and the JSON of an answer.
pub fn json_answer(octets: &[u8]) -> bool {
    let status = octets
        .get(..3)
        .and_then(text)
        .and_then(|digits| digits.parse().ok());
    let body = octets.get(4..).unwrap_or_default();
    let answer = response(status.unwrap_or(200), "application/json", body);
    let read = [
        outside::json::<Certificates>(&answer).is_ok(),
        outside::json::<InUse>(&answer).is_ok(),
        outside::json::<Notices>(&answer).is_ok(),
        outside::json::<Stopped>(&answer).is_ok(),
    ];
    assert!(answer.status == 200 || read == [false; 4]);
    let problem = response(answer.status, "application/problem+json", body);
    let failure = outside::json::<Notices>(&problem).err();
    let told = failure.as_ref().map(|failure| failure.to_string());
    assert!(told.is_some_and(|told| told.len() <= octets.len() * 2 + 256));
    let number = failure.map(|failure| failure.code().to_string());
    assert!(number.is_some_and(|number| (4..=5).contains(&number.len())));
    read.contains(&true) || answer.status >= 400
}

/// A private key that is to be imported; its public half follows it in the last 97 octets.
pub fn key_blob(octets: &[u8]) -> bool {
    let (key, spki) = octets.split_at(octets.len().saturating_sub(97));
    let [capi, cng, ec] = outside::key_blobs(key, spki);
    for blob in [&capi, &cng, &ec].into_iter().flatten() {
        // A modulus of few octets has five numbers of its length beside it.
        assert!(blob.len() <= key.len() * 6 + 128);
    }
    if let (Some(capi), Some(cng)) = (&capi, &cng) {
        // Both have the length of the modulus in bits, and the numbers in turned orders.
        assert_eq!(capi.get(12..16), cng.get(4..8));
    }
    if let Some(ec) = &ec {
        assert!([8 + 3 * 32, 8 + 3 * 48].contains(&ec.len()));
        assert!(
            ec.get(8..).is_some_and(|rest| holds(
                spki,
                rest.get(..rest.len() / 3 * 2).unwrap_or_default()
            ))
        );
    }
    capi.is_some() || cng.is_some() || ec.is_some()
}

/// What a key module says of a key, and its signature.
pub fn module_answer(octets: &[u8]) -> bool {
    let answers = outside::module_answers(octets);
    for answer in answers.iter().flatten() {
        assert!(answer.len() <= octets.len() + 64);
        let [tag, ..] = answer.as_slice() else {
            continue;
        };
        assert_eq!(*tag, 0x30);
    }
    let [rsa, ec, signature] = &answers;
    if let (Some(ec), Some(point)) = (ec, octets.get(8..)) {
        assert!(ec.ends_with(point));
    }
    rsa.is_some() || ec.is_some() || signature.is_some()
}

/// The challenge of a proxy.
pub fn ntlm(octets: &[u8]) -> bool {
    let credentials = Credentials {
        user: "clinic".to_owned(),
        domain: "EXAMPLE".to_owned(),
        password: Secret::from("fuzz"),
    };
    let Some(answer) = net::outside::ntlm(octets, &credentials, NOW) else {
        return false;
    };
    assert!(answer.starts_with(b"NTLMSSP\0\x03\0\0\0"));
    assert!(answer.len() <= octets.len() + 512);
    for field in (12..60).step_by(8) {
        let number = |at: usize, octets: usize| {
            let octets = answer.get(at..at + octets).unwrap_or_default();
            octets
                .iter()
                .rev()
                .fold(0_usize, |number, octet| number << 8 | usize::from(*octet))
        };
        let (length, offset) = (number(field, 2), number(field + 4, 4));
        assert!(answer.get(offset..offset + length).is_some());
    }
    true
}

/// What a proxy answers to a CONNECT.
pub fn proxy_answer(octets: &[u8]) -> bool {
    let Some(offer) = net::outside::offer(octets) else {
        return false;
    };
    let length: usize = offer.schemes.iter().map(String::len).sum();
    // An octet beyond ASCII comes as three.
    assert!(length <= octets.len() * 3);
    let best = offer.best;
    assert!(best.is_none_or(|best| {
        let mut schemes = offer.schemes.iter();
        schemes.any(|scheme| scheme.eq_ignore_ascii_case(best))
    }));
    assert!(offer.token.is_none_or(|token| !token.trim().is_empty()));
    best.is_some()
}

/// A list of proxies, and on its second line one of exceptions.
pub fn proxy_list(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let (proxies, exceptions) = text.split_once('\n').unwrap_or((text, ""));
    let server = Server {
        host: "my.ca.example".to_owned(),
        port: 443,
    };
    let variables = ProxyVariables {
        https_proxy: proxies.to_owned(),
        no_proxy: exceptions.to_owned(),
    };
    let by_system = variables.choose(&server, None);
    let found = ways(proxies, exceptions, &server);
    for way in [&by_system, &found].into_iter().flatten().flatten() {
        let ProxyChoice::Proxy(proxy) = way else {
            continue;
        };
        assert!(proxy.port > 0 && !proxy.host.is_empty() && proxy.host.is_ascii());
        assert!(
            !proxy
                .host
                .contains(|c: char| c.is_ascii_control() || " /@%".contains(c))
        );
        let place = if proxy.host.contains(':') {
            format!("[{}]:{}", proxy.host, proxy.port)
        } else {
            format!("{}:{}", proxy.host, proxy.port)
        };
        assert_eq!(ways(&place, "", &server), Ok(vec![way.clone()]), "{place}");
    }
    found.is_ok()
}

/// What the operator packs, or a server as a person writes it.
pub fn settings(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let server = parse_server(text).ok();
    if let Some(server) = &server {
        assert_eq!(parse_server(&server.to_string()).as_ref(), Ok(server));
    }
    let Ok(pack) = toml::from_str::<Pack>(text) else {
        return server.is_some();
    };
    let written = toml::to_string(&pack).unwrap_or_default();
    assert_eq!(toml::from_str::<Pack>(&written).as_ref(), Ok(&pack));
    let checked = Settings::new(pack, Preferences::default());
    checked.is_ok() || server.is_some()
}

/// An announcement: nobody has the keys, so nothing is believed.
pub fn update(octets: &[u8]) -> bool {
    let keys = RELEASE_KEYS.map(str::to_owned);
    let Ok(keys) = ReleaseKeys::from_hex(&keys) else {
        return false;
    };
    let known = Version {
        major: 1,
        minor: 0,
        patch: 0,
    };
    let verdict = update::verify(octets, &keys, NOW, known);
    assert!(matches!(
        verdict,
        Err(UpdateError::Malformed | UpdateError::Signatures { valid: 0 })
    ));
    verdict != Err(UpdateError::Malformed)
}

fn response(status: u16, media_type: &str, body: &[u8]) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), media_type.to_owned())],
        retry_after: None,
        date: None,
        body: body.to_vec(),
    }
}
