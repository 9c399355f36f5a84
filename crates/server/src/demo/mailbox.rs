//! The demo's mail server: takes every mail by SMTP (RFC 5321) on loopback and keeps the newest ones, so that one
//! can read what the system sends. It delivers nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail_parser::{HeaderValue, MessageParser};
use tegata_app::messages;
use tegata_domain::time::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Mails that are kept.
const KEPT: usize = 2_000;
/// Octets of one mail at the most.
const LONGEST: u64 = 1 << 20;
/// How long a silent sender is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Its place in the order of arrival, from 1.
    pub(crate) number: usize,
    /// The recipient of the envelope.
    pub(crate) to: String,
    /// Decoded.
    pub(crate) subject: String,
    /// Date, as the mail says it.
    pub(crate) date: String,
    /// With its angle brackets.
    pub(crate) message_id: String,
    /// The text, decoded.
    pub(crate) text: String,
    /// As it came.
    pub(crate) raw: String,
}

impl Received {
    /// Its date as pages write it, in Japan.
    pub(crate) fn shown_date(&self) -> String {
        Timestamp::parse_rfc3339(&self.date)
            .map_or_else(|_| self.date.clone(), messages::date_and_time)
    }
}

/// The mails that arrived; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    count: usize,
    mails: VecDeque<Received>,
}

impl Mailbox {
    /// The mails, the newest first.
    pub(crate) fn newest(&self) -> Vec<Received> {
        self.kept().mails.iter().rev().cloned().collect()
    }

    /// How many arrived so far.
    pub(crate) fn count(&self) -> usize {
        self.kept().count
    }

    /// One mail.
    pub(crate) fn find(&self, number: usize) -> Option<Received> {
        let kept = self.kept();
        kept.mails
            .iter()
            .find(|mail| mail.number == number)
            .cloned()
    }

    /// Takes mails on `socket` until `stop` turns true.
    pub(crate) async fn serve(self, socket: TcpListener, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                accepted = socket.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(self.clone().converse(stream));
                    }
                }
            }
        }
    }

    async fn converse(self, stream: TcpStream) {
        if let Err(error) = self.session(stream).await {
            tracing::debug!(%error, "a mail session ended early");
        }
    }

    async fn session(&self, stream: TcpStream) -> std::io::Result<()> {
        let (reading, mut writing) = stream.into_split();
        let mut reading = BufReader::new(reading);
        writing.write_all(b"220 localhost demo mailbox\r\n").await?;
        let mut recipients: Vec<String> = Vec::new();
        loop {
            let mut line = String::new();
            let mut limited = (&mut reading).take(4_096);
            let read = limited.read_line(&mut line);
            if timeout(PATIENCE, read).await?? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            let answer = match verb.to_ascii_uppercase().as_str() {
                "EHLO" => "250-localhost\r\n250 8BITMIME",
                "RCPT" => {
                    recipients.push(between_brackets(line).to_owned());
                    "250 ok"
                }
                "DATA" => {
                    writing.write_all(b"354 go on\r\n").await?;
                    let raw = read_data(&mut reading).await?;
                    for to in recipients.drain(..) {
                        self.keep(&to, &raw);
                    }
                    "250 taken"
                }
                "RSET" => {
                    recipients.clear();
                    "250 ok"
                }
                "HELO" | "MAIL" | "NOOP" => "250 ok",
                "QUIT" => {
                    writing.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "502 not here",
            };
            // One write: the end of the line would wait for the sender's acknowledgement.
            let answer = format!("{answer}\r\n");
            writing.write_all(answer.as_bytes()).await?;
        }
    }

    fn keep(&self, to: &str, raw: &[u8]) {
        let parsed = MessageParser::default().parse(raw);
        let message = parsed.as_ref();
        let mut kept = self.kept();
        kept.count += 1;
        let mail = Received {
            number: kept.count,
            to: to.to_owned(),
            subject: message
                .and_then(|message| message.subject())
                .unwrap_or_default()
                .to_owned(),
            date: message
                .and_then(|message| message.date())
                .map(mail_parser::DateTime::to_rfc3339)
                .unwrap_or_default(),
            message_id: match message.and_then(|message| message.header("Message-ID")) {
                Some(HeaderValue::Text(id)) => format!("<{id}>"),
                _ => String::new(),
            },
            text: message
                .and_then(|message| message.body_text(0))
                .unwrap_or_default()
                .replace("\r\n", "\n"),
            raw: String::from_utf8_lossy(raw).into_owned(),
        };
        kept.mails.push_back(mail);
        if kept.mails.len() > KEPT {
            kept.mails.pop_front();
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands between `<` and `>`.
fn between_brackets(line: &str) -> &str {
    let (_, rest) = line.split_once('<').unwrap_or_default();
    rest.split_once('>').map_or("", |(inner, _)| inner)
}

/// The octets up to the line with a dot, doubled dots undone (RFC 5321 §4.5.2).
async fn read_data(
    reading: &mut BufReader<tokio::net::tcp::OwnedReadHalf>,
) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    let mut limited = reading.take(LONGEST);
    loop {
        let mut line = Vec::new();
        let read = limited.read_until(b'\n', &mut line);
        if timeout(PATIENCE, read).await?? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.as_slice() {
            b".\r\n" | b".\n" => return Ok(data),
            [b'.', rest @ ..] => data.extend_from_slice(rest),
            _ => data.extend_from_slice(&line),
        }
    }
}
