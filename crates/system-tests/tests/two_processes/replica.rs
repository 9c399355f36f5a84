//! The two processes: their configurations and addresses, and how they are started.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tegata_system_tests::ports;
use tegata_system_tests::process::Process;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{command, server_binary, set_clock_by};

/// One of the two processes: its configuration and its addresses.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) config: PathBuf,
    pub(super) public: String,
    pub(super) subscriber: String,
    pub(super) plain: String,
}

/// The process whose configuration `init` made.
pub(super) fn first(served: &Served) -> Replica {
    Replica {
        config: served.config().to_owned(),
        public: served.public.clone(),
        subscriber: served.subscriber.first().cloned().unwrap_or_default(),
        plain: served.plain.clone(),
    }
}

/// The other one: the same configuration, other ports. What stands in certificates and mails is the same, as behind a
/// distributor of load.
pub(super) fn second(served: &Served) -> Result<Replica> {
    let one = first(served);
    let port = |address: &str| -> Result<u16> {
        let (_, port) = address.rsplit_once(':').context("a port")?;
        Ok(port.parse()?)
    };
    let (from, to) = (port(&one.public)?, ports::row(4)?);
    let mut config = fs::read_to_string(&one.config)?;
    for place in 0..4 {
        let (old, new) = (from + place, to + place);
        config = config.replace(&format!("127.0.0.1:{old}\""), &format!("127.0.0.1:{new}\""));
    }
    let names = format!(
        "[names]\npublic_port = {from}\nsubscriber_port = {}\nconsole_port = {}\nplain_url = \"{}\"\n",
        from + 1,
        from + 3,
        one.plain
    );
    let config = config.replacen("[names]\n", &names, 1);
    let file = served.folder().join("second.toml");
    fs::write(&file, config)?;
    let moved = |address: &str| -> Result<String> {
        let old = port(address)?;
        let new = to + (old - from);
        Ok(address.replace(&old.to_string(), &new.to_string()))
    };
    Ok(Replica {
        config: file,
        public: moved(&one.public)?,
        subscriber: moved(&one.subscriber)?,
        plain: moved(&one.plain)?,
    })
}

pub(super) fn start(replica: &Replica, ahead: i64) -> Result<Process> {
    let mut serve = command(server_binary()?, ["serve", "--config"]);
    serve.arg(&replica.config);
    set_clock_by(&mut serve, ahead)?;
    Process::start(&mut serve)
}

pub(super) fn ready(process: &mut Process) -> Result<()> {
    process.wait_for(|line| line.starts_with("ready: "))?;
    Ok(())
}
