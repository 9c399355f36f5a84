//! The whole life of a terminal by the real package, on a Windows (wine): installed, first certificate by the IDs of a
//! letter, a notification when the window opens, renewal, a newer version in place, removed (manual 2.2, 3.1, R-070 to
//! R-083).
//!
//! The clock of this Windows is moved below it (libfaketime), so the program has no switch for tests. Each window leaves a
//! picture in `target/screenshots`.

#![expect(clippy::print_stdout, reason = "the figures are read")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_domain::time::Timestamp;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::door::Door;
use tegata_system_tests::openssl::{self, Holder, openssl};
use tegata_system_tests::served::Letter;
use tegata_system_tests::stand_in::{CodeSigner, client};
use tegata_system_tests::tools::{eventually, unix_now};
use tegata_system_tests::windows_client::{WindowsClient, id};

const PROGRAM: &str = "AppData/Local/Programs/TegataMPKIClient/mpki-client.exe";
const STORE: &str = r"HKCU\Software\Microsoft\SystemCertificates\MY\Certificates";
/// R-079 of the sample profile: 半角数字4桁.
const PASSWORD: &str = "2468";
/// Nothing is proven or disproven by the hour of the test.
const MORE_SETTINGS: &str = "\n[backup]\nmin_password = 4\n\n[notices]\nhour = 0\n";
/// What the issue allows: octets on the disk, and KiB of memory.
const LARGEST_INSTALLED: u64 = 8 * 1024 * 1024;
const MOST_MEMORY: u64 = 15 * 1024;

/// The client as its package installs it.
struct Terminal(WindowsClient);

impl std::ops::Deref for Terminal {
    type Target = WindowsClient;

    fn deref(&self) -> &WindowsClient {
        &self.0
    }
}

impl Terminal {
    fn picture(&self, name: &str) -> Result<()> {
        self.0.picture(&format!("mpki-life-{name}"))
    }

    fn program(&self) -> Result<PathBuf> {
        Ok(self.wine.user()?.join(PROGRAM))
    }

    /// Waits until the program has said this so often since it was installed.
    fn says(&self, words: &str, times: usize) -> Result<()> {
        let what = format!("{times} times {words:?} in client.log");
        self.wait_for_log(&what, |log| log.matches(words).count() >= times)
    }

    /// SHA-1 of the certificates of this user, as Windows names them.
    fn stored(&self) -> Result<Vec<String>> {
        let keys = self.wine.registry(STORE)?;
        let names = keys.lines().filter(|line| line.starts_with("HKEY"));
        let names = names.filter_map(|line| line.trim().rsplit('\\').next());
        Ok(names
            .filter(|name| name.len() == 40)
            .map(str::to_owned)
            .collect())
    }

    /// Chooses a password and a place, and hands the file back.
    fn back_up(&self, place: &Path) -> Result<String> {
        let told = self.wine.windows_path(place);
        let steps = [
            "wait",
            id::PASSWORD,
            "set",
            id::PASSWORD,
            PASSWORD,
            "set",
            id::AGAIN,
            PASSWORD,
            "press",
            id::OK,
            "save",
            &told,
            "message",
            "1005",
        ];
        let said = self.drive(&steps)?;
        self.picture("1005")?;
        Ok(said)
    }
}

#[test]
fn a_terminal_lives_by_its_package_from_the_letter_to_the_removal() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let letter = demo.sample("posted")?.letter;
    let server = port(demo.text("subscriber")?)?;
    let door = Door::open(server)?;
    let [older, newer] = packages(&demo, server, door.port())?;
    let mut terminal = Terminal(WindowsClient::start()?);

    terminal.msiexec("/i", &older)?;
    is_small(&terminal)?;
    let first = enrolled(&demo, &terminal, &letter)?;
    is_modest(&terminal)?;

    let left = days_left(&first)?;
    outside_the_window_nothing_is_asked(&mut demo, &mut terminal, &door, left - 91)?;
    told_when_the_window_opens(&mut demo, &mut terminal, left - 90)?;
    let second = renewed(&demo, &terminal, &letter)?;
    ensure!(second.serial != first.serial);
    works(&demo, &second)?;

    replaced_while_it_runs(&terminal, &newer)?;
    let before = terminal.stored()?;
    terminal.msiexec("/x", &newer)?;
    ensure!(!terminal.program()?.exists(), "the program is still there");
    ensure!(terminal.wine.versions()?.is_empty());
    ensure!(terminal.stored()? == before && before.len() == 1);
    Ok(())
}

