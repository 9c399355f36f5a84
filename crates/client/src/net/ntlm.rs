//! The client's side of NTLMv2 (MS-NLMP), connection-oriented, without signing or sealing: all that a
//! proxy's `Proxy-Authenticate: NTLM` asks for.
//!
//! Two messages of ours, one of the proxy: [`negotiate`] → [`Challenge::parse`] → [`authenticate`].
//! NTLMv1 and LM are never answered, whatever the challenge says (T71). Strings are UTF-16LE.

mod target;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;
use tegata_domain::time::Timestamp;
use zeroize::Zeroizing;

use self::target::TargetInfo;
use crate::ports::Credentials;

/// The first message: what we can do (MS-NLMP §2.2.1.1). It names neither user nor machine.
pub(crate) fn negotiate() -> Vec<u8> {
    let mut message = Vec::with_capacity(32);
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&1_u32.to_le_bytes());
    message.extend_from_slice(&OFFERED.to_le_bytes());
    message.extend_from_slice(&[0; 16]); // no domain, no workstation
    message
}

/// The proxy's answer (MS-NLMP §2.2.1.2).
pub(crate) struct Challenge {
    octets: Vec<u8>,
    flags: u32,
    nonce: [u8; 8],
    target: TargetInfo,
}

/// Why a challenge cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NtlmError {
    /// A field lies outside the message, or a list of pairs has no end.
    #[error("the NTLM challenge is malformed")]
    Malformed,
    /// The proxy knows OEM character sets alone.
    #[error("the proxy speaks no Unicode in NTLM")]
    NoUnicode,
    /// Without target information there is only NTLMv1, which we do not speak.
    #[error("the proxy asks for NTLMv1")]
    Version1,
    /// User or domain are longer than a message can say.
    #[error("user or domain are too long for NTLM")]
    TooLong,
}

impl Challenge {
    /// Reads the message.
    pub(crate) fn parse(octets: &[u8]) -> Result<Self, NtlmError> {
        let malformed = NtlmError::Malformed;
        if octets.get(..8) != Some(SIGNATURE.as_slice()) || u32_at(octets, 8)? != 2 {
            return Err(malformed);
        }
        let flags = u32_at(octets, 20)?;
        let nonce = octets.get(24..32).ok_or(malformed)?;
        let nonce = nonce.try_into().map_err(|_| malformed)?;
        if flags & UNICODE == 0 {
            return Err(NtlmError::NoUnicode);
        }
        if flags & TARGET_INFO == 0 {
            return Err(NtlmError::Version1);
        }
        let length = usize::from(u16_at(octets, 40)?);
        let start = usize::try_from(u32_at(octets, 44)?).map_err(|_| malformed)?;
        let end = start.checked_add(length).ok_or(malformed)?;
        let target = TargetInfo::parse(octets.get(start..end).ok_or(malformed)?)?;
        Ok(Self {
            octets: octets.to_vec(),
            flags,
            nonce,
            target,
        })
    }
}

/// What the answer is made of beside the challenge.
pub(crate) struct Answer<'a> {
    /// Who asks.
    pub(crate) credentials: &'a Credentials,
    /// The proxy's name for MsvAvTargetName, e.g. `HTTP/proxy.example`.
    pub(crate) service: &'a str,
    /// Now; used only where the challenge names no time.
    pub(crate) now: Timestamp,
    /// Eight random octets.
    pub(crate) nonce: [u8; 8],
}

