//! What browsers, terminals, relying systems and proxies send (`tegata-web`).

use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_web::outside::{self, PEER};

use crate::text;

/// Fields of the form that is read.
const FIELDS: [&str; 4] = ["request_id", "reference_id", "mail", "version"];
/// The console's cookie.
const COOKIE: &str = "__Host-tegata-console";
/// The name of a handshake.
const NAME: &str = "my.ca.example";

/// A header `Client-Cert`.
pub fn client_cert(octets: &[u8]) -> bool {
    if let Some(query) = text(octets)
        && let Some(channel) = outside::channel(query)
    {
        assert!(query.contains(channel.as_str()));
    }
    let Some(der) = outside::client_cert(octets) else {
        return false;
    };
    assert!(!der.is_empty() && der.len() <= octets.len());
    let again = format!(":{}:", STANDARD.encode(&der));
    assert_eq!(outside::client_cert(again.as_bytes()), Some(der));
    true
}

/// A header `Cookie`, as one line and as the lines that it has.
pub fn cookie(octets: &[u8]) -> bool {
    let lines: Vec<&[u8]> = octets.split(|octet| *octet == b'\n').collect();
    let found = outside::cookie(&lines, COOKIE);
    if let Some(value) = &found {
        assert!(value.len() <= octets.len() && !value.contains(';'));
        let again = format!("other=1; {COOKIE}={value}");
        let again = outside::cookie(&[again.as_bytes()], COOKIE);
        assert_eq!(again.as_ref(), Some(value));
        let twice = [lines.as_slice(), lines.as_slice()].concat();
        assert_eq!(outside::cookie(&twice, COOKIE), None);
    }
    found.is_some()
}

/// The body of an EST request.
pub fn est_body(octets: &[u8]) -> bool {
    let Some(der) = outside::est_body(octets) else {
        return false;
    };
    assert!(!der.is_empty() && der.len() <= octets.len());
    let again = STANDARD.encode(&der);
    assert_eq!(outside::est_body(again.as_bytes()), Some(der));
    true
}

/// A header `Authorization` of EST.
pub fn est_ids(octets: &[u8]) -> bool {
    let Some(ids) = outside::est_ids(octets) else {
        return false;
    };
    let (Some(request), Some(reference)) = (ids.request, ids.reference) else {
        return true;
    };
    let again = STANDARD.encode(format!("{request}:{}", reference.expose()));
    let again = outside::est_ids(format!("Basic {again}").as_bytes());
    assert!(again.is_some_and(|again| {
        let found = again.reference.as_ref().map(|found| found.expose());
        again.request == Some(request) && found == Some(reference.expose())
    }));
    true
}

/// The body of a form.
pub fn form(octets: &[u8]) -> bool {
    let leniently = outside::form_leniently(octets);
    let length: usize = leniently
        .iter()
        .map(|(name, text)| name.len() + text.len())
        .sum();
    assert!(length <= octets.len());
    let decoded = outside::percent_decoded(octets);
    assert!(decoded.is_none_or(|decoded| decoded.len() <= octets.len()));
    let Some(fields) = outside::form(octets, &FIELDS) else {
        return false;
    };
    let mut again = String::new();
    for (name, text) in &fields {
        assert!(!text.contains('\0'));
        let sent = leniently.iter().find(|(found, _)| found == name);
        assert_eq!(sent.map_or("", |(_, text)| text.as_str()), text);
        let _ = write!(again, "&{name}=");
        for octet in text.bytes() {
            let _ = write!(again, "%{octet:02x}");
        }
    }
    assert_eq!(outside::form(again.as_bytes(), &FIELDS), Some(fields));
    true
}

/// A header `Forwarded`, as one line and as the lines that it has.
pub fn forwarded(octets: &[u8]) -> bool {
    let lines: Vec<&[u8]> = octets.split(|octet| *octet == b'\n').collect();
    let Some(source) = outside::source(&lines, true) else {
        return false;
    };
    assert_eq!(outside::source(&lines, false), Some(PEER));
    assert_eq!(source, source.to_canonical());
    let again = match source {
        IpAddr::V4(address) => format!("for=203.0.113.9, for={address}:443;proto=https"),
        IpAddr::V6(address) => format!("for=203.0.113.9, for=\"[{address}]:443\";proto=https"),
    };
    assert_eq!(outside::source(&[again.as_bytes()], true), Some(source));
    source != PEER
}

/// A header `Host`, and the same as the header `Origin`.
pub fn host(octets: &[u8]) -> bool {
    let is_own = outside::is_own_origin(octets, NAME).unwrap_or(false);
    if is_own {
        let host = octets
            .strip_prefix(b"https://".as_slice())
            .unwrap_or_default();
        assert!(host.to_ascii_lowercase().starts_with(NAME.as_bytes()));
    }
    let Some((host, is_same)) = outside::host(octets, NAME) else {
        return is_own;
    };
    assert_eq!(host, host.to_ascii_lowercase());
    assert!(host.len() <= octets.len());
    assert!(!is_same || host.starts_with(NAME));
    is_same || is_own
}

/// The path of an OCSP request that comes by GET.
pub fn ocsp_path(octets: &[u8]) -> bool {
    let Some(der) = text(octets).and_then(outside::ocsp_path) else {
        return false;
    };
    assert!(der.len() <= 4096 && der.len() <= octets.len());
    let again = STANDARD
        .encode(&der)
        .replace('/', "%2F")
        .replace('+', "%2B");
    assert_eq!(outside::ocsp_path(&again), Some(der));
    true
}
