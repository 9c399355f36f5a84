//! Text as Windows wants it: UTF-16 with a zero at the end.

use zeroize::Zeroizing;

/// With a zero at the end.
pub(crate) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain(std::iter::once(0)).collect()
}

/// The same for a secret.
pub(crate) fn wide_secret(text: &str) -> Zeroizing<Vec<u16>> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    buffer.extend(text.encode_utf16());
    buffer.push(0);
    buffer
}

/// Up to the first zero.
pub(crate) fn narrow(text: &[u16]) -> String {
    let end = text
        .iter()
        .position(|&unit| unit == 0)
        .unwrap_or(text.len());
    String::from_utf16_lossy(text.get(..end).unwrap_or_default())
}
