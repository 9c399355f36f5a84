//! The answer about a certificate.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tegata_domain::spread::{Asking, RequestPlan};
use tegata_protocol::{Notices, Renewal, Schedule, Status};

use crate::cases::{all, at};
use crate::own::FILES;
use crate::refusals::REFUSED;

fn golden(name: &str) -> String {
    fs::read_to_string(format!("tests/golden/{name}.json")).unwrap()
}

#[test]
fn each_case_is_written_as_its_file_and_read_back_from_it() {
    for (name, notices) in all() {
        let written = serde_json::to_string_pretty(&notices).unwrap();
        assert_eq!(format!("{written}\n"), golden(name), "{name}");
        let read: Notices = serde_json::from_str(&golden(name)).unwrap();
        assert_eq!(read, notices, "{name}");
    }
}

#[test]
fn every_file_is_a_case() {
    let files = fs::read_dir("tests/golden").unwrap().map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").unwrap().to_owned()
    });
    let cases = all().into_iter().map(|(name, _)| name);
    let cases = cases.chain(["later_version"]).chain(FILES).chain(REFUSED);
    let cases: BTreeSet<String> = cases.map(str::to_owned).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), cases);
}

#[test]
fn the_next_request_of_each_case_is_the_second_that_the_terminal_itself_comes_to() {
    let mut compared = 0;
    for (name, notices) in all() {
        let asking = match (notices.status, notices.renewal) {
            (_, Some(Renewal::InUse)) | (Status::Revoked | Status::Superseded, _) => Asking::Never,
            (Status::OnHold, _) => Asking::FromNowOn,
            _ => Asking::NearTheEnd,
        };
        let plan = RequestPlan::from(notices.schedule.clone());
        let now = notices.day.start();
        let next = plan.next(&notices.certificate, notices.not_after, asking, now);
        let next = next.map(|next| (next.at, next.until));
        let told = notices.next_request_at.zip(notices.next_request_until);
        assert_eq!(next, told, "{name}");
        assert_eq!(Schedule::from(plan), notices.schedule);
        compared += usize::from(told.is_some());
    }
    assert_eq!(compared, 7);
}

#[test]
fn fields_and_words_of_a_later_version_break_no_reader() {
    let read: Notices = serde_json::from_str(&golden("later_version")).unwrap();
    assert_eq!(
        (read.status, read.renewal),
        (Status::Other, Some(Renewal::Other))
    );
    assert_eq!(read.message.unwrap().code.to_string(), "1099");
    assert_eq!(read.not_after, at("2027-03-14T08:38:59Z"));
}

#[test]
fn a_field_that_may_be_null_may_be_missing() {
    for (name, mut notices) in all() {
        let mut json: Value = serde_json::from_str(&golden(name)).unwrap();
        let fields = json.as_object_mut().unwrap();
        fields.retain(|_, value| !value.is_null());
        assert_eq!(
            serde_json::from_value::<Notices>(json.clone()).unwrap(),
            notices
        );
        for field in ["since", "level", "renewal", "message"] {
            json.as_object_mut().unwrap().remove(field);
        }
        (
            notices.since,
            notices.level,
            notices.renewal,
            notices.message,
        ) = (None, None, None, None);
        assert_eq!(serde_json::from_value::<Notices>(json).unwrap(), notices);
    }
}

#[test]
fn what_is_no_value_is_refused() {
    let text = golden("day_90");
    for (right, wrong) in [
        ("2027-03-14T08:38:59Z", "tomorrow"),
        ("2026-12-14\"", "2026-13-14\""),
        (&"0f".repeat(32), "0f"),
        ("\"version\": 1", "\"version\": -1"),
        ("\"not_after\"", "\"ends\""),
    ] {
        assert!(text.contains(right), "{right}");
        let read = serde_json::from_str::<Notices>(&text.replace(right, wrong));
        assert!(read.is_err(), "{wrong}");
    }
}
