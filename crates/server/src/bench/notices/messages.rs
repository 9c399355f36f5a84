//! By which words a reader of subjects tells the notices apart.

/// The end is over.
pub(super) const EXPIRED: &str = "期限が切れました";
/// The newer certificate was not seen.
pub(super) const UNUSED: &str = "使われていません";

/// How the days that are left are said.
pub(super) fn days_left(left: i64) -> String {
    match left {
        0 => "本日".to_owned(),
        left => format!("あと{left}日"),
    }
}