/// The third message (MS-NLMP §2.2.1.3, §3.1.5.1.2), with a message integrity code where the
/// challenge carries a time.
pub(crate) fn authenticate(
    challenge: &Challenge,
    answer: &Answer<'_>,
) -> Result<Vec<u8>, NtlmError> {
    let Credentials {
        user,
        domain,
        password,
    } = answer.credentials;
    let key = response_key(user, domain, password.expose());
    let server_time = challenge.target.timestamp();
    let time = server_time.unwrap_or_else(|| file_time(answer.now));
    let target = challenge.target.answered(answer.service)?;
    let response = Response::new(&key, &challenge.nonce, &answer.nonce, time, &target);
    let lm = match server_time {
        Some(_) => [0; 24].to_vec(),
        None => lm_response(&key, &challenge.nonce, &answer.nonce),
    };

    let mut message = Vec::new();
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&3_u32.to_le_bytes());
    let mut payload = Vec::new();
    let domain = utf16(domain);
    let user = utf16(user);
    let workstation = utf16(WORKSTATION);
    // The session key is not exchanged: nothing is signed or sealed after this.
    for part in [
        &lm,
        &response.octets,
        &domain,
        &user,
        &workstation,
        &Vec::new(),
    ] {
        let length = u16::try_from(part.len()).map_err(|_| NtlmError::TooLong)?;
        let offset = u32::try_from(PAYLOAD + payload.len()).map_err(|_| NtlmError::TooLong)?;
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&offset.to_le_bytes());
        payload.extend_from_slice(part);
    }
    message.extend_from_slice(&(challenge.flags & (OFFERED | TARGET_INFO)).to_le_bytes());
    message.extend_from_slice(&[0; 8]); // no version
    let code_at = message.len();
    message.extend_from_slice(&[0; 16]);
    message.append(&mut payload);
    if server_time.is_some() {
        let parts = [negotiate().as_slice(), &challenge.octets, &message].concat();
        let code = hmac_md5(response.session_key.as_slice(), &[&parts]);
        if let Some(place) = message.get_mut(code_at..code_at + code.len()) {
            place.copy_from_slice(&code);
        }
    }
    Ok(message)
}

/// `NTLMv2_RESPONSE` (MS-NLMP §2.2.2.8, §3.3.2).
struct Response {
    octets: Vec<u8>,
    session_key: Zeroizing<Vec<u8>>,
}

impl Response {
    fn new(key: &[u8], server: &[u8; 8], client: &[u8; 8], time: u64, target: &[u8]) -> Self {
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend_from_slice(&time.to_le_bytes());
        blob.extend_from_slice(client);
        blob.extend_from_slice(&[0; 4]);
        blob.extend_from_slice(target);
        blob.extend_from_slice(&[0; 4]);
        let mut octets = hmac_md5(key, &[server, &blob]);
        let session_key = Zeroizing::new(hmac_md5(key, &[&octets]));
        octets.append(&mut blob);
        Self {
            octets,
            session_key,
        }
    }
}

/// `NTOWFv2` (MS-NLMP §3.3.2).
fn response_key(user: &str, domain: &str, password: &str) -> Zeroizing<Vec<u8>> {
    let password = Zeroizing::new(utf16(password));
    let hash = Zeroizing::new(Md4::digest(password.as_slice()).to_vec());
    let user: String = user.chars().map(upper).collect();
    Zeroizing::new(hmac_md5(&hash, &[&utf16(&user), &utf16(domain)]))
}

/// `LMv2_RESPONSE` (MS-NLMP §2.2.2.4).
fn lm_response(key: &[u8], server: &[u8; 8], client: &[u8; 8]) -> Vec<u8> {
    let mut octets = hmac_md5(key, &[server, client]);
    octets.extend_from_slice(client);
    octets
}

