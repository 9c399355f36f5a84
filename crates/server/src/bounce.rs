//! Mails that come back to the sender of ours (P-23): read one message, and watch a Maildir for new ones.
//!
//! What a report means is decided in `app`; here octets become a [`DeliveryReport`].

mod maildir;
mod report;

pub(crate) use self::maildir::Maildir;
pub(crate) use self::report::{LONGEST, read_report};
