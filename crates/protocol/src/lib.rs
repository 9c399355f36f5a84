//! The JSON that the server and its clients exchange: under `/api/client/v1` (R-030, P-06, decisions F4, I2, K3, S4,
//! W2), and the announcement of a newer client ([`release`], F10).
//!
//! Types alone: no input or output, no clock, no rule. What follows from dates is decided in `tegata-domain`, which
//! both sides use. The number in the address is the version: within it a field keeps its name and its meaning, and
//! new ones may come. A reader therefore ignores a field that it does not know and takes a word that it does not know
//! for `Other`; a writer leaves no field of its version out. Instants are RFC 3339 in UTC, days are those of Japan.
//!
//! An example of every case lies in `tests/golden`.

#![forbid(unsafe_code)]

mod address;
mod certificates;
mod code;
mod notices;
mod paths;
mod reference_id;
mod refusal;
pub mod release;
mod schedule;
mod stop;
mod text;

pub use address::{AddressChange, AddressRequest, AddressStep, Addresses, EnteredCode, Resend};
pub use certificates::{Certificate, Certificates, InUse, Issued, Relation, RequestStatus};
pub use code::MessageCode;
pub use notices::{Message, Notices, Renewal, Status};
pub use paths::{
    ADDRESS_PATH, CERTIFICATES_PATH, HOLD_PATH, IN_USE_PATH, NOTICES_PATH, REFERENCE_ID_PATH,
    REVOCATION_PATH, address_code_path, address_path, address_resend_path, certificate_path,
    receipt_path,
};
pub use reference_id::{ReferenceIdRequest, Scope, ShownReferenceId};
pub use refusal::Refusal;
pub use schedule::Schedule;
pub use stop::{Reason, StopRequest, Stopped, StoppedSuccessor, SuccessorChoice};

/// The version of this JSON, as it stands in addresses and answers.
pub const VERSION: u32 = 1;
