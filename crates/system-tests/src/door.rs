//! A port before the server's that counts who comes in. It hands every octet on and reads none.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

/// The port. It is open until the test ends.
#[derive(Debug)]
pub struct Door {
    port: u16,
    entered: Arc<AtomicUsize>,
}

impl Door {
    /// Opens a port on this machine that leads to `server`, another one.
    pub fn open(server: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let entered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&entered);
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                // A server that is just being started refuses; so does the door.
                if let Ok(to) = TcpStream::connect(("127.0.0.1", server)) {
                    let _ = both_ways(from, to);
                }
            }
        });
        Ok(Self { port, entered })
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections came in so far. One that carries no request counts too.
    pub fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }
}

fn both_ways(from: TcpStream, to: TcpStream) -> io::Result<()> {
    hand_on(from.try_clone()?, to.try_clone()?);
    hand_on(to, from);
    Ok(())
}

fn hand_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
