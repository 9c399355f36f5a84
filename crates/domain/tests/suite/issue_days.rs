//! Dates of decisions D1 to D4, for every issue day of forty years, against a table that another
//! language made with a calendar of its own (`golden/issue_days.py`, threats §0.5 and T58).

use std::fs;
use std::process::Command;

use tegata_domain::grant::{days_left, not_after, not_before, renewal_opens, window_end};
use tegata_domain::notice::{AFTER_EXPIRY, NoticeChannel, due_at, notice_on};
use tegata_domain::policy::{NoticeDays, Periods, Policy, ProfileName};
use tegata_domain::time::{CalendarDate, Timestamp};

/// Tests run in the folder of their crate.
const TABLE: &str = "tests/golden/issue_days.csv";
const SCRIPT: &str = "tests/golden/issue_days.py";
/// Days from 2020-01-01 to 2059-12-31.
const ISSUE_DAYS: usize = 14_610;

struct Row {
    p: Timestamp,
    not_after: Timestamp,
    window_end: Timestamp,
    renewal_opens: Timestamp,
    /// Digests of the instants of mail, eligibility, claims and terminal.
    notices: [u64; 4],
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(TABLE).unwrap();
    let mut lines = table.lines();
    let head = "p,not_after,window_end,renewal_opens,mail,eligibility,claims,terminal";
    assert_eq!(lines.next(), Some(head));
    lines.map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split(',').collect();
    let (instants, digests) = cells.split_at(4);
    let instants: Vec<_> = instants
        .iter()
        .map(|number| Timestamp::from_unix(number.parse().unwrap()))
        .collect();
    let [p, not_after, window_end, renewal_opens] = instants[..] else {
        panic!("{line}: not four numbers");
    };
    let digest = |text: &&str| u64::from_str_radix(text, 16).unwrap();
    let digests: Vec<_> = digests.iter().map(digest).collect();
    Row {
        p,
        not_after,
        window_end,
        renewal_opens,
        notices: digests.try_into().unwrap(),
    }
}

fn policy() -> Policy {
    toml::from_str(ProfileName::Obn.source()).unwrap()
}

fn periods() -> Periods {
    policy().periods
}

/// Every issue day, as a day.
fn issue_days() -> impl Iterator<Item = CalendarDate> {
    let first = day(2020, 1, 1);
    (0..14_610).map(move |number| first.plus_days(number))
}

fn day(year: i32, month: u8, day: u8) -> CalendarDate {
    CalendarDate::from_ymd(year, month, day).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "says how much was compared")]
fn every_issue_day_of_forty_years_agrees_with_the_other_language() {
    let (periods, days) = (periods(), policy().notices);
    let rows = rows();
    for Row {
        p,
        not_after: end,
        window_end: window,
        renewal_opens: opens,
        notices,
    } in &rows
    {
        let channels = [
            NoticeChannel::Mail,
            NoticeChannel::EligibilityMessage,
            NoticeChannel::ClaimsMessage,
            NoticeChannel::Terminal,
        ];
        let made = channels.map(|channel| instants_of(channel, *end, &days));
        assert_eq!(made, *notices, "notices of {p}");
        assert_eq!(not_after(*p, &periods), *end, "not_after of {p}");
        assert_eq!(window_end(*p, &periods), *window, "window_end of {p}");
        assert_eq!(renewal_opens(*end, &periods), *opens, "renewal of {p}");
    }
    println!("{} issue days compared", rows.len());
    assert_eq!(rows.len(), ISSUE_DAYS);
}

/// The digest of the instants at which the channel's notices are due, found by asking about every day.
fn instants_of(channel: NoticeChannel, not_after: Timestamp, days: &NoticeDays) -> u64 {
    let last = not_after.japan_date();
    let due = (AFTER_EXPIRY..=100).rev().filter_map(|left| {
        let day = last.plus_days(-left);
        let due = notice_on(channel, not_after, day, days)?;
        // A terminal is told on every day after the end, which has no instant of its own.
        (channel != NoticeChannel::Terminal || due.days_left >= 0)
            .then(|| due_at(day, days).unix().to_string())
    });
    fnv(&due.collect::<Vec<_>>().join(","))
}

/// FNV-1a with 64 bits.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |value, octet| {
        (value ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_time_zone_of_the_host_changes_nothing() {
    let own = std::env::current_exe().unwrap();
    for zone in ["UTC", "Asia/Tokyo", "America/Los_Angeles"] {
        let mut command = Command::new(&own);
        let name = "issue_days::every_issue_day_of_forty_years_agrees_with_the_other_language";
        let done = command.args(["--exact", name]).env("TZ", zone).output();
        let done = done.unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success() && told.contains("1 passed"),
            "{zone}: {told}"
        );
    }
}

#[test]
fn the_table_has_each_day_once_and_three_times_of_day() {
    let rows = rows();
    let days: Vec<_> = rows.iter().map(|row| row.p.japan_date()).collect();
    assert_eq!(days, issue_days().collect::<Vec<_>>());
    assert_eq!(days.last(), Some(&day(2059, 12, 31)));
    for (number, row) in rows.iter().enumerate() {
        let second = row.p.seconds_since(row.p.japan_date().start());
        assert_eq!(second, [63_540, 0, 86_399][number % 3], "{}", row.p);
    }
}

