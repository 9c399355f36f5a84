//! The Windows package on a Windows: installed, replaced, repaired, removed; by a person and by a machine (R-071, R-075).
//!
//! The program in it is a stand-in that notes what the package says to it. Each page of the wizard leaves a picture in
//! `target/screenshots`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::stand_in::{CodeSigner, Processor, client, compile};
use tegata_system_tests::tools::eventually;
use tegata_system_tests::wine::Wine;
use tempfile::TempDir;

const SETTINGS: &str =
    "ca_name = \"見本認証局\"\nserver = \"renew.ca.example\"\nsite = \"https://cert.ca.example\"\n";
const FOLDER: &str = "AppData/Local/Programs/TegataMPKIClient";
const SHORTCUT: &str = "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/MPKIクライアント.lnk";
const OWN: &str = r"HKCU\Software\Tegata\MPKI Client";
const RUN: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run";
/// ERROR_INSTALL_FAILURE, of which wine hands the lowest octet on.
const FAILED: i32 = 1603 % 256;

/// Packages of two versions, signed.
struct Packages {
    folder: TempDir,
}

impl Packages {
    fn make() -> Result<Self> {
        let packages = Self {
            folder: tempfile::tempdir()?,
        };
        let here = packages.folder.path();
        let signer = CodeSigner::new(here)?;
        fs::write(here.join("client.toml"), SETTINGS)?;
        let settings = here.join("client.toml").display().to_string();
        let (out, tool) = (
            here.display().to_string(),
            signer.tool.display().to_string(),
        );
        for version in ["1.0.0", "1.1.0"] {
            let program = compile(here, Processor::X64, version)?
                .display()
                .to_string();
            let arguments = [
                "pack",
                "--program",
                &program,
                "--settings",
                &settings,
                "--out",
                &out,
                "--sign-with",
                &tool,
            ];
            client(&arguments)?.good()?;
        }
        for name in [
            "1.0.0-x64",
            "1.1.0-x64",
            "1.0.0-x64-machine",
            "1.1.0-x64-machine",
        ] {
            signer.verify(&packages.file(name))?;
        }
        Ok(packages)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder
            .path()
            .join(format!("TegataMPKIClient-{name}.msi"))
    }
}

/// Runs msiexec without windows and answers its exit code.
fn silently(wine: &Wine, what: &str, package: &Path, more: &[&str]) -> Result<i32> {
    let package = wine.windows_path(package);
    let mut arguments = vec!["msiexec", what, &package, "/qn"];
    arguments.extend_from_slice(more);
    wine.run(&arguments)?.status.code().context("an exit code")
}

/// What the package said to the program since the last look.
fn said(wine: &Wine, until: &str) -> Result<Vec<String>> {
    let log = wine.drive("users/Public/stand-in.log");
    let said = eventually(&format!("the program being told {until}"), || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        Ok(text.lines().any(|line| line == until).then_some(text))
    })?;
    fs::remove_file(&log)?;
    Ok(said.lines().map(str::to_owned).collect())
}

