//! A real proxy: Squid, that asks for nothing, for Basic, or for NTLM checked by Samba.

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::ports;
use crate::process::Process;
use crate::samba::{self, Samba};
use crate::tools::{command, eventually, run};

/// How users sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Everybody is let through.
    Nobody,
    /// Squid's own `basic_ncsa_auth` with a file of hashes.
    Basic,
    /// Samba's `ntlm_auth`.
    Ntlm,
    /// Both are offered, NTLM first.
    Either,
}

/// A running proxy. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Squid {
    process: Process,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The domain behind NTLM.
    pub samba: Option<Samba>,
    folder: TempDir,
}

impl Squid {
    /// Starts it and waits until it listens. Users and passwords are those of [`samba`].
    pub fn start(sign_in: SignIn) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tegata-squid").tempdir()?;
        let place = folder.path().display().to_string();
        let port = ports::row(1)?;
        // Squid and its helpers become this user and group when root starts them.
        run(&mut command("chown", ["proxy:proxy", &place]))?.good()?;
        let has_ntlm = matches!(sign_in, SignIn::Ntlm | SignIn::Either);
        let samba = has_ntlm.then(|| Samba::start(folder.path(), "proxy"));
        let samba = samba.transpose()?;
        let mut config = format!(
            "http_port 127.0.0.1:{port}\npid_filename {place}/squid.pid\n\
             cache_log {place}/cache.log\nlogformat short %rm %ru %>Hs %un\n\
             access_log stdio:{place}/access.log short\ncoredump_dir {place}\ncache deny all\n\
             pinger_enable off\nnetdb_filename none\nshutdown_lifetime 0 seconds\n\
             visible_hostname proxy.example\ndns_nameservers 127.0.0.1\n\
             dns_timeout 1 second\n"
        );
        if let Some(samba) = &samba {
            config.push_str(&format!(
                "auth_param ntlm program {} --helper-protocol=squid-2.5-ntlmssp\n\
                 auth_param ntlm children 2 startup=1 idle=1\nauth_param ntlm keep_alive {}\n",
                samba.ntlm_auth_line()?,
                // Some proxies close after their first page, so that clients that know no NTLM turn
                // to another scheme.
                if sign_in == SignIn::Either {
                    "off"
                } else {
                    "on"
                }
            ));
        }
        if matches!(sign_in, SignIn::Basic | SignIn::Either) {
            write_passwords(folder.path())?;
            config.push_str(&format!(
                "auth_param basic program /usr/lib/squid/basic_ncsa_auth {place}/passwords\n\
                 auth_param basic children 2 startup=1 idle=1\nauth_param basic utf8 off\n\
                 auth_param basic realm proxy\n"
            ));
        }
        config.push_str(match sign_in {
            SignIn::Nobody => "http_access allow all\n",
            _ => "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n",
        });
        let file = folder.path().join("squid.conf");
        fs::write(&file, config)?;
        let file = file.display().to_string();
        let mut process = Process::start(&mut command("squid", ["-N", "-d", "1", "-f", &file]))?;
        process.wait_for(|line| line.contains("Accepting HTTP Socket connections"))?;
        let address = format!("127.0.0.1:{port}");
        // It says so a little early.
        eventually("Squid listens", || {
            Ok(TcpStream::connect(&address).is_ok().then_some(()))
        })?;
        Ok(Self {
            process,
            address,
            samba,
            folder,
        })
    }

    /// What it did, one line a CONNECT, once there are this many: method, target, status, user.
    pub fn requests(&self, count: usize) -> Result<Vec<String>> {
        let file = self.folder.path().join("access.log");
        eventually("Squid wrote its log", || {
            let text = fs::read_to_string(&file).context("read Squid's log")?;
            let asked = |line: &&str| line.starts_with("CONNECT ");
            let lines: Vec<String> = text.lines().filter(asked).map(str::to_owned).collect();
            Ok((lines.len() >= count).then_some(lines))
        })
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        let _ = self.process.stop();
    }
}

/// The file of hashes, as htpasswd writes it.
fn write_passwords(folder: &Path) -> Result<()> {
    let hash = command("openssl", ["passwd", "-apr1", samba::PASSWORD]);
    let hash = run(&mut { hash })?.good()?.text();
    let line = format!("{}:{hash}", samba::USER);
    fs::write(folder.join("passwords"), line).context("write the passwords of Squid")
}
