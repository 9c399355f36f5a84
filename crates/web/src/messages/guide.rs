//! Sentences of the steps in Windows (`/p/guide`).

use super::{Screen, screen};

pub(crate) const GUIDE_INSTALL: Screen = screen("GD-1", "", "電子証明書のインストールの手順");
pub(crate) const GUIDE_BACKUP: Screen = screen("GD-2", "", "電子証明書のバックアップの手順");
pub(crate) const GUIDE_DELETE: Screen = screen("GD-3", "", "電子証明書の削除の手順");
pub(crate) const GUIDE_CHOOSE: Screen = screen("GD-4", "", "電子証明書の選択の手順");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[GUIDE_INSTALL, GUIDE_BACKUP, GUIDE_DELETE, GUIDE_CHOOSE];