#[test]
fn every_threshold_of_every_issue_day_begins_at_midnight_in_japan() {
    let thresholds = policy().notices.mail;
    assert_eq!(thresholds.len(), 13);
    for row in rows() {
        for days in &thresholds {
            let begin = row.renewal_opens.plus_days(90 - days);
            assert_eq!(days_left(row.not_after, begin), *days);
            assert_eq!(days_left(row.not_after, begin.plus_seconds(-1)), days + 1);
        }
    }
}

#[test]
fn thirty_issue_days_change_when_years_and_months_are_added_apart() {
    let differs = |first: u32, second: u32| {
        let apart = move |day: &CalendarDate| day.plus_months(first).plus_months(second);
        issue_days().filter(move |day| apart(day) != day.plus_months(39))
    };
    let years_first: Vec<_> = differs(36, 3).collect();
    let months_first: Vec<_> = differs(3, 36).collect();
    assert!(years_first.iter().all(|day| day.ymd().1 == 2));
    assert!(months_first.iter().all(|day| day.ymd().1 == 11));
    assert_eq!((years_first.len(), months_first.len()), (10, 20));
}

#[test]
fn one_hundred_and_ninety_issue_days_are_clamped_to_the_end_of_a_month() {
    let clamped = issue_days().filter(|day| day.plus_months(39).ymd().2 != day.ymd().2);
    let mut count = 0;
    for day in clamped {
        let end = day.plus_months(39);
        assert_eq!(end.plus_days(1).ymd().2, 1, "{day} leads to {end}");
        count += 1;
    }
    assert_eq!(count, 190);
}

#[test]
fn thirty_nine_months_are_1185_to_1188_days() {
    let mut lengths: Vec<_> = issue_days()
        .map(|day| day.days_until(day.plus_months(39)))
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, [1_185, 1_186, 1_187, 1_188]);
}

#[test]
fn the_days_that_the_decisions_name_end_as_they_say() {
    let cases = [
        ("2020-12-14T17:39:00+09:00", "2024-03-14T17:38:59+09:00"),
        ("2020-02-29T12:00:00+09:00", "2023-05-29T11:59:59+09:00"),
        ("2020-11-30T12:00:00+09:00", "2024-02-29T11:59:59+09:00"),
        ("2021-11-30T00:00:00+09:00", "2025-02-27T23:59:59+09:00"),
        ("2023-01-31T23:59:59+09:00", "2026-04-30T23:59:58+09:00"),
        ("2047-01-01T00:00:00+09:00", "2050-03-31T23:59:59+09:00"),
    ];
    for (p, end) in cases {
        assert_eq!(not_after(at(p), &periods()), at(end), "{p}");
    }
}

#[test]
fn renewal_opens_90_days_before_the_day_of_the_end_at_midnight_in_japan() {
    let end = at("2024-03-14T17:38:59+09:00");
    let opens = renewal_opens(end, &periods());
    assert_eq!(opens, at("2023-12-15T00:00:00+09:00"));
    let left = [-1, 0, 1].map(|seconds| days_left(end, opens.plus_seconds(seconds)));
    assert_eq!(left, [91, 90, 90]);
}

#[test]
fn a_day_is_left_until_midnight_in_japan_whatever_the_hour_of_the_end() {
    for end in ["2024-03-14T00:00:00+09:00", "2024-03-14T23:59:59+09:00"] {
        let left = [
            "2024-03-12T23:59:59+09:00",
            "2024-03-13T00:00:00+09:00",
            "2024-03-13T23:59:59+09:00",
            "2024-03-14T00:00:00+09:00",
            "2024-03-14T23:59:59+09:00",
            "2024-03-15T00:00:00+09:00",
        ]
        .map(|now| days_left(at(end), at(now)));
        assert_eq!(left, [2, 1, 1, 0, 0, -1], "{end}");
    }
}

#[test]
fn the_window_ends_with_the_180th_day_after_approval() {
    for p in ["2027-01-01T00:00:00+09:00", "2027-01-01T23:59:59+09:00"] {
        let end = window_end(at(p), &periods());
        assert_eq!(end, at("2027-06-30T23:59:59+09:00"), "{p}");
    }
}

#[test]
fn validity_begins_ten_minutes_before_signing_but_never_before_approval() {
    let p = at("2027-01-01T12:00:00+09:00");
    let begins = |seconds| not_before(p, p.plus_seconds(seconds), &periods()).seconds_since(p);
    assert_eq!([0, 599, 600, 601, 86_400].map(begins), [0, 0, 0, 1, 85_800]);
}

#[test]
#[expect(clippy::print_stdout, reason = "says that the script was not run")]
fn the_table_is_what_its_script_writes() {
    if std::env::var_os("TEGATA_ORACLES").is_none_or(|value| value != "1") {
        println!("not run: set TEGATA_ORACLES=1 (needs python3)");
        return;
    }
    let mut command = Command::new("python3");
    let status = command.args([SCRIPT, "--check"]).status();
    assert!(status.expect("start python3").success());
}
