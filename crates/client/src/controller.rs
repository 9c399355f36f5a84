//! The whole behaviour of a terminal's client, without an operating system (manual 3.1, issue on the client).
//!
//! A [`Controller`] is told an [`Event`] at a time and answers when it wants to be woken. It asks its [`Ports`] for
//! everything else, in an order that survives an end of the program at any point: what must not be lost is on the disk
//! before the step that needs it ([`crate::pending`]).
//!
//! | file | procedure |
//! | --- | --- |
//! | `enrol.rs` | a first certificate by the IDs of a letter |
//! | `renew.rs` | a newer certificate by the one that is there |
//! | `progress.rs` | key, request, installation, verification: the part that both share |
//! | `finish.rs` | backup, and the old certificate |
//! | `background.rs` | what a timer, a logon or another network leads to |
//! | `newer.rs` | a newer version of the program |
//! | `address.rs`, `receipt.rs`, `reference_id.rs` | what a certificate asks about itself |
//! | `list.rs`, `remove.rs`, `stop.rs`, `options.rs` | the list, deletion, 一時停止 and 失効, the settings |

use std::collections::BTreeMap;
use std::sync::Arc;

use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;

use crate::exchange::Connection;
use crate::failpoint::Failpoint;
use crate::failure::Failure;
use crate::known::Known;
use crate::log;
use crate::messages::{Words, trouble};
use crate::pending::Pending;
use crate::ports::{Answer, HttpError, Identity, Ports, Program, StoreError, StoredCertificate};
use crate::settings::Settings;
use crate::trust::Trust;

mod address;
mod background;
mod enrol;
mod finish;
mod list;
mod newer;
mod options;
mod progress;
mod receipt;
mod reference_id;
mod remove;
mod renew;
mod stop;

pub use options::SettingsView;
pub use stop::StopChoice;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The person wants a procedure that waits to go on, or pressed 「証明書更新」 on this row.
    Renew(Fingerprint),
    /// はじめての取得.
    Enrol,
    /// 接続の確認: the root by a 接続確認コード alone.
    Prove,
    /// 削除 on this row.
    Remove(Fingerprint),
    /// バックアップ on this row.
    BackUp(Fingerprint),
    /// The person wants to see the IDs of this terminal's certificates (P-06).
    Identify(Fingerprint),
    /// 一時停止 or 失効 on this row.
    Stop(Fingerprint, StopChoice),
    /// メールアドレスの変更, with the certificate of this row.
    ChangeAddress(Fingerprint),
    /// 更新申請受付票 of the renewal that this row takes part in.
    SaveReceipt(Fingerprint),
    /// A new リファレンスID for this row.
    NewReferenceId(Fingerprint),
    /// 新しいバージョンの確認.
    Update,
    /// The window came up: the list is shown, and what waits for the person goes on.
    WindowOpened,
    /// The program began.
    Started,
    /// The instant of [`Wake`].
    Timer,
    /// The machine woke up.
    Resumed,
    /// Somebody logged on.
    LoggedOn,
    /// Another network, or another address.
    NetworkChanged,
}

/// When the controller wants to be woken by [`Event::Timer`]; `None`: nothing will be due by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake(pub Option<Timestamp>);

/// Whether somebody is there to read and to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Nobody,
    Person,
}

/// How an attempt stands that nobody watches.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    failed: u32,
    last: Option<Timestamp>,
    /// In how many seconds the server wants to be asked again.
    after: Option<u64>,
    /// Whether the person was told.
    was_told: bool,
}

/// The behaviour.
pub struct Controller<'a> {
    ports: Ports<'a>,
    settings: Settings,
    trust: Trust,
    known: Known,
    /// What of it is on the disk.
    kept: Known,
    attempts: BTreeMap<String, Attempts>,
    clock_was_told: Option<String>,
    failpoint: Failpoint,
    /// The proxy that asked for a password last, `host:port`.
    asking_proxy: Option<String>,
    program: Option<Arc<dyn Program>>,
}

impl<'a> Controller<'a> {
    /// Reads what was proven and remembered. A `trust.json` that cannot be read is an error; nobody is trusted by guess.
    pub fn open(ports: Ports<'a>, settings: Settings) -> Result<Self, Failure> {
        let trust = Trust::load(&settings, ports.files)?;
        let known = remembered(&ports)?;
        Ok(Self {
            ports,
            settings,
            trust,
            kept: known.clone(),
            known,
            attempts: BTreeMap::new(),
            clock_was_told: None,
            failpoint: Failpoint::default(),
            asking_proxy: None,
            program: None,
        })
    }

    /// Lets a test kill the program at a named point.
    #[must_use]
    pub fn with_failpoint(mut self, failpoint: Failpoint) -> Self {
        self.failpoint = failpoint;
        self
    }

    /// Reads again what another program may have changed in the state folder since the last event.
    pub fn reload(&mut self) -> Result<(), Failure> {
        self.trust = Trust::load(&self.settings, self.ports.files)?;
        self.known = remembered(&self.ports)?;
        self.kept = self.known.clone();
        Ok(())
    }

