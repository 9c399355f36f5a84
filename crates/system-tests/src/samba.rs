//! A Windows domain for the proxy: Samba's winbindd with one local user, in a folder of its own.
//!
//! winbindd stands alone (no domain to join). Programs find its socket and its user through
//! libnss_wrapper, so that nothing of the machine's own Samba or user list is touched. It must
//! run as root.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::Process;
use crate::tools::{command, eventually, named, run, run_with_input};

/// The name under which the machine knows its own users.
pub const DOMAIN: &str = "PROXY";
/// The one user.
pub const USER: &str = "clerk";
/// The user's password. The accents show whether it is read as Unicode.
pub const PASSWORD: &str = "pass w\u{f6}rd \u{624b}\u{5f62}";

/// How many wrong passwords lock the account.
const TRIES: &str = "3";

/// A running domain. Dropping it ends it.
#[derive(Debug)]
pub struct Samba {
    folder: PathBuf,
    winbindd: Process,
}

impl Samba {
    /// Starts it in this folder and waits until it knows the user. Programs of the system group
    /// `group` may check answers to its challenges.
    pub fn start(folder: &Path, group: &str) -> Result<Self> {
        let folder = folder.join("samba");
        for name in ["private", "state", "socket", "log"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let place = folder.display();
        fs::write(
            config(&folder),
            format!(
                "[global]\nworkgroup = CLINIC\nnetbios name = {DOMAIN}\n\
                 server role = standalone server\npassdb backend = tdbsam\nntlm auth = ntlmv2-only\n\
                 private dir = {place}/private\nlock directory = {place}/state\n\
                 state directory = {place}/state\ncache directory = {place}/state\n\
                 pid directory = {place}/state\nncalrpc dir = {place}/state/ncalrpc\n\
                 winbindd socket directory = {place}/socket\nlog file = {place}/log/%m\n\
                 interfaces = lo\nbind interfaces only = yes\nload printers = no\n"
            ),
        )?;
        fs::write(
            folder.join("passwd"),
            format!("root:x:0:0::/:/bin/sh\n{USER}:x:4242:4242::/:/bin/false\n"),
        )?;
        fs::write(folder.join("group"), "root:x:0:\nclerks:x:4242:\n")?;

        let mut pdbedit = within(&folder, "pdbedit")?;
        pdbedit.args(["--configfile", &config(&folder).display().to_string()]);
        pdbedit.args(["--create", "--user", USER, "--password-from-stdin"]);
        run_with_input(&mut pdbedit, format!("{PASSWORD}\n{PASSWORD}\n").as_bytes())?.good()?;

        let mut lockout = within(&folder, "pdbedit")?;
        lockout.args(["--configfile", &config(&folder).display().to_string()]);
        lockout.args(["--account-policy", "bad lockout attempt"]);
        run(lockout.args(["--value", TRIES]))?.good()?;

        let mut winbindd = within(&folder, "winbindd")?;
        winbindd.args(["--foreground", "--no-process-group", "--debug-stdout"]);
        winbindd.args(["--configfile", &config(&folder).display().to_string()]);
        let winbindd = Process::start(&mut winbindd)?;
        let samba = Self { folder, winbindd };
        eventually("winbindd knows its user", || {
            Ok(samba.knows(PASSWORD)?.then_some(()))
        })?;
        let privileged = samba.folder.join("state/winbindd_privileged");
        let privileged = privileged.display().to_string();
        run(&mut command("chgrp", [group, &privileged]))?.good()?;
        Ok(samba)
    }

    /// Whether the user has this password.
    pub fn knows(&self, password: &str) -> Result<bool> {
        let mut ask = self.ntlm_auth()?;
        ask.args(["--domain", DOMAIN, "--username", USER]);
        Ok(run(ask.arg("--password").arg(password))?.status.success())
    }

    /// How often the user's password was tried in vain.
    pub fn wrong_tries(&self) -> Result<u32> {
        let mut pdbedit = within(&self.folder, "pdbedit")?;
        pdbedit.args(["--configfile", &config(&self.folder).display().to_string()]);
        let ran = run(pdbedit.args(["--verbose", "--user", USER]))?.good()?;
        let text = ran.text();
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("Bad password count")?.split(':').nth(1));
        let count = count.with_context(|| format!("pdbedit told no count: {text}"))?;
        Ok(count.trim().parse()?)
    }

    /// The program that checks answers, as Squid starts it.
    pub fn ntlm_auth(&self) -> Result<Command> {
        let mut program = within(&self.folder, "ntlm_auth")?;
        program.arg(format!("--configfile={}", config(&self.folder).display()));
        Ok(program)
    }

    /// The same as one line for a configuration.
    pub fn ntlm_auth_line(&self) -> Result<String> {
        let program = self.ntlm_auth()?;
        let mut words = vec!["/usr/bin/env".to_owned()];
        let variables = program
            .get_envs()
            .filter_map(|(name, value)| Some(format!("{}={}", name.to_str()?, value?.to_str()?)));
        words.extend(variables);
        words.push("/usr/bin/ntlm_auth".to_owned());
        words.extend(program.get_args().map(|word| word.display().to_string()));
        Ok(words.join(" "))
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        // Its children end with it only when it is asked.
        let _ = self.winbindd.stop();
    }
}

fn config(folder: &Path) -> PathBuf {
    folder.join("smb.conf")
}

/// A program that sees our winbindd and our user, and not the machine's.
fn within(folder: &Path, program: &str) -> Result<Command> {
    let library: OsString = named("TEGATA_NSS_WRAPPER")?;
    let mut command = Command::new(program);
    command
        .env("LD_PRELOAD", library)
        .env("NSS_WRAPPER_PASSWD", folder.join("passwd"))
        .env("NSS_WRAPPER_GROUP", folder.join("group"))
        .env("SELFTEST_WINBINDD_SOCKET_DIR", folder.join("socket"));
    Ok(command)
}
