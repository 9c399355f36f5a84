//! What the help desk needs to know of a terminal, gathered once, and packed into one file.
//!
//! The file is for people of the operator, so it is English. It holds no password, no private key and no ID of a
//! letter: only what is named here goes in.

use std::io::{Cursor, Write as _};

use zip::write::{SimpleFileOptions, ZipWriter};

use super::parts::Parts;
use super::sys::version;
use super::{pack, sys};
use crate::log::{EARLIER_LOG, LOG};
use crate::net::{Outcome, Question, Step, StepKind};
use crate::ports::{CertificateStore as _, Clock as _, Files};
use crate::settings::{PREFERENCES, Settings};
use crate::trust::Trust;

/// A path of the server that anybody may ask for.
const PATH: &str = "/healthz";
const REPORT: &str = "report.txt";
/// More revocation lists than this are not asked for.
const MOST_CRLS: usize = 3;

/// What was found.
#[derive(Default)]
pub(super) struct Diagnosis {
    pub(super) findings: Vec<Finding>,
}

/// One thing that was looked at.
pub(super) struct Finding {
    pub(super) subject: Subject,
    pub(super) outcome: Outcome,
    /// English; the first line is the sum.
    pub(super) detail: String,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A step on the way to the server.
    Network(StepKind),
    /// The certificates of this user.
    Store,
    /// Program, system and settings.
    Terminal,
}

/// Looks at everything; takes up to two minutes.
pub(super) fn run(parts: &Parts) -> Diagnosis {
    let settings = pack::text().and_then(|text| Settings::load(&text, &*parts.files));
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let finding = bad(Subject::Terminal, error.to_string());
            return Diagnosis {
                findings: vec![finding],
            };
        }
    };
    let mut findings = vec![terminal(parts, &settings)];
    let trust = Trust::load(&settings, &*parts.files);
    let (store, crls) = store(parts, trust.as_ref().ok());
    findings.push(store);
    match settings.server() {
        None => findings.push(bad(Subject::Terminal, "no server is named".to_owned())),
        Some(server) => {
            let root = trust.as_ref().ok().and_then(|trust| trust.root().ok());
            let question = Question {
                server,
                path: PATH,
                root,
                crls: &crls,
            };
            let steps = parts.transport.diagnose(&question);
            findings.extend(steps.into_iter().map(of_network));
        }
    }
    Diagnosis { findings }
}

/// The file for the help desk.
pub(super) fn pack(diagnosis: &Diagnosis, files: &dyn Files) -> Result<Vec<u8>, String> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, octets: &[u8]| -> Result<(), String> {
        zip.start_file(name, SimpleFileOptions::default())
            .map_err(|error| error.to_string())?;
        zip.write_all(octets).map_err(|error| error.to_string())
    };
    add(REPORT, report(diagnosis).as_bytes())?;
    for name in [LOG, EARLIER_LOG, PREFERENCES] {
        if let Ok(Some(octets)) = files.read(name) {
            add(name, &octets)?;
        }
    }
    let written = zip.finish().map_err(|error| error.to_string())?;
    Ok(written.into_inner())
}

fn report(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let subject = format!("{:?}", finding.subject);
        let outcome = format!("{:?}", finding.outcome);
        text.push_str(&format!(
            "{subject}: {outcome}\r\n  {}\r\n\r\n",
            finding.detail.replace('\n', "\r\n  ")
        ));
    }
    text
}

fn terminal(parts: &Parts, settings: &Settings) -> Finding {
    let proxy = settings.proxy();
    let server = settings.server().map(ToString::to_string);
    let names = parts.files.list().unwrap_or_default();
    let lines = [
        format!(
            "MPKI client {} ({}), Windows build {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH,
            version::build()
        ),
        format!("time: {}", parts.clock.now()),
        format!("program: {}", sys::process::program().display()),
        format!("server: {}", server.unwrap_or_default()),
        format!(
            "proxy: {:?} {} {} except {:?}, user {:?}",
            proxy.mode, proxy.address, proxy.pac, proxy.bypass, proxy.user
        ),
        format!("Windows' proxy: {:?}", sys::winhttp::user_settings()),
        format!("module for keys: {}", parts.store.has_hardware()),
        format!("files: {}", names.join(", ")),
    ];
    Finding {
        subject: Subject::Terminal,
        outcome: Outcome::Good,
        detail: lines.join("\n"),
    }
}

/// The certificates, and the revocation lists that they name.
fn store(parts: &Parts, trust: Option<&Trust>) -> (Finding, Vec<String>) {
    let found = match parts.store.list() {
        Ok(found) => found,
        Err(error) => return (bad(Subject::Store, error.to_string()), Vec::new()),
    };
    let now = parts.clock.now().unix();
    let mut lines = Vec::new();
    let mut crls = Vec::new();
    let mut usable = 0;
    for one in &found {
        let is_ours = trust.is_some_and(|trust| trust.issued(&one.certificate));
        let is_valid = one.certificate.is_valid_at(now);
        if is_ours {
            usable += usize::from(is_valid);
            crls.extend(one.certificate.crl_distribution_points());
        }
        lines.push(format!(
            "{} issuer {} until {} key {:?} {}{}",
            one.certificate.subject(),
            one.certificate.issuer(),
            one.not_after(),
            one.place,
            if is_ours {
                "of the operator"
            } else {
                "foreign"
            },
            if is_valid { "" } else { ", not valid now" },
        ));
    }
    lines.insert(
        0,
        format!(
            "{} with a key, {usable} of the operator and valid",
            found.len()
        ),
    );
    crls.sort();
    crls.dedup();
    crls.truncate(MOST_CRLS);
    let finding = Finding {
        subject: Subject::Store,
        outcome: if usable > 0 {
            Outcome::Good
        } else {
            Outcome::Bad
        },
        detail: lines.join("\n"),
    };
    (finding, crls)
}

fn of_network(step: Step) -> Finding {
    Finding {
        subject: Subject::Network(step.kind),
        outcome: step.outcome,
        detail: format!("{} ({} ms)", step.detail, step.duration.as_millis()),
    }
}

fn bad(subject: Subject, detail: String) -> Finding {
    Finding {
        subject,
        outcome: Outcome::Bad,
        detail,
    }
}
