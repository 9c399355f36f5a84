//! No core file: it would hold every key that is in use (T13).

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::failure::{Failure, Outcome};

/// Lets this process leave no core file, whatever it was started with. Nobody but root can read its memory either.
pub(crate) fn forbid() -> Outcome<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, none);
    limited.and_then(|()| undumpable()).map_err(|error| {
        let remedy =
            "start the program without a filter of system calls that forbids setrlimit or prctl";
        Failure::machine("forbid core files", error, remedy)
    })
}

#[cfg(target_os = "linux")]
fn undumpable() -> rustix::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
fn undumpable() -> rustix::io::Result<()> {
    Ok(())
}
