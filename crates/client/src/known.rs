//! What this client remembers of certificates: their リクエストID, what replaced them, what was said about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;
use tegata_protocol::{MessageCode, Renewal, Schedule, Status};

use crate::failure::Failure;
use crate::ports::Files;
use crate::state;

/// The file.
pub const KNOWN: &str = "certificates.json";

/// Everything remembered, by SHA-256 in hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    certificates: BTreeMap<String, Remembered>,
}

/// What is remembered of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// リクエストID.
    pub request_id: Option<String>,
    /// The certificate that took its place at this terminal.
    pub replaced_by: Option<String>,
    /// Whether a backup was written by this client.
    pub is_backed_up: bool,
    /// How the server last said it stands.
    pub status: Option<Status>,
    /// Where the server last said its renewal stands.
    pub renewal: Option<Renewal>,
    /// When to ask again; none: not asked yet.
    pub next_request: Option<NextRequest>,
    /// The server's plan, for the time without it.
    pub schedule: Option<Schedule>,
    /// Attempts that failed since the last answer, and when the last one was.
    pub failed: Option<(u32, Timestamp)>,
    /// The last notification: its day, as in the file, and its number.
    pub notified: Option<(String, MessageCode)>,
}

/// When the server is asked about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NextRequest {
    /// From this instant on.
    At(Timestamp),
    /// Never again.
    Never,
}

impl Known {
    /// Reads the file.
    pub fn load(files: &dyn Files) -> Result<Self, Failure> {
        Ok(state::load(files, KNOWN)?.unwrap_or_default())
    }

    /// Writes the file.
    pub fn save(&self, files: &dyn Files) -> Result<(), Failure> {
        state::save(files, KNOWN, self)
    }

    /// What is remembered of a certificate.
    pub fn of(&self, certificate: &Fingerprint) -> Remembered {
        self.certificates
            .get(&certificate.to_string())
            .cloned()
            .unwrap_or_default()
    }

    /// To be changed.
    pub fn entry(&mut self, certificate: &Fingerprint) -> &mut Remembered {
        self.certificates
            .entry(certificate.to_string())
            .or_default()
    }

    /// Forgets a certificate that is gone.
    pub fn forget(&mut self, certificate: &Fingerprint) {
        self.certificates.remove(&certificate.to_string());
    }
}
