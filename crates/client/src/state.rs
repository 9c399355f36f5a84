//! Small JSON files in the client's own folder.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::ports::Files;

/// Reads a file; none where there is none. One that cannot be read is an error that names it: nothing is guessed.
pub(crate) fn load<T: DeserializeOwned>(
    files: &dyn Files,
    name: &str,
) -> Result<Option<T>, Failure> {
    let Some(octets) = files.read(name)? else {
        return Ok(None);
    };
    serde_json::from_slice(&octets)
        .map(Some)
        .map_err(|error| Failure::Settings(format!("{name}: {error}")))
}

/// Writes a file; after a crash the old or the new one is there.
pub(crate) fn save<T: Serialize>(files: &dyn Files, name: &str, value: &T) -> Result<(), Failure> {
    let octets = serde_json::to_vec_pretty(value)
        .map_err(|error| Failure::Settings(format!("{name}: {error}")))?;
    Ok(files.write(name, &octets)?)
}

/// An octet string as base64.
pub(crate) mod octets {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(octets: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(octets))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}

/// A fingerprint as hexadecimal digits.
pub(crate) mod fingerprint {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_domain::id::Fingerprint;

    pub(crate) fn serialize<S: Serializer>(print: &Fingerprint, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(print)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Fingerprint, D::Error> {
        let text = String::deserialize(from)?;
        Fingerprint::parse(&text).ok_or_else(|| D::Error::custom("no SHA-256"))
    }
}

/// A certificate as PEM.
pub(crate) mod certificate {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use tegata_pki::certificate::Certificate;

    pub(crate) fn serialize<S: Serializer>(one: &Certificate, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&one.pem())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Certificate, D::Error> {
        let text = String::deserialize(from)?;
        Certificate::from_pem(&text).map_err(D::Error::custom)
    }
}
