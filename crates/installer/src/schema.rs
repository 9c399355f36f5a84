//! The tables of the database, as the Windows Installer SDK defines them ("Database Tables"): names, order, types and
//! lengths of columns are the standard's, not ours.

use msi::{Category, Column};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
    is_key: bool,
    is_nullable: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// 16 bits.
    Short,
    /// 32 bits.
    Long,
    /// Text of at most so many characters (0: no limit).
    Text(usize, Category),
    /// Text that a translator may change.
    Words(usize, Category),
    /// A stream beside the table, called `Table.Key`.
    Stream,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        is_key: false,
        is_nullable: false,
    }
}

const fn id(name: &'static str, length: usize) -> Field {
    field(name, Kind::Text(length, Category::Identifier))
}

const fn text(name: &'static str, length: usize, category: Category) -> Field {
    field(name, Kind::Text(length, category))
}

const fn words(name: &'static str, length: usize, category: Category) -> Field {
    field(name, Kind::Words(length, category))
}

const fn short(name: &'static str) -> Field {
    field(name, Kind::Short)
}

const fn long(name: &'static str) -> Field {
    field(name, Kind::Long)
}

const fn stream(name: &'static str) -> Field {
    field(name, Kind::Stream)
}

impl Field {
    const fn key(mut self) -> Self {
        self.is_key = true;
        self
    }

    const fn null(mut self) -> Self {
        self.is_nullable = true;
        self
    }

    /// The same in the words of the crate that writes it.
    pub(crate) fn column(self) -> Column {
        let mut column = Column::build(self.name);
        if self.is_key {
            column = column.primary_key();
        }
        if self.is_nullable {
            column = column.nullable();
        }
        match self.kind {
            Kind::Short => column.int16(),
            Kind::Long => column.int32(),
            Kind::Text(length, category) => column.category(category).string(length),
            Kind::Words(length, category) => column.localizable().category(category).string(length),
            Kind::Stream => column.binary(),
        }
    }
}

use Category::{
    Condition, CustomSource, DefaultDir, Filename, Formatted, Guid, Identifier, Language, Property,
    RegPath, Text, UpperCase, Version,
};

const SEQUENCE: &[Field] = &[
    id("Action", 72).key(),
    text("Condition", 255, Condition).null(),
    short("Sequence").null(),
];

