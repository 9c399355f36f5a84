//! C-18: how the notices go out, and how many certificates come to their end (F6). Counts alone: it names nobody.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{DayTally, EndingMonth, NoticeFigures, NoticeRun};
use tegata_domain::access::Right;
use tegata_domain::institution::mask_addresses;

use super::desk::{Desk, Signed};
use super::{due, fault, unreachable};
use crate::messages::{self, C_NOTICES};
use crate::page::page as render;
use crate::web::Web;

/// The address of the page.
const HERE: &str = "/console/notices";
/// Seconds after which a notice that was not sent is told as late.
const LATE: i64 = 2 * 3_600;
/// The picture: the width of a month's place, of its bar, and the height that the greatest number has.
const PLACE: i64 = 45;
const BAR: i64 = 31;
const HEIGHT: i64 = 140;
/// Where the bars stand.
const GROUND: i64 = 162;

struct RunRow {
    day: String,
    finished_at: String,
    mails: String,
}

struct KindRow {
    /// The day, in its first row.
    day: String,
    kind: &'static str,
    sent: String,
    waiting: String,
    dropped: String,
}

struct Oldest {
    since: String,
    words: String,
    is_late: bool,
}

/// A month of the picture; positions in its own units.
struct Bar {
    x: i64,
    y: i64,
    height: i64,
    /// The part that was renewed, from the ground up.
    renewed_y: i64,
    renewed_height: i64,
    middle: i64,
    above: i64,
    number: String,
    month: String,
    /// The year, where one begins.
    year: String,
    told: String,
}

/// A year of the table beside the picture.
struct YearRow {
    year: String,
    months: Vec<String>,
    renewed: Vec<String>,
}

/// The certificates that come to their end, as a picture and as a table.
struct Wave {
    title: String,
    /// What the darker part of a bar means.
    renewed: String,
    width: i64,
    bar: i64,
    ground: i64,
    bars: Vec<Bar>,
    heads: Vec<String>,
    years: Vec<YearRow>,
}

#[derive(Template)]
#[template(path = "console/notices.html")]
struct NoticesPage {
    desk: Desk,
    late: Option<&'static str>,
    last_run: Option<RunRow>,
    waiting: String,
    oldest: Option<Oldest>,
    tomorrow: String,
    /// Where the notices of tomorrow stand one by one, for whoever may read cases.
    tomorrow_address: Option<String>,
    /// Addresses whose mails come back.
    bounced: String,
    /// Whom to call about it, for whoever may read cases.
    unreachable: Option<&'static str>,
    runs: Vec<RunRow>,
    kinds: Vec<KindRow>,
    wave: Wave,
}

