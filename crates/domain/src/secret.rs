//! Values that cannot be printed, logged or serialised (design rule "Ids and secrets", T43).

use zeroize::Zeroize;

/// A secret: no `Debug`, no `Display`, no `Serialize`; overwritten when dropped.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a secret value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each use is a place where the secret could leak: keep it short.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
