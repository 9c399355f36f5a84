//! What is done in which order, and what runs the program itself.
//!
//! No step loads a library of the package (T72): the program is run by its absolute path, or Windows' own actions do
//! the work. Certificates are not touched by any of them.

use tegata_protocol::release::{Architecture, Scope};

use crate::database::{Cell, Rows, row};
use crate::identity::upgrade_code;
use crate::layout::{FOLDER_VALUE, KEPT, PROGRAM_FILE, PROGRAM_VALUE, REGISTRY_KEY, registry_root};
use crate::messages;
use crate::package::Package;
use crate::verbs::{MACHINE_REMOVE, MACHINE_SETUP, QUIT, TRAY};

/// Properties that may be set on the command line, or that cross from the wizard to the elevated part.
pub(crate) const PUBLIC_PROPERTIES: [&str; 9] = [
    "INSTALLDIR",
    "SERVER",
    "PROXY",
    "AUTOSTART",
    "LAUNCH",
    "OLDVERSION",
    "NEWERVERSION",
    "PREVIOUSFOLDER",
    "PREVIOUSPROGRAM",
];

/// Custom action types: run an installed file, run a program named by a property, stop with a sentence, set a property.
const RUN_FILE: i32 = 18;
const STOP: i32 = 19;
const RUN_PROPERTY: i32 = 50;
const SET_PROPERTY: i32 = 51;
/// Flags: whatever it answers; do not wait; in the elevated script; as the system; when it is rolled back.
const IGNORE: i32 = 64;
const ASYNCHRONOUS: i32 = 128;
const ROLLBACK: i32 = 256;
const DEFERRED: i32 = 1024;
const AS_SYSTEM: i32 = 2048;

/// Upgrade attributes: take the chosen features over, include the last version, only look.
const MIGRATE_FEATURES: i32 = 1;
const ONLY_DETECT: i32 = 2;
const UP_TO_INCLUDED: i32 = 512;

/// Locator types: a file, a raw value; in the 64-bit part of the registry.
const LOCATE_FILE: i32 = 1;
const LOCATE_VALUE: i32 = 2;
const LOCATE_64_BIT: i32 = 16;

const NOT_REMOVED: &str = "NOT (REMOVE~=\"ALL\")";

/// Adds searches, conditions, custom actions and the sequences.
pub(crate) fn add(rows: &mut Rows, package: &Package<'_>) {
    let scope = package.scope;
    let bits = match package.program.architecture() {
        Architecture::X64 => LOCATE_64_BIT,
        Architecture::X86 => 0,
    };
    add_searches(rows, scope, bits);
    add_versions(rows, scope, &package.program.version().to_string());
    add_conditions(rows, scope);
    add_actions(rows, scope);
    add_sequences(rows, scope);
}

/// What an earlier installation left in the registry.
fn add_searches(rows: &mut Rows, scope: Scope, bits: i32) {
    let mut search = |property: &str, root: i32, value: &str, kind: i32| {
        let signature = format!("Find{property}");
        rows.add("AppSearch", row![property, signature.clone()]);
        rows.add(
            "RegLocator",
            row![signature.clone(), root, REGISTRY_KEY, value, kind | bits],
        );
        if kind == LOCATE_FILE {
            let mut file = row![signature, "mpki-client.exe"];
            file.extend(std::iter::repeat_n(Cell::Empty, 7));
            rows.add("Signature", file);
        }
    };
    let own = registry_root(scope);
    search("PREVIOUSPROGRAM", own, PROGRAM_VALUE, LOCATE_FILE);
    search("PREVIOUSFOLDER", own, FOLDER_VALUE, LOCATE_VALUE);
    for kept in KEPT {
        search(&previous(kept.property), own, kept.value, LOCATE_VALUE);
    }
    if scope == Scope::User {
        search(
            "MACHINEPROGRAM",
            registry_root(Scope::Machine),
            PROGRAM_VALUE,
            LOCATE_FILE,
        );
    }
}

fn previous(property: &str) -> String {
    format!("PREVIOUS{property}")
}

