//! When terminals ask, against a table that another language made (`golden/request_times.py`). Server and terminals
//! use the same function; a terminal of an older version must still come to the second that the table has.

use std::fs;
use std::process::Command;

use tegata_domain::id::Fingerprint;
use tegata_domain::policy::ProfileName;
use tegata_domain::spread::{Asking, RequestPlan, RequestTime};
use tegata_domain::time::Timestamp;

/// Tests run in the folder of their crate.
const TABLE: &str = "tests/golden/request_times.csv";
const SCRIPT: &str = "tests/golden/request_times.py";

fn instant(cell: &str) -> Timestamp {
    Timestamp::from_unix(cell.parse().unwrap())
}

#[test]
fn server_and_terminals_come_to_the_second_of_the_table() {
    let policy = toml::from_str(ProfileName::Obn.source()).unwrap();
    let plan = RequestPlan::of(&policy);
    let table = fs::read_to_string(TABLE).unwrap();
    let mut lines = table.lines();
    let head = "fingerprint,not_after,asking,now,at,until";
    assert_eq!(lines.next(), Some(head));
    let mut compared = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let [fingerprint, not_after, asking, now, at, until] = cells[..] else {
            panic!("{line}: not six cells");
        };
        let asking = match asking {
            "end" => Asking::NearTheEnd,
            "hold" => Asking::FromNowOn,
            other => panic!("{other}"),
        };
        let fingerprint = Fingerprint::parse(fingerprint).unwrap();
        let next = plan.next(&fingerprint, instant(not_after), asking, instant(now));
        let wanted = (!at.is_empty()).then(|| RequestTime {
            at: instant(at),
            until: instant(until),
        });
        assert_eq!(next, wanted, "{line}");
        compared += 1;
    }
    assert_eq!(compared, 280);
}

#[test]
#[expect(clippy::print_stdout, reason = "says that the script was not run")]
fn the_table_is_what_its_script_writes() {
    if std::env::var_os("TEGATA_ORACLES").is_none_or(|value| value != "1") {
        println!("not run: set TEGATA_ORACLES=1 (needs python3)");
        return;
    }
    let mut command = Command::new("python3");
    let status = command.args([SCRIPT, "--check"]).status();
    assert!(status.expect("start python3").success());
}
