//! What lies on the disk of a server opens nothing (T13, T18): no private key, no password, no
//! reference ID, in the clear, in the database, in any file of the data folder, in the log, in a mail or in a temporary
//! file.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use tegata_soak::Soak;
use tegata_system_tests::database::Kind;
use tegata_system_tests::leaks::{finds, numbers_of_key, read_all, stored};
use tegata_system_tests::mail_server::MailServer;
use tegata_system_tests::openssl;
use tegata_system_tests::procedure;
use tegata_system_tests::process::Process;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{command, server_binary};

const CODE: &str = "0110119153";
/// Posted, collected, on hold.
const MAILS: usize = 3;
/// As long as a `.p12` password may be, so that it is found wherever it stands.
const PASSWORD: &str = "Zq7!kept-nowhere-Zq7!kept-noone";

#[test]
fn nothing_is_left_in_the_clear_on_sqlite() -> Result<()> {
    nothing_is_left(Kind::Sqlite)
}

#[test]
fn nothing_is_left_in_the_clear_on_postgresql() -> Result<()> {
    nothing_is_left(Kind::Postgres)
}

fn nothing_is_left(kind: Kind) -> Result<()> {
    let mut served = Served::init(kind)?;
    let mut mailbox = MailServer::start(&served, &[])?;
    let temporary = served.folder().join("temporary");
    fs::create_dir(&temporary)?;
    let mut command = served.command(&["serve"])?;
    command.env("TMPDIR", &temporary);
    served.begin_by(command)?;
    served.add_institution(CODE, "見本医院")?;
    let letter = served.grant(CODE, "受付1号機")?;
    let browser = served.browser("collect");
    let site = format!("{}/p/rcd", served.public);
    let page = procedure::type_ids(&browser, &site, &letter)?;
    let page = procedure::set_password(&browser, &page, PASSWORD)?;
    let file = procedure::download(&browser, &page)?;
    let holder = openssl::open_p12(&file, PASSWORD, served.folder(), "holder")?;
    procedure::hold(&browser, &served.public, &letter)?;
    let cookies = fs::read_to_string(served.folder().join("collect.cookies"))?;
    let cookie = cookies.lines().rfind(|line| line.contains("tegata-flow"));
    let cookie = cookie
        .and_then(|line| line.split('\t').next_back())
        .context("a cookie")?;

    let kek = fs::read_to_string(served.folder().join("kek"))?;
    let kek = kek
        .lines()
        .find(|line| !line.starts_with('#'))
        .and_then(|line| line.split_whitespace().next_back())
        .context("a key")?;
    let mut secrets = vec![
        ("the password", PASSWORD.as_bytes().to_vec()),
        ("the reference ID", letter.reference_id.clone().into_bytes()),
        ("the cookie", cookie.as_bytes().to_vec()),
        (
            "an operator's password",
            b"a long password of the tests".to_vec(),
        ),
        (
            "the key-encryption key",
            base64::engine::general_purpose::STANDARD.decode(kek)?,
        ),
        ("the key-encryption key in base64", kek.as_bytes().to_vec()),
    ];
    for number in numbers_of_key(&holder.pem)? {
        secrets.push(("a number of the private key", number));
    }
    // What left by mail, and what a step may have laid beside the data folder.
    let mut outside = Vec::new();
    for _ in 0..MAILS {
        outside.extend(mailbox.next_mail()?.0.to_string().into_bytes());
    }
    read_all(&temporary, &mut outside)?;
    let whole = stored(&served)?;
    let control = holder.der.get(40..80).context("a certificate")?;
    ensure!(
        finds(&whole, control),
        "the scan does not even find the certificate"
    );
    let log = served.server()?.said();
    for (name, secret) in &secrets {
        ensure!(
            !finds(&whole, secret),
            "{kind:?}: {name} is stored in the clear"
        );
        ensure!(
            !finds(log.as_bytes(), secret),
            "{kind:?}: {name} is in the log"
        );
        ensure!(
            !finds(&outside, secret),
            "{kind:?}: {name} is in a mail or a temporary file"
        );
    }
    let scanned = whole.len() + log.len() + outside.len();
    let what = format!("octets on {kind:?} scanned for {} secrets", secrets.len());
    Soak::named("leaks").report(scanned, &what, 0);
    Ok(())
}

/// A crash leaves no memory behind, even where the machine was told to keep it.
#[test]
fn a_crash_leaves_no_core_file() -> Result<()> {
    let served = Served::init(Kind::Sqlite)?;
    let script = "ulimit -c unlimited; exec \"$0\" serve --config \"$1\"";
    let mut start = command("sh", ["-c", script]);
    start.arg(server_binary()?).arg(served.config());
    let mut server = Process::start(start.current_dir(served.folder()))?;
    server.wait_for(|line| line.starts_with("ready: "))?;
    server.signal("-ABRT")?;
    let status = server.wait_for_end()?;
    ensure!(status.signal() == Some(6), "it ended with {status}");
    ensure!(!status.core_dumped(), "it left its memory behind: {status}");
    Ok(())
}
