//! The command line as scripts use it: exit codes, mistakes told in one line, the doctor.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use tegata_system_tests::database::Kind;
use tegata_system_tests::json::list;
use tegata_system_tests::process::Process;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{Ran, command, run, server_binary};

fn tegata(config: &Path, arguments: &[&str]) -> Result<Ran> {
    run(command(server_binary()?, arguments)
        .arg("--config")
        .arg(config))
}

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() -> Result<()> {
    let nowhere = Path::new("/nonexistent/tegata.toml");
    for wrong in [
        &["nonsense"][..],
        &["serve", "--nonsense"],
        &["grant", "enter"],
        &["grant", "show", "12"],
        &[
            "operator",
            "add",
            "x",
            "--role",
            "king",
            "--new-password-file",
            "-",
        ],
        &["demo", "--clock", "yesterday"],
        &["demo", "--port-base", "80"],
        &["cert", "show", "xyz"],
    ] {
        let ran = tegata(nowhere, wrong)?;
        ensure!(
            ran.status.code() == Some(2),
            "{wrong:?}: {} {}",
            ran.status,
            ran.all()
        );
        ensure!(ran.stdout.is_empty(), "{wrong:?}: {}", ran.text());
    }
    for right in ["--help", "--version"] {
        let ran = run(&mut command(server_binary()?, [right]))?;
        ensure!(
            ran.status.code() == Some(0) && !ran.stdout.is_empty(),
            "{right}: {}",
            ran.all()
        );
    }
    Ok(())
}

#[test]
fn a_mistake_in_the_configuration_is_told_in_one_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tegata.toml");
    for (text, key) in [
        ("profil = \"obn\"\n", "profil"),
        ("profile = \"best\"\n", "profile"),
        ("[listen]\npublic = \"localhost\"\n", "listen.public"),
        ("[listen]\npubic = \"127.0.0.1:1\"\n", "listen.pubic"),
        ("[names]\nsubscriber = []\n", "names.subscriber"),
        ("[names]\nplain_url = \"https://x/\"\n", "names.plain_url"),
        ("database = \"mysql://x\"\n", "database"),
        ("[policy.periods]\nvalidity_month = 39\n", "validity_month"),
        ("[policy.periods]\nvalidity_months = 0\n", "validity_months"),
        ("[policy.crl]\nshards = -1\n", "shards"),
        ("profile = obn\n", "line 1"),
    ] {
        fs::write(&file, text)?;
        for what in [
            &["config", "check"][..],
            &["serve"],
            &["doctor"],
            &["operator", "list"],
        ] {
            let ran = tegata(&file, what)?;
            ensure!(
                ran.status.code() == Some(1),
                "{what:?} with {text:?}: {}",
                ran.all()
            );
            let all = ran.all();
            let lines: Vec<_> = all
                .lines()
                .filter(|line| line.contains("tegata.toml"))
                .collect();
            ensure!(lines.len() == 1, "{what:?} with {text:?}: {all}");
            ensure!(
                lines.iter().all(|line| line.contains(key)),
                "{text:?}: {all}"
            );
        }
        let told = tegata(&file, &["config", "check"])?.stderr;
        eprintln!(
            "{}",
            told.trim().replace(&*folder.path().to_string_lossy(), "")
        );
        ensure!(told.trim().lines().count() == 1, "{told}");
    }
    let missing = tegata(&folder.path().join("no.toml"), &["serve"])?;
    ensure!(
        missing.status.code() == Some(1) && missing.stderr.contains("init"),
        "{}",
        missing.all()
    );
    Ok(())
}

#[test]
fn the_configuration_in_force_can_be_read_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tegata.toml");
    fs::write(
        &file,
        "profile = \"obn\"\ndatabase = \"postgres://u:hush-hush@db.example/t\"\n",
    )?;
    let check = tegata(&file, &["config", "check"])?.good()?;
    ensure!(check.text().contains("ok"), "{}", check.all());
    let shown = tegata(&file, &["config", "show"])?.good()?.text();
    ensure!(shown.contains("validity_months = 39"), "{shown}");
    ensure!(!shown.contains("hush-hush"), "the password is shown");
    let again = folder.path().join("again.toml");
    fs::write(&again, &shown)?;
    let twice = tegata(&again, &["config", "show"])?.good()?.text();
    let policy = |text: &str| {
        text.split_once("[policy")
            .map(|(_, policy)| policy.to_owned())
    };
    ensure!(
        policy(&shown) == policy(&twice) && policy(&shown).is_some(),
        "{twice}"
    );
    Ok(())
}

