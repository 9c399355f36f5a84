//! `tegata bench` at its smallest size: each bench runs to its end and prints the figures that `docs/operating/bench.md`
//! names. How great they are is not looked at here.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::database::{Database, Kind};
use tegata_system_tests::json::{field, list, text};
use tegata_system_tests::tools::{command, run, server_binary};

#[test]
fn a_collection_and_the_first_page_are_measured_beside_their_references() -> Result<()> {
    let p12 = &["p12", "--n", "2", "--rounds", "1", "--pool", "1"];
    let p12 = one(bench(&[p12.as_slice(), &["--at-once", "2"]].concat())?)?;
    is_measured(&p12, "p12", 2)?;
    is_compared(&p12)?;
    ensure!(*field(&p12, "pool") == 1, "{p12}");
    ensure!(*field(&p12, "at_once") == 2, "{p12}");
    ensure!(field(&p12, "key_cpu_us").is_number(), "{p12}");
    let tls = one(bench(&["tls", "--n", "3", "--rounds", "1"])?)?;
    is_measured(&tls, "tls", 3)?;
    is_compared(&tls)?;
    ensure!(field(&tls, "raw_per_cpu_s").is_number(), "{tls}");
    Ok(())
}

#[test]
fn an_issuance_on_postgresql_is_measured_beside_its_reference() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = Database::make(Kind::Postgres, folder.path())?;
    let url = database.url()?;
    let pg = one(bench(&[
        "pg",
        "--n",
        "2",
        "--rounds",
        "1",
        "--database",
        &url,
    ])?)?;
    is_measured(&pg, "pg", 2)?;
    is_compared(&pg)?;
    ensure!(*field(&pg, "at_once") == 16, "{pg}");
    Ok(())
}

#[test]
fn each_page_of_the_console_is_measured_at_each_size() -> Result<()> {
    let figures = bench(&["pages", "--n", "4,8", "--rounds", "1"])?;
    let names: Vec<&str> = figures
        .iter()
        .map(|figure| text(figure, "name"))
        .collect::<Result<_>>()?;
    let wanted = [
        "start",
        "queue",
        "search",
        "grant",
        "institutions",
        "revocations",
        "audit",
        "notices",
        "due",
    ];
    let wanted = wanted.map(|page| format!("pages {page}"));
    ensure!(names == wanted, "{names:?}");
    for (figure, name) in figures.iter().zip(&names) {
        is_measured(figure, name, 12)?;
        ensure!(list(figure, "certificates")? == [4, 8], "{figure}");
        ensure!(list(figure, "cpu_us_at")?.len() == 2, "{figure}");
        ensure!(list(figure, "p50_us_at")?.len() == 2, "{figure}");
        let ratio = field(figure, "ratio_to_smallest").as_f64();
        ensure!(ratio.is_some_and(|ratio| ratio > 0.0), "{figure}");
    }
    Ok(())
}

#[test]
fn the_daily_run_is_measured_in_three_figures() -> Result<()> {
    let figures = bench(&["sweep", "--n", "300"])?;
    let [select, enqueue, mails] = <[Value; 3]>::try_from(figures)
        .map_err(|figures| anyhow::anyhow!("there are other figures: {figures:?}"))?;
    for (figure, name) in [
        (&select, "sweep_select"),
        (&enqueue, "sweep_enqueue"),
        (&mails, "sweep_mails"),
    ] {
        ensure!(text(figure, "name")? == name, "{figure}");
    }
    is_compared(&enqueue)?;
    ensure!(field(&enqueue, "ops") == field(&mails, "ops"), "{mails}");
    ensure!(field(&enqueue, "ops").as_u64() > Some(0), "{enqueue}");
    Ok(())
}

#[test]
fn the_start_and_the_idle_memory_are_measured() -> Result<()> {
    let startup = one(bench(&["startup", "--rounds", "1"])?)?;
    ensure!(text(&startup, "name")? == "startup", "{startup}");
    ensure!(field(&startup, "p50_us").as_u64() > Some(0), "{startup}");
    ensure!(field(&startup, "idle_kb").as_u64() > Some(0), "{startup}");
    Ok(())
}

/// The figures that a bench prints, with nothing else around them.
fn bench(arguments: &[&str]) -> Result<Vec<Value>> {
    let mut bench = command(server_binary()?, ["bench", "--json"]);
    let printed = run(bench.args(arguments))?.good()?.text();
    printed
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

fn one(figures: Vec<Value>) -> Result<Value> {
    let mut figures = figures.into_iter();
    let first = figures.next().context("a figure")?;
    ensure!(figures.next().is_none(), "one figure");
    Ok(first)
}

/// Operations and their cost are there.
fn is_measured(figure: &Value, name: &str, ops: u64) -> Result<()> {
    ensure!(text(figure, "name")? == name, "{figure}");
    ensure!(*field(figure, "ops") == ops, "{figure}");
    for name in ["cpu_s", "wall_s"] {
        let seconds = field(figure, name).as_f64();
        ensure!(seconds.is_some_and(|seconds| seconds > 0.0), "{figure}");
    }
    for name in ["p50_us", "p99_us", "rss_kb"] {
        ensure!(field(figure, name).as_u64() > Some(0), "{figure}");
    }
    Ok(())
}

/// It stands beside a reference of the same run.
fn is_compared(figure: &Value) -> Result<()> {
    let ratio = field(figure, "ratio_to_raw").as_f64();
    ensure!(ratio.is_some_and(|ratio| ratio > 0.0), "{figure}");
    Ok(())
}
