//! An interleaving of procedures in the tabs of one browser, as dice fall.

use serde_json::Value;

use crate::dice::Dice;
use crate::steps::{at_name, back, click, click_twice, goto, new_tab, read, reload, tab, twin};
use crate::tab_procedure::{Kind, LONGEST, Procedure};

/// More tabs than a person keeps open.
const MOST_TABS: usize = 8;
/// Acts in an interleaving, for each of its procedures.
const ACTS: usize = 4;

/// An interleaving: the steps, each with the procedure that it is about.
#[derive(Debug, Default)]
pub struct Script<'a> {
    /// The procedure in each tab.
    tabs: Vec<&'a Procedure>,
    /// The steps, in order.
    pub acts: Vec<Act<'a>>,
}

/// One step, and whose it is.
#[derive(Debug)]
pub struct Act<'a> {
    /// What is done.
    pub step: Value,
    /// Whose procedure is in the tab.
    pub whose: &'a Procedure,
    /// What is seen after it.
    pub view: View,
}

/// Whose certificate the page in a tab is about.
#[derive(Clone, Copy, Debug)]
pub enum View {
    /// The person's own.
    Own,
    /// At the other name the browser presents its other certificate.
    Other,
}

impl<'a> Script<'a> {
    /// These procedures as the dice fall; `names`: where the browser presents the one certificate and the other.
    pub fn of(dice: &mut Dice, procedures: &'a [Procedure], names: [&str; 2]) -> Self {
        let mut script = Self::default();
        for whose in procedures {
            if !script.tabs.is_empty() {
                script.does(whose, [new_tab()]);
            }
            script.tabs.push(whose);
            script.does(whose, [goto(&whose.begins), read()]);
        }
        for _ in 0..procedures.len() * ACTS {
            let at = dice.below(script.tabs.len());
            if let Some(whose) = script.tabs.get(at).copied() {
                script.chance(dice, at, whose, names);
            }
        }
        // Each goes on in its first tab, in turns.
        for round in 0..LONGEST {
            for (at, whose) in procedures.iter().enumerate() {
                let twice = dice.below(3) == 0;
                if whose.ends && round < whose.kind.presses() {
                    let press = if twice { click_twice } else { click };
                    script.does(whose, [tab(at), whose.next(press, true), read()]);
                }
            }
        }
        for (at, whose) in script.tabs.clone().into_iter().enumerate() {
            script.does(whose, [tab(at), reload(), read()]);
        }
        script
    }

    fn chance(&mut self, dice: &mut Dice, at: usize, whose: &'a Procedure, names: [&str; 2]) {
        let [own, other] = names;
        let act = match (dice.below(20), whose.kind) {
            (0..=9, _) => whose.next(click, false),
            (10..=11, _) => whose.next(click_twice, false),
            (12..=13, _) => back(),
            (14..=16, _) if self.tabs.len() < MOST_TABS => {
                self.tabs.push(whose);
                twin()
            }
            (17..=18, Kind::Renew) => return self.asks_elsewhere(at, whose, [own, other]),
            (17..=18, Kind::Address) => return self.asks_elsewhere(at, whose, [other, own]),
            _ => reload(),
        };
        self.does(whose, [tab(at), act, read()]);
    }

    fn asks_elsewhere(&mut self, at: usize, whose: &'a Procedure, [here, there]: [&str; 2]) {
        self.does(whose, [tab(at)]);
        self.acts([at_name(here, there), read()], whose, View::Other);
        self.does(whose, [back(), read()]);
    }

    fn does<const N: usize>(&mut self, whose: &'a Procedure, steps: [Value; N]) {
        self.acts(steps, whose, View::Own);
    }

    fn acts<const N: usize>(&mut self, steps: [Value; N], whose: &'a Procedure, view: View) {
        let acts = steps.into_iter().map(|step| Act { step, whose, view });
        self.acts.extend(acts);
    }
}
