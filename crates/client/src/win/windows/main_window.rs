//! 証明書一覧, the icon in the notification area, and everything that Windows tells the program.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use tegata_domain::id::Fingerprint;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    IDYES, MB_ICONINFORMATION, MB_ICONQUESTION, MB_OK, MB_YESNO, PBT_APMRESUMEAUTOMATIC, WM_CLOSE,
    WM_ENDSESSION, WM_POWERBROADCAST, WM_TIMECHANGE, WM_TIMER, WM_WTSSESSION_CHANGE,
    WTS_SESSION_LOGON, WTS_SESSION_UNLOCK,
};

use super::settings::Changed;
use super::{
    Request, WM_NETWORK, WM_REQUEST, WM_TRAY, address, backup, diagnostics, enrolment, ids, line,
    message, settings, stop,
};
use crate::controller::Event;
use crate::messages::PROGRAM;
use crate::ports::{ListRow, ListView, Notification, Progress, SaveKind};
use crate::win::parts::Parts;
use crate::win::resource::{
    CANCEL, ICON_PROGRAM, MAIN_ADDRESS, MAIN_BACK_UP, MAIN_CHECK, MAIN_DETAIL, MAIN_DIAGNOSTICS,
    MAIN_ENROL, MAIN_GUIDE, MAIN_HINT, MAIN_LIST, MAIN_OPEN, MAIN_OTHER, MAIN_PROGRESS, MAIN_PROVE,
    MAIN_QUIT, MAIN_RECEIPT, MAIN_REFERENCE, MAIN_REMOVE, MAIN_RENEW, MAIN_SETTINGS, MAIN_STATUS,
    MAIN_STOP, MAIN_UPDATE, MENU_OTHER, MENU_TRAY, word,
};
use crate::win::sys::dialog::Dialog;
use crate::win::sys::list::List;
use crate::win::sys::process;
use crate::win::sys::shell;
use crate::win::sys::tray::{Gesture, TrayIcon};
use crate::win::sys::window::{Window, message_box, quit_loop, word as fixed};

/// Timers: changes of the network come in bunches; the icon may have to wait for the task bar.
const TIMER_NETWORK: usize = 1;
const TIMER_TRAY: usize = 2;
const NETWORK_SETTLES: u32 = 5_000;
const TRAY_RETRY: u32 = 3_000;

/// What the controller's thread is to do.
pub(in crate::win) enum Work {
    /// Tell the controller.
    Event(Event),
    /// Show the window of the settings.
    ShowSettings,
    /// Keep what was changed in it.
    Change(Changed),
}

/// Messages that all copies of the program share, by their words.
#[derive(Clone, Copy)]
pub(in crate::win) struct SharedMessages {
    /// The first copy comes to the front.
    pub(in crate::win) activate: u32,
    /// It ends.
    pub(in crate::win) quit: u32,
    /// The task bar was made anew.
    taskbar: u32,
}

impl SharedMessages {
    /// Asks Windows for their numbers.
    pub(in crate::win) fn register() -> Self {
        Self {
            activate: process::shared_message("Tegata.MpkiClient.Activate"),
            quit: process::shared_message("Tegata.MpkiClient.Quit"),
            taskbar: process::shared_message("TaskbarCreated"),
        }
    }
}

/// The main window.
pub(in crate::win) struct MainWindow {
    work: Sender<Work>,
    requests: Receiver<Request>,
    messages: SharedMessages,
    parts: Arc<Parts>,
    tray: RefCell<Option<TrayIcon>>,
    view: RefCell<ListView>,
    is_busy: Cell<bool>,
    /// The certificate of the last notification, to be chosen when it is clicked.
    noticed: Cell<Option<Fingerprint>>,
}

impl MainWindow {
    /// Gives work to the controller and takes its requests.
    pub(in crate::win) fn new(
        work: Sender<Work>,
        requests: Receiver<Request>,
        messages: SharedMessages,
        parts: Arc<Parts>,
    ) -> Self {
        Self {
            work,
            requests,
            messages,
            parts,
            tray: RefCell::default(),
            view: RefCell::new(ListView {
                guide: String::new(),
                rows: Vec::new(),
                hint: None,
            }),
            is_busy: Cell::new(false),
            noticed: Cell::default(),
        }
    }

