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

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::marker::PhantomData;

    use serde::Serialize;

    use super::*;

    /// Answers for a type whether it has a trait: an inherent constant is found before that of a
    /// trait, and exists only where its bound holds.
    struct Has<T>(PhantomData<T>);

    trait Lacks {
        const DEBUG: bool = false;
        const DISPLAY: bool = false;
        const SERIALIZE: bool = false;
    }

    impl<T> Lacks for Has<T> {}

    impl<T: Debug> Has<T> {
        const DEBUG: bool = true;
    }

    impl<T: Display> Has<T> {
        const DISPLAY: bool = true;
    }

    impl<T: Serialize> Has<T> {
        const SERIALIZE: bool = true;
    }

    #[test]
    fn a_secret_cannot_be_printed_logged_or_serialised() {
        type Plain = Has<String>;
        type Hidden = Has<Secret<String>>;
        let plain = [Plain::DEBUG, Plain::DISPLAY, Plain::SERIALIZE];
        let hidden = [Hidden::DEBUG, Hidden::DISPLAY, Hidden::SERIALIZE];
        assert_eq!((plain, hidden), ([true; 3], [false; 3]));
    }

    #[test]
    fn a_reference_id_cannot_be_printed_either() {
        type Reference = Has<crate::reference::ReferenceId>;
        let found = [Reference::DEBUG, Reference::DISPLAY, Reference::SERIALIZE];
        assert_eq!(found, [false; 3]);
    }

    #[test]
    fn a_secret_is_what_was_put_in() {
        assert_eq!(Secret::from("1234").clone().expose(), "1234");
        assert_eq!(Secret::new(vec![1_u8, 2]).expose(), &[1, 2]);
    }
}
