//! Free ports on loopback, below those that the system lends to clients: a port must stay ours while
//! a server is started again.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

/// The first port and how many there are to choose from.
const FIRST: u16 = 20_000;
const MANY: u16 = 12_000;

/// Ports that a test of this process was given. Nothing is given back: a server may be started again on its ports.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port from which `count` ports in a row are free, and stay this test's while others run beside it.
pub fn row(count: u16) -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..64 {
        // Which port the system lends next serves as a throw of dice.
        let thrown = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
        let base = FIRST + thrown.local_addr()?.port() % MANY;
        let is_free =
            |port| !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (base..base + count).all(is_free) {
            given.extend(base..base + count);
            return Ok(base);
        }
    }
    bail!("no {count} ports in a row are free")
}
