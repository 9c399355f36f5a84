//! The network step by step, for the diagnostics page and `tegata-client diagnose` (issue 5, item 4).
//!
//! Plain values in English for the help desk: no secret, no name of a person. Each step is tried on
//! its own, so that one failure does not hide the next; steps that make no sense after it are left
//! out and say so.

use std::io::Write as _;
use std::time::{Duration, Instant};

use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;

use super::message::{Asked, Reader};
use super::tls::{self, Trust};
use super::transport::{Transport, ask, request_head};
use super::wire::{self, Deadline, Wire};
use crate::ports::{HttpError, Method, ProxyChoice, Request, Response, Server};

/// What is to be tried.
pub struct Question<'a> {
    /// The operator's server.
    pub server: &'a Server,
    /// A path that anybody may ask for.
    pub path: &'a str,
    /// The proven root; `None` before the first trust.
    pub root: Option<&'a Certificate>,
    /// CRLs that relying systems and browsers ask for, as `http` addresses.
    pub crls: &'a [String],
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub kind: StepKind,
    /// How it went.
    pub outcome: Outcome,
    /// What was found, in English: addresses, certificates, the error.
    pub detail: String,
    /// How long it took.
    pub duration: Duration,
}

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Which ways the settings give.
    Proxy,
    /// The addresses of the first proxy, or of the server where there is none.
    Name,
    /// A connection to the server, through the proxy where there is one.
    Connection,
    /// The certificates that the server shows, whoever it is.
    Chain,
    /// Whether they lead to the proven root, and what was negotiated.
    Tls,
    /// An answer to a plain question.
    Answer,
    /// The server's time against ours.
    Clock,
    /// A CRL by plain HTTP.
    Crl,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Good,
    /// Something a person should look at.
    Bad,
    /// Not tried.
    Skipped,
}

impl Transport {
    /// Tries all steps, at most two minutes in all.
    pub fn diagnose(&self, question: &Question<'_>) -> Vec<Step> {
        let deadline = Deadline::start(TOTAL, QUIET);
        let mut steps = Vec::new();
        let ways = self.see_ways(question.server, &mut steps);
        if let Some(way) = ways.first() {
            see_name(question.server, way, deadline, &mut steps);
        }
        let is_connected = self.see_connection(question.server, deadline, &mut steps);
        if is_connected {
            self.see_chain(question.server, deadline, &mut steps);
            self.see_answer(question, deadline, &mut steps);
        } else {
            for kind in [
                StepKind::Chain,
                StepKind::Tls,
                StepKind::Answer,
                StepKind::Clock,
            ] {
                steps.push(Step::skipped(kind, "there is no connection"));
            }
        }
        for crl in question.crls {
            self.see_crl(crl, deadline, &mut steps);
        }
        steps
    }

    fn see_ways(&self, server: &Server, steps: &mut Vec<Step>) -> Vec<ProxyChoice> {
        let watch = Watch::start(StepKind::Proxy);
        match self.config.choose(server) {
            Ok(ways) => {
                let names: Vec<String> = ways.iter().map(way_name).collect();
                steps.push(watch.good(names.join(", then ")));
                ways
            }
            Err(error) => {
                steps.push(watch.bad(error.to_string()));
                Vec::new()
            }
        }
    }

    fn see_connection(&self, server: &Server, deadline: Deadline, steps: &mut Vec<Step>) -> bool {
        let watch = Watch::start(StepKind::Connection);
        match self.reach(server, deadline) {
            Ok(reached) => {
                let mut detail = way_name(&reached.way);
                if let Some(signed_in) = reached.signed_in {
                    detail.push_str(&format!(", sign-in at the proxy: {signed_in}"));
                }
                steps.push(watch.good(detail));
                true
            }
            Err(error) => {
                steps.push(watch.bad(error.to_string()));
                false
            }
        }
    }

