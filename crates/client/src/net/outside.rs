//! What comes over a connection, read as the transport reads it: for `crates/fuzz` alone, which has no socket.

use tegata_domain::time::Timestamp;

use super::http_date;
use super::message::{Asked, Reader};
use super::ntlm::{self, Answer, Challenge};
use super::transport;
use super::tunnel::challenge;
use crate::ports::{Credentials, Response};

/// The answer that a server sends, with at most `most` octets of a body; `None` where it is refused.
pub fn answer(octets: &[u8], most: usize) -> Option<Response> {
    let mut reader = Reader::new(octets);
    let head = reader.head().ok()?;
    let mut body = Vec::new();
    reader.body(&head, Asked::Other, most, &mut body).ok()?;
    Some(Response {
        body,
        ..transport::response(head)
    })
}

/// What a proxy's answer offers: all names of schemes, the one that is taken, and the challenge of NTLM.
#[derive(Debug)]
pub struct Offer {
    /// The names, as they came.
    pub schemes: Vec<String>,
    /// The one that is taken.
    pub best: Option<&'static str>,
    /// The text of a challenge.
    pub token: Option<String>,
}

/// Reads the head of a proxy's answer.
pub fn offer(octets: &[u8]) -> Option<Offer> {
    let head = Reader::new(octets).head().ok()?;
    let offered = challenge::offered(&head);
    Some(Offer {
        best: challenge::best(&offered).map(challenge::Scheme::name),
        schemes: offered.into_iter().map(str::to_owned).collect(),
        token: challenge::ntlm_token(&head).map(str::to_owned),
    })
}

/// The answer to a challenge of NTLM; `None` where it is not answered.
pub fn ntlm(challenge: &[u8], credentials: &Credentials, now: Timestamp) -> Option<Vec<u8>> {
    let challenge = Challenge::parse(challenge).ok()?;
    let answer = Answer {
        credentials,
        service: "HTTP/proxy.example",
        now,
        nonce: [7; 8],
    };
    ntlm::authenticate(&challenge, &answer).ok()
}

/// The instant in a header.
pub fn date(text: &str) -> Option<Timestamp> {
    http_date::parse(text)
}
