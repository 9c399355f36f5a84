//! The pages that a person clicks through (manual 2.2): ようこそ, インストール フォルダーの選択, インストールの確認,
//! インストールが完了しました; and those for repair, removal, stopping and failing.
//!
//! Positions and sizes are in dialog units of Windows Installer (a twelfth of the height of the system font).

mod control;
mod page;
mod questions;

use tegata_protocol::release::Scope;

use self::control::{Control, ENABLED, SMOOTH_PROGRESS};
use self::page::{
    BODY_FONT, BUTTON_Y, HEAD_FONT, MINIMIZE, MODAL, NEXT_X, PAGE, Page, VISIBLE, WHITE, back,
    cancel, next, page,
};
use self::questions::{add_folder_tools, add_questions};
use crate::database::{Cell, Rows, row};
use crate::messages as text;
use crate::steps;

const STRONG: i32 = 1;

/// Adds the pages and when each is shown.
pub(crate) fn add(rows: &mut Rows, scope: Scope) {
    rows.extend(
        "TextStyle",
        [
            row![BODY_FONT, "Meiryo UI", 9, Cell::Empty, Cell::Empty],
            row![HEAD_FONT, "Meiryo UI", 11, Cell::Empty, STRONG],
        ],
    );
    rows.property("DefaultUIFont", BODY_FONT);
    rows.property("ErrorDialog", "ErrorPage");
    rows.stream("Binary", WHITE, white_bitmap());
    rows.extend(
        "ActionText",
        text::ACTIONS.map(|(action, words)| row![action, words, Cell::Empty]),
    );
    rows.extend(
        "UIText",
        text::CONTROLS.map(|(key, words)| row![key, words]),
    );
    add_way_in(rows);
    add_progress(rows);
    add_ends(rows, scope);
    add_maintenance(rows);
    add_folder_tools(rows);
    add_questions(rows);
    rows.extend(
        "InstallUISequence",
        [
            row!["WelcomePage", "NOT Installed", 1230],
            row![
                "MaintenancePage",
                "Installed AND NOT RESUME AND NOT Preselected",
                1240
            ],
            row!["ProgressPage", Cell::Empty, 1280],
            row!["DonePage", Cell::Empty, -1],
            row!["StoppedPage", Cell::Empty, -2],
            row!["FailedPage", Cell::Empty, -3],
        ],
    );
}

/// ようこそ → インストール フォルダーの選択 → インストールの確認.
fn add_way_in(rows: &mut Rows) {
    let plain = VISIBLE | MODAL | MINIMIZE;
    let controls = page(
        text::WELCOME,
        [
            Control::words("Text", (20, 60), (330, 110), text::WELCOME_TEXT),
            Control::words("Licence", (20, 190), (330, 36), text::LICENCE),
            back().disabled(),
            next(),
            cancel(),
        ],
    );
    Page::add(
        rows,
        "WelcomePage",
        PAGE,
        plain,
        ["Next", "Cancel"],
        controls,
    )
    .on("Next", &[("NewDialog", "FolderPage")])
    .cancels();
    let controls = page(
        text::FOLDER,
        [
            Control::words("Text", (20, 60), (330, 80), text::FOLDER_TEXT),
            Control::label("Label", (20, 148), (200, 14), text::FOLDER_LABEL),
            Control::field("Folder", "PathEdit", (20, 164), (240, 18), "INSTALLDIR"),
            Control::button("Browse", (268, 164), text::BROWSE).wide(84),
            Control::button("Disk", (268, 188), text::DISK_SPACE).wide(84),
            back(),
            next(),
            cancel(),
        ],
    );
    Page::add(
        rows,
        "FolderPage",
        PAGE,
        plain,
        ["Next", "Cancel"],
        controls,
    )
    .on(
        "Browse",
        &[("[Browsed]", "INSTALLDIR"), ("SpawnDialog", "BrowsePage")],
    )
    .on("Disk", &[("SpawnDialog", "DiskPage")])
    .on("Back", &[("NewDialog", "WelcomePage")])
    .on(
        "Next",
        &[
            ("SetTargetPath", "INSTALLDIR"),
            ("NewDialog", "ConfirmPage"),
        ],
    )
    .cancels();
    let controls = page(
        text::CONFIRM,
        [
            Control::words("Text", (20, 60), (330, 80), text::CONFIRM_TEXT),
            back(),
            next(),
            cancel(),
        ],
    );
    Page::add(
        rows,
        "ConfirmPage",
        PAGE,
        plain,
        ["Next", "Cancel"],
        controls,
    )
    .on("Back", &[("NewDialog", "FolderPage")])
    .on("Next", &[("EndDialog", "Return")])
    .cancels();
}

fn add_progress(rows: &mut Rows) {
    let mut bar = Control::new("Bar", "ProgressBar", (20, 120), (330, 12)).with(SMOOTH_PROGRESS);
    bar.attributes &= !ENABLED;
    let controls = page(
        text::PROGRESS,
        [
            Control::words("Text", (20, 60), (330, 20), text::PLEASE_WAIT),
            Control::words("Action", (20, 96), (330, 20), ""),
            bar,
            back().disabled(),
            next().disabled(),
            cancel(),
        ],
    );
    Page::add(
        rows,
        "ProgressPage",
        PAGE,
        VISIBLE | MINIMIZE,
        ["Cancel", "Cancel"],
        controls,
    )
    .follows("Action", "ActionText", "Text")
    .follows("Bar", "SetProgress", "Progress")
    .cancels();
}

