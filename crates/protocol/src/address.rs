//! `/api/client/v1/address`: where the mails about this terminal's certificates go (RU-6, P-23).

use serde::{Deserialize, Serialize};
use tegata_domain::id::FlowId;
use tegata_domain::time::Timestamp;

use crate::text;

/// The answer of GET: the registered addresses, most of each hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// 通知用メールアドレス, such as `t****@example.jp`.
    pub mail: String,
    /// 予備のメールアドレス; null where there is none.
    #[serde(default)]
    pub second_mail: Option<String>,
}

/// POST: mails a 確認番号 to the new address. Nothing changes before [`EnteredCode`] came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRequest {
    /// Made by the client, [`FlowId::generate`]: the same request again is answered with the result of the first.
    #[serde(with = "text::procedure")]
    pub procedure: FlowId,
    /// 新しいメールアドレス, as it was typed.
    pub mail: String,
    /// 予備のメールアドレス, as it was typed; null: none from now on.
    #[serde(default)]
    pub second_mail: Option<String>,
}

/// POST [`address_code_path`](crate::address_code_path): the number that was mailed. No Debug: it is a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredCode {
    /// `turn` of the answer before.
    pub turn: i64,
    /// 確認番号, as it was typed.
    pub code: String,
}

/// POST [`address_resend_path`](crate::address_resend_path): mails another number; the earlier one ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resend {
    /// `turn` of the answer before.
    pub turn: i64,
}

/// Where a change of addresses stands: the answer of each POST, and of GET at [`address_path`](crate::address_path).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressChange {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// The procedure.
    #[serde(with = "text::procedure")]
    pub procedure: FlowId,
    /// Goes into the next POST.
    pub turn: i64,
    /// What is next.
    pub step: AddressStep,
    /// The new address, most of it hidden; null before one is entered.
    #[serde(default)]
    pub mail: Option<String>,
    /// When the 確認番号 was sent; null where none is taken.
    #[serde(default, with = "text::maybe_instant")]
    pub sent_at: Option<Timestamp>,
    /// The last second in which it is taken; null with `sent_at`.
    #[serde(default, with = "text::maybe_instant")]
    pub code_until: Option<Timestamp>,
    /// The earliest instant at which another may be sent; null: now.
    #[serde(default, with = "text::maybe_instant")]
    pub next_code_at: Option<Timestamp>,
}

/// What is next in a change of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressStep {
    /// The 確認番号.
    Code,
    /// Nothing: the addresses are registered.
    Done,
    /// The address.
    Form,
    /// A word of a later version.
    #[serde(other)]
    Other,
}
