//! Every sentence that a person at the terminal reads, chosen by its number (decision S4, manual 3.1.2).
//!
//! | module | numbers |
//! | --- | --- |
//! | [`procedure`] | 1001 to 1015: what is asked and told on the way |
//! | [`own`] | 1016 to 1019: addresses, 更新申請受付票, リファレンスID |
//! | [`trouble`] | 20xx to 23xx: why something did not work and what to do |
//! | [`notice`] | notifications |
//! | [`window`] | the fixed windows: list, first enrolment, backup, settings |
//! | [`date`] | days and hours as people read them |
//!
//! 1003, 1004 and 1006 are the manual's, letter for letter.

pub mod date;
pub mod notice;
pub mod own;
pub mod procedure;
pub mod trouble;
pub mod window;

/// How the program shows itself (N1).
pub const PROGRAM: &str = "MPKIクライアント";

/// What sentences take from the settings.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Short name of the authority.
    pub ca_name: &'a str,
    /// Whom to call, a line each.
    pub help_desk: &'a [String],
}

impl<'a> Words<'a> {
    /// Those of the settings.
    pub fn of(settings: &'a crate::settings::Settings) -> Self {
        Self {
            ca_name: &settings.pack.ca_name,
            help_desk: &settings.pack.help_desk,
        }
    }
}