#[test]
fn a_package_is_installed_replaced_repaired_and_removed_without_a_window() -> Result<()> {
    let (wine, packages) = (Wine::start()?, Packages::make()?);
    let user = wine.user()?;
    let (program, settings) = (
        user.join(FOLDER).join("mpki-client.exe"),
        user.join(FOLDER).join("client.toml"),
    );

    // Installed for the user, with the server of the command line; the program runs in the notification area.
    ensure!(
        silently(
            &wine,
            "/i",
            &packages.file("1.0.0-x64"),
            &["SERVER=r.ca.example:8441"]
        )? == 0
    );
    ensure!(fs::read_to_string(&settings)? == SETTINGS);
    ensure!(user.join(SHORTCUT).is_file());
    ensure!(wine.registry(RUN)?.contains(r#"mpki-client.exe" --tray"#));
    ensure!(wine.registry(OWN)?.contains("r.ca.example:8441"));
    let listed = wine.programs()?;
    ensure!(
        listed.contains("Tegata MPKI Client") && listed.contains("https://cert.ca.example/p/c"),
        "{listed}"
    );
    ensure!(wine.versions()? == ["1.0.0"]);
    ensure!(said(&wine, "--tray")? == ["--tray"]);
    let first = fs::read(&program)?;

    // A newer version takes its place: the running program is asked to end, what was set stays, the new one runs.
    ensure!(silently(&wine, "/i", &packages.file("1.1.0-x64"), &[])? == 0);
    ensure!(fs::read(&program)? != first);
    ensure!(wine.versions()? == ["1.1.0"]);
    ensure!(wine.registry(OWN)?.contains("r.ca.example:8441"));
    let told = said(&wine, "--tray")?;
    ensure!(
        told.first().is_some_and(|line| line == "--quit") && told.contains(&"ends".to_owned()),
        "{told:?}"
    );
    ensure!(told.last().is_some_and(|line| line == "--tray"), "{told:?}");

    // An older one is refused and changes nothing.
    let newer = fs::read(&program)?;
    ensure!(silently(&wine, "/i", &packages.file("1.0.0-x64"), &[])? == FAILED);
    ensure!(fs::read(&program)? == newer && wine.versions()? == ["1.1.0"]);

    // Repaired.
    fs::remove_file(&settings)?;
    let repair = ["REINSTALL=ALL", "REINSTALLMODE=omus"];
    ensure!(silently(&wine, "/i", &packages.file("1.1.0-x64"), &repair)? == 0);
    ensure!(fs::read_to_string(&settings)? == SETTINGS);
    said(&wine, "--tray")?;

    // Removed: nothing of it is left, and what is not its own stays.
    let other = r"HKCU\Software\Microsoft\SystemCertificates\MY\Certificates\00";
    wine.run(&[
        "reg",
        "add",
        other,
        "/v",
        "Blob",
        "/t",
        "REG_BINARY",
        "/d",
        "00",
        "/f",
    ])?
    .good()?;
    ensure!(silently(&wine, "/x", &packages.file("1.1.0-x64"), &[])? == 0);
    ensure!(!user.join(FOLDER).exists() && !user.join(SHORTCUT).exists());
    ensure!(wine.registry(OWN)?.is_empty() && !wine.registry(RUN)?.contains("mpki-client"));
    ensure!(wine.versions()?.is_empty());
    ensure!(
        said(&wine, "ends")?
            .iter()
            .all(|line| line != "--tray" && line != "--machine-remove")
    );
    ensure!(wine.registry(other)?.contains("Blob"));
    Ok(())
}

#[test]
fn a_package_for_the_machine_sets_it_up_and_undoes_it() -> Result<()> {
    let (wine, packages) = (Wine::start()?, Packages::make()?);
    let program = wine.drive("Program Files/Tegata MPKI Client/mpki-client.exe");
    let run = RUN.replace("HKCU", "HKLM");
    ensure!(
        silently(
            &wine,
            "/i",
            &packages.file("1.0.0-x64-machine"),
            &["AUTOSTART=0"]
        )? == 0
    );
    ensure!(program.is_file());
    ensure!(
        !wine.registry(&run)?.contains("mpki-client"),
        "AUTOSTART=0 was not heard"
    );
    // Set up once; nothing is started, because a machine installs as the system.
    ensure!(said(&wine, "--machine-setup")? == ["--machine-setup"]);

    // The user's own package sees that there is one for everybody.
    ensure!(silently(&wine, "/i", &packages.file("1.1.0-x64"), &[])? == FAILED);

    // Replaced: set up in the end, and still without autostart. (Windows tells the old version that it is being
    // replaced, which then undoes nothing; wine does not.)
    ensure!(silently(&wine, "/i", &packages.file("1.1.0-x64-machine"), &[])? == 0);
    let told = said(&wine, "--machine-setup")?;
    ensure!(
        told.last().is_some_and(|line| line == "--machine-setup"),
        "{told:?}"
    );
    ensure!(!wine.registry(&run)?.contains("mpki-client"));

    ensure!(silently(&wine, "/x", &packages.file("1.1.0-x64-machine"), &[])? == 0);
    ensure!(said(&wine, "--machine-remove")?.contains(&"--machine-remove".to_owned()));
    ensure!(!program.exists());
    Ok(())
}

#[test]
fn a_person_is_led_by_the_wizard() -> Result<()> {
    const TITLE: &str = "MPKIクライアント セットアップ";
    let (wine, packages) = (Wine::start()?, Packages::make()?);
    let open =
        |name: &str| wine.begin(&["msiexec", "/i", &wine.windows_path(&packages.file(name))]);

    // ようこそ → フォルダーの選択 → 確認 → 完了, by the keyboard alone.
    let mut wizard = open("1.1.0-x64")?;
    let mut screen = Vec::new();
    for page in ["welcome", "folder", "confirm"] {
        let window = wine.window(TITLE)?;
        screen = wine.picture(&format!("msi-{page}"), &screen)?;
        wine.key(&window, "Return")?;
    }
    said(&wine, "--tray")?;
    let window = wine.window(TITLE)?;
    screen = wine.picture("msi-done", &screen)?;
    wine.key(&window, "Return")?;
    ensure!(wizard.wait_for_end()?.success());
    ensure!(wine.user()?.join(FOLDER).join("mpki-client.exe").is_file());

    // Opened again: 修復または削除.
    let mut wizard = open("1.1.0-x64")?;
    let window = wine.window(TITLE)?;
    screen = wine.picture("msi-maintenance", &screen)?;
    wine.key(&window, "Escape")?;
    screen = wine.picture("msi-stop", &screen)?;
    // 「いいえ」 is the default; 「はい」 ends it. The question has the title of the page below it, and the focus.
    wine.press("alt+y")?;
    let window = wine.window(TITLE)?;
    screen = wine.picture("msi-stopped", &screen)?;
    wine.key(&window, "Return")?;
    wizard.wait_for_end()?;

    // An older version says why it does not begin.
    let empty = wine.picture("msi-closed", &screen)?;
    let mut older = open("1.0.0-x64")?;
    let told = wine.picture("msi-newer-is-there", &empty)?;
    wine.press("Return")?;
    wine.picture("msi-newer-stays", &told)?;
    wine.press("Return")?;
    older.wait_for_end()?;
    Ok(())
}
