//! The pages that a person clicks through (manual 2.2): ようこそ, インストール フォルダーの選択, インストールの確認,
//! インストールが完了しました; and those for repair, removal, stopping and failing.
//!
//! Positions and sizes are in dialog units of Windows Installer (a twelfth of the height of the system font).

use tegata_protocol::release::Scope;

use crate::database::{Cell, Rows, row};
use crate::messages as text;
use crate::steps;

/// Size of a page.
const PAGE: (i32, i32) = (370, 270);
/// The line of buttons.
const BUTTON_Y: i32 = 243;
const BUTTON: (i32, i32) = (60, 17);
const BACK_X: i32 = 172;
const NEXT_X: i32 = 232;
const CANCEL_X: i32 = 300;

/// Dialog attributes.
const VISIBLE: i32 = 1;
const MODAL: i32 = 2;
const MINIMIZE: i32 = 4;
const ERROR_DIALOG: i32 = 0x1_0000;
const KEEP_MODELESS: i32 = 16;

/// Control attributes.
const ENABLED: i32 = 2;
const SUNKEN: i32 = 4;
const INDIRECT: i32 = 8;
const TRANSPARENT: i32 = 0x1_0000;
const NO_PREFIX: i32 = 0x2_0000;
const SMOOTH_PROGRESS: i32 = 0x1_0000;
/// Of volume lists: fixed and remote disks.
const DISKS: i32 = 0x8_0000 | 0x20_0000;

/// A white point that is stretched to the head of a page.
const WHITE: &str = "White";
const BODY_FONT: &str = "Body";
const HEAD_FONT: &str = "Head";
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

/// A control of a page, in the order of the Tab key.
struct Control {
    name: &'static str,
    kind: &'static str,
    place: (i32, i32),
    size: (i32, i32),
    attributes: i32,
    property: &'static str,
    text: String,
    is_tab_stop: bool,
}

impl Control {
    fn new(name: &'static str, kind: &'static str, place: (i32, i32), size: (i32, i32)) -> Self {
        Self {
            name,
            kind,
            place,
            size,
            attributes: VISIBLE | ENABLED,
            property: "",
            text: String::new(),
            is_tab_stop: false,
        }
    }

    fn words(name: &'static str, place: (i32, i32), size: (i32, i32), text: &str) -> Self {
        Self {
            attributes: VISIBLE | ENABLED | TRANSPARENT | NO_PREFIX,
            text: text.to_owned(),
            ..Self::new(name, "Text", place, size)
        }
    }

    /// Words before a field: `&` marks the key that leads there.
    fn label(name: &'static str, place: (i32, i32), size: (i32, i32), text: &str) -> Self {
        Self {
            attributes: VISIBLE | ENABLED | TRANSPARENT,
            text: text.to_owned(),
            ..Self::new(name, "Text", place, size)
        }
    }

    fn button(name: &'static str, place: (i32, i32), text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_tab_stop: true,
            ..Self::new(name, "PushButton", place, BUTTON)
        }
    }

    fn field(
        name: &'static str,
        kind: &'static str,
        place: (i32, i32),
        size: (i32, i32),
        property: &'static str,
    ) -> Self {
        Self {
            property,
            is_tab_stop: true,
            ..Self::new(name, kind, place, size)
        }
    }

    fn with(mut self, attributes: i32) -> Self {
        self.attributes |= attributes;
        self
    }

    fn disabled(mut self) -> Self {
        self.attributes &= !ENABLED;
        self.is_tab_stop = false;
        self
    }

    fn wide(mut self, width: i32) -> Self {
        self.size.0 = width;
        self
    }
}

/// A page under construction.
struct Page<'a> {
    rows: &'a mut Rows,
    name: &'static str,
}

