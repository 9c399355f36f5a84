//! What leaves the certification authority on paper: drawn as PDF from finished values. Knows no database, no
//! clock and no network.

mod font;

pub use font::unprintable;