/// インストールが完了しました, and the other ends.
fn add_ends(rows: &mut Rows, scope: Scope) {
    let plain = VISIBLE | MODAL | MINIMIZE;
    let head = |name, title: &str| {
        let mut head = Control::words(
            name,
            (20, 14),
            (330, 20),
            &format!("{{\\{HEAD_FONT}}}{title}"),
        );
        head.attributes &= !VISIBLE;
        head
    };
    let body = |name, words: &str| {
        let mut body = Control::words(name, (20, 60), (330, 130), words);
        body.attributes &= !VISIBLE;
        body
    };
    let mut controls = page(
        "",
        [
            head("HeadDone", text::DONE),
            head("HeadRepaired", text::REPAIRED),
            head("HeadRemoved", text::REMOVED),
            body("TextDone", text::DONE_TEXT),
            body("TextRepaired", text::REPAIRED_TEXT),
            body("TextRemoved", text::REMOVED_TEXT),
            back().disabled(),
            Control::button("Close", (NEXT_X, BUTTON_Y), text::CLOSE),
            cancel().disabled(),
        ],
    );
    controls.retain(|control| control.name != "Head");
    let removed = "REMOVE~=\"ALL\"";
    let repaired = "Installed AND NOT (REMOVE~=\"ALL\")";
    let mut done = Page::add(rows, "DonePage", PAGE, plain, ["Close", "Close"], controls);
    for (head, body, condition) in [
        ("HeadDone", "TextDone", "NOT Installed"),
        ("HeadRepaired", "TextRepaired", repaired),
        ("HeadRemoved", "TextRemoved", removed),
    ] {
        done = done.only_when(head, condition).only_when(body, condition);
    }
    if steps::starts_from_wizard(scope) {
        done = done.on_when(
            "Close",
            "NOT (REMOVE~=\"ALL\")",
            &[("DoAction", "StartProgram")],
        );
        done.rows.add(
            "ControlEvent",
            row!["DonePage", "Close", "EndDialog", "Return", "1", 2],
        );
    } else {
        done.on("Close", &[("EndDialog", "Return")]);
    }
    // Where it was installed before, a repair or a removal was stopped, and it still is.
    let stopped = [
        (text::STOPPED, text::STOPPED_TEXT),
        (text::STOPPED_LATER, text::STOPPED_LATER_TEXT),
    ];
    let failed = [
        (text::FAILED, text::FAILED_TEXT),
        (text::FAILED_LATER, text::FAILED_LATER_TEXT),
    ];
    for (name, [first, later]) in [("StoppedPage", stopped), ("FailedPage", failed)] {
        let mut controls = page(
            "",
            [
                head("HeadFirst", first.0),
                head("HeadLater", later.0),
                body("TextFirst", first.1),
                body("TextLater", later.1),
                back().disabled(),
                Control::button("Close", (NEXT_X, BUTTON_Y), text::FINISH_FAILED),
                cancel().disabled(),
            ],
        );
        controls.retain(|control| control.name != "Head");
        let mut end = Page::add(rows, name, PAGE, plain, ["Close", "Close"], controls);
        for (control, condition) in [
            ("HeadFirst", "NOT Installed"),
            ("TextFirst", "NOT Installed"),
            ("HeadLater", "Installed"),
            ("TextLater", "Installed"),
        ] {
            end = end.only_when(control, condition);
        }
        end.on("Close", &[("EndDialog", "Exit")]);
    }
}

/// What opens when the installed package is opened again.
fn add_maintenance(rows: &mut Rows) {
    let controls = page(
        text::MAINTENANCE,
        [
            Control::words("Text", (20, 60), (330, 20), text::MAINTENANCE_TEXT),
            Control::button("Repair", (20, 92), text::REPAIR).wide(72),
            Control::words("RepairText", (104, 95), (246, 20), text::REPAIR_TEXT),
            Control::button("Remove", (20, 128), text::REMOVE).wide(72),
            Control::words("RemoveText", (104, 131), (246, 30), text::REMOVE_TEXT),
            back().disabled(),
            next().disabled(),
            cancel(),
        ],
    );
    let plain = VISIBLE | MODAL | MINIMIZE;
    Page::add(
        rows,
        "MaintenancePage",
        PAGE,
        plain,
        ["Repair", "Cancel"],
        controls,
    )
    .on(
        "Repair",
        &[
            ("ReinstallMode", "omus"),
            ("Reinstall", "ALL"),
            ("EndDialog", "Return"),
        ],
    )
    .on("Remove", &[("Remove", "ALL"), ("EndDialog", "Return")])
    .cancels();
}

/// A bitmap of one white point (BITMAPFILEHEADER, BITMAPINFOHEADER, one row of 24 bits and a filler).
fn white_bitmap() -> Vec<u8> {
    const HEADERS: u32 = 14 + 40;
    const ROW: u32 = 4;
    let mut file = b"BM".to_vec();
    for word in [HEADERS + ROW, 0, HEADERS, 40, 1, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for half in [1_u16, 24] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    for word in [0, ROW, 2835, 2835, 0, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(&[0xff, 0xff, 0xff, 0]);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_white_point_is_as_long_as_it_says() {
        let file = white_bitmap();
        assert_eq!(file.len(), 58);
        assert_eq!(file[2], 58);
        assert_eq!(file[10], 54);
    }
}
