//! Acts of two persons on the command line (decision F8): from an application to a longer window.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tegata_app::one_time_code;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::installation::{initialised, json};
use crate::program::{Ended, tegata};

const PASSWORD: &str = "a long password of the tests";

/// Somebody with an account; a code works once, so each of the two acts takes the next one.
struct Person {
    name: &'static str,
    secret: Secret<String>,
    acts: i64,
}

/// An installation with its people.
struct Office<'a> {
    folder: &'a Path,
    file: String,
}

impl Office<'_> {
    fn hire(&self, name: &'static str, role: &str) -> Person {
        let password = self.folder.join("password");
        fs::write(&password, PASSWORD).unwrap();
        let password = password.to_str().unwrap();
        let added = json(&self.run(&[
            "operator",
            "add",
            name,
            "--role",
            role,
            "--new-password-file",
            password,
            "--json",
        ]));
        Person {
            name,
            secret: Secret::new(text(&added, "totp_secret")),
            acts: 0,
        }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let with_file = [arguments, &["--config", &self.file]].concat();
        tegata(&with_file)
    }

    fn try_act(&self, by: &mut Person, arguments: &[&str]) -> Ended {
        let password = self.folder.join("password");
        let at = unix_now() + by.acts * 30;
        by.acts += 1;
        let code = one_time_code(&by.secret, Timestamp::from_unix(at)).unwrap();
        let proof = [
            "--operator",
            by.name,
            "--password-file",
            password.to_str().unwrap(),
            "--totp",
            &code,
            "--json",
        ];
        self.run(&[arguments, &proof].concat())
    }

    fn act(&self, by: &mut Person, arguments: &[&str]) -> Value {
        json(&self.try_act(by, arguments))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program judges codes by the system's clock"
)]
fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn a_letter_is_released_and_a_window_extended_by_two() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = initialised(folder.path());
    let office = Office {
        folder: folder.path(),
        file,
    };
    json(&office.run(&[
        "institution",
        "add",
        "--class",
        "medical",
        "--code",
        "0110119153",
        "--name",
        "みほん医院",
        "--postal-code",
        "060-0000",
        "--address",
        "札幌市見本区1-1",
        "--telephone",
        "000-000-0000",
        "--json",
    ]));
    let mut intake = office.hire("intake1", "intake");
    let mut examiner = office.hire("examiner1", "examiner");
    let mut approver = office.hire("approver1", "approver");
    let mut first = office.hire("dispatcher1", "dispatcher");
    let mut second = office.hire("dispatcher2", "dispatcher");
    let entered = office.act(
        &mut intake,
        &[
            "grant",
            "enter",
            "--class",
            "medical",
            "--code",
            "0110119153",
            "--terminal",
            "受付1",
            "--mail",
            "clinic@clinic.example",
        ],
    );
    let application = text(&entered, "application");
    let shown = json(&office.run(&["application", "show", &application, "--json"]));
    assert_eq!(text(&shown, "state"), "submitted");
    office.act(&mut examiner, &["grant", "examine", &application]);
    let granted = office.act(&mut approver, &["grant", "approve", &application]);
    let request = text(&granted, "request_id");

    let proposed = office.act(&mut first, &["grant", "letter", &request]);
    assert_eq!(text(&proposed, "state"), "proposed");
    assert!(proposed.get("reference_id").is_none());
    let early = office.try_act(&mut second, &["grant", "post", &request]);
    assert_eq!(early.code, 1, "{}", early.stdout);
    let printed = office.act(&mut second, &["grant", "letter", &request]);
    assert_eq!(text(&printed, "reference_id").len(), 10);
    let posted = office.act(
        &mut first,
        &["grant", "post", &request, "--tracking", "12-34"],
    );
    assert_eq!(text(&posted, "state"), "posted");

    let until = ["--until", "2999-01-01", "--reason", "called back"];
    let too_long = [&["grant", "extend", &request], &until[..]].concat();
    let refused = office.try_act(&mut examiner, &too_long);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("at the latest"),
        "{}",
        refused.stderr
    );
    let mut desk = office.hire("desk1", "help_desk");
    let lost = ["grant", "new-reference", &request, "--reason", "lost"];
    let open = office.act(&mut desk, &lost);
    let proposal = text(&open, "proposal");
    let listed = json(&office.run(&["proposal", "list", "--json"]));
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let own = office.try_act(&mut desk, &["proposal", "confirm", &proposal]);
    assert_eq!(own.code, 1);
    let done = office.act(&mut approver, &["proposal", "confirm", &proposal]);
    assert_eq!(text(&done, "state"), "confirmed");
    let listed = json(&office.run(&["proposal", "list", "--json"]));
    assert!(listed.as_array().unwrap().is_empty());
}
