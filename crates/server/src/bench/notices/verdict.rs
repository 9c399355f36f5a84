//! What the mailboxes held, against what they should.

use std::collections::BTreeMap;

use super::crew::Received;
use super::plan::{Told, day_of};
use super::{Case, messages};
use crate::bench::fleet::address;

/// What the mailboxes held, against what they should.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) expected: usize,
    pub(super) told: usize,
    pub(super) missing: usize,
    pub(super) duplicate: usize,
    pub(super) unexpected: usize,
    pub(super) repeated: u64,
    pub(super) first: Option<String>,
    /// The cases by the last day of their certificates.
    pub(super) ends: BTreeMap<i64, Vec<usize>>,
}

impl Verdict {
    pub(super) fn of(cases: &[Case]) -> Self {
        let mut verdict = Self::default();
        for (place, case) in cases.iter().enumerate() {
            let last = day_of(case.row.not_after);
            verdict.ends.entry(last).or_default().push(place);
        }
        verdict
    }

    /// Judges what came on a day: nothing is due longer than 100 days before an end or 10 days after it.
    pub(super) fn judge_day(&mut self, cases: &[Case], received: &Received, day: i64) {
        self.repeated += received.repeated;
        let near: Vec<usize> = (self.ends.range(day - 10..=day + 100))
            .flat_map(|(_, places)| places.iter().copied())
            .collect();
        let mut known = 0;
        for place in near {
            let Some(case) = cases.get(place) else {
                continue;
            };
            let left = day_of(case.row.not_after) - day;
            let to = address(place as u64 + 1);
            let mails = received.mails.get(&to);
            known += usize::from(mails.is_some());
            let wanted = case.life.told(case.row.not_after, left);
            self.judge(wanted, mails, left, (&to, day));
        }
        let strange = received.mails.len() - known;
        if strange > 0 {
            self.unexpected += strange;
            self.note(("somebody", day), "nothing was due for months");
        }
    }

    fn judge(
        &mut self,
        wanted: Option<Told>,
        mails: Option<&BTreeMap<String, String>>,
        left: i64,
        key: (&str, i64),
    ) {
        let count = mails.map_or(0, BTreeMap::len);
        self.told += count;
        self.expected += usize::from(wanted.is_some());
        match (wanted, mails) {
            (None, None) => {}
            (None, Some(_)) => {
                self.unexpected += count;
                self.note(key, "nothing is due");
            }
            (Some(_), None) => {
                self.missing += 1;
                self.note(key, "nothing came");
            }
            (Some(told), Some(mails)) => {
                self.duplicate += count - 1;
                if count > 1 {
                    self.note(key, "more than one came");
                }
                for subject in mails.values().filter(|subject| !says(subject, told, left)) {
                    self.unexpected += 1;
                    self.note(key, subject);
                }
            }
        }
    }

    fn note(&mut self, (to, day): (&str, i64), what: &str) {
        self.first
            .get_or_insert_with(|| format!("{to} on day {day}: {what}"));
    }
}

/// Whether a subject is that of the text, with the days that are left.
fn says(subject: &str, told: Told, left: i64) -> bool {
    let names_days = || subject.contains(&messages::days_left(left));
    match told {
        Told::Expired => subject.contains(messages::EXPIRED),
        Told::Expiring => !subject.contains(messages::UNUSED) && names_days(),
        Told::Unused => subject.contains(messages::UNUSED) && names_days(),
    }
}
