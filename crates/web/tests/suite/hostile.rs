//! Hostile requests, made by chance: each is refused or answered as any other, none is a fault of ours, and what holds
//! before holds after (threats §5). Each family is counted.
//!
//! A failure prints the number from which its request was made.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, FORWARDED, HOST};
use axum::http::{HeaderName, HeaderValue, Request};
use tegata_domain::entropy::{Entropy, SeededEntropy, octets};
use tegata_domain::operator::Role;
use tegata_soak::Soak;

use crate::clerk::Clerk;
use crate::house::House;
use crate::visitor::{Answer, Visitor, send};

/// Where forms and queries go.
const PATHS: [&str; 17] = [
    "/",
    "/p/rcr",
    "/p/rcr/status",
    "/p/rcd",
    "/p/rx",
    "/p/ru",
    "/p/cert",
    "/p/c",
    "/console",
    "/console/login",
    "/console/queue",
    "/console/search",
    "/console/letters/posted",
    "/.well-known/est/simpleenroll",
    "/.well-known/est/simplereenroll",
    "/api/client/v1/address",
    "/api/client/v1/reference-id",
];
const FIELDS: [&str; 12] = [
    "request_id",
    "reference_id",
    "version",
    "password",
    "password_confirmation",
    "mail",
    "csrf",
    "name",
    "code",
    "confirmed",
    "step",
    "q",
];
/// Every spelling by which a server might be told whose certificate it is.
const CERTIFICATE_HEADERS: [&str; 12] = [
    "client-cert",
    "client_cert",
    "x-client-cert",
    "x-ssl-client-cert",
    "ssl-client-cert",
    "x-ssl-cert",
    "x-forwarded-client-cert",
    "x-arr-clientcert",
    "x-ssl-client-s-dn",
    "client-cert-chain",
    "x-client-verify",
    "x-amzn-mtls-clientcert",
];
/// Pieces of which values are made.
const PIECES: [&[u8]; 24] = [
    b"",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"%",
    b"%0",
    b"%zz",
    b"%00",
    b"%C0%AF",
    b"%FF%FE",
    b"..",
    b"../../etc/passwd",
    b"\\..\\",
    b"' or '1'='1",
    b"\";--",
    b"${jndi:x}",
    b"{{7*7}}",
    b"<script>",
    b"%0d%0aSet-Cookie:x=1",
    b"&",
    b"=",
    b";",
    "\u{202e}表示".as_bytes(),
    b"AAAAAAAAAAAAAAAA",
];
const HOSTS: [&str; 10] = [
    "localhost:8440",
    "localhost",
    "LOCALHOST:8440",
    "localhost:8440.",
    "evil.example",
    "localhost:8440@evil.example",
    "[::1]:8440",
    "",
    "localhost:99999",
    "xn--localhost:8440",
];

#[tokio::test]
async fn no_request_is_a_fault_of_ours_and_none_leaves_anything_behind() {
    let soak = Soak::named("hostile");
    let count = soak.size(150, 20_000);
    let house = House::new().await;
    let letter = house.letter().await;
    let clerk = Clerk::hire(&house, "sato", &Role::ALL).await;
    let before = standing(&house).await;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..count {
        for family in Family::ALL {
            let seed = u64::try_from(number).unwrap();
            let chance = Chance(SeededEntropy::new(seed * 100 + family as u64));
            ask(&house, &clerk, family, &chance, seed).await;
            *counts.entry(family.name()).or_default() += 1;
        }
    }
    assert_eq!(standing(&house).await, before);
    // The rightful person goes on as if nothing had been.
    house.clock.advance(3_600);
    Visitor::new(&house).collect(&letter).await;
    let total = counts.values().sum();
    let names: Vec<String> = counts
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    soak.report(total, &format!("requests ({})", names.join(", ")), 0);
}

/// What is hostile about a request.
#[derive(Clone, Copy, Debug)]
enum Family {
    Certificates = 1,
    Cookies,
    Forms,
    Forwarded,
    Headers,
    Hosts,
    Json,
    Ocsp,
    Paths,
    Queries,
}

impl Family {
    const ALL: [Self; 10] = [
        Self::Certificates,
        Self::Cookies,
        Self::Forms,
        Self::Forwarded,
        Self::Headers,
        Self::Hosts,
        Self::Json,
        Self::Ocsp,
        Self::Paths,
        Self::Queries,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificate headers",
            Self::Cookies => "cookies",
            Self::Forms => "forms",
            Self::Forwarded => "forwarded",
            Self::Headers => "headers",
            Self::Hosts => "hosts",
            Self::Json => "JSON",
            Self::Ocsp => "OCSP",
            Self::Paths => "paths",
            Self::Queries => "queries",
        }
    }
}

/// Choices that follow from one number.
struct Chance(SeededEntropy);

