//! When a terminal asks its server and when it tells its person, by dates and fingerprints alone (R-030, P-11, PERF17).
//!
//! Outside the window, from the first notice to some days after the end, nothing is asked at all. What is due on a day
//! is decided here, so that a terminal without a network tells it too; in the window the server is asked at the second
//! that belongs to the certificate, and may know better.

use tegata_domain::id::Fingerprint;
use tegata_domain::notice::{
    AFTER_EXPIRY, DueNotice, NoticeChannel, due_at, newest_notice, notice_on,
};
use tegata_domain::spread::{Asking, RequestPlan};
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_protocol::Status;

use crate::known::{NextRequest, Remembered};
use crate::settings::{NoticeSettings, Unattended};
use crate::standing::is_replaced;

/// The first pause after an attempt that failed, seconds; doubled each time.
const FIRST_PAUSE: i64 = 900;
/// The longest pause.
const LONGEST_PAUSE: i64 = 4 * 3_600;
const DAY: i64 = 86_400;

/// What is due for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The server is to be asked.
    pub(crate) ask: bool,
    /// The person is to be told of the end, unless something was said today.
    pub(crate) tell: Option<DueNotice>,
    /// When something is due next, if nothing happens before.
    pub(crate) next: Option<Timestamp>,
}

/// A certificate, as this module looks at it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) not_after: Timestamp,
    pub(crate) remembered: &'a Remembered,
    /// Another certificate of the same subject is in force here: the end of this one is no news.
    pub(crate) has_younger: bool,
}

/// What is due at `now`.
pub(crate) fn due(subject: Subject<'_>, rules: &NoticeSettings, now: Timestamp) -> Due {
    let request = next_request(subject, rules, now);
    let ask = request.is_some_and(|at| at <= now);
    let days = rules.to_days();
    let today = now.japan_date();
    let is_stopped = matches!(
        subject.remembered.status,
        Some(Status::OnHold | Status::Revoked | Status::Superseded)
    );
    let is_news = |day: CalendarDate| {
        let is_over = day > subject.not_after.japan_date();
        let is_old_news = is_over && subject.has_younger;
        !is_stopped && !is_old_news && !is_replaced(subject.remembered)
    };
    let notice = |day: CalendarDate| {
        notice_on(NoticeChannel::Terminal, subject.not_after, day, &days).filter(|_| is_news(day))
    };
    let newest = newest_notice(NoticeChannel::Terminal, subject.not_after, today, &days)
        .filter(|_| is_news(today));
    let tell = notice(today).or(newest).filter(|one| {
        let day = own_day(*one, today);
        now >= due_at(day, &days) && !was_told_since(subject.remembered, day)
    });
    let first_day = {
        let longest = rules.days.iter().copied().max().unwrap_or(0);
        let first = subject.not_after.japan_date().plus_days(-longest);
        first.max(today)
    };
    let next_notice = (0..=rules.renewal_days)
        .map(|days| first_day.plus_days(days))
        .filter(|day| notice(*day).is_some())
        .map(|day| due_at(day, &days))
        .find(|at| *at > now);
    let later = request.filter(|at| *at > now);
    Due {
        ask,
        tell,
        next: [later, next_notice].into_iter().flatten().min(),
    }
}

/// The day to which a notice belongs: before `today` where the terminal was off then.
fn own_day(notice: DueNotice, today: CalendarDate) -> CalendarDate {
    if notice.threshold == AFTER_EXPIRY {
        return today;
    }
    today.plus_days(notice.days_left - notice.threshold)
}

/// Whether something was said on this day or later.
fn was_told_since(remembered: &Remembered, day: CalendarDate) -> bool {
    let told = remembered.notified.as_ref();
    told.is_some_and(|(told, _)| CalendarDate::parse(told).is_ok_and(|told| told >= day))
}

/// When the server is asked, in the past where it is due; none where nothing is to be learnt.
fn next_request(subject: Subject<'_>, rules: &NoticeSettings, now: Timestamp) -> Option<Timestamp> {
    let remembered = subject.remembered;
    if remembered.replaced_by.is_some() {
        return None;
    }
    let planned = match remembered.next_request {
        Some(NextRequest::Never) => return None,
        Some(NextRequest::At(at)) => at,
        None => {
            let plan = plan(remembered, rules);
            let asking = Asking::NearTheEnd;
            // As if it had asked yesterday: today's second counts, and one that passed is made up for.
            let yesterday = now.plus_seconds(-DAY);
            plan.next(subject.fingerprint, subject.not_after, asking, yesterday)?
                .at
        }
    };
    Some(match remembered.failed {
        None => planned,
        Some((times, last)) => planned.max(last.plus_seconds(pause(times))),
    })
}

