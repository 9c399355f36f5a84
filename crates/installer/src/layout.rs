//! What lies where on the terminal: folders, components, files, registry values, the shortcut.

use std::io;

use tegata_protocol::release::{Architecture, Scope};

use crate::database::{Cell, Rows, row};
use crate::identity::component_code;
use crate::messages;
use crate::package::Package;
use crate::verbs::TRAY;

/// The name in Windows' list of programs (N1).
pub(crate) const PRODUCT: &str = "Tegata MPKI Client";
/// The maker in that list.
pub(crate) const MANUFACTURER: &str = "Tegata";
/// Keys of the files in database and cabinet.
pub(crate) const PROGRAM_FILE: &str = "Program";
pub(crate) const SETTINGS_FILE: &str = "OperatorSettings";
/// The stream of the cabinet.
pub(crate) const CABINET: &str = "client.cab";
/// The icon in Windows' list and of the shortcut; its ending must be that of the shortcut's target.
pub(crate) const ICON: &str = "client.exe";
/// Where the values of one installation lie, below HKEY_CURRENT_USER or HKEY_LOCAL_MACHINE.
pub(crate) const REGISTRY_KEY: &str = r"Software\Tegata\MPKI Client";
/// What Windows starts at logon.
const RUN_KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
const FEATURE: &str = "Client";

/// File names: the short form of the FAT file system, and the name.
const PROGRAM_NAME: &str = "MPKICLI.EXE|mpki-client.exe";
const SETTINGS_NAME: &str = "CLIENT~1.TOM|client.toml";

/// Component attributes: the key path is a registry value; a 64-bit component.
const REGISTRY_KEY_PATH: i32 = 4;
const IS_64_BIT: i32 = 256;
/// Removed with the component.
const ON_REMOVAL: i32 = 2;
/// Msidb file attribute: a missing file is an error.
const VITAL: i32 = 512;

/// A property that an administrator sets on the command line, the registry value that keeps it, and for which
/// value the component exists.
pub(crate) struct Kept {
    /// The public property.
    pub(crate) property: &'static str,
    /// The registry value below [`REGISTRY_KEY`].
    pub(crate) value: &'static str,
}

/// What an installation keeps and the next version takes over.
pub(crate) const KEPT: [Kept; 3] = [
    // Host name, or host name and port, of the subscribers' site.
    Kept {
        property: "SERVER",
        value: "Server",
    },
    // `auto`, `direct`, `host:port`, or the address of a PAC file.
    Kept {
        property: "PROXY",
        value: "Proxy",
    },
    // `0`: not started at logon.
    Kept {
        property: "AUTOSTART",
        value: "Autostart",
    },
];

/// The registry value with the folder, for the next version.
pub(crate) const FOLDER_VALUE: &str = "InstallDir";
/// The registry value with the path of the program.
pub(crate) const PROGRAM_VALUE: &str = "Program";

/// The root of registry keys: HKEY_CURRENT_USER or HKEY_LOCAL_MACHINE.
pub(crate) const fn registry_root(scope: Scope) -> i32 {
    match scope {
        Scope::User => 1,
        Scope::Machine => 2,
    }
}

/// Adds folders, components, files, registry values and the shortcut.
pub(crate) fn add(rows: &mut Rows, package: &Package<'_>) -> io::Result<()> {
    let layout = Layout {
        scope: package.scope,
        architecture: package.program.architecture(),
    };
    layout.add_folders(rows);
    let title = PRODUCT;
    rows.add(
        "Feature",
        row![
            FEATURE,
            Cell::Empty,
            title,
            Cell::Empty,
            1,
            1,
            "INSTALLDIR",
            0
        ],
    );
    layout.add_program(rows);
    layout.add_start_menu(rows);
    layout.add_autostart(rows);
    for kept in KEPT {
        layout.add_kept(rows, &kept);
    }
    add_files(rows, package)?;
    if package.settings.is_some() {
        layout.add_settings(rows);
    }
    rows.stream("Icon", ICON, package.program.icon().to_vec());
    Ok(())
}

struct Layout {
    scope: Scope,
    architecture: Architecture,
}

impl Layout {
    fn add_folders(&self, rows: &mut Rows) {
        let mut folder = |id: &str, parent: Option<&str>, name: &str| {
            rows.add("Directory", row![id, parent, name]);
        };
        folder("TARGETDIR", None, "SourceDir");
        folder("ProgramMenuFolder", Some("TARGETDIR"), ".");
        match (self.scope, self.architecture) {
            (Scope::User, _) => {
                folder("LocalAppDataFolder", Some("TARGETDIR"), ".");
                folder("ProgramsFolder", Some("LocalAppDataFolder"), "Programs");
                folder(
                    "INSTALLDIR",
                    Some("ProgramsFolder"),
                    "TEGATAMP|TegataMPKIClient",
                );
            }
            (Scope::Machine, Architecture::X64) => {
                folder("ProgramFiles64Folder", Some("TARGETDIR"), ".");
                folder(
                    "INSTALLDIR",
                    Some("ProgramFiles64Folder"),
                    "TEGATAMP|Tegata MPKI Client",
                );
            }
            (Scope::Machine, Architecture::X86) => {
                folder("ProgramFilesFolder", Some("TARGETDIR"), ".");
                folder(
                    "INSTALLDIR",
                    Some("ProgramFilesFolder"),
                    "TEGATAMP|Tegata MPKI Client",
                );
            }
        }
    }

