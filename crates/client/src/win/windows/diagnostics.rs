//! 診断: what stands between this terminal and the server, step by step, and one file of it for the help desk (P-30).

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use windows_sys::Win32::UI::WindowsAndMessaging::{
    MB_ICONINFORMATION, MB_ICONWARNING, MB_OK, WM_TIMER,
};

use crate::messages::PROGRAM;
use crate::net::{Outcome, StepKind};
use crate::ports::Clock as _;
use crate::win::diagnosis::{self, Diagnosis, Finding, Subject};
use crate::win::parts::Parts;
use crate::win::resource::{
    CANCEL, DIAG_AGAIN, DIAG_DETAIL, DIAG_LIST, DIAG_SAVE, DIAG_STATUS, DIALOG_DIAGNOSTICS, word,
};
use crate::win::sys::dialog::{Dialog, run_modal};
use crate::win::sys::list::List;
use crate::win::sys::shell;
use crate::win::sys::window::{Window, message_box, word as fixed};

/// Looks whether the findings are there.
const TIMER: usize = 1;
const INTERVAL: u32 = 200;

/// Shows the window and waits until it is closed.
pub(super) fn show(owner: Window, parts: &Arc<Parts>) {
    let dialog = Diagnostics {
        parts,
        running: RefCell::default(),
        diagnosis: RefCell::default(),
    };
    run_modal(DIALOG_DIAGNOSTICS, owner, &dialog);
}

struct Diagnostics<'a> {
    parts: &'a Arc<Parts>,
    running: RefCell<Option<Receiver<Diagnosis>>>,
    diagnosis: RefCell<Option<Diagnosis>>,
}

impl Diagnostics<'_> {
    fn begin(&self, window: Window) {
        if self.running.borrow().is_some() {
            return;
        }
        let (send, receive) = mpsc::channel();
        let parts = self.parts.clone();
        let started = thread::Builder::new().spawn(move || {
            let _ = send.send(diagnosis::run(&parts));
        });
        if started.is_err() {
            return;
        }
        self.running.replace(Some(receive));
        window.item(DIAG_STATUS).set_text(&fixed(word::CHECKING));
        for button in [DIAG_AGAIN, DIAG_SAVE] {
            window.item(button).enable(false);
        }
        window.set_timer(TIMER, INTERVAL);
    }

    fn look(&self, window: Window) {
        let received = match &*self.running.borrow() {
            Some(running) => running.try_recv(),
            None => return,
        };
        let diagnosis = match received {
            Ok(diagnosis) => diagnosis,
            Err(mpsc::TryRecvError::Empty) => return,
            Err(mpsc::TryRecvError::Disconnected) => Diagnosis::default(),
        };
        window.stop_timer(TIMER);
        self.running.replace(None);
        let rows: Vec<Vec<String>> = diagnosis.findings.iter().map(cells).collect();
        let worst = diagnosis
            .findings
            .iter()
            .position(|finding| finding.outcome == Outcome::Bad);
        self.diagnosis.replace(Some(diagnosis));
        let list = List(window.item(DIAG_LIST));
        list.set_rows(&rows);
        list.select(worst.unwrap_or(0));
        self.show_detail(window);
        window.item(DIAG_STATUS).set_text(&fixed(word::CHECKED));
        for button in [DIAG_AGAIN, DIAG_SAVE] {
            window.item(button).enable(true);
        }
    }

    fn show_detail(&self, window: Window) {
        let chosen = List(window.item(DIAG_LIST)).selected();
        let diagnosis = self.diagnosis.borrow();
        let finding = diagnosis
            .as_ref()
            .zip(chosen)
            .and_then(|(diagnosis, row)| diagnosis.findings.get(row));
        let text = finding.map(|finding| finding.detail.replace('\n', "\r\n"));
        window.item(DIAG_DETAIL).set_text(&text.unwrap_or_default());
    }

    fn save(&self, window: Window) {
        let diagnosis = self.diagnosis.borrow();
        let Some(diagnosis) = diagnosis.as_ref() else {
            return;
        };
        let day = self.parts.clock.now().japan_date().to_string();
        let name = format!("{}-{day}.zip", fixed(word::DIAGNOSIS_NAME));
        let kind = fixed(word::ZIP_FILE);
        let Some(place) = shell::ask_save_place(window, &name, &kind, "zip") else {
            return;
        };
        let (text, icon) = match self.write(diagnosis, &place) {
            Ok(()) => (fixed(word::SAVED), MB_ICONINFORMATION),
            Err(error) => (
                format!("{}\n{error}", fixed(word::NOT_SAVED)),
                MB_ICONWARNING,
            ),
        };
        let text = format!("{text}\n{}", place.display());
        message_box(window, PROGRAM, &text, MB_OK | icon);
    }

    fn write(&self, diagnosis: &Diagnosis, place: &Path) -> Result<(), String> {
        let zip = diagnosis::pack(diagnosis, &*self.parts.files)?;
        self.parts
            .files
            .save(place, &zip)
            .map_err(|error| error.to_string())
    }
}

impl Dialog for Diagnostics<'_> {
    fn opened(&self, window: Window) {
        let columns = [
            (fixed(word::STEP), 24),
            (fixed(word::RESULT), 16),
            (fixed(word::DETAIL), 60),
        ];
        List(window.item(DIAG_LIST)).set_columns(&columns);
        self.begin(window);
        window.item(DIAG_LIST).focus();
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        match id {
            DIAG_AGAIN => self.begin(window),
            DIAG_SAVE => self.save(window),
            CANCEL => window.end(0),
            _ => {}
        }
    }

    fn row_changed(&self, window: Window, _id: u16) {
        self.show_detail(window);
    }

    fn message(&self, window: Window, message: u32, _first: usize, _second: isize) -> bool {
        if message == WM_TIMER {
            self.look(window);
        }
        message == WM_TIMER
    }
}

fn cells(finding: &Finding) -> Vec<String> {
    let subject = match finding.subject {
        Subject::Store => word::STEP_STORE,
        Subject::Terminal => word::STEP_TERMINAL,
        Subject::Network(kind) => match kind {
            StepKind::Proxy => word::STEP_PROXY,
            StepKind::Name => word::STEP_NAME,
            StepKind::Connection => word::STEP_CONNECTION,
            StepKind::Chain => word::STEP_CHAIN,
            StepKind::Tls => word::STEP_TLS,
            StepKind::Answer => word::STEP_ANSWER,
            StepKind::Clock => word::STEP_CLOCK,
            StepKind::Crl => word::STEP_CRL,
        },
    };
    let outcome = match finding.outcome {
        Outcome::Good => word::GOOD,
        Outcome::Bad => word::BAD,
        Outcome::Skipped => word::SKIPPED,
    };
    let first_line = finding.detail.lines().next().unwrap_or_default();
    vec![fixed(subject), fixed(outcome), first_line.to_owned()]
}
