//! Programs that others wrote and that judge or drive ours.
//!
//! Each tool is looked for first and installed only when it is missing. What lies outside the
//! machine's package manager goes to `target/tools`. Tests find the tools by environment variables,
//! listed in `crates/system-tests/oracles/README.md`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::apt::{Apt, is_root, quiet};
use super::tally::Tally;
use super::zlint;
use crate::workspace;

/// The releases of the browser driver and of the judge of accessibility, from the npm registry.
const PLAYWRIGHT: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

/// Where Debian's package puts the browser.
const CHROMIUM: &str = "/usr/bin/chromium";

/// The library that shows a program other users than the machine's, as the loader finds it.
const NSS_WRAPPER: &str = "libnss_wrapper.so";

/// A tool by its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Opens our files, asks our responder, verifies our signatures.
    OpenSsl,
    /// A plain HTTP and TLS client.
    Curl,
    /// The second database.
    PostgreSql,
    /// pdftotext, pdftoppm and qpdf: read, draw and judge our letters.
    Pdf,
    /// certutil and pk12util: a second reader of our `.p12`, and the store of the browser.
    Nss,
    /// nginx, Apache httpd and HAProxy: stand before relying systems.
    Fronts,
    /// The browser of a subscriber.
    Chromium,
    /// libfaketime: the clock of a browser that lives years ahead.
    Faketime,
    /// mkfs.ext4 and mount: a disk of a test's own, whose power can be cut.
    Disk,
    /// Drives the browser, and judges each page (axe-core).
    Playwright,
    /// Judges certificates, CRLs and OCSP responses.
    Pkilint,
    /// Judges certificates and CRLs with other rules.
    Zlint,
    /// keytool: a third reader of our `.p12`.
    Java,
    /// A proxy.
    Squid,
    /// The Windows domain behind the proxy: winbindd and its checker.
    Samba,
    /// Compiles small Windows programs.
    MinGw,
    /// Signs and judges Windows programs and packages.
    OsslSignCode,
    /// A Windows, with a screen, a window manager and a hand on the keyboard.
    Wine,
}

impl Tool {
    pub(crate) const ALL: [Self; 18] = [
        Self::OpenSsl,
        Self::Curl,
        Self::PostgreSql,
        Self::Pdf,
        Self::Nss,
        Self::Fronts,
        Self::Chromium,
        Self::Faketime,
        Self::Disk,
        Self::Playwright,
        Self::Pkilint,
        Self::Zlint,
        Self::Java,
        Self::Squid,
        Self::Samba,
        Self::MinGw,
        Self::OsslSignCode,
        Self::Wine,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "openssl",
            Self::Curl => "curl",
            Self::PostgreSql => "postgresql",
            Self::Pdf => "pdf",
            Self::Nss => "nss",
            Self::Fronts => "fronts",
            Self::Chromium => "chromium",
            Self::Faketime => "faketime",
            Self::Disk => "disk",
            Self::Playwright => "playwright",
            Self::Pkilint => "pkilint",
            Self::Zlint => "zlint",
            Self::Java => "java",
            Self::Squid => "squid",
            Self::Samba => "samba",
            Self::MinGw => "mingw",
            Self::OsslSignCode => "osslsigncode",
            Self::Wine => "wine",
        }
    }
}

/// The tools that are there, as tests see them.
pub(crate) struct Environment {
    apt: Apt,
    variables: Vec<(&'static str, OsString)>,
    present: u64,
}

impl Environment {
    pub(crate) fn new() -> Self {
        let oracles = workspace::root().join("crates/system-tests/oracles");
        let variables = vec![("TEGATA_ORACLE_DIR", oracles.into_os_string())];
        Self {
            apt: Apt::default(),
            variables,
            present: 0,
        }
    }

