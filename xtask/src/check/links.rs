//! Links between documents lead to files that exist.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Problem;
use crate::workspace;

pub(crate) fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for file in workspace::files(root, &["md"])? {
        let text = fs::read_to_string(root.join(&file));
        let text = text.with_context(|| format!("read {}", file.display()))?;
        for (line, target) in links(&text) {
            if !resolve(root, &file, &target).exists() {
                let what = format!("link to {target}, which does not exist");
                problems.push(Problem::new(
                    &file,
                    line,
                    &what,
                    "correct the link or add the file",
                ));
            }
        }
    }
    Ok(problems)
}

/// The file a link means: from the root with a leading slash, else from the file's own folder.
fn resolve(root: &Path, file: &Path, target: &str) -> PathBuf {
    match target.strip_prefix('/') {
        Some(target) => root.join(target),
        None => root
            .join(file.parent().unwrap_or(Path::new("")))
            .join(target),
    }
}

/// Links to files with their lines; addresses, anchors and code are left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let line = without_code(line);
        let inline = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        let reference = line
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        for target in inline.chain(reference.map(|(_, target)| target)) {
            let target = target.split_whitespace().next().unwrap_or_default();
            let target = target.trim_start_matches('<').trim_end_matches('>');
            let target = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !outside {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

/// The line without its code spans.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let text = "See [a](a.md) and ![b](../b.png \"B\").\n\
                    [out](https://host.example/x) [here](#part) [c](c.md#part)\n\
                    `[code](no.md)`\n```\n[fenced](no.md)\n```\n[ref]: d.md\n";
        let expected = [(1, "a.md"), (1, "../b.png"), (2, "c.md"), (7, "d.md")];
        assert_eq!(
            links(text),
            expected.map(|(line, target)| (line, target.to_owned()))
        );
    }

    #[test]
    fn a_link_to_nothing_is_reported_where_it_stands() {
        let root = std::env::temp_dir().join(format!("xtask-links-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::write(root.join("README.md"), "[docs](docs/a.md)\n").unwrap();
        fs::write(root.join("docs/a.md"), "[up](../README.md)\n[gone](b.md)\n").unwrap();
        let found = check(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let places: Vec<String> = found.iter().map(|p| p.place.to_string()).collect();
        assert_eq!(places, ["docs/a.md:2"]);
    }
}
