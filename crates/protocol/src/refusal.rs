//! How the server says no: `application/problem+json` (RFC 9457) with a message for the person at the terminal.

use serde::{Deserialize, Serialize};

use crate::notices::Message;

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The phrase of the status code.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// The problem, in a word for programs.
    pub code: String,
    /// What to do next, in English.
    pub detail: String,
    /// What the terminal shows; null where it has words of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// What the operator finds in the log, where something is wrong there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}
