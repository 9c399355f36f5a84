//! A page under construction: its controls, and what happens when one of them is used.
//!
//! Positions and sizes are in dialog units of Windows Installer (a twelfth of the height of the system font).

use super::control::Control;
use crate::database::{Cell, Rows, row};
use crate::messages as text;

/// A page under construction.
pub(super) struct Page<'a> {
    pub(super) rows: &'a mut Rows,
    name: &'static str,
}

impl<'a> Page<'a> {
    /// Adds a page with its controls; the default button answers Enter, the cancelling one Esc.
    pub(super) fn add(
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
    pub(super) fn on(self, control: &str, events: &[(&str, &str)]) -> Self {
        self.on_when(control, "1", events)
    }

    pub(super) fn on_when(self, control: &str, condition: &str, events: &[(&str, &str)]) -> Self {
        for (order, (event, argument)) in (1..).zip(events) {
            self.rows.add(
                "ControlEvent",
                row![self.name, control, *event, *argument, condition, order],
            );
        }
        self
    }

    pub(super) fn cancels(self) -> Self {
        self.on("Cancel", &[("SpawnDialog", "StopPage")])
    }

    /// Shows a control only while a condition holds.
    pub(super) fn only_when(self, control: &str, condition: &str) -> Self {
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
    pub(super) fn follows(self, control: &str, event: &str, attribute: &str) -> Self {
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

pub(super) fn page(title: &str, more: impl IntoIterator<Item = Control>) -> Vec<Control> {
    let mut controls = frame(title);
    controls.extend(more);
    controls
}

pub(super) fn next() -> Control {
    Control::button("Next", (NEXT_X, BUTTON_Y), text::NEXT)
}

pub(super) fn back() -> Control {
    Control::button("Back", (BACK_X, BUTTON_Y), text::BACK)
}

pub(super) fn cancel() -> Control {
    Control::button("Cancel", (CANCEL_X, BUTTON_Y), text::CANCEL)
}

/// Size of a page.
pub(super) const PAGE: (i32, i32) = (370, 270);

/// The line of buttons.
pub(super) const BUTTON_Y: i32 = 243;

pub(super) const BACK_X: i32 = 172;

pub(super) const NEXT_X: i32 = 232;

pub(super) const CANCEL_X: i32 = 300;

/// Dialog attributes.
pub(super) const VISIBLE: i32 = 1;

pub(super) const MODAL: i32 = 2;

pub(super) const MINIMIZE: i32 = 4;

/// A white point that is stretched to the head of a page.
pub(super) const WHITE: &str = "White";

pub(super) const BODY_FONT: &str = "Body";

pub(super) const HEAD_FONT: &str = "Head";
