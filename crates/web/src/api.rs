//! JSON for machines: one module for each kind of caller. English, no cookies, no pages.

pub(crate) mod client;
pub(crate) mod problem;
pub(crate) mod relying;