/// An older version, and the same one packed anew, is replaced in place; a newer one is left alone.
fn add_versions(rows: &mut Rows, scope: Scope, version: &str) {
    let code = upgrade_code(scope);
    let older = MIGRATE_FEATURES | UP_TO_INCLUDED;
    rows.extend(
        "Upgrade",
        [
            row![
                code.as_str(),
                "0.0.0",
                version,
                Cell::Empty,
                older,
                Cell::Empty,
                "OLDVERSION"
            ],
            row![
                code,
                version,
                Cell::Empty,
                Cell::Empty,
                ONLY_DETECT,
                Cell::Empty,
                "NEWERVERSION"
            ],
        ],
    );
}

fn add_conditions(rows: &mut Rows, scope: Scope) {
    // Windows 10 and 11 answer 603 here too.
    rows.add(
        "LaunchCondition",
        row!["Installed OR VersionNT >= 603", messages::NEEDS_WINDOWS_8_1],
    );
    if scope == Scope::User {
        rows.add(
            "LaunchCondition",
            row!["Installed OR NOT MACHINEPROGRAM", messages::ALREADY_FOR_ALL],
        );
    }
}

fn add_actions(rows: &mut Rows, scope: Scope) {
    let mut action = |name: &str, kind: i32, source: &str, target: &str| {
        rows.add("CustomAction", row![name, kind, source, target]);
    };
    action("KeepFolder", SET_PROPERTY, "INSTALLDIR", "[PREVIOUSFOLDER]");
    for kept in KEPT {
        let value = format!("[{}]", previous(kept.property));
        action(&keep(kept.property), SET_PROPERTY, kept.property, &value);
    }
    action("RefuseOlderVersion", STOP, "", messages::NEWER_IS_INSTALLED);
    action(
        "TellFolder",
        SET_PROPERTY,
        "ARPINSTALLLOCATION",
        "[INSTALLDIR]",
    );
    action(
        "QuitProgram",
        RUN_PROPERTY | IGNORE,
        "PREVIOUSPROGRAM",
        QUIT,
    );
    action(
        "StartProgram",
        RUN_FILE | IGNORE | ASYNCHRONOUS,
        PROGRAM_FILE,
        TRAY,
    );
    if scope == Scope::Machine {
        let elevated = RUN_FILE | DEFERRED | AS_SYSTEM;
        action("MachineSetup", elevated, PROGRAM_FILE, MACHINE_SETUP);
        action(
            "UndoMachineSetup",
            elevated | ROLLBACK | IGNORE,
            PROGRAM_FILE,
            MACHINE_REMOVE,
        );
        action(
            "MachineRemove",
            elevated | IGNORE,
            PROGRAM_FILE,
            MACHINE_REMOVE,
        );
    }
}

fn keep(property: &str) -> String {
    format!("Keep{property}")
}

/// A step: action, condition, place.
type Step = (&'static str, Option<&'static str>, i32);

/// The order of Windows Installer's own actions ("Suggested InstallExecuteSequence").
const EXECUTE: [Step; 28] = [
    ("AppSearch", None, 50),
    ("LaunchConditions", None, 100),
    ("FindRelatedProducts", None, 200),
    (
        "RefuseOlderVersion",
        Some("NEWERVERSION AND NOT Installed"),
        210,
    ),
    ("ValidateProductID", None, 700),
    ("CostInitialize", None, 800),
    ("FileCost", None, 900),
    ("CostFinalize", None, 1000),
    ("TellFolder", Some("NOT Installed"), 1010),
    ("MigrateFeatureStates", None, 1200),
    // Before Windows looks which files are in use.
    ("QuitProgram", Some("PREVIOUSPROGRAM"), 1300),
    ("InstallValidate", None, 1400),
    ("InstallInitialize", None, 1500),
    // Inside the transaction: when the new version fails, the old one is back.
    ("RemoveExistingProducts", None, 1510),
    ("ProcessComponents", None, 1600),
    ("UnpublishFeatures", None, 1800),
    ("RemoveRegistryValues", None, 2600),
    ("RemoveShortcuts", None, 3200),
    ("RemoveFiles", None, 3500),
    ("RemoveFolders", None, 3600),
    ("CreateFolders", None, 3700),
    ("InstallFiles", None, 4000),
    ("CreateShortcuts", None, 4500),
    ("WriteRegistryValues", None, 5000),
    ("RegisterUser", None, 6000),
    ("RegisterProduct", None, 6100),
    ("PublishFeatures", None, 6300),
    ("PublishProduct", None, 6400),
];

