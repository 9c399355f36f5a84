//! A newer version of the program: is the announcement to be believed, and is this the file that it means? (F10)
//!
//! Pure: it fetches nothing and knows no clock. Whoever asks hands in the octets, the keys that the package pinned, the
//! present instant and the highest version that this terminal has ever seen announced, and keeps the latter.

use tegata_domain::time::Timestamp;
use tegata_pki::digest::sha256;
use tegata_pki::ed25519::VerifyingKey;
use tegata_protocol::release::{
    Envelope, LARGEST_ENVELOPE, LIFETIME_DAYS, PAYLOAD_TYPE, Release, ReleaseFile, THRESHOLD,
    Version,
};

const DAY: i64 = 86_400;
/// By so much may an announcement live longer than it should: the clocks of signer and terminal differ.
const CLOCK_SKEW: i64 = DAY;

/// Why an announcement, or a file, is not taken. Nothing is installed then; the next request may bring a better one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// It is no longer believed, or claims to be believed for longer than anything may be.
    #[error("the announcement has expired, or the clock of this terminal is wrong")]
    Expired,
    /// A file that is not the announced one.
    #[error("the file differs from the announced one")]
    File,
    /// Fewer keys than needed are pinned, so nothing could ever be believed.
    #[error("fewer than {THRESHOLD} keys of releases are known")]
    Keys,
    /// A version below one that was announced or installed before.
    #[error("version {announced} is lower than {known}")]
    LowerVersion {
        /// What is announced.
        announced: Version,
        /// What is known.
        known: Version,
    },
    /// Not an announcement.
    #[error("this is no announcement of a release")]
    Malformed,
    /// Fewer than two of the pinned keys signed it.
    #[error("{valid} of the known keys signed the announcement, {THRESHOLD} must")]
    Signatures {
        /// How many did.
        valid: usize,
    },
}

/// The keys that the package pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseKeys(Vec<VerifyingKey>);

impl ReleaseKeys {
    /// Reads public keys in hexadecimal digits, as settings have them. A key that is named twice counts once.
    pub fn from_hex(keys: &[String]) -> Result<Self, UpdateError> {
        let mut read: Vec<VerifyingKey> = Vec::new();
        for text in keys {
            let octets = hex::decode(text)
                .ok()
                .and_then(|octets| octets.try_into().ok());
            let key = octets.and_then(|octets| VerifyingKey::from_octets(octets).ok());
            let key = key.ok_or(UpdateError::Keys)?;
            if !read.contains(&key) {
                read.push(key);
            }
        }
        if read.len() < THRESHOLD {
            return Err(UpdateError::Keys);
        }
        Ok(Self(read))
    }
}

/// Believes an announcement, or says why not.
///
/// `known` is the highest of the installed version and of all that were believed before. The answer may be of that very
/// version: then there is nothing new. The order of the checks matters: nothing of what is announced is read before the
/// signatures hold.
pub fn verify(
    announcement: &[u8],
    keys: &ReleaseKeys,
    now: Timestamp,
    known: Version,
) -> Result<Release, UpdateError> {
    if announcement.len() > LARGEST_ENVELOPE {
        return Err(UpdateError::Malformed);
    }
    let envelope: Envelope =
        serde_json::from_slice(announcement).map_err(|_| UpdateError::Malformed)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(UpdateError::Malformed);
    }
    let signed = envelope.signed_octets();
    // Counted by key, not by signature: one holder who signs twice is one.
    let has_signed = |key: &&VerifyingKey| {
        let mut signatures = envelope.signatures.iter();
        signatures.any(|signature| key.verify(&signed, &signature.sig))
    };
    let valid = keys.0.iter().filter(has_signed).count();
    if valid < THRESHOLD {
        return Err(UpdateError::Signatures { valid });
    }
    let release: Release =
        serde_json::from_slice(&envelope.payload).map_err(|_| UpdateError::Malformed)?;
    if release.format != tegata_protocol::VERSION {
        return Err(UpdateError::Malformed);
    }
    let left = release.expires_at.unix().saturating_sub(now.unix());
    if left <= 0 || left > LIFETIME_DAYS * DAY + CLOCK_SKEW {
        return Err(UpdateError::Expired);
    }
    if release.version < known {
        return Err(UpdateError::LowerVersion {
            announced: release.version,
            known,
        });
    }
    Ok(release)
}

/// Whether `octets` are the file that the announcement means. Checked right before it is run, from the folder that
/// only this program writes to.
pub fn verify_file(file: &ReleaseFile, octets: &[u8]) -> Result<(), UpdateError> {
    let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
    if size == file.size && sha256(octets) == file.sha256.0 {
        Ok(())
    } else {
        Err(UpdateError::File)
    }
}

#[cfg(test)]
mod tests {
    use tegata_domain::id::Fingerprint;
    use tegata_domain::time::CalendarDate;
    use tegata_pki::ed25519::SigningKey;
    use tegata_protocol::release::{Architecture, Scope, Signature};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const PACKAGE: &[u8] = b"a package";

    struct Holders([SigningKey; 3]);

    impl Holders {
        fn new() -> Self {
            Self(std::array::from_fn(|_| SigningKey::generate().unwrap()))
        }

        fn pinned(&self) -> ReleaseKeys {
            let hex = |key: &SigningKey| hex::encode(key.verifying_key().as_octets());
            ReleaseKeys::from_hex(&self.0.iter().map(hex).collect::<Vec<_>>()).unwrap()
        }

