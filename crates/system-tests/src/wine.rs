//! A Windows that Debian has: wine with a prefix of its own on a display of its own, in Japanese.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process::Process;
use crate::tools::{Ran, command, eventually, run, set_clock, target};

/// Fonts that Japanese Windows has, and what Debian has in their place.
const FONTS: &str = "REGEDIT4\n\n[HKEY_CURRENT_USER\\Software\\Wine\\Fonts\\Replacements]\n\
     \"MS Shell Dlg\"=\"IPAPGothic\"\n\"MS Shell Dlg 2\"=\"IPAPGothic\"\n\
     \"MS UI Gothic\"=\"IPAPGothic\"\n\"Meiryo UI\"=\"IPAPGothic\"\n\"Meiryo\"=\"IPAPGothic\"\n\
     \"Yu Gothic UI\"=\"IPAPGothic\"\n\"Segoe UI\"=\"IPAPGothic\"\n\"Tahoma\"=\"IPAPGothic\"\n";

/// Where Windows keeps the list of installed programs.
const PROGRAMS: &str = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall";

/// A running Windows. Dropping it ends every program in it and removes its disk.
#[derive(Debug)]
pub struct Wine {
    display: String,
    _screen: Process,
    _windows: Process,
    folder: TempDir,
    /// How many programs ran to their end.
    runs: AtomicU32,
    /// By how many days the clock of this Windows is ahead of the machine's.
    days_ahead: i64,
}

