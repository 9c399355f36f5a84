//! The numbers of windows and words are written twice: for the compiler of resources, and for the program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn the_program_and_its_resources_use_the_same_numbers() {
    let header = read("windows/resource.h");
    let defined: BTreeMap<&str, &str> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
        .collect();
    let source = read("src/win/resource.rs");
    let (numbers, _) = source.split_once("pub(super) mod word").unwrap();
    let used: BTreeMap<&str, &str> = constants(numbers, "pub(super) const ")
        .filter(|(name, _)| !matches!(*name, "OK" | "CANCEL"))
        .collect();
    assert!(used.len() > 60, "{}", used.len());
    assert_eq!(used, defined);
}

#[test]
fn each_word_that_the_program_asks_for_is_in_the_table_and_each_in_the_table_is_asked_for() {
    let resources = read("windows/client.rc");
    let (_, table) = resources.split_once("STRINGTABLE\nBEGIN\n").unwrap();
    let mut in_table: Vec<u16> = table
        .lines()
        .take_while(|line| *line != "END")
        .map(|line| line.trim().split_once(' ').unwrap().0.parse().unwrap())
        .collect();
    let source = read("src/win/resource.rs");
    let (_, words) = source.split_once("pub(super) mod word").unwrap();
    let mut asked: Vec<u16> = constants(words, "pub(in crate::win) const ")
        .flat_map(|(_, value)| value.trim_matches(['[', ']']).split(", "))
        .map(|number| number.parse().unwrap())
        .collect();
    in_table.sort_unstable();
    asked.sort_unstable();
    assert_eq!(asked, in_table);
}

/// Names and values.
fn constants<'a>(source: &'a str, begin: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    source.lines().filter_map(move |line| {
        let (name, rest) = line.trim().strip_prefix(begin)?.split_once(": ")?;
        Some((name, rest.split_once(" = ")?.1.trim_end_matches(';')))
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
