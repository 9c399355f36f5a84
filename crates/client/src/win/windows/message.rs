//! A numbered message, as a message box: a screen reader reads it whole, and Ctrl+C copies it for the help desk.

use windows_sys::Win32::UI::WindowsAndMessaging::{
    IDOK, IDRETRY, IDYES, MB_ICONINFORMATION, MB_ICONQUESTION, MB_ICONWARNING, MB_OK,
    MB_RETRYCANCEL, MB_SETFOREGROUND, MB_YESNO,
};

use super::super::resource::word;
use super::super::sys::window::{Window, message_box, word as fixed};
use crate::messages::PROGRAM;
use crate::ports::{Answer, Buttons, UserMessage};

/// Shows it and waits.
pub(super) fn show(owner: Window, message: &UserMessage) -> Answer {
    let is_trouble = message.cause.is_some() || !message.help_desk.is_empty();
    let icon = match (message.buttons, is_trouble) {
        (_, true) => MB_ICONWARNING,
        (Buttons::YesNo, false) => MB_ICONQUESTION,
        _ => MB_ICONINFORMATION,
    };
    let buttons = match message.buttons {
        Buttons::Ok => MB_OK,
        Buttons::RetryCancel => MB_RETRYCANCEL,
        Buttons::YesNo => MB_YESNO,
    };
    let style = buttons | icon | MB_SETFOREGROUND;
    let pressed = message_box(owner, PROGRAM, &text(message), style);
    match (message.buttons, pressed) {
        (Buttons::Ok, _) | (_, IDOK) => Answer::Ok,
        (Buttons::RetryCancel, IDRETRY) => Answer::Retry,
        (Buttons::YesNo, IDYES) => Answer::Yes,
        (other, _) => unanswered(other),
    }
}

/// The answer that changes nothing.
pub(super) fn unanswered(buttons: Buttons) -> Answer {
    match buttons {
        Buttons::Ok => Answer::Ok,
        Buttons::RetryCancel => Answer::Cancel,
        Buttons::YesNo => Answer::No,
    }
}

/// Number and sentence as in the manual; then why, what to do, whom to ask.
pub(super) fn text(message: &UserMessage) -> String {
    let mut parts = vec![format!("{} {}", message.code.0, message.text)];
    if let Some(cause) = &message.cause {
        parts.push(format!("{}\n{cause}", fixed(word::CAUSE)));
    }
    let lists = [
        (word::NEXT, &message.next),
        (word::HELP_DESK, &message.help_desk),
    ];
    for (title, lines) in lists {
        if !lines.is_empty() {
            parts.push(format!("{}\n{}", fixed(title), lines.join("\n")));
        }
    }
    parts.join("\n\n")
}