/// Upper case as Windows makes it: one character for one, or the character stays.
fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else {
        return Vec::new(); // HMAC takes keys of every length (RFC 2104 §3)
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Tenths of microseconds since 1601 (MS-DTYP §2.3.3).
fn file_time(now: Timestamp) -> u64 {
    let seconds = now.unix().saturating_add(11_644_473_600);
    u64::try_from(seconds)
        .unwrap_or_default()
        .saturating_mul(10_000_000)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn u16_at(octets: &[u8], at: usize) -> Result<u16, NtlmError> {
    let octets = octets.get(at..at.saturating_add(2));
    let octets = octets.and_then(|octets| octets.try_into().ok());
    octets.map(u16::from_le_bytes).ok_or(NtlmError::Malformed)
}

fn u32_at(octets: &[u8], at: usize) -> Result<u32, NtlmError> {
    let octets = octets.get(at..at.saturating_add(4));
    let octets = octets.and_then(|octets| octets.try_into().ok());
    octets.map(u32::from_le_bytes).ok_or(NtlmError::Malformed)
}

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

// MS-NLMP §2.2.2.5
const UNICODE: u32 = 0x0000_0001;
const REQUEST_TARGET: u32 = 0x0000_0004;
const NTLM: u32 = 0x0000_0200;
const ALWAYS_SIGN: u32 = 0x0000_8000;
const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
const TARGET_INFO: u32 = 0x0080_0000;
const OFFERED: u32 = UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY;

/// Where the strings of the third message begin: after the fields, the version and the code.
const PAYLOAD: usize = 88;

/// What the proxy's log shows as the machine. The real name is nobody's business.
const WORKSTATION: &str = "MPKI";

#[cfg(test)]
mod tests {
    use tegata_domain::secret::Secret;

    use super::*;

    /// The values of MS-NLMP §4.2.1 and §4.2.4.
    const SERVER: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    const CLIENT: [u8; 8] = [0xaa; 8];
    const TARGET: &str = "02000c0044006f006d00610069006e0001000c00530065007200760065007200\
                          00000000";

    fn key() -> Zeroizing<Vec<u8>> {
        response_key("User", "Domain", "Password")
    }

    #[test]
    fn keys_and_responses_are_those_that_ms_nlmp_publishes() {
        // §4.2.4.1.1
        assert_eq!(hex::encode(key()), "0c868a403bfd7a93a3001ef22ef02e3f");
        // §4.2.4.2.1
        assert_eq!(
            hex::encode(lm_response(&key(), &SERVER, &CLIENT)),
            "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"
        );
        // §4.2.4.1.3, §4.2.4.2.2
        let target = hex::decode(TARGET).unwrap();
        let response = Response::new(&key(), &SERVER, &CLIENT, 0, &target);
        let expected = [
            "68cd0ab851e51c96aabc927bebef6a1c",
            "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000",
            TARGET,
            "00000000",
        ];
        assert_eq!(hex::encode(&response.octets), expected.concat());
        // §4.2.4.1.2
        assert_eq!(
            hex::encode(response.session_key),
            "8de40ccadbc14a82f15cb0ad0de95ca3"
        );
    }

    /// §4.2.4.3, the challenge as published.
    const PUBLISHED: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef\
                             00000000000000002400240044000000060070170000000f5300650072007600\
                             65007200\
                             02000c0044006f006d00610069006e0001000c00530065007200760065007200\
                             00000000";

    #[test]
    fn the_published_challenge_is_read() {
        let challenge = Challenge::parse(&hex::decode(PUBLISHED).unwrap()).unwrap();
        assert_eq!(challenge.nonce, SERVER);
        assert_eq!(challenge.flags, 0xe28a_8233);
        assert_eq!(challenge.target.timestamp(), None);
    }

    #[test]
    fn a_challenge_cut_anywhere_is_refused_and_reads_nothing_outside() {
        let octets = hex::decode(PUBLISHED).unwrap();
        for length in 0..octets.len() {
            assert!(Challenge::parse(&octets[..length]).is_err(), "{length}");
        }
        for at in 0..octets.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut changed = octets.clone();
                changed[at] = value;
                let _ = Challenge::parse(&changed);
            }
        }
    }

    #[test]
    fn version_1_is_never_spoken() {
        let mut octets = hex::decode(PUBLISHED).unwrap();
        octets[22] &= !0x80; // NTLMSSP_NEGOTIATE_TARGET_INFO
        assert_eq!(Challenge::parse(&octets).err(), Some(NtlmError::Version1));
    }

    #[test]
    fn a_challenge_with_a_time_is_answered_with_that_time_and_an_integrity_code() {
        let credentials = Credentials {
            user: "User".to_owned(),
            domain: "Domain".to_owned(),
            password: Secret::from("Password"),
        };
        let answer = |now| Answer {
            credentials: &credentials,
            service: "HTTP/proxy.example",
            now: Timestamp::from_unix(now),
            nonce: CLIENT,
        };
        // The published challenge with a time put in front of the end of its list.
        let mut octets = hex::decode(PUBLISHED).unwrap();
        octets.truncate(octets.len() - 4);
        octets.extend_from_slice(&[7, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
        octets[40] += 12;
        octets[42] += 12;
        let challenge = Challenge::parse(&octets).unwrap();

        let message = authenticate(&challenge, &answer(0)).unwrap();
        assert_eq!(message, authenticate(&challenge, &answer(9)).unwrap());
        let start = usize::from(u16_at(&message, 24).unwrap());
        assert_eq!(message[start + 24..start + 32], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(message[88..112], [0; 24], "no LM response");

        let code = message[72..88].to_vec();
        let mut bare = message.clone();
        bare[72..88].fill(0);
        let end = start + usize::from(u16_at(&message, 20).unwrap());
        let proof = &message[start..start + 16];
        let expected = hmac_md5(&key(), &[&SERVER, &message[start + 16..end]]);
        assert_eq!(proof, expected);
        let session = hmac_md5(&key(), &[proof]);
        assert_eq!(code, hmac_md5(&session, &[&negotiate(), &octets, &bare]));
    }
}