    /// Program, its folder, and what the next version must know.
    fn add_program(&self, rows: &mut Rows) {
        self.add_component(rows, "Program", "INSTALLDIR", None);
        self.add_value(rows, "Program", REGISTRY_KEY, FOLDER_VALUE, "[INSTALLDIR]");
        let path = format!("[#{PROGRAM_FILE}]");
        rows.add(
            "Registry",
            row![
                "ProgramPath",
                registry_root(self.scope),
                REGISTRY_KEY,
                PROGRAM_VALUE,
                path,
                "Program"
            ],
        );
        rows.add(
            "RemoveFile",
            row![
                "RemoveInstallDir",
                "Program",
                Cell::Empty,
                "INSTALLDIR",
                ON_REMOVAL
            ],
        );
        if self.scope == Scope::User {
            let remove = row![
                "RemovePrograms",
                "Program",
                Cell::Empty,
                "ProgramsFolder",
                ON_REMOVAL
            ];
            rows.add("RemoveFile", remove);
        }
    }

    fn add_settings(&self, rows: &mut Rows) {
        self.add_component(rows, "Settings", "INSTALLDIR", None);
        self.add_value(rows, "Settings", REGISTRY_KEY, "OperatorSettings", "1");
    }

    fn add_start_menu(&self, rows: &mut Rows) {
        self.add_component(rows, "StartMenu", "ProgramMenuFolder", None);
        self.add_value(rows, "StartMenu", REGISTRY_KEY, "StartMenu", "1");
        rows.add(
            "Shortcut",
            row![
                "StartMenu",
                "ProgramMenuFolder",
                messages::SHORTCUT,
                "StartMenu",
                format!("[#{PROGRAM_FILE}]"),
                Cell::Empty,
                messages::SHORTCUT_DESCRIPTION,
                Cell::Empty,
                ICON,
                0,
                1,
                "INSTALLDIR",
            ],
        );
    }

    fn add_autostart(&self, rows: &mut Rows) {
        self.add_component(
            rows,
            "Autostart",
            "INSTALLDIR",
            Some("NOT (AUTOSTART = \"0\")".into()),
        );
        let command = format!("\"[#{PROGRAM_FILE}]\" {TRAY}");
        self.add_value(rows, "Autostart", RUN_KEY, PRODUCT, &command);
    }

    fn add_kept(&self, rows: &mut Rows, kept: &Kept) {
        let component = format!("Kept{}", kept.value);
        self.add_component(rows, &component, "INSTALLDIR", Some(kept.property.into()));
        self.add_value(
            rows,
            &component,
            REGISTRY_KEY,
            kept.value,
            &format!("[{}]", kept.property),
        );
    }

    /// A component whose key path is the registry value that [`Self::add_value`] adds under the same name.
    fn add_component(&self, rows: &mut Rows, name: &str, folder: &str, condition: Option<String>) {
        let code = component_code(self.scope, self.architecture, name);
        let bits = match self.architecture {
            Architecture::X64 => IS_64_BIT,
            Architecture::X86 => 0,
        };
        rows.add(
            "Component",
            row![
                name,
                code,
                folder,
                REGISTRY_KEY_PATH | bits,
                condition,
                name
            ],
        );
        rows.add("FeatureComponents", row![FEATURE, name]);
    }

    fn add_value(&self, rows: &mut Rows, component: &str, key: &str, name: &str, value: &str) {
        rows.add(
            "Registry",
            row![
                component,
                registry_root(self.scope),
                key,
                name,
                value,
                component
            ],
        );
    }
}

fn add_files(rows: &mut Rows, package: &Package<'_>) -> io::Result<()> {
    let files = package.files();
    for (index, file) in files.iter().enumerate() {
        let is_program = file.key == PROGRAM_FILE;
        let (name, component) = if is_program {
            (PROGRAM_NAME, "Program")
        } else {
            (SETTINGS_NAME, "Settings")
        };
        let version = is_program.then(|| format!("{}.0", package.program.version()));
        let size = i32::try_from(file.octets.len()).map_err(io::Error::other)?;
        let sequence = i32::try_from(index + 1).map_err(io::Error::other)?;
        let language = is_program.then_some("1041");
        rows.add(
            "File",
            row![
                file.key, component, name, size, version, language, VITAL, sequence
            ],
        );
    }
    let last = i32::try_from(files.len()).map_err(io::Error::other)?;
    rows.add(
        "Media",
        row![
            1,
            last,
            Cell::Empty,
            format!("#{CABINET}"),
            Cell::Empty,
            Cell::Empty
        ],
    );
    Ok(())
}
