//! Sentences of ルート証明書ダウンロードサイト (`/p/cert`).

use super::{Screen, screen};

/// Its name, as the manual calls it.
pub(crate) const SITE_ROOT: &str = "ルート証明書ダウンロードサイト";

pub(crate) const CERT_1: Screen = screen("CERT-1", "", "ルート証明書の取得とインストール");
pub(crate) const CERT_2: Screen = screen("CERT-2", "", "設定できています");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[CERT_1, CERT_2];
