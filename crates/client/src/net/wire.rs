//! A connection that ends in time: name, address, octets, each within one deadline.
//!
//! A server that sends one octet a minute keeps nobody waiting: the deadline is that of the whole
//! exchange, not of one read.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long an exchange may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    end: Instant,
    quiet: Duration,
}

impl Deadline {
    /// From now on: `total` in all, and `quiet` without an octet.
    pub(super) fn start(total: Duration, quiet: Duration) -> Self {
        Self {
            end: Instant::now() + total,
            quiet,
        }
    }

    /// How long the next step may wait.
    fn step(self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(left.min(self.quiet))
    }
}

/// Looks up the addresses of a name. The system's resolver knows no deadline, so it is asked from a
/// thread of its own, which is left to itself when it takes too long.
pub(super) fn resolve(host: &str, port: u16, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    let wait = deadline.step()?;
    let (answer, answers) = mpsc::channel();
    let host = host.to_owned();
    std::thread::Builder::new().spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        // Nobody may be waiting any more.
        drop(answer.send(found.map(Iterator::collect::<Vec<_>>)));
    })?;
    let found = answers.recv_timeout(wait);
    let addresses = found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addresses)
}

/// A TCP connection under a deadline.
pub(super) struct Wire {
    socket: TcpStream,
    deadline: Deadline,
}

impl Wire {
    /// Connects to the first address that answers.
    pub(super) fn connect(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<Self> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in addresses {
            match TcpStream::connect_timeout(address, deadline.step()?.min(PER_ADDRESS)) {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    return Ok(Self { socket, deadline });
                }
                Err(error) => failure = in_time(error),
            }
        }
        Err(failure)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.deadline.step()?))?;
        self.socket.read(buffer).map_err(in_time)
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.deadline.step()?))?;
        self.socket.write(buffer).map_err(in_time)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A socket that waited too long says `WouldBlock` on some systems. To us it is one thing.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// An address that does not answer must leave time for the next one.
const PER_ADDRESS: Duration = Duration::from_secs(10);
