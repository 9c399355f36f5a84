//! The state machines as tables: every state, every move, and what comes out.
//!
//! A table is written by hand from the decisions; [`walk`] makes every move in every state and
//! compares. `docs/states.md` is drawn from the same tables (`states_doc.rs`).

pub(crate) mod application;
pub(crate) mod certificate;
pub(crate) mod flow;
pub(crate) mod grant;
pub(crate) mod issuance;
pub(crate) mod proposal;
pub(crate) mod revocation;

/// A move that the state does not have.
pub(crate) const REFUSED: &str = "-";

/// One machine: its moves, and for each state what each of them leads to.
pub(crate) struct Machine {
    /// Heading in the document.
    pub(crate) name: &'static str,
    /// What the document says about it.
    pub(crate) about: &'static str,
    /// The state it begins in; `None` where the rows are situations rather than states.
    pub(crate) begin: Option<&'static str>,
    /// The moves, in the order of the columns.
    pub(crate) moves: &'static [&'static str],
    /// Each state with one outcome for each move: a state, or a word that says why not.
    pub(crate) rows: &'static [(&'static str, &'static [&'static str])],
}

/// The machines, in the order of the document.
pub(crate) const ALL: [&Machine; 7] = [
    &application::MACHINE,
    &grant::MACHINE,
    &issuance::MACHINE,
    &certificate::MACHINE,
    &revocation::MACHINE,
    &proposal::MACHINE,
    &flow::MACHINE,
];

/// Makes every one of `moves` in every one of `states` and compares what comes out with the table.
///
/// `states` and `moves` carry their words; the words must be those of the table, in its order, so
/// no row and no column is left out. Answers the number of pairs.
pub(crate) fn walk<S, M>(
    machine: &Machine,
    states: &[(&str, S)],
    moves: &[(&str, M)],
    outcome: impl Fn(&S, &M) -> String,
) -> usize {
    let rows: Vec<&str> = machine.rows.iter().map(|(state, _)| *state).collect();
    let known: Vec<&str> = states.iter().map(|(word, _)| *word).collect();
    assert_eq!(rows, known, "{}: the states", machine.name);
    let known: Vec<&str> = moves.iter().map(|(word, _)| *word).collect();
    assert_eq!(machine.moves, known, "{}: the moves", machine.name);
    let mut pairs = 0;
    for ((word, state), (_, expected)) in states.iter().zip(machine.rows) {
        assert_eq!(expected.len(), moves.len(), "{}: {word}", machine.name);
        for ((move_word, step), expected) in moves.iter().zip(*expected) {
            let found = outcome(state, step);
            assert_eq!(found, *expected, "{}: {word}, {move_word}", machine.name);
            pairs += 1;
        }
    }
    pairs
}

/// Whether a word of the table is one of its states: otherwise it says why the move is refused.
pub(crate) fn is_state(machine: &Machine, word: &str) -> bool {
    machine.rows.iter().any(|(state, _)| *state == word)
}
