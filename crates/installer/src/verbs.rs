//! What the package says to the program on its command line. The program keeps to these words.

/// Start in the notification area, without a window: at logon, and after a silent installation.
pub const TRAY: &str = "--tray";
/// Ask the running program of this session to end, and come back when it has ended (10 seconds at most).
pub const QUIT: &str = "--quit";
/// Per machine, elevated: install the roots of the settings, write the policy by which browsers choose.
pub const MACHINE_SETUP: &str = "--machine-setup";
/// Per machine, elevated: undo what [`MACHINE_SETUP`] did, and nothing else.
pub const MACHINE_REMOVE: &str = "--machine-remove";
