//! The procedures of the certification authority: one file per procedure, one public function per step
//! that a person or a timer takes. Knows no HTTP, no pages and no command line.

mod act_refusal;
mod address;
mod announcement;
mod applicant_flow;
mod application_contact;
mod application_form;
mod apply;
mod authority;
mod authority_secret;
mod base;
mod bounce;
mod budget;
mod ca_key_file;
mod casework;
mod collection;
mod cookie;
mod decide;
mod download;
mod due;
mod due_day;
mod enrolment;
mod error;
mod examine;
mod failpoint;
mod feed;
mod find;
mod flow;
mod giveback;
mod guessing;
mod hold;
mod identify;
mod inquiry;
mod issue;
mod jobs;
mod kek;
mod keyfile;
mod keypool;
mod letter;
mod listing;
mod mail_code;
mod mail_text;
mod measures;
pub mod messages;
mod new_addresses;
mod notice_figures;
mod notices;
mod operators;
mod outbox;
#[cfg(feature = "fuzz")]
pub mod outside;
mod own;
mod paper;
mod proposal;
mod publish;
mod reenroll;
mod reference;
mod register;
mod register_file;
mod relying;
mod renew;
mod reopen;
mod revoke;
mod rewrap;
mod seal;
mod seen;
mod send_again;
mod sent_mails;
mod service;
mod session;
mod setup;
mod source;
mod staffing;
mod status;
mod statuses;
mod terminal;
mod terminal_notice;
mod typed_mails;
mod unreachable;
mod visit;
mod watched_lease;
mod windows;
mod work;

pub use act_refusal::ActRefusal;
pub use address::AddressPage;
pub use announcement::News;
pub use application_contact::{EnteredContact, MOST_TERMINALS, TERMINAL_FIELDS};
pub use application_form::{ApplicationPage, EnteredInstitution, IssuedNumbers};
pub use apply::NewApplication;
pub use base::{Addresses, App, AppParts, CLOCK_JUMP};
pub use bounce::ReportTaken;
pub use casework::{
    Case, CaseGrant, Happened, InstitutionFile, Names, Overview, Queued, RevocationFile, Waiting,
    What,
};
pub use download::{CertificateBox, CollectionPage, EarlierCollection, PasswordForm};
pub use due::Occasion;
pub use due_day::{DueCursor, DueDay, DueEntries, DueEntry, DueGroup};
pub use enrolment::{CodeAnswer, EnrolmentRefusal, Issuance};
pub use error::{Error, FieldProblem, KeyDestroyed, Refusal, Result};
pub use failpoint::Failpoint;
#[cfg(debug_assertions)]
pub use failpoint::ISSUE_ORDER;
pub use feed::RelyingFeed;
pub use find::{Findings, FoundCase, Hit};
pub use flow::Opened;
pub use identify::Identity;
pub use inquiry::{ApplicationStatus, InquiryPage, TypedNumbers};
pub use jobs::JobReport;
pub use kek::{FixedKeys, KeyEncryptionKey, KeyEncryptionKeys, KeySource};
pub use keyfile::{KeyFile, KeyFileForm};
pub use letter::{Letter, Reissue, WaitingLetter};
pub use listing::GrantStory;
pub use mail_code::{CodeForm, CodePage};
pub use mail_text::{MailText, MailTextError, MailTexts};
pub use measures::Measures;
pub use new_addresses::{AddressForm, NewAddresses};
pub use notice_figures::{DayTally, EndingMonth, NoticeFigures};
pub use operators::{NewOperator, one_time_code};
pub use outbox::ReadyMail;
pub use own::{
    OwnCertificate, OwnIssued, OwnRelation, OwnStop, OwnStopped, OwnUse, ReferencePage,
    ShownReference, StopKind,
};
pub use paper::RenewalReceipt;
pub use proposal::Confirmed;
pub use reference::TypedIds;
pub use register::{ChangedEntry, RegisterImport, RegisterPlan};
pub use register_file::{BadLine, FileEncoding};
pub use relying::{RelyingNotice, RelyingSystems, RelyingWords};
pub use renew::{AcceptedRenewal, RenewalPage, Successor};
pub use revoke::{
    AcceptedRevocation, EnteredRevocation, HolderStatus, NewerCertificate, RevocationForm,
    RevocationPage,
};
pub use rewrap::{Rewrapped, SealedCounts};
pub use send_again::SentAgain;
pub use service::ServerIdentity;
pub use session::Session;
pub use setup::{InitOptions, Initialised, OfflineRoot};
pub use source::Source;
pub use status::{CaCertificate, Caching, OcspAnswer, PublishedList};
pub use tegata_store::{AuditFilter, AuditRow, CaKeyPurpose, MailFate, NoticeRun, NoticeTally};
pub use terminal_notice::TerminalNotice;
pub use unreachable::UnreachableHolder;
pub use visit::{OtherHolder, Visit};
pub use windows::OpenWindow;
