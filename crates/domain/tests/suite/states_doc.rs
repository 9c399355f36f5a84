//! Draws `docs/states.md` from the tables of the state machines.
//!
//! The test compares; with `TEGATA_GEN=1` in the environment it writes the document.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use crate::machine::{ALL, Machine, REFUSED, is_state};

/// Tests run in the folder of their crate.
const DOCUMENT: &str = "../../docs/states.md";

const HEAD: &str = "\
# States

<!-- Generated from crates/domain/tests/suite/machine; write it anew with `cargo xtask gen`. -->

Each machine as a picture and as a table of every state and every move. The tests of the crate
`domain` make every move in every state and compare with the same tables, so what stands here is
what the program does. A dot is a move that the state does not have: it is refused and changes
nothing. Labels such as K2 and F4 name decisions.
";

#[test]
fn the_document_shows_what_the_tables_say() {
    let wanted = document();
    if std::env::var_os("TEGATA_GEN").is_some_and(|value| value == "1") {
        fs::write(DOCUMENT, &wanted).unwrap();
    }
    let found = fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/states.md is not what the tables say; run: cargo xtask gen"
    );
}

#[test]
fn every_state_can_be_reached_from_the_first() {
    for machine in ALL {
        let Some(begin) = machine.begin else { continue };
        let mut reached = BTreeSet::from([begin]);
        loop {
            let more: BTreeSet<&str> = transitions(machine)
                .filter(|(from, ..)| reached.contains(from))
                .map(|(_, _, to)| to)
                .chain(reached.iter().copied())
                .collect();
            if more == reached {
                break;
            }
            reached = more;
        }
        let states: BTreeSet<&str> = machine.rows.iter().map(|(state, _)| *state).collect();
        assert_eq!(reached, states, "{}", machine.name);
    }
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    for machine in ALL {
        let _ = write!(text, "\n## {}\n\n{}\n", machine.name, machine.about);
        if let Some(begin) = machine.begin {
            draw(&mut text, machine, begin);
        }
        list(&mut text, machine);
    }
    text
}

/// The moves that lead from one state to a state, itself included.
fn transitions(
    machine: &Machine,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let rows = machine.rows.iter();
    rows.flat_map(|(from, outcomes)| {
        let moves = machine.moves.iter().zip(*outcomes);
        moves.map(move |(step, to)| (*from, *step, *to))
    })
    .filter(|(_, _, to)| is_state(machine, to))
}

/// The picture: variants of one state (`frozen (posted)`) are one circle, and moves that stay are
/// left to the table.
fn draw(text: &mut String, machine: &Machine, begin: &str) {
    let mut arrows: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for (from, step, to) in transitions(machine) {
        let (from, to, step) = (circle(from), circle(to), act(step));
        if from == to {
            continue;
        }
        match arrows.iter_mut().find(|(f, t, _)| (*f, *t) == (from, to)) {
            Some((.., steps)) if steps.contains(&step) => {}
            Some((.., steps)) => steps.push(step),
            None => arrows.push((from, to, vec![step])),
        }
    }
    let _ = write!(
        text,
        "\n```mermaid\nstateDiagram-v2\n    [*] --> {}\n",
        name(begin)
    );
    for (from, to, steps) in arrows {
        let steps = steps.join(" / ");
        let _ = writeln!(text, "    {} --> {}: {steps}", name(from), name(to));
    }
    text.push_str("```\n");
}

fn circle(state: &str) -> &str {
    state.split_once(" (").map_or(state, |(circle, _)| circle)
}

/// The move without the person who makes it.
fn act(step: &str) -> &str {
    step.split_once(", as ").map_or(step, |(act, _)| act)
}

/// A name that Mermaid takes for one word.
fn name(state: &str) -> String {
    state.replace(' ', "_")
}

fn list(text: &mut String, machine: &Machine) {
    let head = if machine.begin.is_some() {
        "state"
    } else {
        "flow"
    };
    let _ = writeln!(text, "\n| {head} | {} |", machine.moves.join(" | "));
    let _ = writeln!(text, "| --- |{}", " --- |".repeat(machine.moves.len()));
    for (state, outcomes) in machine.rows {
        let cells: Vec<&str> = outcomes
            .iter()
            .map(|outcome| cell(state, outcome))
            .collect();
        let _ = writeln!(text, "| {state} | {} |", cells.join(" | "));
    }
}

/// What stands in a cell: `·` for a refusal, `stays` for the state itself.
fn cell<'a>(state: &str, outcome: &'a str) -> &'a str {
    match outcome {
        REFUSED => "·",
        same if same == state => "stays",
        other => other,
    }
}
