//! How the program starts: its verbs, the one running copy of this session, its threads.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;

use windows_sys::Win32::UI::WindowsAndMessaging::{MB_ICONWARNING, MB_OK};

use super::autostart::IN_TRAY;
use super::parts::Parts;
use super::resource::{DIALOG_MAIN, KEYS_MAIN, word};
use super::sys::dialog::OpenDialog;
use super::sys::process::{self, OnlyCopy};
use super::sys::window::{Window, message_box, word as fixed};
use super::windows::{MainWindow, SharedMessages, WM_NETWORK, WindowsUi};
use super::{browser_policy, worker};
use crate::messages::PROGRAM;
use crate::settings::Settings;

/// Verbs of the installer; `crates/installer` has the same.
const QUIT: &str = "--quit";
const MACHINE_SETUP: &str = "--machine-setup";
const MACHINE_REMOVE: &str = "--machine-remove";

/// The name that only one copy of a session has.
const COPY: &str = "Tegata.MpkiClient";
/// How long `--quit` waits for the other copy to end.
const QUIT_PATIENCE: u32 = 10_000;

/// Octets of the stack of our threads: they parse small files.
const STACK: usize = 512 * 1024;

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    MachineRemove,
    MachineSetup,
    Quit,
    Show,
    Tray,
}

/// Runs the program.
pub fn main() -> ExitCode {
    // Before anything else is loaded. Windows 8.1 and later have it; without it nothing is started.
    if process::load_only_system_libraries().is_err() {
        return ExitCode::FAILURE;
    }
    let done = match verb() {
        Verb::MachineRemove => browser_policy::remove(),
        Verb::MachineSetup => browser_policy::set_up(),
        Verb::Quit => {
            process::tell_all(SharedMessages::register().quit);
            process_ended();
            true
        }
        Verb::Show => start(false),
        Verb::Tray => start(true),
    };
    if done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn verb() -> Verb {
    let asked = |word: &str| std::env::args_os().skip(1).any(|argument| argument == word);
    if asked(QUIT) {
        Verb::Quit
    } else if asked(MACHINE_SETUP) {
        Verb::MachineSetup
    } else if asked(MACHINE_REMOVE) {
        Verb::MachineRemove
    } else if asked(IN_TRAY) {
        Verb::Tray
    } else {
        Verb::Show
    }
}

fn process_ended() {
    OnlyCopy::wait_until_free(COPY, QUIT_PATIENCE);
}

fn start(in_tray: bool) -> bool {
    let messages = SharedMessages::register();
    let copy = match OnlyCopy::take(COPY) {
        Ok(Some(copy)) => copy,
        Ok(None) => {
            if !in_tray {
                process::tell_all(messages.activate);
            }
            return true;
        }
        Err(_) => return false,
    };
    process::prepare_for_dialogs();
    let (parts, settings) = match Parts::open() {
        Ok(opened) => opened,
        Err(error) => {
            let text = format!("{}\n\n{error}", fixed(word::NO_SETTINGS));
            message_box(Window::none(), PROGRAM, &text, MB_OK | MB_ICONWARNING);
            return false;
        }
    };
    let done = run(Arc::new(parts), settings, messages, in_tray);
    drop(copy);
    done
}

fn run(parts: Arc<Parts>, settings: Settings, messages: SharedMessages, in_tray: bool) -> bool {
    parts.log(&format!(
        "start {} on Windows build {}",
        env!("CARGO_PKG_VERSION"),
        super::sys::version::build()
    ));
    let (work, to_do) = mpsc::channel();
    let (ask, asked) = mpsc::channel();
    let main = Rc::new(MainWindow::new(work, asked, messages, parts.clone()));
    let dialog = match OpenDialog::open(DIALOG_MAIN, main.clone()) {
        Ok(dialog) => dialog,
        Err(error) => {
            parts.log(&format!("no window: {error}"));
            return false;
        }
    };
    let window = dialog.window();
    let ui = WindowsUi::new(ask, window);
    let controller = thread::Builder::new().stack_size(STACK).spawn({
        let parts = parts.clone();
        move || worker::run(&parts, settings, &ui, &to_do)
    });
    if let Err(error) = controller {
        parts.log(&format!("no thread: {error}"));
        return false;
    }
    let _ = thread::Builder::new().stack_size(64 * 1024).spawn(move || {
        while process::wait_for_network_change() {
            if !window.post(WM_NETWORK, 0, 0) {
                break;
            }
        }
    });
    if !in_tray {
        main.open(window);
    }
    dialog.run(KEYS_MAIN);
    main.close();
    parts.log("end");
    true
}
