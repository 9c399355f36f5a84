//! The thread on which the controller runs: one piece of work at a time, and asleep between them.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::parts::Parts;
use super::windows::{Request, WindowsUi, Work};
use crate::controller::{Controller, Event, Wake};
use crate::log;
use crate::ports::{Answer, Buttons, Clock as _, Ports, Ui as _, UserMessage};
use crate::settings::Settings;

/// The longest sleep in one piece. The clock may be moved meanwhile, so a longer one is cut up.
const LONGEST_SLEEP: i64 = 3600;

/// Runs until the windows are gone.
pub(super) fn run(parts: &Parts, settings: Settings, ui: &WindowsUi, work: &Receiver<Work>) {
    let ports = Ports {
        clock: &parts.clock,
        entropy: &parts.entropy,
        files: &*parts.files,
        http: &*parts.transport,
        secrets: &*parts.secrets,
        store: &parts.store,
        ui,
    };
    let controller = match Controller::open(ports, settings) {
        Ok(controller) => controller.with_program(parts.program.clone()),
        Err(failure) => {
            parts.log(&format!("not opened: {failure}"));
            ui.show(&UserMessage {
                code: failure.code(),
                text: super::sys::window::word(super::resource::word::NO_SETTINGS),
                cause: Some(failure.to_string()),
                next: Vec::new(),
                help_desk: Vec::new(),
                buttons: Buttons::Ok,
            });
            ui.tell(Request::Quit);
            return;
        }
    };
    let mut worker = Worker {
        parts,
        controller,
        ui,
        wake: Wake(None),
    };
    worker.event(Event::Started);
    loop {
        match work.recv_timeout(worker.pause()) {
            Ok(work) => worker.work(work),
            Err(RecvTimeoutError::Timeout) => worker.timer(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

struct Worker<'a> {
    parts: &'a Parts,
    controller: Controller<'a>,
    ui: &'a WindowsUi,
    wake: Wake,
}

impl Worker<'_> {
    fn work(&mut self, work: Work) {
        match work {
            Work::Event(event) => self.event(event),
            Work::ShowSettings => {
                let view = self.controller.settings_view();
                self.ui.tell(Request::Settings(Box::new(view)));
            }
            Work::Change(changed) => {
                let password = changed.password.as_ref();
                let done = self
                    .controller
                    .change_settings(changed.preferences, password);
                match done {
                    Ok(()) => {
                        self.parts
                            .proxy
                            .change(self.controller.settings().proxy().clone());
                        self.parts.transport.forget_refusals();
                        self.event(Event::WindowOpened);
                    }
                    Err(failure) => self.refuse(&failure),
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        if is_of_person(&event) {
            // A password that a proxy refused may be tried again, since somebody asked for it.
            self.parts.transport.forget_refusals();
        }
        self.ui.tell(Request::Busy(true));
        self.wake = self.controller.on(event);
        self.ui.tell(Request::Busy(false));
    }

    fn timer(&mut self) {
        let Wake(at) = self.wake;
        if at.is_some_and(|at| at <= self.parts.clock.now()) {
            self.event(Event::Timer);
        }
    }

    fn pause(&self) -> Duration {
        let Wake(at) = self.wake;
        let seconds = at.map_or(LONGEST_SLEEP, |at| {
            at.seconds_since(self.parts.clock.now())
                .clamp(1, LONGEST_SLEEP)
        });
        Duration::from_secs(seconds.unsigned_abs())
    }

    /// Settings that were not kept: the person reads why, in the words of the window.
    fn refuse(&self, failure: &crate::failure::Failure) {
        self.parts.log(&format!("settings not kept: {failure}"));
        let message = UserMessage {
            code: failure.code(),
            text: super::sys::window::word(super::resource::word::CHECK_INPUT),
            cause: Some(failure.to_string()),
            next: Vec::new(),
            help_desk: self.controller.settings().pack.help_desk.clone(),
            buttons: Buttons::Ok,
        };
        let Answer::Ok = self.ui.show(&message) else {
            return;
        };
    }
}

fn is_of_person(event: &Event) -> bool {
    !matches!(
        event,
        Event::Started
            | Event::Timer
            | Event::Resumed
            | Event::LoggedOn
            | Event::NetworkChanged
            | Event::WindowOpened
    )
}

impl Parts {
    /// Writes a line of the log.
    pub(super) fn log(&self, text: &str) {
        log::line(&*self.files, self.clock.now(), text);
    }
}
