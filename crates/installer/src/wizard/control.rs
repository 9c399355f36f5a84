//! A control of a page.

use super::page::VISIBLE;

/// A control of a page, in the order of the Tab key.
pub(super) struct Control {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) place: (i32, i32),
    pub(super) size: (i32, i32),
    pub(super) attributes: i32,
    pub(super) property: &'static str,
    pub(super) text: String,
    pub(super) is_tab_stop: bool,
}

impl Control {
    pub(super) fn new(
        name: &'static str,
        kind: &'static str,
        place: (i32, i32),
        size: (i32, i32),
    ) -> Self {
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

    pub(super) fn words(
        name: &'static str,
        place: (i32, i32),
        size: (i32, i32),
        text: &str,
    ) -> Self {
        Self {
            attributes: VISIBLE | ENABLED | TRANSPARENT | NO_PREFIX,
            text: text.to_owned(),
            ..Self::new(name, "Text", place, size)
        }
    }

    /// Words before a field: `&` marks the key that leads there.
    pub(super) fn label(
        name: &'static str,
        place: (i32, i32),
        size: (i32, i32),
        text: &str,
    ) -> Self {
        Self {
            attributes: VISIBLE | ENABLED | TRANSPARENT,
            text: text.to_owned(),
            ..Self::new(name, "Text", place, size)
        }
    }

    pub(super) fn button(name: &'static str, place: (i32, i32), text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_tab_stop: true,
            ..Self::new(name, "PushButton", place, BUTTON)
        }
    }

    pub(super) fn field(
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

    pub(super) fn with(mut self, attributes: i32) -> Self {
        self.attributes |= attributes;
        self
    }

    pub(super) fn disabled(mut self) -> Self {
        self.attributes &= !ENABLED;
        self.is_tab_stop = false;
        self
    }

    pub(super) fn wide(mut self, width: i32) -> Self {
        self.size.0 = width;
        self
    }
}

const BUTTON: (i32, i32) = (60, 17);

/// Control attributes.
pub(super) const ENABLED: i32 = 2;

pub(super) const SUNKEN: i32 = 4;

pub(super) const INDIRECT: i32 = 8;

pub(super) const TRANSPARENT: i32 = 0x1_0000;

pub(super) const NO_PREFIX: i32 = 0x2_0000;

pub(super) const SMOOTH_PROGRESS: i32 = 0x1_0000;

/// Of volume lists: fixed and remote disks.
pub(super) const DISKS: i32 = 0x8_0000 | 0x20_0000;
