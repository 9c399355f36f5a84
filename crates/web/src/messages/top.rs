//! Sentences of the entrance (`/`).

use tegata_domain::announcement::{
    AnnouncementKind, Days, LONGEST_BODY, LONGEST_TITLE, NoticeProblem,
};

use super::{Screen, screen};

/// Its name, as the manual calls it.
pub(crate) const SITE_ENTRANCE: &str = "電子証明書の手続き";

pub(crate) const TOP: Screen = screen("TOP", "", "電子証明書の手続き");

/// 種類.
pub(crate) const fn announcement_kind(kind: AnnouncementKind) -> &'static str {
    match kind {
        AnnouncementKind::Client => "MPKIクライアントの更新",
        AnnouncementKind::Fault => "障害",
        AnnouncementKind::Maintenance => "保守",
        AnnouncementKind::Other => "その他",
    }
}

/// 2026年12月30日(水), or 2026年12月30日(水)から2027年1月3日(日)まで.
pub(crate) fn days(days: Days) -> String {
    let from = super::day(days.from);
    if days.from == days.until {
        from
    } else {
        format!("{from}から{}まで", super::day(days.until))
    }
}

/// What is wrong with a notice.
pub(crate) fn notice_problem(problem: NoticeProblem) -> String {
    match problem {
        NoticeProblem::AffectsDays => {
            "影響のある期間は、日付を「2026-02-02」のように、古い日から順に入力してください。"
                .to_owned()
        }
        NoticeProblem::Body => format!("本文は、{LONGEST_BODY}文字以内で入力してください。"),
        NoticeProblem::Kind => "種類を選択してください。".to_owned(),
        NoticeProblem::ShownDays => {
            "掲載期間は、日付を「2026-02-02」のように、古い日から順に入力してください。".to_owned()
        }
        NoticeProblem::Title => format!("題名は、1行{LONGEST_TITLE}文字以内で入力してください。"),
    }
}

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[TOP];