    fn see_chain(&self, server: &Server, deadline: Deadline, steps: &mut Vec<Step>) {
        let watch = Watch::start(StepKind::Chain);
        let shown = self
            .reach(server, deadline)
            .and_then(|reached| tls::shown_chain(reached.wire, &server.host, self.clock.now()));
        steps.push(match shown {
            Ok(chain) => watch.good(describe(&chain)),
            Err(error) => watch.bad(error.to_string()),
        });
    }

    /// TLS as the client means it, one question, and the time in its answer.
    fn see_answer(&self, question: &Question<'_>, deadline: Deadline, steps: &mut Vec<Step>) {
        let Some(root) = question.root else {
            for kind in [StepKind::Tls, StepKind::Answer, StepKind::Clock] {
                steps.push(Step::skipped(kind, "no root is proven yet"));
            }
            return;
        };
        let now = self.clock.now();
        let host = &question.server.host;
        let watch = Watch::start(StepKind::Tls);
        let session = self
            .reach(question.server, deadline)
            .and_then(|reached| tls::handshake(reached.wire, host, Trust::Root(root), None, now));
        let session = match session {
            Ok(session) => {
                steps.push(watch.good(session.parameters()));
                session
            }
            Err(error) => {
                steps.push(watch.bad(error.to_string()));
                steps.push(Step::skipped(StepKind::Answer, "TLS failed"));
                let date = match error {
                    HttpError::ServerTime { not_before, .. } => {
                        self.server_date(question.server, root, not_before)
                    }
                    _ => None,
                };
                steps.push(clock_step(Watch::start(StepKind::Clock), date, now));
                return;
            }
        };
        let watch = Watch::start(StepKind::Answer);
        let request = Request {
            server: question.server.clone(),
            method: Method::Get,
            path: question.path.to_owned(),
            headers: Vec::new(),
            body: None,
            basic: None,
            identity: None,
        };
        let sink = &mut std::io::sink();
        let answer = request_head(&request);
        let answer = answer.and_then(|head| ask(session, &head, &[], BODY, sink));
        let now = self.clock.now();
        match answer {
            Ok(answer) => {
                steps.push(judge_answer(watch, &answer));
                steps.push(clock_step(Watch::start(StepKind::Clock), answer.date, now));
            }
            Err(error) => {
                steps.push(watch.bad(error.to_string()));
                steps.push(Step::skipped(StepKind::Clock, "there is no answer"));
            }
        }
    }

    /// A CRL comes by plain HTTP. Through a proxy it is asked for without a password: what goes out
    /// in clear to a server behind a proxy must hold none (T71).
    fn see_crl(&self, address: &str, deadline: Deadline, steps: &mut Vec<Step>) {
        let watch = Watch::start(StepKind::Crl);
        steps.push(match self.fetch_plain(address, deadline) {
            Ok((200, size)) => watch.good(format!("{address}: {size} octets")),
            Ok((407, _)) => watch.skipped(format!(
                "{address}: the proxy wants a sign-in for plain HTTP, which is not given"
            )),
            Ok((status, _)) => watch.bad(format!("{address}: status {status}")),
            Err(detail) => watch.bad(format!("{address}: {detail}")),
        });
    }

    fn fetch_plain(&self, address: &str, deadline: Deadline) -> Result<(u16, usize), String> {
        let wrong = || "no address of plain HTTP".to_owned();
        let rest = address.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (authority, 80),
        };
        if host.is_empty() || !address.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(wrong());
        }
        let server = Server {
            host: host.to_owned(),
            port,
        };
        let ways = self
            .config
            .choose(&server)
            .map_err(|error| error.to_string())?;
        let (host, port, target) = match ways.first() {
            Some(ProxyChoice::Proxy(proxy)) => (proxy.host.as_str(), proxy.port, address),
            _ => (host, port, path),
        };
        let io = |error: std::io::Error| error.to_string();
        let addresses = wire::resolve(host, port, deadline).map_err(io)?;
        let mut wire = Wire::connect(&addresses, deadline).map_err(io)?;
        let question =
            format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        wire.write_all(question.as_bytes()).map_err(io)?;
        let mut reader = Reader::new(wire);
        let head = reader.head().map_err(|error| error.to_string())?;
        let mut body = Counter(0);
        let read = reader.body(&head, Asked::Other, CRL, &mut body);
        read.map_err(|error| error.to_string())?;
        Ok((head.status, body.0))
    }
}