fn port(address: &str) -> Result<u16> {
    let (_, port) = address.rsplit_once(':').context("host:port")?;
    Ok(port.trim_end_matches('/').parse()?)
}

/// The real program in two versions, packed and signed as an operator does. The newer one is the same program under a
/// higher number.
fn packages(demo: &Demo, server: u16, door: u16) -> Result<[PathBuf; 2]> {
    let here = demo.folder();
    let settings = here.join("client.toml");
    let file = settings.display().to_string();
    demo.cli(&["client", "settings", "--out", &file])?.good()?;
    let text = fs::read_to_string(&settings)?;
    let text = text.replace(&format!(":{server}\""), &format!(":{door}\""));
    fs::write(&settings, format!("{text}{MORE_SETTINGS}"))?;
    let signer = CodeSigner::new(here)?;
    let (out, tool) = (
        here.display().to_string(),
        signer.tool.display().to_string(),
    );
    let built = WindowsClient::built()?.join("mpki-client.exe");
    let made = |name: &str, version: [u16; 3]| -> Result<PathBuf> {
        let program = here.join(name);
        let mut octets = fs::read(&built)?;
        set_version(&mut octets, version)?;
        fs::write(&program, octets)?;
        let program = program.display().to_string();
        client(&[
            "pack",
            "--program",
            &program,
            "--settings",
            &file,
            "--out",
            &out,
            "--sign-with",
            &tool,
        ])?
        .good()?;
        let [major, minor, patch] = version;
        let package = here.join(format!("TegataMPKIClient-{major}.{minor}.{patch}-x64.msi"));
        signer.verify(&package)?;
        Ok(package)
    };
    Ok([made("older.exe", [1, 0, 0])?, made("newer.exe", [1, 1, 0])?])
}

/// Writes the numbers of VS_FIXEDFILEINFO: of the file, then of the product.
fn set_version(program: &mut [u8], [major, minor, patch]: [u16; 3]) -> Result<()> {
    let signature = 0xFEEF_04BD_u32.to_le_bytes();
    let start = program.windows(4).position(|four| four == signature);
    let start = start.context("a program with a version")?;
    let numbers = [minor, major, 0, patch];
    for place in [start + 8, start + 16] {
        for (at, number) in numbers.iter().enumerate() {
            let at = place + 2 * at;
            program
                .get_mut(at..at + 2)
                .context("a whole version")?
                .copy_from_slice(&number.to_le_bytes());
        }
    }
    Ok(())
}

fn is_small(terminal: &Terminal) -> Result<()> {
    let program = terminal.program()?;
    let folder = program.parent().context("a folder")?;
    let mut octets = 0;
    for entry in fs::read_dir(folder)? {
        octets += entry?.metadata()?.len();
    }
    println!("installed: {octets} octets, limit {LARGEST_INSTALLED}");
    ensure!((1..=LARGEST_INSTALLED).contains(&octets));
    Ok(())
}

/// The memory that the program alone occupies while its window is hidden: what is in memory, was written to and is
/// shared with nobody (`Private_Dirty`). wine's own Unix libraries, their heap and stack are left out, since no Windows has
/// them; its Windows libraries and the image of the program count.
fn is_modest(terminal: &Terminal) -> Result<()> {
    terminal.drive(&["wait", id::LIST, "press", id::CANCEL, "gone", id::LIST])?;
    terminal.picture("tray")?;
    let process = terminal.wine.process("mpki-client.exe")?;
    let smaps = fs::read_to_string(format!("/proc/{process}/smaps"))?;
    let (mut own, mut all, mut is_own) = (0, 0, false);
    for line in smaps.lines() {
        if let Some(value) = line.strip_prefix("Private_Dirty:") {
            let kib: u64 = value.trim().trim_end_matches(" kB").parse()?;
            all += kib;
            own += if is_own { kib } else { 0 };
        } else if let Some(range) = line.split(' ').next().filter(|word| word.contains('-')) {
            is_own = is_of_windows(range, line)?;
        }
    }
    println!("idle: {own} KiB, limit {MOST_MEMORY}; with wine's own part {all} KiB");
    ensure!((1..=MOST_MEMORY).contains(&own), "{own} KiB:\n{smaps}");
    Ok(())
}

