//! `docs/reference/configuration.md` is what the program prints; `TEGATA_GEN=1` writes it.

use std::fs;
use std::path::Path;

use crate::program::tegata;

#[test]
fn the_reference_lists_every_key_of_the_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let printed = tegata(&["config", "reference"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    if std::env::var_os("TEGATA_GEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &printed.stdout).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == printed.stdout,
        "docs/reference/configuration.md is stale; run `cargo xtask gen`"
    );
}
