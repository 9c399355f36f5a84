//! Exit codes and complaints: 0 done, 1 refused or failed, 2 wrong usage (contract, "The program").

use std::fs;

use crate::program::tegata;

#[test]
fn help_and_version_are_answers() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["grant", "--help"],
        &["help", "demo"],
    ] {
        let ended = tegata(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    for arguments in [
        &[][..],
        &["fly"],
        &["demo", "--scale", "10"],
        &["demo", "--clock", "tomorrow"],
        &["demo", "--port-base", "80"],
        &["operator", "add", "somebody"],
        &["operator", "add", "somebody", "--role", "king"],
        &["grant", "show", "12"],
        &["cert", "show", "zz"],
        &["grant", "post", "202611230000001"],
    ] {
        let ended = tegata(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_failure_says_why_in_one_line_and_what_to_do_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let missing = missing.to_str().unwrap();
    for arguments in [
        &["serve", "--config", missing][..],
        &["doctor", "--config", missing],
        &["config", "check", "--config", missing],
        &["ca", "list", "--config", missing],
    ] {
        let ended = tegata(arguments);
        assert_eq!(ended.code, 1, "{arguments:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{}", ended.stderr);
        assert!(lines[0].starts_with("tegata: read ") && lines[0].contains("missing.toml"));
        assert!(lines[1].starts_with("what to do: "), "{}", ended.stderr);
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn a_configuration_mistake_is_told_in_one_line_with_file_key_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tegata.toml");
    fs::write(&file, "[listen]\npublik = \"127.0.0.1:1\"\n").unwrap();
    let file = file.to_str().unwrap();
    for command in [
        &["serve"][..],
        &["config", "check"],
        &["doctor"],
        &["init", "--non-interactive"],
    ] {
        let ended = tegata(&[command, &["--config", file]].concat());
        assert_eq!(ended.code, 1);
        let expected = format!(
            "tegata: {file}: listen.publik: unknown key; write \"listen.public\" or remove it\n"
        );
        assert_eq!(ended.stderr, expected, "{command:?}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing was made"
    );
}

#[test]
fn a_demo_refuses_a_folder_with_other_things_in_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "mine").unwrap();
    let ended = tegata(&["demo", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("is no demo's folder"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