/// GET /console/notices
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed) -> Response {
    let figures = match web.app().notice_figures().await {
        Ok(figures) => figures,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let reads_cases = Right::ReadCases.is_held_by(&session.operator);
    let view = NoticesPage {
        desk: Desk::new(&web, &session, C_NOTICES, HERE),
        late: figures.is_late.then_some(messages::NOTICES_LATE),
        last_run: figures.runs.first().map(run_row),
        waiting: messages::mails(figures.waiting),
        oldest: oldest(&figures),
        tomorrow: messages::mails(figures.tomorrow),
        tomorrow_address: reads_cases
            .then(|| due::address(figures.clock.japan_date().plus_days(1))),
        bounced: messages::addresses(figures.bounced),
        unreachable: reads_cases.then_some(unreachable::LIST),
        runs: figures.runs.iter().map(run_row).collect(),
        kinds: figures.days.iter().flat_map(kind_rows).collect(),
        wave: wave(&figures.months),
    };
    render(StatusCode::OK, &view)
}

fn run_row(run: &NoticeRun) -> RunRow {
    RunRow {
        day: run.day.to_string(),
        finished_at: messages::moment(run.finished_at),
        mails: messages::thousands(run.mails),
    }
}

fn kind_rows(tally: &DayTally) -> Vec<KindRow> {
    let row = |(place, kind): (usize, &tegata_app::NoticeTally)| KindRow {
        day: if place == 0 {
            tally.day.to_string()
        } else {
            String::new()
        },
        kind: messages::mail_name(kind.kind),
        sent: messages::thousands(kind.sent),
        waiting: messages::thousands(kind.waiting),
        dropped: messages::thousands(kind.dropped),
    };
    tally.kinds.iter().enumerate().map(row).collect()
}

fn oldest(figures: &NoticeFigures) -> Option<Oldest> {
    let (since, words) = figures.oldest.as_ref()?;
    Some(Oldest {
        since: messages::waits_since(*since, figures.clock),
        words: words
            .as_deref()
            .map_or_else(|| messages::NO_ANSWER_YET.to_owned(), mask_addresses),
        is_late: figures.clock.seconds_since(*since) > LATE,
    })
}

fn wave(months: &[EndingMonth]) -> Wave {
    let most = months.iter().map(|month| month.certificates).max();
    let most = most.unwrap_or(0).max(1);
    let total = months.iter().map(|month| month.certificates).sum();
    let renewed = months.iter().map(|month| month.renewed).sum();
    let mut years: BTreeMap<i32, [Vec<String>; 2]> = BTreeMap::new();
    for month in months {
        let (year, number, _) = month.from.ymd();
        let rows = years
            .entry(year)
            .or_insert_with(|| [vec![String::new(); 12], vec![String::new(); 12]]);
        for (row, count) in rows.iter_mut().zip([month.certificates, month.renewed]) {
            if let Some(cell) = row.get_mut(usize::from(number) - 1) {
                *cell = messages::thousands(count);
            }
        }
    }
    let bars = (0..)
        .zip(months)
        .map(|(place, month)| bar(place, month, most));
    Wave {
        title: messages::wave_title(total),
        renewed: messages::wave_renewed(renewed),
        width: PLACE
            * (0..)
                .zip(months)
                .map(|(place, _)| place + 1)
                .last()
                .unwrap_or(1),
        bar: BAR,
        ground: GROUND,
        bars: bars.collect(),
        heads: (1..=12).map(messages::month).collect(),
        years: years
            .into_iter()
            .map(|(year, [months, renewed])| YearRow {
                year: messages::year(year),
                months,
                renewed,
            })
            .collect(),
    }
}

fn bar(place: i64, month: &EndingMonth, most: i64) -> Bar {
    let number = month.certificates;
    // What is not nothing is seen.
    let height_of = |number: i64| (number * HEIGHT / most).max(i64::from(number > 0));
    let (height, renewed_height) = (height_of(number), height_of(month.renewed));
    let (year, of_year, _) = month.from.ymd();
    let x = place * PLACE + (PLACE - BAR) / 2;
    Bar {
        x,
        y: GROUND - height,
        height,
        renewed_y: GROUND - renewed_height,
        renewed_height,
        middle: x + BAR / 2,
        above: GROUND - height - 5,
        number: messages::thousands(number),
        month: messages::month(of_year),
        year: if place == 0 || of_year == 1 {
            messages::year(year)
        } else {
            String::new()
        },
        told: messages::bar(month.from, number, month.renewed),
    }
}

#[cfg(test)]
mod tests {
    use tegata_domain::time::CalendarDate;

    use super::*;

    #[test]
    fn the_greatest_month_fills_the_picture_and_a_single_certificate_is_seen() {
        let month = |month, certificates, renewed| EndingMonth {
            from: CalendarDate::from_ymd(2027, month, 1).unwrap(),
            certificates,
            renewed,
        };
        let wave = wave(&[month(1, 60_000, 30_000), month(2, 1, 1), month(3, 0, 0)]);
        let heights: Vec<i64> = wave.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [HEIGHT, 1, 0]);
        let renewed: Vec<i64> = wave.bars.iter().map(|bar| bar.renewed_height).collect();
        assert_eq!(renewed, [HEIGHT / 2, 1, 0]);
        assert_eq!(wave.years[0].renewed[..4], ["30,000", "1", "0", ""]);
        assert_eq!(wave.years[0].months[..4], ["60,000", "1", "0", ""]);
        assert_eq!(wave.title.split(' ').next_back(), Some("60,001枚"));
    }

    #[test]
    fn without_a_certificate_the_picture_is_flat() {
        let from = CalendarDate::from_ymd(2027, 1, 31).unwrap();
        let wave = wave(&[EndingMonth {
            from,
            certificates: 0,
            renewed: 0,
        }]);
        assert_eq!((wave.bars[0].height, wave.bars[0].y), (0, GROUND));
    }
}