#[test]
fn init_makes_everything_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tegata.toml");
    let early = tegata(&file, &["serve"])?;
    ensure!(early.status.code() == Some(1), "{}", early.all());
    let refused = tegata(
        &file,
        &["init", "--profile", "obn", "--non-interactive", "--json"],
    )?;
    eprintln!("one tier without a word: {}", refused.stderr.trim());
    ensure!(refused.status.code() == Some(1), "{}", refused.all());
    ensure!(
        refused.stderr.contains("--accept-online-root"),
        "{}",
        refused.stderr
    );
    ensure!(file.is_file(), "the starter file is there to be read");
    let init = [
        "init",
        "--profile",
        "obn",
        "--non-interactive",
        "--accept-online-root",
        "--json",
    ];
    let made = tegata(&file, &init)?.good()?;
    let made: serde_json::Value = serde_json::from_slice(&made.stdout)?;
    let administrators = list(&made, "administrators")?;
    ensure!(administrators.len() == 2, "{made}");
    let mode = |name: &str| -> Result<u32> {
        Ok(fs::metadata(folder.path().join(name))?.permissions().mode() & 0o777)
    };
    ensure!(
        mode("kek")? == 0o400 && mode("data")? == 0o700,
        "{:o} {:o}",
        mode("kek")?,
        mode("data")?
    );
    for entry in fs::read_dir(folder.path().join("data/keys"))? {
        let entry = entry?;
        let bits = entry.metadata()?.permissions().mode() & 0o077;
        ensure!(
            bits == 0,
            "{} can be read by others",
            entry.path().display()
        );
        let text = fs::read(entry.path())?;
        ensure!(
            !String::from_utf8_lossy(&text).contains("BEGIN PRIVATE KEY"),
            "a key in the clear"
        );
    }
    let again = tegata(&file, &init)?;
    ensure!(again.status.code() == Some(1), "{}", again.all());
    ensure!(again.stderr.contains("already"), "{}", again.stderr);
    let operators = tegata(&file, &["operator", "list", "--json"])?.good()?;
    let operators: serde_json::Value = serde_json::from_slice(&operators.stdout)?;
    ensure!(
        operators.as_array().is_some_and(|list| list.len() == 2),
        "{operators}"
    );
    Ok(())
}

#[test]
fn the_doctor_finds_what_is_wrong() -> Result<()> {
    let mut served = Served::start(Kind::Sqlite)?;
    let well = served.cli(&["doctor"])?;
    eprintln!("{}", well.text());
    ensure!(well.status.code() == Some(0), "{}", well.all());
    let kek = served.folder().join("kek");
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o644))?;
    let open = served.cli(&["doctor"])?;
    ensure!(
        open.status.code() == Some(1) && open.all().contains("0400"),
        "{}",
        open.all()
    );
    served.server()?.stop()?;
    let refused = served.cli(&["serve"])?;
    ensure!(
        refused.status.code() == Some(1) && refused.stderr.contains("kek"),
        "{}",
        refused.all()
    );
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o400))?;
    served.serve()?;
    ensure!(served.cli(&["doctor"])?.status.code() == Some(0));
    served.server()?.stop()?;
    fs::rename(&kek, served.folder().join("lost"))?;
    let lost = served.cli(&["doctor"])?;
    ensure!(lost.status.code() == Some(1), "{}", lost.all());
    Ok(())
}