    /// Comes to the front, and lets the controller go on with what waits for a person.
    pub(in crate::win) fn open(&self, window: Window) {
        let was_hidden = !window.is_shown();
        window.bring_to_front();
        if was_hidden {
            window.item(MAIN_LIST).focus();
            self.tell(Event::WindowOpened);
        }
    }

    /// Takes the icon away.
    pub(in crate::win) fn close(&self) {
        self.tray.replace(None);
    }

    fn hide(&self, window: Window) {
        window.show(false);
        process::shrink();
    }

    fn tell(&self, event: Event) {
        // Without the thread the program is ending.
        let _ = self.work.send(Work::Event(event));
    }

    fn show_icon(&self, window: Window) {
        let tray = TrayIcon::new(window, WM_TRAY, ICON_PROGRAM);
        if !tray.show(PROGRAM) {
            window.set_timer(TIMER_TRAY, TRAY_RETRY);
        }
        self.tray.replace(Some(tray));
    }

    fn handle_requests(&self, window: Window) {
        while let Ok(request) = self.requests.try_recv() {
            self.handle(window, request);
        }
    }

    /// What is asked comes with the window: nobody answers a dialog behind others. An answer that nobody waits for any
    /// more is lost without harm.
    fn handle(&self, window: Window, request: Request) {
        match request {
            Request::Show(text, answer) => {
                window.bring_to_front();
                let _ = answer.send(message::show(window, &text));
            }
            Request::Enrolment(prompt, answer) => {
                window.bring_to_front();
                let _ = answer.send(enrolment::ask(window, &prompt));
            }
            Request::Line(prompt, answer) => {
                window.bring_to_front();
                let _ = answer.send(line::ask(window, &prompt));
            }
            Request::Backup(prompt, answer) => {
                window.bring_to_front();
                let _ = answer.send(backup::ask(window, &prompt));
            }
            Request::SavePlace(prompt, answer) => {
                let (kind, ending) = match prompt.kind {
                    SaveKind::Backup => (word::P12_FILE, "p12"),
                    SaveKind::Receipt => (word::RECEIPT_FILE, "pdf"),
                };
                let place = shell::ask_save_place(window, &prompt.name, &fixed(kind), ending);
                let _ = answer.send(place);
            }
            Request::Addresses(prompt, answer) => {
                window.bring_to_front();
                let _ = answer.send(address::ask(window, &prompt));
            }
            Request::Ids(shown, answer) => {
                window.bring_to_front();
                ids::show(window, &shown);
                let _ = answer.send(());
            }
            Request::Progress(progress) => self.show_progress(window, progress.as_ref()),
            Request::List(view) => self.show_list(window, view),
            Request::Notify(notification) => self.notify(&notification),
            Request::Busy(is_busy) => self.show_busy(window, is_busy),
            Request::Settings(view) => {
                if let Some(changed) = settings::ask(window, &view) {
                    let _ = self.work.send(Work::Change(changed));
                }
            }
            Request::Quit => quit_loop(),
        }
    }

    fn show_list(&self, window: Window, view: ListView) {
        let list = List(window.item(MAIN_LIST));
        let chosen = self.chosen(window).map(|row| row.certificate);
        let rows: Vec<Vec<String>> = view.rows.iter().map(cells).collect();
        window.item(MAIN_GUIDE).set_text(&view.guide);
        let hint = view.hint.clone().unwrap_or_default();
        window.item(MAIN_HINT).set_text(&hint);
        let wanted = self.noticed.get().or(chosen);
        let at = view
            .rows
            .iter()
            .position(|row| Some(row.certificate) == wanted)
            .or_else(|| view.rows.iter().position(|row| row.can_renew))
            .unwrap_or(0);
        let has_rows = !view.rows.is_empty();
        self.view.replace(view);
        list.set_rows(&rows);
        if has_rows {
            list.select(at);
        }
        self.show_chosen(window);
    }

