//! Sentences of the entrance (`/`).

use super::{Screen, screen};

/// Its name, as the manual calls it.
pub(crate) const SITE_ENTRANCE: &str = "電子証明書の手続き";

pub(crate) const TOP: Screen = screen("TOP", "", "電子証明書の手続き");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[TOP];
