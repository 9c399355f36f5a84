//! Two processes on one database through a whole life, day by day, one of the two killed at random in each day's work
//! (S1, F5, F6): nothing acknowledged is lost, and nothing is done twice.
//!
//! Each round is a day of Japan that begins shortly before the hour of the notices. Operators grant, people collect at
//! `/p/rcd` page by page at whichever process, terminals enrol by EST and renew with `tegata-client`, somebody revokes.
//! What fails while a process dies is tried again, as people do; what fails at any other moment is a fault.

mod calendar;
mod deaths;
mod house;
mod operators;
mod replica;
mod settled;
mod street;
mod terminal;
mod verdict;

use anyhow::{Context as _, Result, ensure};
use tegata_soak::Soak;

use self::house::House;

#[test]
fn s1_two_processes_live_a_whole_life_while_one_of_them_is_killed() -> Result<()> {
    let soak = Soak::named("replicas");
    let kills = soak.size(6, 200);
    let mut house = House::begin()?;
    for round in 0..kills {
        house
            .day(round, true)
            .with_context(|| format!("day {round}"))?;
    }
    house.day(kills, false).context("the last day")?;
    let faults = house.faults()?;
    ensure!(faults.is_empty(), "{faults:#?}");
    ensure!(house.told.len() > 2 * kills, "{:?}", house.told);
    soak.report(kills, "kills", 0);
    Ok(())
}
