//! The package as a whole.

use std::io;

use tegata_domain::time::CalendarDate;
use tegata_protocol::release::{Architecture, Scope};

use crate::cabinet::{self, Packed};
use crate::database::{self, JAPANESE, Rows, Summary};
use crate::identity;
use crate::layout::{self, MANUFACTURER, PRODUCT};
use crate::messages;
use crate::program::Program;
use crate::steps;
use crate::wizard;

/// Why a package cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A value does not fit its column, or the format's library failed.
    #[error("write the Windows package: {0}")]
    Format(#[from] io::Error),
    /// More than the format or a terminal should hold.
    #[error("the program is larger than 64 MiB")]
    TooLarge,
}

/// What a package is made of.
#[derive(Clone, Copy)]
pub struct Package<'a> {
    /// The MPKI client.
    pub program: &'a Program,
    /// Whom it is for.
    pub scope: Scope,
    /// The operator's settings, a file beside the program (W6); without it the terminal asks for server and
    /// 接続確認コード.
    pub settings: Option<&'a [u8]>,
    /// Where Windows' list of programs points for help: an address that begins with `http`.
    pub help: Option<&'a str>,
    /// The date that the files carry.
    pub dated: CalendarDate,
}

/// Far above the 8 MB that the client may take.
const LARGEST: usize = 64 << 20;

/// Compressed; the second one needs no elevation (summary property Word Count).
const SOURCE_MACHINE: i32 = 2;
const SOURCE_USER: i32 = 2 | 8;

