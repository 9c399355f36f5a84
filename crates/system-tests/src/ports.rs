//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result, bail};

/// `count` different free ports.
pub fn free(count: usize) -> Result<Vec<u16>> {
    let listeners = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<Vec<_>, _>>()
        .context("find free ports")?;
    listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}

/// A port from which `count` ports in a row are free.
pub fn row(count: u16) -> Result<u16> {
    for base in free(64)? {
        let Some(end) = base.checked_add(count) else {
            continue;
        };
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (base..end).all(is_free) {
            return Ok(base);
        }
    }
    bail!("no {count} ports in a row are free")
}