#[test]
fn every_listing_speaks_json_and_codes_work_once() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    served.add_institution("0110119153", "見本医院")?;
    for listing in [
        &["operator", "list"][..],
        &["institution", "list"],
        &["grant", "list"],
        &["grant", "list", "--applications"],
        &["revocation", "list"],
        &["cert", "list"],
        &["ca", "list"],
        &["crl", "list"],
    ] {
        let plain = served.cli(listing)?.good()?;
        ensure!(!plain.stdout.is_empty(), "{listing:?} prints no heading");
        let json = served.json(&[listing, &["--json"]].concat())?;
        ensure!(json.is_array(), "{listing:?}: {json}");
    }
    let name = served.hire("intake")?;
    let proof = served.staff.proof_of(&name)?;
    let enter = [
        "grant",
        "enter",
        "--class",
        "medical",
        "--code",
        "0110119153",
        "--terminal",
        "受付",
        "--mail",
        "a@clinic.example",
    ];
    let first = run(served.command(&enter)?.args(&proof))?;
    ensure!(first.status.success(), "{}", first.all());
    let second = run(served.command(&enter)?.args(&proof))?;
    eprintln!("the same code again: {}", second.stderr.trim());
    ensure!(second.status.code() == Some(1), "{}", second.all());
    let wrong_code = [
        "grant",
        "enter",
        "--class",
        "medical",
        "--code",
        "0112345678",
        "--terminal",
        "受付",
        "--mail",
        "a@clinic.example",
    ];
    let refused = served.try_act("intake", &wrong_code)?;
    ensure!(
        refused.status.code() == Some(1),
        "an unknown institution: {}",
        refused.all()
    );
    Ok(())
}

#[test]
fn the_register_is_taken_in_from_a_file_whole_or_not_at_all() -> Result<()> {
    let served = Served::init(Kind::Sqlite)?;
    served.add_institution("0110119153", "見本医院")?;
    let file = served.folder().join("register.csv");
    let head = "\u{feff}医療機関コード,名称,カナ,郵便番号,住所,区分,電話番号\r\n";
    let changed =
        "0110119153,新見本医院,シンミホン,0600001,北海道札幌市中央区見本1-1,医科,000-000-0000\r\n";
    let new = "1330123454,見本歯科,ミホンシカ,1000001,東京都見本区2,歯科,00-0000-0002\r\n";
    let bad = "133012345,見本歯科,ミホンシカ,1000001,東京都見本区2,歯科,00-0000-0002\r\n";
    let path = file.display().to_string();
    let import = |lines: &str, further: &[&str]| -> Result<Ran> {
        fs::write(&file, format!("{head}{lines}"))?;
        let arguments = [&["institution", "import", &path], further].concat();
        served.cli(&arguments)
    };
    let refused = import(&format!("{changed}{new}{bad}"), &[])?;
    ensure!(refused.status.code() == Some(1), "{}", refused.all());
    ensure!(refused.all().contains("line 4: code"), "{}", refused.all());
    let looked = import(&format!("{changed}{new}"), &["--dry-run"])?.good()?;
    ensure!(
        looked.all().contains("name: 見本医院 -> 新見本医院")
            && looked
                .all()
                .contains("1 new, 1 changed, 0 unchanged, 0 missing"),
        "{}",
        looked.all()
    );
    let count = |served: &Served| -> Result<usize> {
        let list = served.json(&["institution", "list", "--json"])?;
        Ok(list.as_array().map_or(0, Vec::len))
    };
    ensure!(count(&served)? == 1, "nothing is written before");
    let done = import(&format!("{changed}{new}"), &["--json"])?.good()?;
    eprintln!("{}", done.all());
    ensure!(done.all().contains(r#""added":1"#), "{}", done.all());
    ensure!(count(&served)? == 2);
    let again = import(&format!("{changed}{new}"), &[])?.good()?;
    ensure!(
        again.all().contains("0 new, 0 changed, 2 unchanged"),
        "{}",
        again.all()
    );
    Ok(())
}

#[test]
fn serve_ends_in_peace_and_never_twice_on_one_port() -> Result<()> {
    let mut served = Served::start(Kind::Sqlite)?;
    let second = served.cli(&["serve"])?;
    eprintln!("{}", second.stderr.trim());
    ensure!(second.status.code() == Some(1), "{}", second.all());
    ensure!(second.stderr.contains("listen.public"), "{}", second.stderr);
    let status = served.server()?.stop()?;
    ensure!(status.code() == Some(0), "SIGTERM: {status}");
    let mut again = Process::start(&mut served.command(&["serve"])?)?;
    again.wait_for(|line| line.starts_with("ready: "))?;
    Ok(())
}
