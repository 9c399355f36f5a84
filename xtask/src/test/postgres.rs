//! A throw-away PostgreSQL server: own folder, own port on loopback, gone at the end.
//!
//! It runs as a child of ours and in our process group, so an interrupt at the terminal stops it
//! too. The server refuses to run as root, so root hands it to another user of the machine.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};

use super::apt::{is_root, quiet};

/// Users that a Debian machine has and that own nothing of value here, best first.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// What the server prints when it takes connections.
const READY: &str = "database system is ready to accept connections";

/// A running server. Dropping it stops it and removes its folder.
pub(crate) struct Cluster {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes a new cluster with the programs in this folder and waits until it is ready.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("tegata-postgres-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("make {}", folder.display()))?;
        let started = Self::start_in(programs, &folder);
        if started.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        started
    }

    /// The address of the server, with a user who may do everything in it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://tegata@127.0.0.1:{}/postgres", self.port)
    }

    fn start_in(programs: &Path, folder: &Path) -> Result<Self> {
        let user = if is_root() { Some(User::find()?) } else { None };
        if let Some(user) = &user {
            chown(folder, Some(user.uid), Some(user.gid)).context("hand over the folder")?;
        }
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command
                .current_dir(folder)
                .arg("-D")
                .arg(folder.join("data"));
            if let Some(user) = &user {
                command.uid(user.uid).gid(user.gid);
            }
            command
        };
        let rules = [
            "-U",
            "tegata",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ];
        quiet(program("initdb").args(rules))?;

        let port = free_port()?;
        let mut command = program("postgres");
        command
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-N",
                "200",
                "-k",
            ])
            .arg(folder);
        command.args(["-c", "lc_messages=C", "-c", "logging_collector=off"]);
        let server = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("start postgres")?;
        let mut cluster = Self {
            server,
            folder: folder.to_path_buf(),
            port,
        };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// Reads the server's messages up to the one that says it is ready. A thread reads the rest, so
    /// that the server never waits for a reader.
    fn wait_until_ready(&mut self) -> Result<()> {
        let messages = self
            .server
            .stderr
            .take()
            .context("read the messages of postgres")?;
        let mut lines = BufReader::new(messages).lines().map_while(Result::ok);
        let mut said = Vec::new();
        for line in lines.by_ref() {
            if line.contains(READY) {
                thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
            said.push(line);
        }
        bail!("postgres ended: {}", said.join(" / "));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let process = self.server.id().to_string();
        let asked = Command::new("kill").args(["-INT", &process]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A user of this machine by number.
#[derive(Debug, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    fn find() -> Result<Self> {
        let text = fs::read_to_string("/etc/passwd").context("read the users of this machine")?;
        USERS
            .iter()
            .find_map(|name| Self::named(name, &text))
            .with_context(|| format!("this machine has no user {}", USERS.join(" or ")))
    }

    /// Reads `name:password:uid:gid:…`.
    fn named(name: &str, users: &str) -> Option<Self> {
        let mut fields = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then_some(fields)
        })?;
        Some(Self {
            uid: fields.nth(1)?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_whole_name() {
        let users = "postgres2:x:7:8:::\npostgres:x:101:104:PostgreSQL:/var:/bin/sh\n";
        assert_eq!(
            User::named("postgres", users),
            Some(User { uid: 101, gid: 104 })
        );
        assert_eq!(User::named("post", users), None);
    }
}
