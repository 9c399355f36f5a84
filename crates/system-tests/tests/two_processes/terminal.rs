//! The terminal that enrolled before the first day and renews on the others.

use std::fs;
use std::path::Path;

use anyhow::Result;
use tegata_system_tests::terminal::Terminal;

/// The terminal with `tegata-client`, whose operator's pack names this process and says whom to trust.
pub(super) fn terminal(folder: &Path, subscriber: &str, ahead: i64) -> Result<Terminal> {
    let mut terminal = Terminal::new(folder, subscriber, PACK)?;
    terminal.set_clock_by(ahead);
    let (pack, above) = (folder.join("client.toml"), folder.join(".."));
    let read = |name: &str| fs::read_to_string(above.join(name));
    let (root, issuers) = (read("tls-ca.pem")?, read("subscriber-ca.pem")?);
    let rest = fs::read_to_string(&pack)?;
    let whole = format!("root = '''{root}'''\nissuers = '''{issuers}'''\n{rest}");
    fs::write(&pack, whole)?;
    Ok(terminal)
}

const PACK: &str = "[notices]\nrenewal_days = 365\n";