        fn signed(&self, release: &Release, by: &[usize]) -> Envelope {
            let mut envelope = Envelope::unsigned(serde_json::to_vec(release).unwrap());
            let signed = envelope.signed_octets();
            for holder in by {
                let key = &self.0[*holder];
                let keyid = hex::encode(key.verifying_key().as_octets());
                let sig = key.sign(&signed);
                envelope.signatures.push(Signature { keyid, sig });
            }
            envelope
        }
    }

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn release() -> Release {
        Release {
            format: 1,
            version: version("1.1.0"),
            released: CalendarDate::from_ymd(2027, 1, 15).unwrap(),
            expires_at: Timestamp::from_unix(NOW.unix() + 30 * DAY),
            changes: vec!["…".to_owned()],
            files: vec![ReleaseFile {
                architecture: Architecture::X64,
                scope: Scope::User,
                name: "a.msi".to_owned(),
                size: PACKAGE.len() as u64,
                sha256: Fingerprint(sha256(PACKAGE)),
                signer: None,
            }],
        }
    }

    fn take(holders: &Holders, envelope: &Envelope, known: &str) -> Result<Release, UpdateError> {
        let text = serde_json::to_vec(envelope).unwrap();
        verify(&text, &holders.pinned(), NOW, version(known))
    }

    #[test]
    fn two_of_three_holders_make_a_release() {
        let holders = Holders::new();
        for by in [&[0, 1][..], &[0, 2], &[2, 1], &[0, 1, 2]] {
            let envelope = holders.signed(&release(), by);
            assert_eq!(take(&holders, &envelope, "1.0.0"), Ok(release()));
        }
    }

    #[test]
    fn one_holder_is_not_enough_however_often_it_signs() {
        let holders = Holders::new();
        for by in [&[][..], &[1], &[1, 1, 1]] {
            let valid = usize::from(!by.is_empty());
            let found = take(&holders, &holders.signed(&release(), by), "1.0.0");
            assert_eq!(found, Err(UpdateError::Signatures { valid }));
        }
        // The name of a second key beside the first one's signature.
        let mut envelope = holders.signed(&release(), &[0, 0]);
        envelope.signatures[1].keyid = hex::encode(holders.0[1].verifying_key().as_octets());
        let found = take(&holders, &envelope, "1.0.0");
        assert_eq!(found, Err(UpdateError::Signatures { valid: 1 }));
    }

    #[test]
    fn strangers_and_changed_octets_are_refused() {
        let (holders, strangers) = (Holders::new(), Holders::new());
        let found = take(&holders, &strangers.signed(&release(), &[0, 1, 2]), "1.0.0");
        assert_eq!(found, Err(UpdateError::Signatures { valid: 0 }));
        let mut envelope = holders.signed(&release(), &[0, 1]);
        let mut changed = release();
        changed.files[0].sha256 = Fingerprint([0; 32]);
        envelope.payload = serde_json::to_vec(&changed).unwrap();
        let found = take(&holders, &envelope, "1.0.0");
        assert_eq!(found, Err(UpdateError::Signatures { valid: 0 }));
        let mut envelope = holders.signed(&release(), &[0, 1]);
        envelope.payload_type = "text/plain".to_owned();
        assert_eq!(
            take(&holders, &envelope, "1.0.0"),
            Err(UpdateError::Malformed)
        );
        let found = verify(b"<html>", &holders.pinned(), NOW, version("1.0.0"));
        assert_eq!(found, Err(UpdateError::Malformed));
    }

    #[test]
    fn an_announcement_is_believed_for_thirty_days_and_no_second_longer() {
        let holders = Holders::new();
        let at = |expires_at: i64| {
            let mut release = release();
            release.expires_at = Timestamp::from_unix(expires_at);
            take(&holders, &holders.signed(&release, &[0, 1]), "1.0.0").map(|_| ())
        };
        assert_eq!(at(NOW.unix() + 1), Ok(()));
        assert_eq!(at(NOW.unix()), Err(UpdateError::Expired));
        assert_eq!(at(NOW.unix() - 1), Err(UpdateError::Expired));
        assert_eq!(at(NOW.unix() + 31 * DAY), Ok(()));
        assert_eq!(at(NOW.unix() + 31 * DAY + 1), Err(UpdateError::Expired));
    }

    #[test]
    fn a_version_never_goes_down() {
        let holders = Holders::new();
        let envelope = holders.signed(&release(), &[0, 1]);
        assert!(take(&holders, &envelope, "1.1.0").is_ok());
        let lower = UpdateError::LowerVersion {
            announced: version("1.1.0"),
            known: version("1.1.1"),
        };
        assert_eq!(take(&holders, &envelope, "1.1.1"), Err(lower));
    }

    #[test]
    fn a_file_is_the_announced_one_to_the_last_octet() {
        let release = release();
        let file = release.file(Architecture::X64, Scope::User).unwrap();
        assert_eq!(verify_file(file, PACKAGE), Ok(()));
        for other in [&b"a packagf"[..], b"a package ", b""] {
            assert_eq!(verify_file(file, other), Err(UpdateError::File));
        }
    }

    #[test]
    fn fewer_than_two_keys_believe_nothing() {
        let key = hex::encode(SigningKey::generate().unwrap().verifying_key().as_octets());
        assert_eq!(ReleaseKeys::from_hex(&[]), Err(UpdateError::Keys));
        assert_eq!(
            ReleaseKeys::from_hex(&[key.clone(), key]),
            Err(UpdateError::Keys)
        );
        assert_eq!(
            ReleaseKeys::from_hex(&["zz".to_owned()]),
            Err(UpdateError::Keys)
        );
    }
}