    /// What is known of the chosen certificate, and what can be done with it.
    fn show_chosen(&self, window: Window) {
        let row = self.chosen(window);
        let detail = row.as_ref().map(detail).unwrap_or_default();
        window.item(MAIN_DETAIL).set_text(&detail);
        let can_renew = row.is_some_and(|row| row.can_renew) && !self.is_busy.get();
        window.item(MAIN_RENEW).enable(can_renew);
    }

    fn show_busy(&self, window: Window, is_busy: bool) {
        self.is_busy.set(is_busy);
        for button in [MAIN_ENROL, MAIN_PROVE, MAIN_OTHER, MAIN_SETTINGS] {
            window.item(button).enable(!is_busy);
        }
        self.show_chosen(window);
        let status = if is_busy {
            fixed(word::WAITING)
        } else {
            String::new()
        };
        window.item(MAIN_STATUS).set_text(&status);
        if !is_busy {
            self.show_progress(window, None);
            if !window.is_shown() {
                process::shrink();
            }
        }
    }

    fn show_progress(&self, window: Window, progress: Option<&Progress>) {
        let bar = window.item(MAIN_PROGRESS);
        match progress {
            Some(progress) => {
                bar.set_progress(progress.step, progress.of);
                bar.show(true);
                let text = format!("{} ({}/{})", progress.text, progress.step, progress.of);
                window.item(MAIN_STATUS).set_text(&text);
            }
            None => {
                // While a question is open, nothing is being done.
                bar.show(false);
                window.item(MAIN_STATUS).set_text("");
            }
        }
    }

    fn notify(&self, notification: &Notification) {
        self.noticed.set(notification.certificate);
        if let Some(tray) = &*self.tray.borrow() {
            tray.notify(&notification.title, &notification.text, true);
            tray.set_tip(&format!("{PROGRAM} - {}", notification.title));
        }
    }

    fn chosen(&self, window: Window) -> Option<ListRow> {
        let row = List(window.item(MAIN_LIST)).selected()?;
        self.view.borrow().rows.get(row).cloned()
    }

    /// Does something with the chosen certificate, or asks for one to be chosen.
    fn with_chosen(&self, window: Window, event: impl FnOnce(&ListRow) -> Option<Event>) {
        match self.chosen(window) {
            Some(row) => {
                if let Some(event) = event(&row) {
                    self.tell(event);
                }
            }
            None => {
                let style = MB_OK | MB_ICONINFORMATION;
                message_box(window, PROGRAM, &fixed(word::CHOOSE_ROW), style);
            }
        }
    }

    fn gesture(&self, window: Window, gesture: Gesture) {
        match gesture {
            Gesture::Chosen | Gesture::Notification => self.open(window),
            Gesture::Menu => {
                let chosen = self
                    .tray
                    .borrow()
                    .as_ref()
                    .and_then(|tray| tray.ask_menu(MENU_TRAY, MAIN_OPEN));
                if let Some(chosen) = chosen {
                    self.act(window, chosen);
                }
            }
        }
    }

