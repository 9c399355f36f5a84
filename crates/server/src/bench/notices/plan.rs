//! What happens to each certificate of the bench, and what its holder must therefore be told: counted from the golden
//! table's instants with whole days, without the functions that the daily run uses.

use std::path::Path;

use crate::failure::{Failure, Outcome};

const DAY: i64 = 86_400;
const JAPAN_AHEAD: i64 = 9 * 3_600;
const NOTICE_HOUR: i64 = 9;
/// Days left at which the profile `obn` sends a mail; -1 is the day after the end.
const LEFT: [i64; 14] = [75, 60, 45, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1];

/// A row of the golden table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IssueDay {
    /// P, Unix seconds.
    pub(super) approved_at: i64,
    /// The last second, Unix seconds.
    pub(super) not_after: i64,
}

/// What becomes of a certificate. Days are counted from its last one: 80 is the 80th before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Nothing.
    Kept,
    /// Renewed, and the newer one is seen in use on a later day, if ever.
    Renewed { on: i64, seen: Option<i64> },
    /// On hold from one day to another.
    Held { from: i64, to: i64 },
    /// Revoked.
    Revoked { on: i64 },
}

/// Which text a mail has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The end comes near.
    Expiring,
    /// The end is over.
    Expired,
    /// The newer certificate was not seen.
    Unused,
}

/// Days since 1970-01-01 that Japan's calendars show.
pub(super) const fn day_of(unix: i64) -> i64 {
    (unix + JAPAN_AHEAD).div_euclid(DAY)
}

/// The instant of the notices of a day.
pub(super) const fn notices_at(day: i64) -> i64 {
    day * DAY - JAPAN_AHEAD + NOTICE_HOUR * 3_600
}

/// Reads the golden table, and sees that the days counted here are the ones that it was made with.
pub(super) fn read_golden(path: &Path) -> Outcome<Vec<IssueDay>> {
    let shown = path.display();
    let remedy = "name crates/domain/tests/golden/issue_days.csv with --golden";
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::machine(format!("read {shown}"), error, remedy))?;
    let rows = text.lines().skip(1).map(read_row).collect::<Option<_>>();
    rows.ok_or_else(|| Failure::new(format!("{shown} tells of other days"), remedy))
}

/// `None` for a line that cannot be read, and where the digest of its mail days is another one.
fn read_row(line: &str) -> Option<IssueDay> {
    let cells: Vec<&str> = line.split(',').collect();
    let number = |place: usize| -> Option<i64> { cells.get(place)?.parse().ok() };
    let row = IssueDay {
        approved_at: number(0)?,
        not_after: number(1)?,
    };
    let last = day_of(row.not_after);
    let instants: Vec<String> = LEFT
        .iter()
        .map(|left| notices_at(last - left).to_string())
        .collect();
    let digest = fnv(&instants.join(","));
    (cells.get(4).copied() == Some(format!("{digest:016x}").as_str())).then_some(row)
}

/// FNV-1a with 64 bits.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |value, octet| {
        (value ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Lives of every kind, in turn.
pub(super) const fn life_of(number: u64) -> Life {
    match number % 10 {
        0..=3 => Life::Kept,
        4..=5 => Life::Renewed {
            on: 88,
            seen: Some(87),
        },
        6 => Life::Renewed {
            on: 40,
            seen: Some(10),
        },
        7 => Life::Renewed { on: 20, seen: None },
        8 => Life::Held { from: 50, to: 5 },
        _ => Life::Revoked { on: 10 },
    }
}

impl Life {
    /// The days of the life on which something happens, counted from the last day.
    pub(super) fn days(self) -> Vec<i64> {
        match self {
            Self::Kept => Vec::new(),
            Self::Renewed { on, seen } => std::iter::once(on).chain(seen).collect(),
            Self::Held { from, to } => vec![from, to],
            Self::Revoked { on } => vec![on],
        }
    }

    /// What goes out so many days before the last one; what happens on a day happens before its notices.
    pub(super) fn told(self, not_after: i64, left: i64) -> Option<Told> {
        if !LEFT.contains(&left) {
            return None;
        }
        let is_over = not_after < notices_at(day_of(not_after) - left);
        let told = if is_over {
            Told::Expired
        } else {
            Told::Expiring
        };
        match self {
            Self::Renewed {
                seen: Some(seen), ..
            } if left <= seen => None,
            Self::Renewed { on, .. } if left <= on && !is_over => Some(Told::Unused),
            Self::Held { from, to } if left <= from && left > to => None,
            Self::Revoked { on } if left <= on => None,
            _ => Some(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_table_of_the_rules_is_read_with_all_its_days() {
        let path = Path::new("../domain/tests/golden/issue_days.csv");
        let rows = read_golden(path).unwrap();
        assert_eq!(rows.len(), 14_610);
        let line = "1577867940,1680338339,1,1,40ccc3317884cbff,0,0,0";
        assert!(read_row(line).is_some());
        assert_eq!(read_row(&line.replace("40ccc", "40ccd")), None);
        assert_eq!(read_row(&line.replace("1680338339", "1680424739")), None);
    }

    #[test]
    fn each_life_is_told_what_fits_it() {
        let end = 1_680_338_339;
        let told = |life: Life| -> Vec<i64> {
            (-5..=95)
                .rev()
                .filter(|left| life.told(end, *left).is_some())
                .collect()
        };
        assert_eq!(told(life_of(0)), LEFT);
        assert!(told(life_of(4)).is_empty());
        assert_eq!(told(life_of(6)), [75, 60, 45, 30, 15]);
        assert_eq!(told(life_of(7)), LEFT);
        assert_eq!(told(life_of(8)), [75, 60, 5, 4, 3, 2, 1, 0, -1]);
        assert_eq!(told(life_of(9)), [75, 60, 45, 30, 15]);
        assert_eq!(life_of(7).told(end, 20), None);
        assert_eq!(life_of(7).told(end, 15), Some(Told::Unused));
        assert_eq!(life_of(7).told(end, -1), Some(Told::Expired));
    }
}