impl<'a> Page<'a> {
    /// Adds a page with its controls; the default button answers Enter, the cancelling one Esc.
    fn add(
        rows: &'a mut Rows,
        name: &'static str,
        size: (i32, i32),
        attributes: i32,
        [default, cancel]: [&'static str; 2],
        controls: Vec<Control>,
    ) -> Self {
        // The first control of the Tab order is where the keyboard is when the page opens.
        let stops: Vec<&'static str> = controls
            .iter()
            .filter(|c| c.is_tab_stop)
            .map(|c| c.name)
            .collect();
        let first = stops
            .first()
            .copied()
            .or(controls.first().map(|c| c.name))
            .unwrap_or_default();
        let start = if stops.contains(&default) {
            default
        } else {
            first
        };
        rows.add(
            "Dialog",
            row![
                name,
                50,
                50,
                size.0,
                size.1,
                attributes,
                text::TITLE,
                start,
                default,
                cancel
            ],
        );
        let after = |control: &Control| {
            let at = stops.iter().position(|stop| *stop == control.name)?;
            stops.iter().copied().cycle().nth(at + 1)
        };
        for control in &controls {
            rows.add(
                "Control",
                row![
                    name,
                    control.name,
                    control.kind,
                    control.place.0,
                    control.place.1,
                    control.size.0,
                    control.size.1,
                    control.attributes,
                    control.property,
                    control.text.as_str(),
                    after(control).filter(|_| control.is_tab_stop && stops.len() > 1),
                    Cell::Empty,
                ],
            );
        }
        Self { rows, name }
    }

    /// What happens when a control is used: several events happen in their order.
    fn on(self, control: &str, events: &[(&str, &str)]) -> Self {
        self.on_when(control, "1", events)
    }

    fn on_when(self, control: &str, condition: &str, events: &[(&str, &str)]) -> Self {
        for (order, (event, argument)) in (1..).zip(events) {
            self.rows.add(
                "ControlEvent",
                row![self.name, control, *event, *argument, condition, order],
            );
        }
        self
    }

    fn cancels(self) -> Self {
        self.on("Cancel", &[("SpawnDialog", "StopPage")])
    }

    /// Shows a control only while a condition holds.
    fn only_when(self, control: &str, condition: &str) -> Self {
        for (action, condition) in [
            ("Show", condition.to_owned()),
            ("Hide", format!("NOT ({condition})")),
        ] {
            self.rows.add(
                "ControlCondition",
                row![self.name, control, action, condition],
            );
        }
        self
    }

    /// Fills a control from what Windows publishes.
    fn follows(self, control: &str, event: &str, attribute: &str) -> Self {
        self.rows
            .add("EventMapping", row![self.name, control, event, attribute]);
        self
    }
}

/// White head with a title, lines, and room for the buttons.
fn frame(title: &str) -> Vec<Control> {
    let mut controls = vec![
        Control::new("Banner", "Bitmap", (0, 0), (PAGE.0, 44)),
        Control::words(
            "Head",
            (20, 14),
            (330, 20),
            &format!("{{\\{HEAD_FONT}}}{title}"),
        ),
        Control::new("BannerLine", "Line", (0, 44), (PAGE.0, 0)),
        Control::new("BottomLine", "Line", (0, 234), (PAGE.0, 0)),
    ];
    if let Some(banner) = controls.first_mut() {
        banner.attributes = VISIBLE;
        banner.text = WHITE.to_owned();
    }
    controls
}

fn page(title: &str, more: impl IntoIterator<Item = Control>) -> Vec<Control> {
    let mut controls = frame(title);
    controls.extend(more);
    controls
}

fn next() -> Control {
    Control::button("Next", (NEXT_X, BUTTON_Y), text::NEXT)
}

fn back() -> Control {
    Control::button("Back", (BACK_X, BUTTON_Y), text::BACK)
}

fn cancel() -> Control {
    Control::button("Cancel", (CANCEL_X, BUTTON_Y), text::CANCEL)
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

/// 参照 and ディスク領域.
fn add_folder_tools(rows: &mut Rows) {
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
fn add_questions(rows: &mut Rows) {
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