/// Whether a line of `smaps` begins a piece that a Windows process has too.
fn is_of_windows(range: &str, line: &str) -> Result<bool> {
    /// wine puts what belongs to Windows below, Linux its libraries and their pools above.
    const UNIX_BEGINS: u64 = 0x7f00_0000_0000;
    let (start, _) = range.split_once('-').context("a range")?;
    let is_unix = ["[heap]", "[stack]", ".so"]
        .iter()
        .any(|name| line.contains(name));
    Ok(u64::from_str_radix(start, 16)? < UNIX_BEGINS && !is_unix)
}

/// From where the package put it, the package's own root proves the server: no code is asked for (W6).
fn enrolled(demo: &Demo, terminal: &Terminal, letter: &Letter) -> Result<Holder> {
    // The package started it in the notification area; the shortcut brings its window up.
    terminal.says("event: started", 1)?;
    let program = terminal.wine.windows_path(&terminal.program()?);
    terminal.wine.run(&[&program])?.good()?;
    terminal.drive(&["wait", id::LIST, "enabled", id::ENROL])?;
    terminal.picture("empty")?;
    let steps = [
        "press",
        id::ENROL,
        "wait",
        id::REQUEST,
        "set",
        id::REQUEST,
        &letter.request_id,
        "set",
        id::REFERENCE,
        &letter.reference_id,
    ];
    terminal.drive(&[&["wait", id::LIST], &steps[..]].concat())?;
    terminal.picture("enrolment")?;
    terminal.drive(&["wait", id::REQUEST, "press", id::OK, "message", "1008"])?;
    terminal.picture("1008")?;
    terminal.drive(&["message", "1008", "answer", "ok", "wait", id::PASSWORD])?;
    terminal.picture("backup")?;
    let place = demo.folder().join("first.p12");
    terminal.back_up(&place)?;
    terminal.drive(&["message", "1005", "answer", "ok"])?;
    terminal.drive(&[
        "wait",
        id::LIST,
        "rows",
        id::LIST,
        "1",
        "enabled",
        id::ENROL,
    ])?;
    let detail = terminal.drive(&["wait", id::LIST, "text", id::DETAIL])?;
    ensure!(detail.contains(&letter.request_id), "{detail}");
    terminal.picture("list")?;
    let holder = openssl::open_p12(&fs::read(place)?, PASSWORD, demo.folder(), "first")?;
    is_the_one_stored(terminal, &holder)?;
    works(demo, &holder)?;
    Ok(holder)
}

fn days_left(holder: &Holder) -> Result<i64> {
    let file = holder.certificate.display().to_string();
    let pem = fs::read_to_string(file)?;
    let certificate = tegata_pki::certificate::Certificate::from_pem(&pem)?;
    let end = Timestamp::from_unix(certificate.not_after()).japan_date();
    let today = Timestamp::from_unix(i64::try_from(unix_now())?).japan_date();
    Ok(today.days_until(end))
}

/// A day before the window opens: a start, a logon and a look at the list lead to no connection.
fn outside_the_window_nothing_is_asked(
    demo: &mut Demo,
    terminal: &mut Terminal,
    door: &Door,
    days: i64,
) -> Result<()> {
    demo.restart_ahead(days)?;
    let before = door.entered();
    let (starts, looks) = (
        terminal.log()?.matches("event: started").count(),
        terminal.log()?.matches("event: window opened").count(),
    );
    terminal.0.wine.wake_up_after(days)?;
    terminal.says("event: started", starts + 1)?;
    terminal.drive(&["menu", id::OPEN, "wait", id::LIST, "rows", id::LIST, "1"])?;
    terminal.says("event: window opened", looks + 1)?;
    terminal.drive(&["wait", id::LIST, "enabled", id::ENROL])?;
    terminal.picture("early")?;
    let entered = door.entered() - before;
    println!("outside of the window: {entered} connections, limit 0");
    ensure!(entered == 0, "{}", terminal.log()?);
    Ok(())
}