const FINALIZE: i32 = 6600;

/// For a user, the program runs when the installation is over. For a machine, only the wizard starts it: a silent
/// installation there runs as the system.
const EXECUTE_USER: [Step; 1] = [(
    "StartProgram",
    Some("NOT (REMOVE~=\"ALL\") AND NOT (LAUNCH = \"0\")"),
    6700,
)];

const EXECUTE_MACHINE: [Step; 3] = [
    (
        "MachineRemove",
        Some("REMOVE~=\"ALL\" AND NOT UPGRADINGPRODUCTCODE"),
        2500,
    ),
    (
        "UndoMachineSetup",
        Some("NOT Installed AND NOT OLDVERSION"),
        5800,
    ),
    ("MachineSetup", Some(NOT_REMOVED), 5900),
];

const USER_INTERFACE: [Step; 8] = [
    ("AppSearch", None, 50),
    ("LaunchConditions", None, 100),
    ("FindRelatedProducts", None, 200),
    (
        "RefuseOlderVersion",
        Some("NEWERVERSION AND NOT Installed"),
        210,
    ),
    ("CostInitialize", None, 800),
    ("FileCost", None, 900),
    ("CostFinalize", None, 1000),
    ("ExecuteAction", None, 1300),
];

const ADMINISTRATIVE: [Step; 8] = [
    ("CostInitialize", None, 800),
    ("FileCost", None, 900),
    ("CostFinalize", None, 1000),
    ("InstallValidate", None, 1400),
    ("InstallInitialize", None, 1500),
    ("InstallAdminPackage", None, 3900),
    ("InstallFiles", None, 4000),
    ("InstallFinalize", None, FINALIZE),
];

/// What a domain's software distribution runs first.
const ADVERTISED: [Step; 8] = [
    ("CostInitialize", None, 800),
    ("CostFinalize", None, 1000),
    ("InstallValidate", None, 1400),
    ("InstallInitialize", None, 1500),
    ("CreateShortcuts", None, 4500),
    ("PublishFeatures", None, 6300),
    ("PublishProduct", None, 6400),
    ("InstallFinalize", None, FINALIZE),
];

fn add_sequences(rows: &mut Rows, scope: Scope) {
    let own: &[Step] = match scope {
        Scope::Machine => &EXECUTE_MACHINE,
        Scope::User => &EXECUTE_USER,
    };
    let end = ("InstallFinalize", None, FINALIZE);
    let execute = EXECUTE.iter().chain(own).chain([&end]);
    add_steps(rows, "InstallExecuteSequence", execute);
    add_steps(rows, "InstallUISequence", &USER_INTERFACE);
    add_steps(rows, "AdminExecuteSequence", &ADMINISTRATIVE);
    add_steps(rows, "AdvtExecuteSequence", &ADVERTISED);
    for table in ["InstallExecuteSequence", "InstallUISequence"] {
        let folder = "PREVIOUSFOLDER AND NOT INSTALLDIR AND NOT Installed";
        rows.add(table, row!["KeepFolder", folder, 60]);
        for (kept, place) in KEPT.iter().zip(61..) {
            let condition = format!("{} AND NOT {}", previous(kept.property), kept.property);
            rows.add(table, row![keep(kept.property), condition, place]);
        }
    }
}

fn add_steps<'a>(rows: &mut Rows, table: &'static str, steps: impl IntoIterator<Item = &'a Step>) {
    let steps = steps.into_iter();
    rows.extend(
        table,
        steps.map(|(action, condition, place)| row![*action, *condition, *place]),
    );
}

/// Whether the wizard's last page starts the program.
pub(crate) const fn starts_from_wizard(scope: Scope) -> bool {
    matches!(scope, Scope::Machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t72_no_step_loads_a_library_of_the_package() {
        let mut rows = Rows::default();
        add_actions(&mut rows, Scope::Machine);
        let text = String::from_utf8(rows.contents()).unwrap();
        assert!(text.contains("MachineSetup") && !text.contains("Binary"));
    }
}