    /// What a button, a menu or a key asks for.
    fn act(&self, window: Window, id: u16) {
        match id {
            MAIN_RENEW => {
                self.open(window);
                self.with_chosen(window, |row| {
                    row.can_renew.then_some(Event::Renew(row.certificate))
                });
            }
            MAIN_ENROL => self.tell(Event::Enrol),
            MAIN_PROVE => self.tell(Event::Prove),
            MAIN_UPDATE => self.tell(Event::Update),
            MAIN_BACK_UP => self.with_chosen(window, |row| Some(Event::BackUp(row.certificate))),
            MAIN_REMOVE => self.with_chosen(window, |row| Some(Event::Remove(row.certificate))),
            MAIN_ADDRESS => {
                self.with_chosen(window, |row| Some(Event::ChangeAddress(row.certificate)));
            }
            MAIN_RECEIPT => {
                self.with_chosen(window, |row| Some(Event::SaveReceipt(row.certificate)));
            }
            MAIN_REFERENCE => {
                self.with_chosen(window, |row| Some(Event::NewReferenceId(row.certificate)));
            }
            MAIN_STOP => self.with_chosen(window, |row| {
                stop::ask(window, row).map(|choice| Event::Stop(row.certificate, choice))
            }),
            MAIN_OTHER => {
                let chosen = window.item(MAIN_OTHER).ask_menu_below(window, MENU_OTHER);
                if let Some(chosen) = chosen {
                    self.act(window, chosen);
                }
            }
            MAIN_SETTINGS => {
                self.open(window);
                let _ = self.work.send(Work::ShowSettings);
            }
            MAIN_DIAGNOSTICS => {
                self.open(window);
                diagnostics::show(window, &self.parts);
            }
            MAIN_CHECK => self.tell(Event::WindowOpened),
            MAIN_OPEN => self.open(window),
            MAIN_QUIT => self.quit(window),
            _ => {}
        }
    }

    fn quit(&self, window: Window) {
        if self.is_busy.get() {
            let style = MB_YESNO | MB_ICONQUESTION;
            let text = fixed(word::QUIT_WHILE_BUSY);
            if message_box(window, PROGRAM, &text, style) != IDYES {
                return;
            }
        }
        quit_loop();
    }
}

impl Dialog for MainWindow {
    fn opened(&self, window: Window) {
        window.set_icon(ICON_PROGRAM);
        let columns = [
            (fixed(word::SUBJECT), 13),
            (fixed(word::ISSUER), 32),
            (fixed(word::NOT_AFTER), 22),
            (fixed(word::STANDING), 33),
        ];
        List(window.item(MAIN_LIST)).set_columns(&columns);
        window.item(MAIN_RENEW).enable(false);
        self.show_icon(window);
        process::hear_of_sessions(window);
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        match id {
            CANCEL => self.hide(window),
            id => self.act(window, id),
        }
    }

    fn row_changed(&self, window: Window, id: u16) {
        if id == MAIN_LIST {
            self.show_chosen(window);
        }
    }

    fn message(&self, window: Window, message: u32, first: usize, second: isize) -> bool {
        let number = u32::try_from(first).unwrap_or(u32::MAX);
        match message {
            WM_REQUEST => self.handle_requests(window),
            WM_TRAY => {
                if let Some(gesture) = TrayIcon::gesture(second) {
                    self.gesture(window, gesture);
                }
            }
            WM_NETWORK => window.set_timer(TIMER_NETWORK, NETWORK_SETTLES),
            WM_TIMER => {
                window.stop_timer(first);
                match first {
                    TIMER_NETWORK => self.tell(Event::NetworkChanged),
                    _ => self.show_icon(window),
                }
            }
            WM_POWERBROADCAST if number == PBT_APMRESUMEAUTOMATIC => self.tell(Event::Resumed),
            WM_WTSSESSION_CHANGE if matches!(number, WTS_SESSION_LOGON | WTS_SESSION_UNLOCK) => {
                self.tell(Event::LoggedOn);
            }
            WM_TIMECHANGE => self.tell(Event::Timer),
            WM_CLOSE => self.hide(window),
            WM_ENDSESSION if first != 0 => quit_loop(),
            other if other == self.messages.activate => self.open(window),
            other if other == self.messages.quit => quit_loop(),
            other if other == self.messages.taskbar => self.show_icon(window),
            _ => return false,
        }
        true
    }
}

fn cells(row: &ListRow) -> Vec<String> {
    vec![
        row.subject.clone(),
        row.issuer.clone(),
        row.not_after.clone(),
        row.status.clone(),
    ]
}

/// Two lines under the list.
fn detail(row: &ListRow) -> String {
    let mut lines = vec![format!("{} {}", fixed(word::KEY_PLACE), row.key)];
    if let Some(request_id) = &row.request_id {
        lines.push(format!("{} {request_id}", fixed(word::REQUEST_ID)));
    }
    lines.join("\r\n")
}
