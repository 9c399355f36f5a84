//! `docs/profiles.md` is what `tegata_pki::profile::describe` says.
//!
//! The test compares; with `TEGATA_GEN=1` in the environment it writes the document.

use std::fs;

use tegata_pki::profile::describe;

/// Tests run in the folder of their crate.
const DOCUMENT: &str = "../../docs/profiles.md";

#[test]
fn the_document_shows_the_profiles_that_certificates_are_made_from() {
    let wanted = describe();
    if std::env::var_os("TEGATA_GEN").is_some_and(|value| value == "1") {
        fs::write(DOCUMENT, &wanted).unwrap();
    }
    let found = fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/profiles.md is not what the profiles say; run: cargo xtask gen"
    );
}