impl Package<'_> {
    /// The name under which the file is offered, such as `TegataMPKIClient-1.0.0-x64.msi`.
    pub fn file_name(&self) -> String {
        let version = self.program.version();
        let architecture = self.program.architecture().as_str();
        let scope = match self.scope {
            Scope::Machine => "-machine",
            Scope::User => "",
        };
        format!("TegataMPKIClient-{version}-{architecture}{scope}.msi")
    }

    /// Writes the file. The same values give the same octets but for the timestamps of the container.
    pub fn write(&self) -> Result<Vec<u8>, PackageError> {
        if self.program.octets().len() + self.settings.map_or(0, <[u8]>::len) > LARGEST {
            return Err(PackageError::TooLarge);
        }
        let mut rows = Rows::default();
        layout::add(&mut rows, self)?;
        steps::add(&mut rows, self);
        wizard::add(&mut rows, self.scope);
        rows.cabinet(layout::CABINET, cabinet::write(&self.files(), self.dated)?);
        let contents = rows.contents();
        self.add_properties(&mut rows, identity::product_code(&contents));
        let summary = Summary {
            subject: PRODUCT,
            author: MANUFACTURER,
            comments: "Tells when a client certificate ends, and renews it",
            platform: match self.program.architecture() {
                Architecture::X64 => "x64",
                Architecture::X86 => "Intel",
            },
            code: identity::package_code(&contents),
            source: match self.scope {
                Scope::Machine => SOURCE_MACHINE,
                Scope::User => SOURCE_USER,
            },
        };
        Ok(database::write(rows, &summary)?)
    }

    /// The files in the order of the cabinet.
    pub(crate) fn files(&self) -> Vec<Packed<'_>> {
        let program = Packed {
            key: layout::PROGRAM_FILE,
            octets: self.program.octets(),
        };
        let settings = self.settings.map(|octets| Packed {
            key: layout::SETTINGS_FILE,
            octets,
        });
        [Some(program), settings].into_iter().flatten().collect()
    }

    fn add_properties(&self, rows: &mut Rows, product_code: String) {
        rows.property("ProductCode", product_code);
        rows.property("ProductName", PRODUCT);
        rows.property("ProductVersion", self.program.version().to_string());
        rows.property("ProductLanguage", JAPANESE.to_string());
        rows.property("Manufacturer", MANUFACTURER);
        rows.property("UpgradeCode", identity::upgrade_code(self.scope));
        if self.scope == Scope::Machine {
            rows.property("ALLUSERS", "1");
        }
        rows.property("ARPPRODUCTICON", layout::ICON);
        // Windows offers repair and removal; there is nothing to change.
        rows.property("ARPNOMODIFY", "1");
        rows.property("ARPCOMMENTS", messages::PACKAGE);
        if let Some(help) = self.help {
            rows.property("ARPHELPLINK", help);
            rows.property("ARPURLUPDATEINFO", help);
        }
        // Never a restart, whatever is open.
        rows.property("REBOOT", "ReallySuppress");
        rows.property("SecureCustomProperties", steps::PUBLIC_PROPERTIES.join(";"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Cursor;

    use msi::Select;

    use super::*;
    use tegata_protocol::release::Version;

    type Read = msi::Package<Cursor<Vec<u8>>>;

    fn write(architecture: Architecture, scope: Scope, settings: Option<&[u8]>) -> Vec<u8> {
        let version = Version {
            major: 1,
            minor: 2,
            patch: 3,
        };
        let program = Program::for_tests(b"program".to_vec(), architecture, version);
        let package = Package {
            program: &program,
            scope,
            settings,
            help: Some("https://r.example.jp/p/c"),
            dated: CalendarDate::from_ymd(2027, 1, 2).unwrap(),
        };
        package.write().unwrap()
    }

    fn open(octets: Vec<u8>) -> Read {
        msi::Package::open(Cursor::new(octets)).unwrap()
    }

    fn column(package: &mut Read, table: &str, name: &str) -> Vec<String> {
        let rows = package.select_rows(Select::table(table)).unwrap();
        let texts = rows.filter_map(|row| row[name].as_str().map(str::to_owned));
        texts.collect()
    }

    fn property(package: &mut Read, name: &str) -> Option<String> {
        let rows = package.select_rows(Select::table("Property")).unwrap();
        let mut found = rows.filter(|row| row["Property"].as_str() == Some(name));
        found
            .next()
            .map(|row| row["Value"].as_str().unwrap().to_owned())
    }

    #[test]
    fn every_sentence_survives_the_code_page() {
        let mut package = open(write(Architecture::X64, Scope::User, None));
        let texts = column(&mut package, "Control", "Text");
        for sentence in [
            messages::WELCOME_TEXT,
            messages::REMOVED_TEXT,
            messages::BROWSE,
        ] {
            assert!(texts.iter().any(|text| text == sentence), "{sentence}");
        }
        assert_eq!(
            column(&mut package, "Shortcut", "Name"),
            [messages::SHORTCUT]
        );
        let targets = column(&mut package, "CustomAction", "Target");
        assert!(targets.contains(&messages::NEWER_IS_INSTALLED.to_owned()));
    }

    #[test]
    fn whoever_may_install_where_stands_in_the_summary() {
        for (architecture, platform) in [(Architecture::X64, "x64"), (Architecture::X86, "Intel")] {
            for (scope, source, all_users) in [
                (Scope::Machine, 2, Some("1".to_owned())),
                (Scope::User, 10, None),
            ] {
                let mut package = open(write(architecture, scope, None));
                assert_eq!(package.summary_info().arch(), Some(platform));
                assert_eq!(package.summary_info().word_count(), Some(source));
                assert_eq!(
                    package.summary_info().languages(),
                    [msi::LanguageId::from_id(1041)]
                );
                assert_eq!(property(&mut package, "ALLUSERS"), all_users);
            }
        }
    }

    #[test]
    fn a_package_that_differs_in_anything_is_another_product_of_the_same_line() {
        let codes = |settings| {
            let mut package = open(write(Architecture::X64, Scope::User, settings));
            let product = property(&mut package, "ProductCode").unwrap();
            let line = property(&mut package, "UpgradeCode").unwrap();
            (product, package.summary_info().uuid().unwrap(), line)
        };
        let (plain, again, other) = (codes(None), codes(None), codes(Some(b"{}")));
        assert_eq!(plain, again);
        assert_ne!(plain.0, other.0);
        assert_ne!(plain.1, other.1);
        assert_eq!(plain.2, other.2);
    }

    #[test]
    fn a_finished_package_says_what_it_is() {
        for architecture in [Architecture::X64, Architecture::X86] {
            for scope in [Scope::Machine, Scope::User] {
                let found = crate::inspect(&write(architecture, scope, None)).unwrap();
                assert_eq!((found.architecture, found.scope), (architecture, scope));
                assert_eq!(
                    (found.version.to_string(), found.signature),
                    ("1.2.3".to_owned(), None)
                );
            }
        }
        assert!(crate::inspect(b"PK\x03\x04").is_err());
    }

    #[test]
    fn every_button_leads_to_a_page_that_exists() {
        let mut package = open(write(Architecture::X86, Scope::Machine, Some(b"{}")));
        let pages: BTreeSet<String> = column(&mut package, "Dialog", "Dialog")
            .into_iter()
            .collect();
        let controls: BTreeSet<(String, String)> = package
            .select_rows(Select::table("Control"))
            .unwrap()
            .map(|row| {
                (
                    row["Dialog_"].as_str().unwrap().to_owned(),
                    row["Control"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let rows = package.select_rows(Select::table("ControlEvent")).unwrap();
        let events: Vec<_> = rows.collect();
        for row in &events {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            assert!(controls.contains(&(text("Dialog_"), text("Control_"))));
            if ["NewDialog", "SpawnDialog"].contains(&text("Event").as_str()) {
                assert!(pages.contains(&text("Argument")), "{}", text("Argument"));
            }
        }
        for page in &pages {
            assert!(
                events
                    .iter()
                    .any(|row| row["Dialog_"].as_str() == Some(page)),
                "{page} has no way out"
            );
        }
    }

    #[test]
    fn every_step_of_ours_is_defined_and_none_is_forgotten() {
        for (scope, has_verbs) in [(Scope::Machine, true), (Scope::User, false)] {
            let mut package = open(write(Architecture::X64, scope, None));
            let defined: BTreeSet<String> = column(&mut package, "CustomAction", "Action")
                .into_iter()
                .collect();
            let mut used = BTreeSet::new();
            for table in ["InstallExecuteSequence", "InstallUISequence"] {
                used.extend(column(&mut package, table, "Action"));
            }
            used.extend(column(&mut package, "ControlEvent", "Argument"));
            assert!(defined.is_subset(&used), "{:?}", defined.difference(&used));
            assert_eq!(defined.contains("MachineSetup"), has_verbs);
        }
    }
}
