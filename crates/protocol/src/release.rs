//! A release of the MPKI client, as the operator announces it (F10): which version, which files.
//!
//! What terminals fetch is an [`Envelope`] (DSSE 1.0.2, github.com/secure-systems-lab/dsse): the octets of a [`Release`]
//! as JSON, and signatures over exactly these octets. Whoever reads it verifies first and reads the JSON afterwards.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tegata_domain::id::Fingerprint;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::text;

/// Where the envelope is fetched, on the public and on the subscriber listener.
pub const MANIFEST_PATH: &str = "/p/c/manifest.json";
/// Where a file of a release is fetched; its name follows.
pub const FILE_PATH: &str = "/p/c/file/";
/// The type of what is signed; part of the signature.
pub const PAYLOAD_TYPE: &str = "application/vnd.tegata.client-release+json";
/// Signatures of so many different keys make a release.
pub const THRESHOLD: usize = 2;
/// An envelope is believed for so many days after its making.
pub const LIFETIME_DAYS: i64 = 30;
/// The largest envelope that is read, in octets.
pub const LARGEST_ENVELOPE: usize = 64 << 10;
/// The largest file of a release, in octets.
pub const LARGEST_FILE: u64 = 64 << 20;

/// What the operator announces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub format: u32,
    /// Of the program; never lower than one that was announced before.
    pub version: Version,
    /// The day of its publication.
    #[serde(with = "text::day")]
    pub released: CalendarDate,
    /// From then on nobody believes this envelope; the operator signs a new one before.
    #[serde(with = "text::instant")]
    pub expires_at: Timestamp,
    /// 更新の内容, a line each.
    pub changes: Vec<String>,
    /// The packages. A reader leaves out those for processors or scopes that it does not know.
    #[serde(deserialize_with = "known_files")]
    pub files: Vec<ReleaseFile>,
}

impl Release {
    /// The package for a machine and a scope.
    pub fn file(&self, architecture: Architecture, scope: Scope) -> Option<&ReleaseFile> {
        let mut files = self.files.iter();
        files.find(|file| file.architecture == architecture && file.scope == scope)
    }
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFile {
    /// For which processor.
    pub architecture: Architecture,
    /// For whom.
    pub scope: Scope,
    /// Its name: letters, digits, hyphens and full stops.
    pub name: String,
    /// In octets.
    pub size: u64,
    /// SHA-256 of the file.
    #[serde(with = "text::fingerprint")]
    pub sha256: Fingerprint,
    /// Whose Authenticode signature it carries: the common name; null where it carries none.
    #[serde(default)]
    pub signer: Option<String>,
}

/// The processor that a program was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit Windows.
    X64,
    /// 32-bit Windows, and 64-bit too.
    X86,
}

impl Architecture {
    /// Its name in file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::X86 => "x86",
        }
    }
}

/// Whom a package installs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody on the machine.
    Machine,
    /// Whoever installs it.
    User,
}

impl Scope {
    /// Its name in file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::User => "user",
        }
    }
}

/// A version of three numbers, as Windows Installer compares them (at most 255.255.65535).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Changed when terminals must do something.
    pub major: u8,
    /// Changed when something new can be done.
    pub minor: u8,
    /// Changed when something was repaired.
    pub patch: u16,
}

/// Not of the form `MAJOR.MINOR.PATCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidVersion;

impl fmt::Display for InvalidVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a version of the form MAJOR.MINOR.PATCH (at most 255.255.65535)")
    }
}

impl std::error::Error for InvalidVersion {}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let numbers: Vec<&str> = text.split('.').collect();
        let [major, minor, patch] = numbers.as_slice() else {
            return Err(InvalidVersion);
        };
        let version = Self {
            major: major.parse().map_err(|_| InvalidVersion)?,
            minor: minor.parse().map_err(|_| InvalidVersion)?,
            patch: patch.parse().map_err(|_| InvalidVersion)?,
        };
        // No sign, no leading zero: one version has one text.
        if version.to_string() == text {
            Ok(version)
        } else {
            Err(InvalidVersion)
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Octets with signatures over them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// What the octets are: [`PAYLOAD_TYPE`].
    pub payload_type: String,
    /// The octets.
    #[serde(with = "octets")]
    pub payload: Vec<u8>,
    /// The signatures, each over [`Envelope::signed_octets`].
    pub signatures: Vec<Signature>,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The public key in hexadecimal digits: a hint at which key it was, never what it is verified with.
    pub keyid: String,
    /// Ed25519 (RFC 8032).
    #[serde(with = "octets")]
    pub sig: Vec<u8>,
}

impl Envelope {
    /// An envelope that nobody has signed.
    pub fn unsigned(payload: Vec<u8>) -> Self {
        Self {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload,
            signatures: Vec::new(),
        }
    }

    /// What a signature is over: type and octets with their lengths ("PAE" of DSSE).
    pub fn signed_octets(&self) -> Vec<u8> {
        let (kind, payload) = (&self.payload_type, &self.payload);
        let mut octets = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        octets.extend_from_slice(payload);
        octets
    }
}

fn known_files<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ReleaseFile>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Known(ReleaseFile),
        OfLaterVersion(serde::de::IgnoredAny),
    }
    let entries = Vec::<Entry>::deserialize(from)?;
    let known = entries.into_iter().filter_map(|entry| match entry {
        Entry::Known(file) => Some(file),
        Entry::OfLaterVersion(_) => None,
    });
    Ok(known.collect())
}

/// Octets as base64.
mod octets {
    use super::*;

    pub(super) fn serialize<S: Serializer>(octets: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_one_text() {
        let version: Version = "1.20.300".parse().unwrap();
        assert_eq!(version.to_string(), "1.20.300");
        for wrong in [
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "+1.0.0",
            "256.0.0",
            "1.0.65536",
            "1.0.x",
        ] {
            assert_eq!(wrong.parse::<Version>(), Err(InvalidVersion), "{wrong}");
        }
        assert!("1.10.0".parse::<Version>().unwrap() > "1.9.9".parse::<Version>().unwrap());
    }

    #[test]
    fn a_file_for_a_processor_of_later_years_is_left_out() {
        let file = |architecture: &str| {
            format!(
                r#"{{"architecture":"{architecture}","scope":"user","name":"a.msi","size":1,"sha256":"{}"}}"#,
                "00".repeat(32)
            )
        };
        let text = format!(
            r#"{{"format":1,"version":"1.0.0","released":"2027-01-02","expires_at":"2027-02-01T00:00:00Z",
                "changes":[],"files":[{},{}],"rings":[1]}}"#,
            file("arm64"),
            file("x86")
        );
        let release: Release = serde_json::from_str(&text).unwrap();
        assert_eq!(release.files.len(), 1);
        assert!(release.file(Architecture::X86, Scope::User).is_some());
        assert!(release.file(Architecture::X64, Scope::User).is_none());
    }

    /// The example of the DSSE specification, protocol.md.
    #[test]
    fn what_is_signed_is_what_dsse_says() {
        let envelope = Envelope {
            payload_type: "http://example.com/HelloWorld".to_owned(),
            payload: b"hello world".to_vec(),
            signatures: Vec::new(),
        };
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(envelope.signed_octets(), expected);
        let json = serde_json::to_string(&envelope).unwrap();
        assert!(json.contains("\"payload\":\"aGVsbG8gd29ybGQ=\""), "{json}");
        assert_eq!(serde_json::from_str::<Envelope>(&json).unwrap(), envelope);
    }
}
