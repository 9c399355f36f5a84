//! Values that both sheets print.

/// A calendar day in Japan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Year of the Gregorian calendar.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A day and a time of day in Japan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The day.
    pub day: Day,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

/// Who issues, and whom to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The certification authority.
    pub ca_name: String,
    /// Name of the help desk.
    pub help_desk: String,
    /// Its telephone number.
    pub telephone: String,
    /// When it answers.
    pub hours: String,
}
