//! 有効期限のお知らせ (F6, FR7, T57): over a certificate's life each notice comes once, whatever ends in between.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::database::{Database, Kind};
use tegata_system_tests::json::field;
use tegata_system_tests::tools::{command, root, run, server_binary};

#[test]
fn no_notice_is_missing_and_none_comes_twice_while_the_processes_are_killed() -> Result<()> {
    for kind in Kind::ALL {
        let folder = tempfile::tempdir()?;
        let database = Database::make(kind, folder.path())?;
        let golden = root().join("crates/domain/tests/golden/issue_days.csv");
        let mut bench = command(
            server_binary()?,
            [
                "bench", "notices", "--n", "100", "--days", "200", "--kills", "30", "--golden",
            ],
        );
        bench.arg(golden);
        if kind == Kind::Postgres {
            bench.args(["--database", &database.url()?]);
        }
        let printed = run(&mut bench)?.good()?.text();
        let last = printed.lines().last().context("a line")?;
        eprintln!("{kind:?}: {last}");
        let figure: Value = serde_json::from_str(last)?;
        for (name, wanted) in [
            ("missing", 0),
            ("duplicate", 0),
            ("unexpected", 0),
            ("kills", 30),
        ] {
            ensure!(field(&figure, name) == wanted, "{name}: {last}");
        }
        let expected = field(&figure, "expected").as_u64().context("a count")?;
        ensure!(
            expected > 400 && field(&figure, "ops") == expected,
            "{last}"
        );
    }
    Ok(())
}
