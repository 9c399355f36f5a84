//! お知らせ on the entrance page (`screens.md` C.0): what operators tell everybody.

use crate::id::AnnouncementId;
use crate::institution::breaks_or_turns_line;
use crate::time::{CalendarDate, Timestamp};

/// Most characters of the title.
pub const LONGEST_TITLE: usize = 60;
/// Most characters of the text.
pub const LONGEST_BODY: usize = 1_000;

/// What an announcement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnouncementKind {
    /// MPKIクライアントの更新.
    Client,
    /// 障害.
    Fault,
    /// 保守.
    Maintenance,
    /// その他.
    Other,
}

impl AnnouncementKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Maintenance, Self::Client, Self::Fault, Self::Other];

    /// The word that stands in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Fault => "fault",
            Self::Maintenance => "maintenance",
            Self::Other => "other",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Days in Japan, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: CalendarDate,
    /// The last.
    pub until: CalendarDate,
}

/// What operators write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: AnnouncementKind,
    /// One line.
    pub title: String,
    /// Lines of plain text; may be empty.
    pub body: String,
    /// When it stands on the entrance page.
    pub shown: Days,
    /// When the service is not as usual, for 「今日の状況」.
    pub affects: Option<Days>,
}

/// A notice as somebody typed it; days that cannot be read are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedNotice {
    /// The kind's word.
    pub kind: String,
    /// The title.
    pub title: String,
    /// The text.
    pub body: String,
    /// First and last day on the entrance page.
    pub shown: [Option<CalendarDate>; 2],
    /// First and last day on which the service is not as usual; the second may be left out.
    pub affects: Option<[Option<CalendarDate>; 2]>,
}

/// Why a notice cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeProblem {
    /// The days of the effect cannot be read, or end before they begin.
    AffectsDays,
    /// The text is too long, or has control characters.
    Body,
    /// No such kind.
    Kind,
    /// The days on the entrance page cannot be read, or end before they begin.
    ShownDays,
    /// The title is empty, too long, or no single line.
    Title,
}

impl Notice {
    /// Checks a notice; everything that is wrong with it is told at once.
    pub fn check(typed: &TypedNotice) -> Result<Self, Vec<NoticeProblem>> {
        let mut problems = Vec::new();
        let kind = AnnouncementKind::parse(&typed.kind);
        if kind.is_none() {
            problems.push(NoticeProblem::Kind);
        }
        let title = typed.title.trim();
        let is_plain = |c: char| !c.is_control() && !breaks_or_turns_line(c);
        if !(1..=LONGEST_TITLE).contains(&title.chars().count()) || !title.chars().all(is_plain) {
            problems.push(NoticeProblem::Title);
        }
        let body = typed.body.replace("\r\n", "\n");
        let body = body.trim();
        if body.chars().count() > LONGEST_BODY || !body.chars().all(|c| c == '\n' || is_plain(c)) {
            problems.push(NoticeProblem::Body);
        }
        let shown = days(typed.shown);
        if shown.is_none() {
            problems.push(NoticeProblem::ShownDays);
        }
        let affects = typed
            .affects
            .map(|[from, until]| days([from, until.or(from)]));
        if affects == Some(None) {
            problems.push(NoticeProblem::AffectsDays);
        }
        match (kind, shown) {
            (Some(kind), Some(shown)) if problems.is_empty() => Ok(Self {
                kind,
                title: title.to_owned(),
                body: body.to_owned(),
                shown,
                affects: affects.flatten(),
            }),
            _ => Err(problems),
        }
    }
}

fn days([from, until]: [Option<CalendarDate>; 2]) -> Option<Days> {
    let days = Days {
        from: from?,
        until: until?,
    };
    (days.from <= days.until).then_some(days)
}

/// A notice that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its id.
    pub id: AnnouncementId,
    /// What it says.
    pub notice: Notice,
    /// Grows with each change, so that nobody overwrites what he did not see.
    pub version: i64,
    /// When it was published.
    pub created_at: Timestamp,
    /// When it was taken down.
    pub withdrawn_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<CalendarDate> {
        CalendarDate::parse(text).ok()
    }

    fn typed() -> TypedNotice {
        TypedNotice {
            kind: "maintenance".to_owned(),
            title: " 年末の保守 ".to_owned(),
            body: "12月30日は\r\n終日停止します。\n".to_owned(),
            shown: [day("2026-12-01"), day("2026-12-31")],
            affects: Some([day("2026-12-30"), None]),
        }
    }

    #[test]
    fn a_notice_is_trimmed_and_one_day_of_effect_is_enough() {
        let notice = Notice::check(&typed()).unwrap();
        assert_eq!(notice.title, "年末の保守");
        assert_eq!(notice.body, "12月30日は\n終日停止します。");
        let affects = notice.affects.unwrap();
        assert_eq!(affects.from, affects.until);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong = TypedNotice {
            kind: "news".to_owned(),
            title: "二行\nの題名".to_owned(),
            body: "あ".repeat(LONGEST_BODY + 1),
            shown: [day("2026-12-02"), day("2026-12-01")],
            affects: Some([None, day("2026-12-01")]),
        };
        assert_eq!(
            Notice::check(&wrong),
            Err(vec![
                NoticeProblem::Kind,
                NoticeProblem::Title,
                NoticeProblem::Body,
                NoticeProblem::ShownDays,
                NoticeProblem::AffectsDays,
            ])
        );
        let turned = TypedNotice {
            title: "保守\u{202e}のお知らせ".to_owned(),
            ..typed()
        };
        assert_eq!(Notice::check(&turned), Err(vec![NoticeProblem::Title]));
        let long = TypedNotice {
            title: "あ".repeat(LONGEST_TITLE),
            body: "<b>太字</b>".to_owned(),
            affects: None,
            ..typed()
        };
        assert_eq!(Notice::check(&long).unwrap().body, "<b>太字</b>");
    }
}