impl Chance {
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        let drawn = u64::from_be_bytes(bytes) % u64::try_from(limit.max(1)).unwrap();
        usize::try_from(drawn).unwrap()
    }

    fn of<T: Copy>(&self, choices: &[T]) -> T {
        *choices.get(self.below(choices.len())).unwrap()
    }

    fn value(&self) -> Vec<u8> {
        let pieces = self.below(4) + 1;
        let mut value: Vec<u8> = (0..pieces)
            .flat_map(|_| self.of(&PIECES).to_vec())
            .collect();
        if self.below(20) == 0 {
            value = value.repeat(2_000);
        }
        value
    }

    /// A value that HTTP lets into a header at all.
    fn header(&self) -> HeaderValue {
        let mut value = self.value();
        value.truncate(4_000);
        HeaderValue::from_bytes(&value).unwrap_or_else(|_| HeaderValue::from_static("x"))
    }

    fn form(&self) -> Vec<u8> {
        let mut form = Vec::new();
        for _ in 0..self.below(6) {
            form.extend(self.of(&FIELDS).as_bytes());
            form.push(b'=');
            form.extend(self.value());
            form.push(b'&');
        }
        form
    }

    fn octets(&self) -> Vec<u8> {
        let noise: [u8; 64] = octets(&self.0);
        noise.get(..self.below(64)).unwrap().to_vec()
    }
}

async fn ask(house: &House, clerk: &Clerk<'_>, family: Family, chance: &Chance, seed: u64) {
    let path = chance.of(&PATHS);
    let get = |path: &str| Request::get(path).header(HOST, "localhost:8440");
    let post = |path: &str| Request::post(path).header(HOST, "localhost:8440");
    let form = "application/x-www-form-urlencoded";
    let request = match family {
        Family::Certificates => get(path)
            .header(chance.of(&CERTIFICATE_HEADERS), chance.header())
            .body(Body::empty()),
        Family::Cookies => {
            let mut request = get(path);
            for _ in 0..=chance.below(3) {
                let mut cookie = b"__Secure-tegata-flow=".to_vec();
                cookie.extend(chance.header().as_bytes());
                let cookie = HeaderValue::from_bytes(&cookie);
                request = request.header(COOKIE, cookie.unwrap());
            }
            request.body(Body::empty())
        }
        Family::Forms => post(path)
            .header(CONTENT_TYPE, form)
            .body(Body::from(chance.form())),
        Family::Forwarded => get(path)
            .header(FORWARDED, chance.header())
            .header("x-forwarded-for", chance.header())
            .header("x-forwarded-host", chance.header())
            .body(Body::empty()),
        Family::Headers => {
            let name = chance.of(&[
                "content-length",
                "content-type",
                "accept",
                "range",
                "if-match",
                "origin",
                "sec-fetch-site",
                "transfer-encoding",
                "expect",
                "x_under_score",
            ]);
            let name = HeaderName::from_static(name);
            post(path)
                .header(&name, chance.header())
                .header(&name, chance.header())
                .body(Body::from(chance.form()))
        }
        Family::Hosts => Request::get(path)
            .header(HOST, chance.of(&HOSTS))
            .body(Body::empty()),
        Family::Json => {
            let mut json = br#"{"procedure":""#.to_vec();
            json.extend(chance.value());
            json.extend(chance.of::<&[u8]>(&[
                b"\"}",
                b"\"",
                b"\",\"mail\":[[[[",
                b"\",\"turn\":1e400}",
            ]));
            post(path)
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(json))
        }
        Family::Ocsp => Request::post("/ocsp")
            .header(HOST, "localhost:8444")
            .header(CONTENT_TYPE, "application/ocsp-request")
            .body(Body::from(chance.octets())),
        Family::Paths => {
            let mut long = path.to_owned();
            for _ in 0..=chance.below(3) {
                let value = String::from_utf8_lossy(&chance.value()).into_owned();
                long = format!("{long}/{}", printable(&value));
            }
            get(&long).body(Body::empty())
        }
        Family::Queries => {
            let query = String::from_utf8_lossy(&chance.form()).into_owned();
            get(&format!("{path}?{}", printable(&query))).body(Body::empty())
        }
    };
    let Ok(request) = request else {
        return;
    };
    let told = format!("{family:?} {seed} {path}");
    let answer = match (family, path) {
        (Family::Ocsp, _) => send(&house.plain, request, None, None).await,
        (_, path) if path.starts_with("/console") => clerk.send(request).await,
        (_, path) if path.starts_with("/api") || path.contains("est/") || path == "/p/ru" => {
            send(&house.subscriber, request, Some("localhost"), None).await
        }
        _ => send(&house.public, request, Some("localhost"), None).await,
    };
    judge(&answer, &told);
}

/// What an address can hold; the rest HTTP refuses before us.
fn printable(text: &str) -> String {
    let bare = |c: &char| {
        c.is_ascii_graphic() && !matches!(c, '#' | '?' | '"' | '<' | '>' | '\\' | '{' | '}')
    };
    text.chars().filter(bare).take(3_000).collect()
}

fn judge(answer: &Answer, told: &str) {
    let status = answer.status.as_u16();
    assert!(status < 500, "{told}: {status}");
    assert!(
        answer.body.len() < 400_000,
        "{told}: {} octets",
        answer.body.len()
    );
    assert!(
        answer.headers.get("x").is_none(),
        "{told}: a header came in by a value"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{told}");
}

/// What none of this may change.
async fn standing(house: &House) -> Vec<usize> {
    let mut counts = Vec::new();
    for queue in ["submitted", "examined", "returned"] {
        counts.push(house.app.queue(queue, None, 99).await.unwrap().len());
    }
    counts
}
