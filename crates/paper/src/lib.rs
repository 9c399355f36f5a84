//! What leaves the certification authority on paper: drawn as PDF from finished values. Knows no database, no
//! clock and no network (`docs/decisions/0013-paper-is-a-crate-of-its-own.md`).
//!
//! Two sheets: [`letters`] draws 電子証明書発行通知書, [`receipt`] the 更新申請受付票 of a renewal. The same values
//! give the same octets.

mod canvas;
mod error;
mod font;
mod letter;
mod lines;
mod messages;
mod pdf;
mod qr;
mod receipt;
mod values;

pub use error::PaperError;
pub use font::unprintable;
pub use letter::{LetterSheet, Reissued, RootPrint, letters};
pub use receipt::{ReceiptSheet, receipt};
pub use values::{Contact, Day, Moment};
