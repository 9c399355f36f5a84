//! The sheets as they come out, and what other people's programs read in them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a step that fails fails its test"
)]

mod oracle_poppler;
mod sample;
mod sheets;