/// After so many attempts that failed, seconds until the next.
pub(crate) fn pause(times: u32) -> i64 {
    let doubled = FIRST_PAUSE.saturating_mul(1 << times.saturating_sub(1).min(10));
    doubled.min(LONGEST_PAUSE)
}

fn plan(remembered: &Remembered, rules: &NoticeSettings) -> RequestPlan {
    match &remembered.schedule {
        Some(schedule) => schedule.clone().into(),
        None => RequestPlan {
            days: rules.days.clone(),
            days_after: rules.days_after,
            first_hour: rules.hour,
            last_hour: rules.hour.max(9) + 8,
            busy_first_day: 1,
            busy_last_day: 10,
        },
    }
}

/// The next second in which this certificate may be renewed without a person; in the past where that is now.
pub(crate) fn quiet_second(
    subject: Subject<'_>,
    quiet: &Unattended,
    rules: &NoticeSettings,
    now: Timestamp,
) -> Option<Timestamp> {
    let last = subject.not_after.japan_date();
    let plan = plan(subject.remembered, rules);
    let is_busy = |day: CalendarDate| {
        let (_, _, date) = day.ymd();
        let urgent = day.days_until(last) < quiet.until_days;
        !urgent && (plan.busy_first_day..=plan.busy_last_day).contains(&i64::from(date))
    };
    let [day, second] = shares(subject.fingerprint);
    let days = quiet.from_days - quiet.until_days + 1;
    let own_day = last.plus_days(-quiet.from_days + share(day, days));
    let span = (quiet.last_hour - quiet.first_hour) * 3_600;
    let first = own_day.max(now.japan_date());
    (0..=first.days_until(last).max(-1))
        .map(|days| first.plus_days(days))
        .filter(|day| !is_busy(*day))
        .map(|day| {
            let opens = day.start().plus_seconds(quiet.first_hour * 3_600);
            (
                opens.plus_seconds(share(second, span)),
                opens.plus_seconds(span),
            )
        })
        .find(|(_, closes)| now < *closes)
        .map(|(at, _)| at)
        .filter(|at| *at <= subject.not_after)
}

/// Two numbers that follow from a fingerprint, so that terminals spread over days and seconds.
fn shares(fingerprint: &Fingerprint) -> [u32; 2] {
    let mut shares = [0; 2];
    for (share, octets) in shares.iter_mut().zip(fingerprint.0.chunks(4)) {
        for octet in octets {
            *share = *share << 8 | u32::from(*octet);
        }
    }
    shares
}

