//! A newer version of the client on a Windows (wine): announced by two of three holders, seen by the real program that is
//! installed, taken on a click (F10).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::stand_in::{CodeSigner, client};
use tegata_system_tests::tools::eventually;
use tegata_system_tests::windows_client::{WindowsClient, id};

const PROGRAM: &str = "mpki-client.exe";
const SHORTCUT: &str = "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/MPKIクライアント.lnk";

#[test]
fn a_newer_version_is_installed_on_a_click() -> Result<()> {
    let demo = Demo::start(&[])?;
    let folder = demo.folder().to_owned();
    let holders = holders(&folder)?;
    let [a, b, c] = &holders;
    let keys = [
        "--update-key",
        &a.1,
        "--update-key",
        &b.1,
        "--update-key",
        &c.1,
    ];
    let [first, newer] = packages(&demo, &folder, &keys)?;
    publish(&demo, &newer, &holders[..2])?;
    let terminal = WindowsClient::start()?;
    terminal.msiexec("/i", &first)?;
    terminal.wait_for_log("the first start", |log| log.contains("event: started"))?;
    open_by_start_menu(&terminal)?;
    terminal.drive(&["wait", id::LIST, "enabled", id::ENROL])?;

    let version = next_version()?;
    let said = terminal.drive(&["menu", id::UPDATE, "message", "1013"])?;
    ensure!(said.contains(&version), "{said}");
    terminal.picture("mpki-client-1013")?;
    terminal.drive(&["message", "1013", "answer", "yes"])?;
    terminal.wait_for_log("the newer one's start", |log| {
        log.contains(&format!("install version {version}")) && starts(log) == 2
    })?;
    let listed = terminal.wine.programs()?;
    ensure!(listed.contains(&version), "{listed}");
    ensure!(
        terminal.log()?.matches("end\r\n").count() == 1,
        "{}",
        terminal.log()?
    );
    Ok(())
}

/// As a person does it, by the Start menu.
fn open_by_start_menu(terminal: &WindowsClient) -> Result<()> {
    let shortcut = terminal.wine.user()?.join(SHORTCUT).display().to_string();
    terminal.wine.run(&["start", "/unix", &shortcut])?.good()?;
    terminal.drive(&["wait", id::LIST])?;
    Ok(())
}

/// Three holders of release keys: files and public keys.
fn holders(folder: &Path) -> Result<[(String, String); 3]> {
    let passphrase = folder.join("passphrase").display().to_string();
    fs::write(&passphrase, "correct horse battery staple")?;
    let holder = |name: &str| -> Result<(String, String)> {
        let file = folder.join(name).display().to_string();
        let made = client(&["keygen", "--out", &file, "--passphrase-file", &passphrase])?;
        Ok((file, made.good()?.text().trim().to_owned()))
    };
    Ok([holder("a.key")?, holder("b.key")?, holder("c.key")?])
}

/// Announces this package, signed by these holders, and waits until terminals can see it.
fn publish(demo: &Demo, package: &Path, holders: &[(String, String)]) -> Result<()> {
    let release = demo.folder().join("release");
    let published = demo.data().join("client");
    fs::create_dir_all(&release)?;
    fs::create_dir_all(&published)?;
    let name = package.file_name().context("a name")?;
    fs::copy(package, release.join(name))?;
    fs::copy(package, published.join(name))?;
    let changes = demo.folder().join("changes.txt").display().to_string();
    fs::write(&changes, "通知の文章を改めました。\n")?;
    let folder = release.display().to_string();
    client(&[
        "manifest",
        "draft",
        "--folder",
        &folder,
        "--changes",
        &changes,
    ])?
    .good()?;
    let manifest = release.join("manifest.json").display().to_string();
    let passphrase = demo.folder().join("passphrase").display().to_string();
    for (key, _) in holders {
        let what = ["manifest", "sign", "--manifest", &manifest, "--key", key];
        client(&[&what[..], &["--passphrase-file", &passphrase]].concat())?.good()?;
    }
    fs::copy(&manifest, published.join("manifest.json"))?;
    let (curl, site) = (
        demo.curl()?,
        format!("{}/p/c/manifest.json", demo.text("public")?),
    );
    eventually("the announcement", || {
        Ok((curl.get(&site)?.status == 200).then_some(()))
    })
}

/// Signed packages for one user: of the program as it was built, and of the same one marked as the next version.
fn packages(demo: &Demo, folder: &Path, keys: &[&str]) -> Result<[PathBuf; 2]> {
    let built = WindowsClient::built()?.join(PROGRAM);
    let newer = folder.join("newer.exe");
    fs::write(&newer, marked_as_next(fs::read(&built)?)?)?;
    let settings = folder.join("client.toml").display().to_string();
    let how = ["client", "settings", "--out", &settings];
    demo.cli(&[&how[..], keys].concat())?.good()?;
    let signer = CodeSigner::new(folder)?;
    let (out, tool) = (
        folder.display().to_string(),
        signer.tool.display().to_string(),
    );
    let file = |version: &str| folder.join(format!("TegataMPKIClient-{version}-x64.msi"));
    let made = [
        (built, env!("CARGO_PKG_VERSION").to_owned()),
        (newer, next_version()?),
    ];
    for (program, version) in &made {
        let program = program.display().to_string();
        let what = ["pack", "--program", &program, "--settings", &settings];
        let how = ["--scope", "user", "--out", &out, "--sign-with", &tool];
        client(&[&what[..], &how].concat())?.good()?;
        signer.verify(&file(version))?;
    }
    Ok(made.map(|(_, version)| file(&version)))
}

fn next_version() -> Result<String> {
    let (front, patch) = env!("CARGO_PKG_VERSION")
        .rsplit_once('.')
        .context("a version")?;
    Ok(format!("{front}.{}", patch.parse::<u16>()? + 1))
}

/// Raises the third number of FILEVERSION and PRODUCTVERSION (VS_FIXEDFILEINFO), by which packages go.
fn marked_as_next(mut program: Vec<u8>) -> Result<Vec<u8>> {
    const SIGNATURE: [u8; 4] = 0xfeef_04bd_u32.to_le_bytes();
    let at = program
        .windows(4)
        .position(|octets| octets == SIGNATURE)
        .context("a version")?;
    // The low words of both versions follow at 12 and 20: the third number is the upper half of each.
    for place in [at + 12 + 2, at + 20 + 2] {
        let patch = program.get_mut(place).context("a version")?;
        *patch += 1;
    }
    Ok(program)
}

fn starts(log: &str) -> usize {
    log.matches(" on Windows build ").count()
}