    /// Does what the event leads to. Everything that the person is to know was shown when this returns.
    pub fn on(&mut self, event: Event) -> Wake {
        self.log(&format!("event: {}", name(&event)));
        match event {
            Event::Started
            | Event::Timer
            | Event::Resumed
            | Event::LoggedOn
            | Event::NetworkChanged => {
                if matches!(event, Event::NetworkChanged | Event::Resumed) {
                    // What failed for want of a network is worth another try.
                    self.forget_pauses();
                }
                self.background();
            }
            Event::WindowOpened => {
                self.show_list();
                self.finish_what_waits();
            }
            Event::Renew(certificate) => self.renew(&certificate),
            Event::Enrol => self.enrol(),
            Event::Prove => self.prove(),
            Event::Update => self.update(),
            Event::Remove(certificate) => self.remove(&certificate),
            Event::BackUp(certificate) => self.back_up(&certificate),
            Event::Identify(certificate) => self.identify(&certificate),
            Event::ChangeAddress(certificate) => self.change_address(&certificate),
            Event::SaveReceipt(certificate) => self.save_receipt(&certificate),
            Event::NewReferenceId(certificate) => self.new_reference_id(&certificate),
            Event::Stop(certificate, ref choice) => self.stop(&certificate, choice),
        }
        self.ports.ui.progress(None);
        if !is_background(&event) {
            self.show_list();
        }
        let wake = Wake(self.next_wake());
        if let Wake(Some(at)) = wake {
            self.log(&format!("next: {at}"));
        }
        wake
    }

    /// The settings that count.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn log(&self, text: &str) {
        log::line(self.ports.files, self.now(), text);
    }

    fn words(&self) -> Words<'_> {
        Words::of(&self.settings)
    }

    fn connection(&self) -> Result<Connection<'_>, Failure> {
        Ok(Connection {
            http: self.ports.http,
            server: self.settings.server().ok_or(Failure::NoServer)?,
            root: self.trust.root()?,
        })
    }

    /// The certificates of the operator at this terminal, the one that ends first on top.
    fn certificates(&self) -> Result<Vec<StoredCertificate>, Failure> {
        let mut found = self.ports.store.list()?;
        found.retain(|one| self.trust.issued(&one.certificate));
        found.sort_by_key(|one| (one.not_after(), one.fingerprint()));
        Ok(found)
    }

    fn certificate(&self, wanted: &Fingerprint) -> Result<StoredCertificate, Failure> {
        let found = self
            .certificates()?
            .into_iter()
            .find(|one| one.fingerprint() == *wanted);
        let missing = || StoreError::NotThere(format!("the certificate {wanted}"));
        Ok(found.ok_or_else(missing)?)
    }

    /// A certificate of this terminal, to speak with.
    fn presenting(&self, certificate: &Fingerprint) -> Result<Identity, Failure> {
        let stored = self.certificate(certificate)?;
        let missing = || StoreError::NotThere(format!("the key of {certificate}"));
        Ok(self.identity(&stored.certificate)?.ok_or_else(missing)?)
    }

    /// Does it until it works, or the person does not want it tried again.
    fn retried<T>(&mut self, act: impl Fn(&mut Self) -> Result<T, Failure>) -> Option<T> {
        loop {
            match act(self) {
                Ok(done) => return Some(done),
                Err(failure) if self.tell(&failure, true) => {}
                Err(_) => return None,
            }
        }
    }

    fn pending(&self) -> Result<Vec<Pending>, Failure> {
        Pending::load_all(self.ports.files)
    }

    /// Keeps what is remembered. A full disk must not stop a renewal: it is asked for again.
    fn remember(&mut self) {
        if self.known == self.kept {
            return;
        }
        match self.known.save(self.ports.files) {
            Ok(()) => self.kept = self.known.clone(),
            Err(error) => self.log(&format!("not remembered: {error}")),
        }
    }

    /// Tells a failure; whether the person wants it tried again.
    fn tell(&mut self, failure: &Failure, can_retry: bool) -> bool {
        if let Failure::Http(HttpError::ProxyAuthentication { proxy, .. }) = failure {
            self.asking_proxy = Some(proxy.clone());
        }
        self.log(&format!("{}: {failure}", failure.code()));
        self.ports.ui.progress(None);
        let clock = self.clock_of(failure);
        let failure = clock.as_ref().unwrap_or(failure);
        let message = trouble::of(failure, self.words(), can_retry && failure.may_pass());
        self.ports.ui.show(&message) == Answer::Retry
    }

    /// Where the server's certificate is not valid at this terminal's time and the server says another time, by how
    /// much they differ. It proves nothing, and helps the person to see what is wrong.
    fn clock_of(&self, failure: &Failure) -> Option<Failure> {
        match failure {
            Failure::Http(HttpError::ServerTime {
                server_date: date @ Some(_),
                ..
            }) => progress::check_clock(self.now(), *date).err(),
            _ => None,
        }
    }
}

/// What was remembered; a file that cannot be read is left, since all of it can be asked for again.
fn remembered(ports: &Ports<'_>) -> Result<Known, Failure> {
    match Known::load(ports.files) {
        Err(Failure::Settings(problem)) => {
            let line = format!("begin anew: {problem}");
            log::line(ports.files, ports.clock.now(), &line);
            Ok(Known::default())
        }
        other => other,
    }
}

const fn is_background(event: &Event) -> bool {
    matches!(
        event,
        Event::Started | Event::Timer | Event::Resumed | Event::LoggedOn | Event::NetworkChanged
    )
}

/// For the log: no value of an event is a secret, but a choice holds mail addresses.
const fn name(event: &Event) -> &'static str {
    match event {
        Event::BackUp(_) => "back up",
        Event::ChangeAddress(_) => "change address",
        Event::Enrol => "enrol",
        Event::Identify(_) => "identify",
        Event::LoggedOn => "logged on",
        Event::NetworkChanged => "network changed",
        Event::NewReferenceId(_) => "new reference id",
        Event::Prove => "prove",
        Event::Remove(_) => "remove",
        Event::Renew(_) => "renew",
        Event::Resumed => "resumed",
        Event::SaveReceipt(_) => "save receipt",
        Event::Started => "started",
        Event::Stop(..) => "stop",
        Event::Timer => "timer",
        Event::Update => "update",
        Event::WindowOpened => "window opened",
    }
}
