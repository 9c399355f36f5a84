//! The windows: what the controller asks of them ([`Ui`]), and how a question crosses to their thread.
//!
//! Windows belong to the thread that made them. The controller runs on another, puts a [`Request`] into a queue, wakes
//! the main window and waits for the answer. When the windows are gone, each question has the answer that changes
//! nothing.

use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};

use tegata_domain::secret::Secret;

use super::sys::window::Window;
use crate::controller::SettingsView;
use crate::ports::{
    AddressForm, AddressPrompt, Answer, BackupPassword, BackupPrompt, EnrolmentForm,
    EnrolmentPrompt, LinePrompt, ListView, Notification, Progress, SavePrompt, ShownIds, Ui,
    UserMessage,
};

mod address;
mod backup;
mod diagnostics;
mod enrolment;
mod ids;
mod line;
mod main_window;
mod message;
mod settings;
mod stop;

pub(super) use main_window::{MainWindow, SharedMessages, Work};

/// Tells the main window that requests wait.
pub(super) const WM_REQUEST: u32 = 0x8001;
/// What the icon in the notification area sends.
pub(super) const WM_TRAY: u32 = 0x8002;
/// The machine has other addresses.
pub(super) const WM_NETWORK: u32 = 0x8003;

/// What the thread of the windows is to do.
pub(super) enum Request {
    /// Show a message and wait.
    Show(UserMessage, Sender<Answer>),
    /// Ask for the IDs of a letter.
    Enrolment(EnrolmentPrompt, Sender<Option<EnrolmentForm>>),
    /// Ask for one line.
    Line(LinePrompt, Sender<Option<Secret<String>>>),
    /// Ask for the password of a backup.
    Backup(BackupPrompt, Sender<Option<BackupPassword>>),
    /// Ask where a file goes.
    SavePlace(SavePrompt, Sender<Option<PathBuf>>),
    /// Ask for new addresses.
    Addresses(AddressPrompt, Sender<Option<AddressForm>>),
    /// Show both IDs and wait.
    Ids(ShownIds, Sender<()>),
    /// Show what is being done.
    Progress(Option<Progress>),
    /// Show the certificates.
    List(ListView),
    /// Show a notification.
    Notify(Notification),
    /// The controller begins (`true`) or has ended (`false`) what it was asked for.
    Busy(bool),
    /// Open the window of the settings.
    Settings(Box<SettingsView>),
    /// End the program.
    Quit,
}

/// The port [`Ui`]: a queue and the window to wake.
#[derive(Clone)]
pub(super) struct WindowsUi {
    queue: Sender<Request>,
    main: Window,
}

impl WindowsUi {
    /// For a queue that `main` empties.
    pub(super) fn new(queue: Sender<Request>, main: Window) -> Self {
        Self { queue, main }
    }

    /// Asks without waiting.
    pub(super) fn tell(&self, request: Request) {
        if self.queue.send(request).is_ok() {
            self.main.post(WM_REQUEST, 0, 0);
        }
    }

    fn ask<T>(&self, question: impl FnOnce(Sender<T>) -> Request) -> Option<T> {
        let (answer, answered) = mpsc::channel();
        self.tell(question(answer));
        answered.recv().ok()
    }
}

impl Ui for WindowsUi {
    fn show(&self, message: &UserMessage) -> Answer {
        let message = message.clone();
        let without = message::unanswered(message.buttons);
        self.ask(|answer| Request::Show(message, answer))
            .unwrap_or(without)
    }

    fn ask_enrolment(&self, prompt: &EnrolmentPrompt) -> Option<EnrolmentForm> {
        let prompt = prompt.clone();
        self.ask(|answer| Request::Enrolment(prompt, answer))
            .flatten()
    }

    fn ask_line(&self, prompt: &LinePrompt) -> Option<Secret<String>> {
        let prompt = prompt.clone();
        self.ask(|answer| Request::Line(prompt, answer)).flatten()
    }

    fn ask_backup_password(&self, prompt: &BackupPrompt) -> Option<BackupPassword> {
        let prompt = prompt.clone();
        self.ask(|answer| Request::Backup(prompt, answer)).flatten()
    }

    fn ask_save_place(&self, prompt: &SavePrompt) -> Option<PathBuf> {
        let prompt = prompt.clone();
        self.ask(|answer| Request::SavePlace(prompt, answer))
            .flatten()
    }

    fn ask_addresses(&self, prompt: &AddressPrompt) -> Option<AddressForm> {
        let prompt = prompt.clone();
        self.ask(|answer| Request::Addresses(prompt, answer))
            .flatten()
    }

    fn show_ids(&self, shown: &ShownIds) {
        let shown = shown.clone();
        // Without the windows nobody sees them; the same request shows them again.
        let _ = self.ask(|answer| Request::Ids(shown, answer));
    }

    fn progress(&self, progress: Option<&Progress>) {
        self.tell(Request::Progress(progress.cloned()));
    }

    fn show_list(&self, view: &ListView) {
        self.tell(Request::List(view.clone()));
    }

    fn notify(&self, notification: &Notification) {
        self.tell(Request::Notify(notification.clone()));
    }
}