impl Wine {
    /// Makes a fresh 64-bit Windows 10 with an empty screen.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tegata-wine").tempdir()?;
        let size = [
            "-screen",
            "0",
            "1024x768x24",
            "-nolisten",
            "tcp",
            "-displayfd",
            "1",
        ];
        let mut screen = Process::start(&mut command("Xvfb", size))?;
        let number = screen.wait_for(|line| line.trim().parse::<u32>().is_ok())?;
        let display = format!(":{}", number.trim());
        let mut windows = command("openbox", [] as [&str; 0]);
        let windows = Process::start(windows.env("DISPLAY", &display))?;
        let wine = Self {
            display,
            _screen: screen,
            _windows: windows,
            folder,
            runs: AtomicU32::new(0),
            days_ahead: 0,
        };
        wine.finish(&mut wine.command("wineboot", &["--init"])?)?
            .good()?;
        let fonts = wine.folder.path().join("fonts.reg");
        fs::write(&fonts, FONTS)?;
        wine.run(&["regedit", "/S", &wine.windows_path(&fonts)])?
            .good()?;
        wine.run(&["winecfg", "-v", "win10"])?.good()?;
        Ok(wine)
    }

    /// Runs a Windows program to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        self.finish(&mut self.command("wine", arguments)?)
    }

    /// Waits for this program alone. Services of Windows that it starts live on with its output in their hands; a pipe
    /// would not end before them.
    fn finish(&self, command: &mut Command) -> Result<Ran> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let place = |what| self.folder.path().join(format!("run-{number}.{what}"));
        let (out, err) = (place("out"), place("err"));
        let status = command
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(&err)?)
            .status()
            .with_context(|| format!("start {command:?}"))?;
        Ok(Ran {
            status,
            stdout: fs::read(out)?,
            stderr: String::from_utf8_lossy(&fs::read(err)?).into_owned(),
        })
    }

    /// Starts a Windows program beside the test.
    pub fn begin(&self, arguments: &[&str]) -> Result<Process> {
        Process::start(&mut self.command("wine", arguments)?)
    }

    /// Switches this Windows off, and on again so many days after today; somebody logs on, and what starts by itself at
    /// a logon starts. Every program in it sees that day (libfaketime, below wine).
    pub fn wake_up_after(&mut self, days: i64) -> Result<()> {
        run(&mut self.command("wineserver", &["-k"])?)?;
        run(&mut self.command("wineserver", &["-w"])?)?;
        self.days_ahead = days;
        self.finish(&mut self.command("wineboot", &[])?)?.good()?;
        Ok(())
    }

    /// The process on this machine that runs this Windows program.
    pub fn process(&self, program: &str) -> Result<u32> {
        let prefix = self.folder.path().join("prefix");
        let prefix = format!("WINEPREFIX={}", prefix.display());
        for entry in fs::read_dir("/proc")?.flatten() {
            let number = entry.file_name().to_string_lossy().parse();
            // Processes end while this looks.
            let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
            let has = |octets: &[u8], text: &str| {
                String::from_utf8_lossy(octets)
                    .split('\0')
                    .any(|part| part.ends_with(text))
            };
            let first = read("cmdline");
            let first = first.split(|octet| *octet == 0).next().unwrap_or_default();
            if let Ok(number) = number
                && has(first, program)
                && has(&read("environ"), &prefix)
            {
                return Ok(number);
            }
        }
        anyhow::bail!("{program} does not run")
    }

    /// A command in this Windows.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = command(program, arguments);
        if self.days_ahead != 0 {
            set_clock(&mut command, self.days_ahead)?;
        }
        command
            .env("WINEPREFIX", self.folder.path().join("prefix"))
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env("DISPLAY", &self.display)
            .env("LC_ALL", "ja_JP.UTF-8");
        Ok(command)
    }

    /// A file of this machine as Windows names it.
    pub fn windows_path(&self, path: &Path) -> String {
        format!("Z:{}", path.display().to_string().replace('/', "\\"))
    }

    /// A place on drive C.
    pub fn drive(&self, path: &str) -> PathBuf {
        self.folder.path().join("prefix/drive_c").join(path)
    }

    /// The folder of the one user.
    pub fn user(&self) -> Result<PathBuf> {
        for entry in fs::read_dir(self.drive("users"))?.flatten() {
            if entry.path().join("AppData").is_dir() && entry.file_name() != "Public" {
                return Ok(entry.path());
            }
        }
        anyhow::bail!("this Windows has no user")
    }

    /// What `reg query` says of a key; empty where there is no such key.
    pub fn registry(&self, key: &str) -> Result<String> {
        let ran = self.run(&["reg", "query", key, "/s"])?;
        Ok(if ran.status.success() {
            ran.text()
        } else {
            String::new()
        })
    }

    /// What Windows knows of the programs in its list.
    pub fn programs(&self) -> Result<String> {
        self.registry(PROGRAMS)
    }

    /// The versions of the programs in the list.
    pub fn versions(&self) -> Result<Vec<String>> {
        let listed = self.programs()?;
        let versions = listed
            .lines()
            .filter(|line| line.contains("DisplayVersion"));
        Ok(versions
            .filter_map(|line| line.split_whitespace().last().map(str::to_owned))
            .collect())
    }

    /// Waits for a window whose title holds these words.
    pub fn window(&self, title: &str) -> Result<String> {
        eventually(&format!("a window {title:?}"), || {
            let found =
                run(&mut self.command("xdotool", &["search", "--onlyvisible", "--name", title])?)?;
            Ok(found.text().lines().next().map(str::to_owned))
        })
    }

    /// Presses a key in a window.
    pub fn key(&self, window: &str, key: &str) -> Result<()> {
        let arguments = [
            "windowactivate",
            "--sync",
            window,
            "key",
            "--clearmodifiers",
            key,
        ];
        run(&mut self.command("xdotool", &arguments)?)?.good()?;
        Ok(())
    }

    /// Presses a key in the window that has the focus.
    pub fn press(&self, key: &str) -> Result<()> {
        let arguments = ["key", "--clearmodifiers", key];
        run(&mut self.command("xdotool", &arguments)?)?.good()?;
        Ok(())
    }

    /// Waits until the screen has changed and stands still, and keeps a picture of it in `target/screenshots`.
    pub fn picture(&self, name: &str, before: &[u8]) -> Result<Vec<u8>> {
        let mut last = Vec::new();
        let seen = eventually(&format!("another screen for {name}"), || {
            let shot = run(&mut self.command("import", &["-window", "root", "rgb:-"])?)?.good()?;
            let is_still = shot.stdout == last && shot.stdout != before;
            last = shot.stdout;
            Ok(is_still.then(|| last.clone()))
        })?;
        let file = target("screenshots")?.join(format!("{name}.png"));
        let file = file.to_str().context("a path in UTF-8")?;
        run(&mut self.command("import", &["-window", "root", file])?)?.good()?;
        Ok(seen)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Ends the programs of this prefix alone.
        if let Ok(mut end) = self.command("wineserver", &["-k"]) {
            let _ = run(&mut end);
        }
    }
}