    /// Finds or installs a tool. The error is the reason why it cannot be had.
    pub(crate) fn add(&mut self, tool: Tool) -> Result<()> {
        match tool {
            Tool::OpenSsl => {
                self.programs(&["openssl"], &["openssl"])?;
                self.set("TEGATA_ORACLES", "1".into());
            }
            Tool::Curl => self.programs(&["curl"], &["curl"])?,
            Tool::PostgreSql => self.postgres()?,
            Tool::Pdf => {
                let programs = ["pdftotext", "pdftoppm", "qpdf"];
                self.programs(&programs, &["poppler-utils", "qpdf"])?;
            }
            Tool::Nss => self.programs(&["certutil", "pk12util"], &["libnss3-tools"])?,
            Tool::Fronts => {
                let programs = ["nginx", "apache2", "haproxy"];
                self.programs(&programs, &["nginx", "apache2-bin", "haproxy"])?;
            }
            Tool::Chromium => self.chromium()?,
            Tool::Faketime => self.faketime()?,
            Tool::Disk => {
                let programs = ["mkfs.ext4", "mount", "umount"];
                self.programs(&programs, &["e2fsprogs", "mount"])?;
            }
            Tool::Playwright => self.playwright()?,
            Tool::Pkilint => self.pkilint()?,
            Tool::Zlint => {
                if !zlint::program().is_file() {
                    zlint::install()?;
                }
                self.set("TEGATA_ZLINT", zlint::program().into_os_string());
            }
            Tool::Java => self.programs(&["keytool"], &["openjdk-17-jre-headless"])?,
            Tool::Squid => self.programs(&["squid"], &["squid"])?,
            Tool::Samba => self.samba()?,
            Tool::MinGw => self.programs(
                &["x86_64-w64-mingw32-gcc", "i686-w64-mingw32-gcc"],
                &["gcc-mingw-w64-x86-64", "gcc-mingw-w64-i686"],
            )?,
            Tool::OsslSignCode => self.programs(&["osslsigncode"], &["osslsigncode"])?,
            Tool::Wine => self.wine()?,
        }
        self.present += 1;
        Ok(())
    }

    pub(crate) fn set(&mut self, name: &'static str, value: OsString) {
        self.variables.push((name, value));
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &OsString)> {
        self.variables.iter().map(|(name, value)| (*name, value))
    }

