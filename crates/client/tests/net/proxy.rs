//! A proxy that plays a part: it answers its rounds as it is told, then opens the tunnel or not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the proxy does with a CONNECT.
#[derive(Clone)]
pub(crate) enum Part {
    /// Lets it through.
    Through,
    /// Answers with these octets and keeps the connection.
    Say(String),
    /// Answers with these octets and closes.
    SayAndClose(String),
}

/// A running proxy.
pub(crate) struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Plays the part that the head of the CONNECT asks for.
    pub(crate) fn start(play: impl Fn(&str) -> Part + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let shared = (Arc::clone(&heads), Arc::new(play));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (heads, play) = shared.clone();
                thread::spawn(move || serve(&socket.unwrap(), &heads, play.as_ref()));
            }
        });
        Self { port, heads }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The heads that came, in their order.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut socket: &TcpStream, heads: &Mutex<Vec<String>>, play: &dyn Fn(&str) -> Part) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or_default() == 0 {
                return;
            }
        }
        heads.lock().unwrap().push(head.clone());
        match play(&head) {
            Part::Say(octets) => drop(socket.write_all(octets.as_bytes())),
            Part::SayAndClose(octets) => {
                drop(socket.write_all(octets.as_bytes()));
                drop(socket.shutdown(Shutdown::Both));
                return;
            }
            Part::Through => {
                let target = head.split(' ').nth(1).unwrap();
                let behind = TcpStream::connect(target).unwrap();
                drop(socket.write_all(b"HTTP/1.0 200 Connection established\r\n\r\n"));
                let (mut from, mut to) = (socket.try_clone().unwrap(), behind.try_clone().unwrap());
                thread::spawn(move || {
                    drop(std::io::copy(&mut from, &mut to));
                    drop(to.shutdown(Shutdown::Write));
                });
                drop(std::io::copy(&mut &behind, &mut socket));
                drop(socket.shutdown(Shutdown::Both));
                return;
            }
        }
    }
}

/// A 407 with these offers and a page.
pub(crate) fn wants(offers: &[&str]) -> String {
    let mut answer = "HTTP/1.1 407 Proxy Authentication Required\r\n".to_owned();
    for offer in offers {
        answer.push_str(&format!("Proxy-Authenticate: {offer}\r\n"));
    }
    answer.push_str("Content-Length: 6\r\n\r\n<html>");
    answer
}
