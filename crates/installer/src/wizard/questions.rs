//! The small windows above a page: stop?, an error of Windows', programs that hold files, 参照 and ディスク領域.

use super::control::{Control, DISKS, INDIRECT, SUNKEN};
use super::page::{BACK_X, BUTTON_Y, CANCEL_X, MODAL, NEXT_X, PAGE, Page, VISIBLE, cancel, page};
use crate::database::{Cell, Rows, row};
use crate::messages as text;

/// 参照 and ディスク領域.
pub(super) fn add_folder_tools(rows: &mut Rows) {
    let plain = VISIBLE | MODAL;
    let browsed =
        |name, kind, place, size| Control::field(name, kind, place, size, "Browsed").with(INDIRECT);
    let controls = page(
        text::BROWSE_TITLE,
        [
            Control::label("LookIn", (20, 58), (200, 14), text::LOOK_IN),
            browsed("Combo", "DirectoryCombo", (20, 74), (200, 80)).with(DISKS),
            Control::button("Up", (226, 73), text::ONE_UP),
            Control::button("New", (290, 73), text::NEW_FOLDER),
            browsed("List", "DirectoryList", (20, 96), (330, 96)).with(SUNKEN),
            Control::label("Name", (20, 198), (60, 14), text::FOLDER_NAME),
            browsed("Path", "PathEdit", (84, 196), (266, 18)),
            Control::button("OK", (NEXT_X, BUTTON_Y), text::OK),
            cancel(),
        ],
    );
    Page::add(rows, "BrowsePage", PAGE, plain, ["OK", "Cancel"], controls)
        .on("Up", &[("DirectoryListUp", "0")])
        .on("New", &[("DirectoryListNew", "0")])
        .on(
            "OK",
            &[("SetTargetPath", "[Browsed]"), ("EndDialog", "Return")],
        )
        .on("Cancel", &[("Reset", "0"), ("EndDialog", "Return")])
        .follows("Combo", "IgnoreChange", "IgnoreChange")
        .follows("Up", "DirectoryListUp", "Enabled");
    rows.property("Browsed", "INSTALLDIR");
    let mut list = Control::new("Volumes", "VolumeCostList", (20, 84), (330, 130));
    list.attributes |= SUNKEN | DISKS;
    list.text = "{120}{70}{70}{70}{70}".to_owned();
    let controls = page(
        text::DISK_TITLE,
        [
            Control::words("Text", (20, 58), (330, 20), text::DISK_TEXT),
            list,
            Control::button("OK", (NEXT_X, BUTTON_Y), text::OK),
        ],
    );
    Page::add(rows, "DiskPage", PAGE, plain, ["OK", "OK"], controls)
        .on("OK", &[("EndDialog", "Return")]);
}

/// Small windows above a page: stop?, an error of Windows', programs that hold files.
pub(super) fn add_questions(rows: &mut Rows) {
    let plain = VISIBLE | MODAL;
    let small = (260, 85);
    let controls = vec![
        Control::words("Text", (20, 18), (220, 24), text::ASK_STOP),
        Control::button("Yes", (66, 57), text::YES),
        Control::button("No", (134, 57), text::NO),
    ];
    Page::add(rows, "StopPage", small, plain, ["No", "No"], controls)
        .on("Yes", &[("EndDialog", "Exit")])
        .on("No", &[("EndDialog", "Return")]);

    // Windows shows those buttons that fit the error, and moves them into place.
    let buttons = [
        ("ErrorAbort", text::ABORT, "ErrorAbort"),
        ("ErrorCancel", text::CANCEL, "ErrorCancel"),
        ("ErrorIgnore", text::IGNORE, "ErrorIgnore"),
        ("ErrorNo", text::NO, "ErrorNo"),
        ("ErrorOk", text::OK, "ErrorOk"),
        ("ErrorRetry", text::RETRY, "ErrorRetry"),
        ("ErrorYes", text::YES, "ErrorYes"),
    ];
    let mut controls = vec![Control::words("ErrorText", (20, 12), (280, 84), "")];
    controls.extend(buttons.map(|(name, words, _)| Control::button(name, (130, 104), words)));
    let size = (320, 130);
    let mut errors = Page::add(
        rows,
        "ErrorPage",
        size,
        plain | ERROR_DIALOG,
        ["ErrorText", ""],
        controls,
    );
    for (name, _, argument) in buttons {
        errors = errors.on(name, &[("EndDialog", argument)]);
    }

    let list =
        || Control::field("List", "ListBox", (20, 92), (330, 90), "FileInUseProcess").with(SUNKEN);
    let words = || Control::words("Text", (20, 56), (330, 34), text::IN_USE_TEXT);
    let controls = page(
        text::IN_USE,
        [
            words(),
            list(),
            Control::button("Exit", (BACK_X, BUTTON_Y), text::ABORT),
            Control::button("Ignore", (NEXT_X, BUTTON_Y), text::IGNORE),
            Control::button("Retry", (CANCEL_X, BUTTON_Y), text::RETRY),
        ],
    );
    Page::add(
        rows,
        "FilesInUse",
        PAGE,
        plain | KEEP_MODELESS,
        ["Retry", "Exit"],
        controls,
    )
    .on("Exit", &[("EndDialog", "Exit")])
    .on("Ignore", &[("EndDialog", "Ignore")])
    .on("Retry", &[("EndDialog", "Retry")]);
    let controls = page(
        text::IN_USE,
        [
            words(),
            list(),
            Control::field(
                "How",
                "RadioButtonGroup",
                (20, 188),
                (330, 40),
                "CLOSEPROGRAMS",
            ),
            Control::button("OK", (NEXT_X, BUTTON_Y), text::OK),
            cancel(),
        ],
    );
    Page::add(
        rows,
        "MsiRMFilesInUse",
        PAGE,
        plain | KEEP_MODELESS,
        ["OK", "Cancel"],
        controls,
    )
    .on_when(
        "OK",
        "CLOSEPROGRAMS~=\"YES\"",
        &[("RMShutdownAndRestart", "0")],
    )
    .on("Cancel", &[("EndDialog", "Exit")])
    .rows
    .add(
        "ControlEvent",
        row!["MsiRMFilesInUse", "OK", "EndDialog", "Return", "1", 2],
    );
    rows.property("CLOSEPROGRAMS", "YES");
    rows.extend(
        "RadioButton",
        [
            row![
                "CLOSEPROGRAMS",
                1,
                "YES",
                0,
                0,
                320,
                18,
                text::CLOSE_THEM,
                Cell::Empty
            ],
            row![
                "CLOSEPROGRAMS",
                2,
                "NO",
                0,
                20,
                320,
                18,
                text::LEAVE_THEM,
                Cell::Empty
            ],
        ],
    );
}

const ERROR_DIALOG: i32 = 0x1_0000;

const KEEP_MODELESS: i32 = 16;
