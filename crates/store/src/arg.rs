//! What a statement is given for its placeholders.

use std::borrow::Cow;

use tegata_domain::time::Timestamp;

/// A value for a placeholder: text, a whole number or octets, or none of that type.
#[derive(Debug)]
pub(crate) enum Arg<'a> {
    Text(Option<Cow<'a, str>>),
    Int(Option<i64>),
    Bytes(Option<Cow<'a, [u8]>>),
}

impl Arg<'_> {
    /// The same, for another thread.
    pub(crate) fn owned(&self) -> Arg<'static> {
        match self {
            Self::Text(text) => Arg::Text(text.as_deref().map(|text| text.to_owned().into())),
            Self::Int(number) => Arg::Int(*number),
            Self::Bytes(octets) => Arg::Bytes(octets.as_deref().map(|o| o.to_owned().into())),
        }
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Arg<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Arg<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<Timestamp> for Arg<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Int(Some(at.unix()))
    }
}

impl From<Option<Timestamp>> for Arg<'_> {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Int(at.map(Timestamp::unix))
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Self::Bytes(Some(Cow::Borrowed(octets)))
    }
}

impl<'a> From<Option<&'a [u8]>> for Arg<'a> {
    fn from(octets: Option<&'a [u8]>) -> Self {
        Self::Bytes(octets.map(Cow::Borrowed))
    }
}
