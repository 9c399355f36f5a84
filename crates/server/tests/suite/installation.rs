//! A small installation, from `init` to `doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::program::{Ended, tegata};

/// A configuration whose keys are made fast.
const CONFIGURATION: &str = "profile = \"obn\"\n[policy.ca]\nkey = \"p256\"\n";

pub(crate) fn initialised(folder: &Path) -> (String, Ended) {
    let file = folder.join("tegata.toml");
    fs::write(&file, CONFIGURATION).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let arguments = [
        "init",
        "--non-interactive",
        "--accept-online-root",
        "--json",
        "--config",
        &file,
    ];
    let ended = tegata(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    (file, ended)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn init_makes_two_administrators_keys_and_lists_and_doctor_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let (file, ended) = initialised(folder.path());
    let made = json(&ended);
    let administrators = made["administrators"].as_array().unwrap();
    assert_eq!(administrators.len(), 2);
    assert_ne!(administrators[0]["password"], administrators[1]["password"]);
    assert_eq!(mode(&folder.path().join("kek")), 0o400);
    assert_eq!(mode(&folder.path().join("data")), 0o700);

    let doctor = json(&tegata(&["doctor", "--json", "--config", &file]));
    let levels: Vec<&str> = doctor
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["level"].as_str().unwrap())
        .collect();
    assert!(!levels.contains(&"fail"), "{doctor}");
    // Two warnings: a single-tier CA key lies on this machine, and no mail server is configured.
    assert_eq!(
        levels.iter().filter(|level| **level == "warn").count(),
        2,
        "{doctor}"
    );

    let operators = json(&tegata(&["operator", "list", "--json", "--config", &file]));
    let names: Vec<&Value> = operators
        .as_array()
        .unwrap()
        .iter()
        .map(|operator| &operator["roles"][0])
        .collect();
    assert_eq!(names, ["administrator", "administrator"]);
    let authorities = json(&tegata(&["ca", "list", "--json", "--config", &file]));
    assert_eq!(authorities.as_array().unwrap().len(), 2);
    let lists = json(&tegata(&["crl", "list", "--json", "--config", &file]));
    assert_eq!(lists.as_array().unwrap().len(), 2);
}

#[test]
fn a_second_init_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = initialised(folder.path());
    let kek = fs::read(folder.path().join("kek")).unwrap();
    let again = tegata(&[
        "init",
        "--non-interactive",
        "--accept-online-root",
        "--config",
        &file,
    ]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("initialised already"),
        "{}",
        again.stderr
    );
    assert_eq!(fs::read(folder.path().join("kek")).unwrap(), kek);
}

#[test]
fn a_single_tier_authority_is_made_only_when_it_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tegata.toml");
    fs::write(&file, CONFIGURATION).unwrap();
    let ended = tegata(&[
        "init",
        "--non-interactive",
        "--config",
        file.to_str().unwrap(),
    ]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("--accept-online-root"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_key_that_others_can_read_is_refused_and_doctor_explains() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = initialised(folder.path());
    let kek = folder.path().join("kek");
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o444)).unwrap();
    let list = tegata(&["operator", "list", "--config", &file]);
    assert_eq!(list.code, 1);
    assert!(
        list.stderr.contains("can be read by others"),
        "{}",
        list.stderr
    );
    let doctor = tegata(&["doctor", "--config", &file]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains("fail  ") && doctor.stdout.contains("chmod 0400"));
}

#[test]
fn what_config_show_prints_is_a_configuration_that_means_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tegata.toml");
    fs::write(&file, CONFIGURATION).unwrap();
    let shown = tegata(&["config", "show", "--config", file.to_str().unwrap()]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let again = folder.path().join("again.toml");
    fs::write(&again, &shown.stdout).unwrap();
    let shown_again = tegata(&["config", "show", "--config", again.to_str().unwrap()]);
    assert_eq!(shown_again.code, 0, "{}", shown_again.stderr);
    assert_eq!(shown_again.stdout, shown.stdout);
}

#[test]
fn somebody_without_the_right_code_cannot_act() {
    let folder = tempfile::tempdir().unwrap();
    let (file, ended) = initialised(folder.path());
    let password = json(&ended)["administrators"][0]["password"]
        .as_str()
        .unwrap()
        .to_owned();
    let password_file = folder.path().join("password");
    fs::write(&password_file, password).unwrap();
    let refused = tegata(&[
        "operator",
        "add",
        "clerk1",
        "--role",
        "intake",
        "--new-password-file",
        "-",
        "--by",
        "admin1",
        "--password-file",
        password_file.to_str().unwrap(),
        "--totp",
        "0000000",
        "--config",
        &file,
    ]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.starts_with("tegata: not allowed"),
        "{}",
        refused.stderr
    );
    let operators = json(&tegata(&["operator", "list", "--json", "--config", &file]));
    assert_eq!(operators.as_array().unwrap().len(), 2);
}