/// Every table with its columns, in alphabetical order.
pub(crate) const TABLES: &[(&str, &[Field])] = &[
    (
        "ActionText",
        &[
            id("Action", 72).key(),
            words("Description", 64, Text).null(),
            words("Template", 128, Category::Template).null(),
        ],
    ),
    ("AdminExecuteSequence", SEQUENCE),
    ("AdvtExecuteSequence", SEQUENCE),
    (
        "AppSearch",
        &[id("Property", 72).key(), id("Signature_", 72).key()],
    ),
    ("Binary", &[id("Name", 72).key(), stream("Data")]),
    (
        "Component",
        &[
            id("Component", 72).key(),
            text("ComponentId", 38, Guid).null(),
            id("Directory_", 72),
            short("Attributes"),
            text("Condition", 255, Condition).null(),
            id("KeyPath", 72).null(),
        ],
    ),
    (
        "Control",
        &[
            id("Dialog_", 72).key(),
            id("Control", 50).key(),
            id("Type", 20),
            short("X"),
            short("Y"),
            short("Width"),
            short("Height"),
            long("Attributes").null(),
            id("Property", 50).null(),
            words("Text", 0, Formatted).null(),
            id("Control_Next", 50).null(),
            words("Help", 50, Text).null(),
        ],
    ),
    (
        "ControlCondition",
        &[
            id("Dialog_", 72).key(),
            id("Control_", 50).key(),
            text("Action", 50, Text).key(),
            text("Condition", 255, Condition).key(),
        ],
    ),
    (
        "ControlEvent",
        &[
            id("Dialog_", 72).key(),
            id("Control_", 50).key(),
            text("Event", 50, Formatted).key(),
            text("Argument", 255, Formatted).key(),
            text("Condition", 255, Condition).key().null(),
            short("Ordering").null(),
        ],
    ),
    (
        "CreateFolder",
        &[id("Directory_", 72).key(), id("Component_", 72).key()],
    ),
    (
        "CustomAction",
        &[
            id("Action", 72).key(),
            short("Type"),
            text("Source", 72, CustomSource).null(),
            text("Target", 255, Formatted).null(),
        ],
    ),
    (
        "Dialog",
        &[
            id("Dialog", 72).key(),
            short("HCentering"),
            short("VCentering"),
            short("Width"),
            short("Height"),
            long("Attributes").null(),
            words("Title", 128, Formatted).null(),
            id("Control_First", 50),
            id("Control_Default", 50).null(),
            id("Control_Cancel", 50).null(),
        ],
    ),
    (
        "Directory",
        &[
            id("Directory", 72).key(),
            id("Directory_Parent", 72).null(),
            words("DefaultDir", 255, DefaultDir),
        ],
    ),
    (
        "Error",
        &[
            short("Error").key(),
            words("Message", 0, Category::Template).null(),
        ],
    ),
    (
        "EventMapping",
        &[
            id("Dialog_", 72).key(),
            id("Control_", 50).key(),
            id("Event", 50).key(),
            id("Attribute", 50),
        ],
    ),
    (
        "Feature",
        &[
            id("Feature", 38).key(),
            id("Feature_Parent", 38).null(),
            words("Title", 64, Text).null(),
            words("Description", 255, Text).null(),
            short("Display").null(),
            short("Level"),
            text("Directory_", 72, UpperCase).null(),
            short("Attributes"),
        ],
    ),
    (
        "FeatureComponents",
        &[id("Feature_", 38).key(), id("Component_", 72).key()],
    ),
    (
        "File",
        &[
            id("File", 72).key(),
            id("Component_", 72),
            words("FileName", 255, Filename),
            long("FileSize"),
            text("Version", 72, Version).null(),
            text("Language", 20, Language).null(),
            short("Attributes").null(),
            short("Sequence"),
        ],
    ),
    ("Icon", &[id("Name", 72).key(), stream("Data")]),
    ("InstallExecuteSequence", SEQUENCE),
    ("InstallUISequence", SEQUENCE),
    (
        "LaunchCondition",
        &[
            text("Condition", 255, Condition).key(),
            words("Description", 255, Formatted),
        ],
    ),
    (
        "ListBox",
        &[
            id("Property", 72).key(),
            short("Order").key(),
            text("Value", 64, Formatted),
            words("Text", 64, Text).null(),
        ],
    ),
    (
        "Media",
        &[
            short("DiskId").key(),
            short("LastSequence"),
            words("DiskPrompt", 64, Text).null(),
            text("Cabinet", 255, Category::Cabinet).null(),
            text("VolumeLabel", 32, Text).null(),
            text("Source", 72, Property).null(),
        ],
    ),
    (
        "Property",
        &[id("Property", 72).key(), words("Value", 0, Text)],
    ),
    (
        "RadioButton",
        &[
            id("Property", 72).key(),
            short("Order").key(),
            text("Value", 64, Formatted),
            short("X"),
            short("Y"),
            short("Width"),
            short("Height"),
            words("Text", 64, Formatted).null(),
            words("Help", 50, Text).null(),
        ],
    ),
    (
        "RegLocator",
        &[
            id("Signature_", 72).key(),
            short("Root"),
            text("Key", 255, RegPath),
            text("Name", 255, Formatted).null(),
            short("Type").null(),
        ],
    ),
    (
        "Registry",
        &[
            id("Registry", 72).key(),
            short("Root"),
            words("Key", 255, RegPath),
            words("Name", 255, Formatted).null(),
            words("Value", 0, Formatted).null(),
            id("Component_", 72),
        ],
    ),
    (
        "RemoveFile",
        &[
            id("FileKey", 72).key(),
            id("Component_", 72),
            words("FileName", 255, Category::WildCardFilename).null(),
            id("DirProperty", 72),
            short("InstallMode"),
        ],
    ),
    (
        "Shortcut",
        &[
            id("Shortcut", 72).key(),
            id("Directory_", 72),
            words("Name", 128, Filename),
            id("Component_", 72),
            text("Target", 72, Category::Shortcut),
            text("Arguments", 255, Formatted).null(),
            words("Description", 255, Text).null(),
            short("Hotkey").null(),
            id("Icon_", 72).null(),
            short("IconIndex").null(),
            short("ShowCmd").null(),
            id("WkDir", 72).null(),
        ],
    ),
    (
        "Signature",
        &[
            id("Signature", 72).key(),
            text("FileName", 255, Text),
            text("MinVersion", 20, Text).null(),
            text("MaxVersion", 20, Text).null(),
            long("MinSize").null(),
            long("MaxSize").null(),
            long("MinDate").null(),
            long("MaxDate").null(),
            text("Languages", 255, Language).null(),
        ],
    ),
    (
        "TextStyle",
        &[
            id("TextStyle", 72).key(),
            text("FaceName", 32, Text),
            short("Size"),
            long("Color").null(),
            short("StyleBits").null(),
        ],
    ),
    (
        "UIText",
        &[
            text("Key", 72, Identifier).key(),
            words("Text", 255, Text).null(),
        ],
    ),
    (
        "Upgrade",
        &[
            text("UpgradeCode", 38, Guid).key(),
            text("VersionMin", 20, Text).key().null(),
            text("VersionMax", 20, Text).key().null(),
            text("Language", 255, Language).key().null(),
            long("Attributes").key(),
            text("Remove", 255, Formatted).null(),
            id("ActionProperty", 72),
        ],
    ),
];