/// Where in `0..of` a share lies.
fn share(share: u32, of: i64) -> i64 {
    (i64::from(share) * of.max(1)) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use tegata_protocol::MessageCode;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    const END: &str = "2027-03-24T17:39:00+09:00";

    fn due_for(remembered: &Remembered, now: Timestamp) -> Due {
        let subject = Subject {
            fingerprint: &Fingerprint([0x80; 32]),
            not_after: at(END),
            remembered,
            has_younger: false,
        };
        due(subject, &NoticeSettings::default(), now)
    }

    #[test]
    fn before_the_window_nothing_is_asked_and_the_next_wake_is_its_first_notice() {
        let due = due_for(&Remembered::default(), at("2025-01-01T12:00:00+09:00"));
        assert_eq!((due.ask, due.tell), (false, None));
        assert_eq!(due.next, Some(at("2026-12-24T09:00:00+09:00")));
    }

    #[test]
    fn the_days_of_notices_are_those_of_the_manual_from_nine_on() {
        let told = |text: &str, days: i64| {
            let day = at(END).japan_date().plus_days(-days);
            let now = at(&format!("{day}T{text}+09:00"));
            due_for(&Remembered::default(), now)
                .tell
                .map(|due| due.threshold)
        };
        let days: Vec<i64> = (-3..=95)
            .rev()
            .filter(|days| {
                told("09:00:00", *days).is_some_and(|threshold| threshold == *days || *days < 0)
            })
            .collect();
        assert_eq!(days, [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1, -2, -3]);
        assert_eq!(told("08:59:59", 30), None);
    }

    #[test]
    fn a_terminal_that_was_off_is_told_the_newest_notice_once_it_is_on() {
        let day = |left: i64| at(END).japan_date().plus_days(-left);
        let told = |last: Option<i64>, left: i64| {
            let remembered = Remembered {
                notified: last.map(|left| (day(left).to_string(), MessageCode::EXPIRY)),
                ..Remembered::default()
            };
            let now = day(left).start().plus_seconds(7 * 3_600);
            due_for(&remembered, now).tell
        };
        let late = told(Some(60), 25).unwrap();
        assert_eq!((late.threshold, late.days_left), (30, 25));
        assert_eq!(told(Some(30), 25), None);
        assert_eq!(told(Some(26), 25), None, "what was said later counts");
        assert_eq!(told(None, 91), None);
        assert_eq!(told(None, 89).map(|late| late.threshold), Some(90));
        assert_eq!(told(Some(1), -2), None, "before nine");
    }

    #[test]
    fn what_was_said_today_or_was_replaced_is_not_said_again() {
        let now = at("2027-03-20T10:00:00+09:00");
        let mut remembered = Remembered {
            notified: Some(("2027-03-20".to_owned(), MessageCode::EXPIRY)),
            ..Remembered::default()
        };
        assert_eq!(due_for(&remembered, now).tell, None);
        remembered.notified = None;
        assert!(due_for(&remembered, now).tell.is_some());
        remembered.replaced_by = Some(String::new());
        let due = due_for(&remembered, now);
        assert_eq!((due.ask, due.tell, due.next), (false, None, None));
    }

    #[test]
    fn in_the_window_the_server_is_asked_at_the_second_it_named_or_the_own_one() {
        let day = at("2027-03-20T00:00:00+09:00");
        let own = RequestPlan {
            days: NoticeSettings::default().days,
            days_after: 30,
            first_hour: 9,
            last_hour: 17,
            busy_first_day: 1,
            busy_last_day: 10,
        };
        let print = Fingerprint([0x80; 32]);
        let own = own
            .next(&print, at(END), Asking::NearTheEnd, day.plus_seconds(-1))
            .unwrap();
        let ask = |now| due_for(&Remembered::default(), now).ask;
        assert!(!ask(own.at.plus_seconds(-1)) && ask(own.at));
        let named = Remembered {
            next_request: Some(NextRequest::At(day.plus_seconds(60))),
            ..Remembered::default()
        };
        assert!(due_for(&named, day.plus_seconds(60)).ask);
        assert!(!due_for(&named, day.plus_seconds(59)).ask);
        let failed = Remembered {
            failed: Some((2, day.plus_seconds(60))),
            ..named
        };
        assert!(!due_for(&failed, day.plus_seconds(60 + 1_799)).ask);
        assert!(due_for(&failed, day.plus_seconds(60 + 1_800)).ask);
    }

    #[test]
    fn a_quiet_second_lies_in_its_hours_between_its_days_and_not_in_the_claims_peak() {
        let quiet = Unattended {
            from_days: 60,
            until_days: 30,
            first_hour: 12,
            last_hour: 13,
        };
        let end = at(END);
        let mut days = std::collections::BTreeSet::new();
        for first in 0..=255 {
            let print = Fingerprint([first; 32]);
            let subject = Subject {
                fingerprint: &print,
                not_after: end,
                remembered: &Remembered::default(),
                has_younger: false,
            };
            let rules = NoticeSettings::default();
            let second = quiet_second(subject, &quiet, &rules, end.plus_days(-89)).unwrap();
            assert_eq!(second.japan().hour, 12);
            let (_, _, date) = second.japan_date().ymd();
            assert!(date > 10, "{second}");
            let left = second.japan_date().days_until(end.japan_date());
            assert!((30..=60).contains(&left), "{left}");
            days.insert(left);
            // Who was off then does it in the next quiet hour, and on the last days at any date.
            let later = quiet_second(subject, &quiet, &rules, end.plus_days(-5)).unwrap();
            assert_eq!(later.japan().hour, 12);
        }
        assert!(days.len() > 15, "{days:?}");
    }
}
