//! What the person saw, beside a file that a reviewer read.

use std::fs;
use std::path::Path;

/// Compares with `screens/<name>.txt`. To take a new text over, remove the file, run the test twice, and read what
/// changed.
pub(crate) fn compare(name: &str, shown: &str) {
    let path = Path::new("tests/controller/screens").join(format!("{name}.txt"));
    match fs::read_to_string(&path) {
        Ok(wanted) => assert_eq!(format!("{shown}\n"), wanted, "{name}"),
        Err(_) => {
            fs::write(&path, format!("{shown}\n")).unwrap();
            panic!(
                "{} was written: read it, then run the test again",
                path.display()
            );
        }
    }
}
