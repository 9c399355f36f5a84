//! Sentences of the pages about a file (RCD-2 to RCD-7, RU-3, RU-4).

use std::cmp::Ordering;

use tegata_app::KeyFileForm;
use tegata_domain::issuance::RequestStatus;

use super::{RCD_2, RCD_4, SITE_COLLECT, SITE_RENEW, Screen, screen, status_name};
use crate::flow::Procedure;

/// The screens of one site about a file.
pub(crate) struct FileScreens {
    pub(crate) site: &'static str,
    pub(crate) password: Screen,
    pub(crate) suggestion: Screen,
    pub(crate) weak: Screen,
    pub(crate) making: Screen,
    pub(crate) ready: Screen,
    pub(crate) other_form: Screen,
    pub(crate) erase: Screen,
    pub(crate) erased: Screen,
}

const OTHER_FORM: &str = "「パスワードが違う」と表示されるとき";
const SUGGESTION: &str = "安全なパスワードを作りました";
const MAKING: &str = "作成しています";
const WEAK: &str = "証明書パスワードの確認";
const ERASE: &str = "共通認証局の鍵の消去";
const ERASED: &str = "鍵を消去しました";

static COLLECT: FileScreens = FileScreens {
    site: SITE_COLLECT,
    password: RCD_2,
    suggestion: screen("RCD-2B", "手順 2/3", SUGGESTION),
    weak: screen("RCD-2C", "手順 2/3", WEAK),
    making: screen("RCD-3", "", MAKING),
    ready: RCD_4,
    other_form: screen("RCD-5", "", OTHER_FORM),
    erase: screen("RCD-6", "", ERASE),
    erased: screen("RCD-7", "", ERASED),
};

static RENEW: FileScreens = FileScreens {
    site: SITE_RENEW,
    password: screen("RU-3", "", "鍵の取得"),
    suggestion: screen("RU-3B", "", SUGGESTION),
    weak: screen("RU-3C", "", WEAK),
    making: screen("RU-3D", "", MAKING),
    ready: screen("RU-4", "", "鍵の取得"),
    other_form: screen("RU-4B", "", OTHER_FORM),
    erase: screen("RU-4C", "", ERASE),
    erased: screen("RU-4D", "", ERASED),
};

/// The terminal made the key itself (K2).
pub(crate) const RCD_ON_TERMINAL: Screen =
    screen("RCD-E8", "", "MPKIクライアントで取得されています");

/// How long four digits resist somebody who has the file. Both forms take 10,000 rounds for each guess; the
/// ten thousand guesses are 10^8 rounds, some ten seconds of one processor and less than one of a
/// graphics card.
pub(crate) const CRACK_TIME: &str = "数秒";

/// RCD-6 without its tick.
pub(crate) const ERASE_NOT_CONFIRMED: &str =
    "「インストールとバックアップが終わりました」を選択してください。";

#[cfg(test)]
pub(super) fn screens() -> Vec<Screen> {
    let of = |site: &FileScreens| {
        [
            site.suggestion,
            site.weak,
            site.making,
            site.other_form,
            site.erase,
            site.erased,
        ]
    };
    let mut screens = [of(&COLLECT), of(&RENEW)].concat();
    screens.extend([RENEW.password, RENEW.ready, RCD_ON_TERMINAL]);
    screens
}

/// The screens of a procedure's site.
pub(crate) fn file_screens(procedure: Procedure) -> &'static FileScreens {
    match procedure {
        Procedure::Apply | Procedure::Collect | Procedure::Inquire | Procedure::Revoke => &COLLECT,
        Procedure::Address | Procedure::Renew | Procedure::Retrieve => &RENEW,
    }
}

/// 証明書ステータス: three stages, each with `done`, nothing for the present one, or `ahead`.
pub(crate) fn stages(status: &RequestStatus) -> [(&'static str, &'static str); 3] {
    let stages = [
        RequestStatus::GeneratingKey,
        RequestStatus::IssueRequested,
        RequestStatus::Issued,
    ];
    let names = stages.map(|stage| status_name(&stage));
    let present = names.iter().position(|name| *name == status_name(status));
    let present = present.unwrap_or(names.len());
    let mut place = 0;
    names.map(|name| {
        let kind = match place.cmp(&present) {
            Ordering::Less => "done",
            Ordering::Equal => "",
            Ordering::Greater => "ahead",
        };
        place += 1;
        (name, kind)
    })
}

/// ファイルの形式 (text 7).
pub(crate) const fn form_name(form: KeyFileForm) -> &'static str {
    match form {
        KeyFileForm::Modern => "新しい形式(Windows 10、Windows 11 用)",
        KeyFileForm::Old => "古い形式(Windows 8.1 など用)",
    }
}

/// The title of RCD-6, with the configured name of the authority (N2).
pub(crate) fn erase_title(ca_short: &str) -> String {
    format!("{ca_short}の鍵の消去")
}
