//! Only binaries read the environment and end the process. A library gets what it needs as
//! parameters.

use super::Problem;
use super::rust_source::RustFile;

/// Calls that only a binary may make, with the remedy.
const CALLS: [(&str, &str); 2] = [
    ("env::var", "read it in the binary and pass it on"),
    ("process::exit", "return an error to the binary"),
];

/// The binaries, and the script that Cargo runs before the client's.
const BINARIES: [&str; 4] = [
    "crates/server/src",
    "crates/client/build.rs",
    "crates/client/src/bin",
    "xtask/src",
];

pub(crate) fn check(files: &[RustFile]) -> Vec<Problem> {
    let libraries = files
        .iter()
        .filter(|file| !BINARIES.iter().any(|path| file.is_under(path)));
    let mut problems = Vec::new();
    for file in libraries {
        for (index, code) in file.code.iter().enumerate() {
            let line = index + 1;
            for (call, remedy) in CALLS {
                if code.contains(call) && !file.is_test(line) {
                    let what = format!("`{call}` outside a binary");
                    problems.push(Problem::new(&file.path, line, &what, remedy));
                }
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const NOTHING: [usize; 0] = [];

    fn lines(path: &str, source: &str) -> Vec<usize> {
        let file = RustFile::take_apart(PathBuf::from(path), source);
        check(&[file])
            .into_iter()
            .map(|problem| problem.place.line)
            .collect()
    }

    #[test]
    fn a_library_that_reads_the_environment_or_exits_is_found() {
        let source = "let a = std::env::var_os(\"A\");\nstd::process::exit(1);\nenv::vars();";
        assert_eq!(lines("crates/app/src/a.rs", source), [1, 2, 3]);
    }

    #[test]
    fn binaries_tests_words_and_build_time_variables_are_free() {
        let source = "let a = std::env::var(\"A\");";
        assert_eq!(lines("crates/server/src/config.rs", source), NOTHING);
        assert_eq!(lines("crates/client/src/bin/a.rs", source), NOTHING);
        assert_eq!(lines("crates/client/src/controller.rs", source), [1]);
        assert_eq!(lines("crates/pki/tests/oracle.rs", source), NOTHING);
        assert_eq!(
            lines(
                "crates/pki/src/a.rs",
                "// env::var\nlet a = env!(\"env::var\");"
            ),
            NOTHING
        );
    }
}