/// On the first day of the window the program starts at the logon, and the notification comes by itself.
fn told_when_the_window_opens(demo: &mut Demo, terminal: &mut Terminal, days: i64) -> Result<()> {
    demo.restart_ahead(days)?;
    terminal.0.wine.wake_up_after(days)?;
    // The words of the server where its second of the day has come, else the terminal's own: both end so. The title,
    // with the days that are left, is in the picture.
    let said = terminal.drive(&["balloon", "を行ってください"])?;
    terminal.picture("notification")?;
    terminal.says("notification 1001", 1)?;
    println!("notification: {said}");
    terminal.drive(&["menu", id::OPEN, "wait", id::LIST, "enabled", id::RENEW])?;
    terminal.picture("open")?;
    Ok(())
}

/// In the order of the manual: 1003, 1004, backup, 1005, 1006, 1007. Only the new certificate is left.
fn renewed(demo: &Demo, terminal: &Terminal, letter: &Letter) -> Result<Holder> {
    let begin = [
        "wait",
        id::LIST,
        "enabled",
        id::RENEW,
        "press",
        id::RENEW,
        "message",
        "1003",
    ];
    terminal.drive(&begin)?;
    terminal.picture("1003")?;
    terminal.drive(&["message", "1003", "answer", "yes", "message", "1004"])?;
    terminal.picture("1004")?;
    terminal.drive(&["message", "1004", "answer", "ok"])?;
    let place = demo.folder().join("second.p12");
    let saved = terminal.back_up(&place)?;
    ensure!(
        !saved.contains(&letter.request_id),
        "the new certificate has a new リクエストID: {saved}"
    );
    terminal.drive(&["message", "1005", "answer", "ok", "message", "1006"])?;
    terminal.picture("1006")?;
    terminal.drive(&["message", "1006", "answer", "yes", "message", "1007"])?;
    terminal.drive(&["message", "1007", "answer", "ok"])?;
    terminal.drive(&[
        "wait",
        id::LIST,
        "rows",
        id::LIST,
        "1",
        "enabled",
        id::ENROL,
    ])?;
    terminal.picture("renewed")?;
    let holder = openssl::open_p12(&fs::read(place)?, PASSWORD, demo.folder(), "second")?;
    is_the_one_stored(terminal, &holder)?;
    Ok(holder)
}

/// Windows keeps certificates under their SHA-1.
fn is_the_one_stored(terminal: &Terminal, holder: &Holder) -> Result<()> {
    let file = holder.certificate.display().to_string();
    let arguments = ["x509", "-in", &file, "-noout", "-fingerprint", "-sha1"];
    let said = openssl(arguments)?.good()?.text();
    let (_, print) = said.trim().rsplit_once('=').context("a fingerprint")?;
    let print = print.replace(':', "");
    eventually("one certificate in the store of this user", || {
        Ok((terminal.stored()? == [print.as_str()]).then_some(()))
    })
}

/// One request with certificate and key of the file.
fn works(demo: &Demo, holder: &Holder) -> Result<()> {
    let address = format!("{}/api/client/v1/notices", demo.text("subscriber")?);
    let answer = demo.curl()?.presenting(&holder.pem).get(&address)?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    Ok(())
}

/// The running program is asked to end, the new one runs in its place with what was there.
fn replaced_while_it_runs(terminal: &Terminal, newer: &Path) -> Result<()> {
    let running = terminal.wine.process("mpki-client.exe")?;
    let starts = terminal.log()?.matches("event: started").count();
    ensure!(terminal.wine.versions()? == ["1.0.0"]);
    let old = fs::read(terminal.program()?)?;
    terminal.msiexec("/i", newer)?;
    ensure!(terminal.wine.versions()? == ["1.1.0"]);
    ensure!(fs::read(terminal.program()?)? != old);
    terminal.says("event: started", starts + 1)?;
    ensure!(terminal.wine.process("mpki-client.exe")? != running);
    terminal.drive(&["menu", id::OPEN, "wait", id::LIST, "rows", id::LIST, "1"])?;
    terminal.picture("newer")
}