    /// Every tool that is there counts as passed. The others were counted as skipped by name.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            passed: self.present,
            ..Tally::default()
        }
    }

    /// The folder of `initdb` and `postgres`, newest release first.
    pub(crate) fn postgres_programs(&self) -> Option<PathBuf> {
        let releases = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let mut releases: Vec<(u32, PathBuf)> = releases
            .filter_map(|entry| {
                let release = entry.file_name().to_str()?.parse().ok()?;
                let programs = entry.path().join("bin");
                programs
                    .join("postgres")
                    .is_file()
                    .then_some((release, programs))
            })
            .collect();
        releases.sort();
        releases.pop().map(|(_, programs)| programs)
    }

    fn programs(&mut self, programs: &[&str], packages: &[&str]) -> Result<()> {
        let missing = |programs: &[&str]| {
            programs
                .iter()
                .any(|program| workspace::find_program(program).is_none())
        };
        if missing(programs) {
            self.apt.install(packages)?;
        }
        anyhow::ensure!(
            !missing(programs),
            "{} did not bring {}",
            packages.join(" "),
            programs.join(" ")
        );
        Ok(())
    }

    fn postgres(&mut self) -> Result<()> {
        if self.postgres_programs().is_none() {
            self.apt.install(&["postgresql"])?;
        }
        self.postgres_programs()
            .context("postgresql brought no server")?;
        Ok(())
    }

    fn wine(&mut self) -> Result<()> {
        let programs = ["wine", "Xvfb", "openbox", "xdotool", "import"];
        let packages = [
            "wine",
            "wine64",
            "xvfb",
            "openbox",
            "xdotool",
            "imagemagick",
        ];
        self.programs(&programs, &packages)?;
        if !Path::new("/usr/share/fonts/opentype/ipafont-gothic").is_dir() {
            self.apt.install(&["fonts-ipafont-gothic"])?;
        }
        if !has_japanese() {
            if workspace::find_program("localedef").is_none()
                || !Path::new("/usr/share/i18n/locales/ja_JP").is_file()
            {
                self.apt.install(&["locales"])?;
            }
            let japanese = ["-i", "ja_JP", "-f", "UTF-8", "ja_JP.UTF-8"];
            quiet(Command::new("localedef").args(japanese))?;
        }
        Ok(())
    }

    fn chromium(&mut self) -> Result<()> {
        if !Path::new(CHROMIUM).is_file() {
            self.apt.install(&["chromium"])?;
        }
        if !Path::new("/usr/share/fonts/opentype/ipafont-gothic").is_dir() {
            self.apt.install(&["fonts-ipafont-gothic"])?;
        }
        self.set("TEGATA_CHROMIUM", CHROMIUM.into());
        Ok(())
    }

    /// Debian puts libraries below a folder that is named after the machine's kind.
    fn faketime(&mut self) -> Result<()> {
        let library = || {
            let mut kinds = fs::read_dir("/usr/lib").ok()?.flatten();
            kinds.find_map(|kind| {
                let file = kind.path().join("faketime/libfaketimeMT.so.1");
                file.is_file().then_some(file)
            })
        };
        if library().is_none() {
            self.apt.install(&["libfaketime"])?;
        }
        let library = library().context("libfaketime brought no library")?;
        self.set("TEGATA_FAKETIME", library.into_os_string());
        Ok(())
    }

    /// winbindd answers for a folder of the test's own through libnss_wrapper, which has no program
    /// to look for.
    fn samba(&mut self) -> Result<()> {
        anyhow::ensure!(is_root(), "winbindd runs as root alone");
        let programs = ["winbindd", "ntlm_auth", "pdbedit"];
        self.programs(&programs, &["samba", "winbind"])?;
        let preload = |library: &str| {
            let ran = Command::new("true").env("LD_PRELOAD", library).output();
            ran.is_ok_and(|output| output.stderr.is_empty())
        };
        if !preload(NSS_WRAPPER) {
            self.apt.install(&["libnss-wrapper"])?;
        }
        anyhow::ensure!(preload(NSS_WRAPPER), "libnss-wrapper brought no library");
        self.set("TEGATA_NSS_WRAPPER", NSS_WRAPPER.into());
        Ok(())
    }

    fn playwright(&mut self) -> Result<()> {
        self.programs(&["node"], &["nodejs"])?;
        let folder = workspace::tools_folder().join("browser");
        let wanted = PLAYWRIGHT.join(" ");
        if !is_current(&folder, &wanted) {
            self.programs(&["npm"], &["npm"])?;
            eprintln!("install: npm install {wanted} (under {})", folder.display());
            start_again(&folder)?;
            quiet(
                Command::new("npm")
                    .args([
                        "install",
                        "--no-save",
                        "--no-package-lock",
                        "--no-audit",
                        "--no-fund",
                    ])
                    .arg("--prefix")
                    .arg(&folder)
                    .args(PLAYWRIGHT)
                    .current_dir(&folder),
            )?;
            record(&folder, &wanted)?;
        }
        self.set(
            "TEGATA_PLAYWRIGHT",
            folder.join("node_modules").into_os_string(),
        );
        Ok(())
    }

    /// A Python tool gets a virtual environment of its own: the pins of such tools clash.
    fn pkilint(&mut self) -> Result<()> {
        let list = workspace::root().join("crates/system-tests/oracles/requirements.txt");
        let wanted = fs::read_to_string(&list).context("read requirements.txt")?;
        let folder = workspace::tools_folder().join("pkilint");
        let python = folder.join("bin/python");
        if !is_current(&folder, &wanted) {
            self.programs(&["python3"], &["python3"])?;
            let can_make = Command::new("python3")
                .args(["-c", "import venv, ensurepip"])
                .output();
            if !can_make.is_ok_and(|output| output.status.success()) {
                self.apt.install(&["python3-venv"])?;
            }
            eprintln!(
                "install: pip install -r requirements.txt (under {})",
                folder.display()
            );
            start_again(&folder)?;
            quiet(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            quiet(
                Command::new(&python)
                    .args(["-m", "pip", "install", "--quiet", "-r"])
                    .arg(&list),
            )?;
            record(&folder, &wanted)?;
        }
        self.set("TEGATA_PKILINT_PYTHON", python.into_os_string());
        Ok(())
    }
}

/// Whether the folder holds a finished installation of exactly this.
fn is_current(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join("installed")).is_ok_and(|installed| installed == wanted)
}

/// Marks the folder as finished, as the last step of an installation.
fn record(folder: &Path, what: &str) -> Result<()> {
    fs::write(folder.join("installed"), what).context("mark the installation as finished")
}

/// Leaves an empty folder, whatever an earlier, broken installation left.
fn start_again(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}

/// Whether programs can speak Japanese here.
fn has_japanese() -> bool {
    let listed = Command::new("locale").arg("-a").output();
    listed.is_ok_and(|listed| {
        let names = String::from_utf8_lossy(&listed.stdout).to_lowercase();
        names
            .lines()
            .any(|name| name == "ja_jp.utf8" || name == "ja_jp.utf-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_current_only_once_it_is_recorded_and_of_this_release() {
        let folder = std::env::temp_dir().join(format!("xtask-tools-{}", std::process::id()));
        start_again(&folder).unwrap();
        assert!(!is_current(&folder, "a@1"));
        record(&folder, "a@1").unwrap();
        assert!(is_current(&folder, "a@1"));
        assert!(!is_current(&folder, "a@2"));
        start_again(&folder).unwrap();
        assert!(!is_current(&folder, "a@1"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