fn see_name(server: &Server, way: &ProxyChoice, deadline: Deadline, steps: &mut Vec<Step>) {
    let watch = Watch::start(StepKind::Name);
    let (host, port) = match way {
        ProxyChoice::Direct => (&server.host, server.port),
        ProxyChoice::Proxy(proxy) => (&proxy.host, proxy.port),
    };
    steps.push(match wire::resolve(host, port, deadline) {
        Ok(addresses) => {
            let addresses = addresses.iter().map(|address| address.ip().to_string());
            let addresses: Vec<String> = addresses.collect();
            watch.good(format!("{host}: {}", addresses.join(", ")))
        }
        Err(error) => watch.bad(format!("{host}: {error}")),
    });
}

fn judge_answer(watch: Watch, answer: &Response) -> Step {
    let detail = format!("status {}, {}", answer.status, answer.media_type());
    if answer.status < 400 {
        watch.good(detail)
    } else {
        watch.bad(detail)
    }
}

/// A difference that matters to nobody is good: certificates begin ten minutes early (D2).
fn clock_step(watch: Watch, date: Option<Timestamp>, now: Timestamp) -> Step {
    let Some(date) = date else {
        return watch.skipped("the server told no time".to_owned());
    };
    let ahead = now.seconds_since(date);
    let detail = format!("this terminal is {ahead} s ahead of the server");
    if ahead.abs() <= CLOCK {
        watch.good(detail)
    } else {
        watch.bad(detail)
    }
}

/// Each certificate in one line: name, issuer, days, fingerprint.
fn describe(chain: &[Vec<u8>]) -> String {
    let lines = chain.iter().map(|der| match Certificate::from_der(der) {
        Ok(certificate) => {
            let at = |seconds| Timestamp::from_unix(seconds).to_string();
            format!(
                "{} | issuer {} | {} to {} | SHA-256 {}",
                certificate.subject(),
                certificate.issuer(),
                at(certificate.not_before()),
                at(certificate.not_after()),
                hex::encode(certificate.fingerprint_sha256()),
            )
        }
        Err(error) => format!("unreadable: {error}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn way_name(way: &ProxyChoice) -> String {
    match way {
        ProxyChoice::Direct => "direct".to_owned(),
        ProxyChoice::Proxy(proxy) => format!("proxy {}:{}", proxy.host, proxy.port),
    }
}

/// A step under way.
struct Watch {
    kind: StepKind,
    start: Instant,
}

impl Watch {
    fn start(kind: StepKind) -> Self {
        Self {
            kind,
            start: Instant::now(),
        }
    }

    fn good(self, detail: String) -> Step {
        self.end(Outcome::Good, detail)
    }

    fn bad(self, detail: String) -> Step {
        self.end(Outcome::Bad, detail)
    }

    fn skipped(self, detail: String) -> Step {
        self.end(Outcome::Skipped, detail)
    }

    fn end(self, outcome: Outcome, detail: String) -> Step {
        Step {
            kind: self.kind,
            outcome,
            detail,
            duration: self.start.elapsed(),
        }
    }
}

impl Step {
    fn skipped(kind: StepKind, why: &str) -> Self {
        Watch::start(kind).skipped(why.to_owned())
    }
}

/// Counts what nobody keeps.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0 += buffer.len();
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const TOTAL: Duration = Duration::from_secs(120);
const QUIET: Duration = Duration::from_secs(20);
const BODY: usize = 1024 * 1024;
const CRL: usize = 64 * 1024 * 1024;
/// Seconds.
const CLOCK: i64 = 300;
