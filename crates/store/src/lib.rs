//! The only place with SQL: SQLite (embedded) or PostgreSQL behind one seam (decision S1).
//!
//! Changes go through [`Store::write`], a closure that is committed as a whole or not at all (S5);
//! reading goes through [`Store::reader`]. Each file after `writer` is about one aggregate: its
//! reading functions belong to [`Connection`], its writing functions to [`Tx`]. Nothing here signs,
//! hashes, reads a clock or makes an id.

mod arg;
mod dialect;
mod error;
mod kept;
mod migrations;
mod postgres;
mod row;
mod sql;
mod sqlite;
mod store;
mod writer;

mod announcement;
mod applicant;
mod application;
mod audit;
mod bare;
mod bounce;
mod ca;
mod certificate;
mod clock;
mod collection;
mod console;
mod fact;
mod flow;
mod grant;
mod guessing;
mod institution;
mod key;
mod lease;
mod letter;
mod listed;
mod mail_code;
mod many;
mod notice;
mod notice_figures;
mod operator;
mod outbox;
mod presented;
mod proposal;
mod publication;
mod relying;
mod renewal;
mod revocation;
mod sealed;
mod search;
mod secret;
mod sent_mails;
mod service;
mod session;
mod successor;
mod unreachable;

pub use audit::{AuditFilter, AuditRow};
pub use bare::{BareHolder, BareMail};
pub use bounce::SentMail;
pub use ca::{CaKeyPurpose, CaKeyRow, CaKeyState};
pub use certificate::StatusRow;
pub use collection::Collection;
pub use error::StoreError;
pub use futures_util::future::BoxFuture;
pub use key::{KeyDestroyed, KeyWrap, SealedKey};
pub use lease::Lease;
pub use letter::LetterRow;
pub use listed::ListedEntry;
pub use notice::{EndingCertificate, Holder, NoticeCursor, NoticePage, WaitingGrant};
pub use notice_figures::{NoticeRun, NoticeTally};
pub use operator::OperatorLogin;
pub use outbox::{ClaimedMail, MailFate};
pub use presented::PresentedRow;
pub use publication::{DuePublication, FinishedList, RevocationList};
pub use relying::{FeedRow, RelyingRow};
pub use sealed::{SealedColumn, SealedValue};
pub use search::Found;
pub use secret::SealedSecret;
pub use service::{ServiceCertificate, ServiceCertificateRow};
pub use session::SessionRow;
pub use sql::Connection;
pub use store::{Reader, Store, StoreConfig, Tx};
pub use successor::SuccessorRow;
pub use unreachable::UnreachableRow;
