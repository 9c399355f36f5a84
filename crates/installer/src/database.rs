//! Rows on their way into the database, and the database itself.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _, Write as _};

use msi::{CodePage, Insert, LanguageId, PackageType, Value};

use crate::schema::TABLES;

/// The language of every text: Japanese, as Windows numbers it.
pub(crate) const JAPANESE: u16 = 1041;

/// A value of a row.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// Nothing; also what an empty text is.
    Empty,
    /// A number.
    Number(i32),
    /// The row has a stream.
    Stream,
    /// A text.
    Text(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        String::from(text).into()
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Empty => Self::Null,
            Cell::Number(number) => Self::Int(number),
            Cell::Stream => Self::Binary,
            Cell::Text(text) => Self::Str(text),
        }
    }
}

/// Makes a row of values of different kinds.
macro_rules! row {
    ($($cell:expr),+ $(,)?) => { vec![$($crate::database::Cell::from($cell)),+] };
}
pub(crate) use row;

/// The rows of all tables and the streams beside them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    tables: BTreeMap<&'static str, Vec<Vec<Cell>>>,
    streams: BTreeMap<String, Vec<u8>>,
}

impl Rows {
    /// Adds a row.
    pub(crate) fn add(&mut self, table: &'static str, row: Vec<Cell>) {
        self.tables.entry(table).or_default().push(row);
    }

    /// Adds rows.
    pub(crate) fn extend(
        &mut self,
        table: &'static str,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) {
        self.tables.entry(table).or_default().extend(rows);
    }

    /// Adds a property.
    pub(crate) fn property(&mut self, name: &str, value: impl Into<Cell>) {
        self.add("Property", row![name, value.into()]);
    }

    /// Adds a row with a stream to a table of the form (name, data).
    pub(crate) fn stream(&mut self, table: &'static str, name: &str, data: Vec<u8>) {
        self.add(table, vec![name.into(), Cell::Stream]);
        self.streams.insert(format!("{table}.{name}"), data);
    }

    /// Adds a stream that no table has as a column: a cabinet.
    pub(crate) fn cabinet(&mut self, name: &str, data: Vec<u8>) {
        self.streams.insert(name.to_owned(), data);
    }

    /// Everything that was added, as octets that differ when any of it differs.
    pub(crate) fn contents(&self) -> Vec<u8> {
        let mut contents = format!("{:?}", self.tables).into_bytes();
        for (name, data) in &self.streams {
            contents.extend_from_slice(name.as_bytes());
            contents.extend_from_slice(&data.len().to_le_bytes());
            contents.extend_from_slice(data);
        }
        contents
    }
}

/// What stands in the summary of the file, which Windows reads before the database.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    /// What is installed.
    pub(crate) subject: &'a str,
    /// Who made it.
    pub(crate) author: &'a str,
    /// A sentence, in ASCII: the length that `msi` 0.11 notes for other text is wrong in code page 932.
    pub(crate) comments: &'a str,
    /// `x64` or `Intel`.
    pub(crate) platform: &'a str,
    /// The package code, new for each different file.
    pub(crate) code: uuid::Uuid,
    /// The flags of the source: 2 compressed, 8 needs no elevation.
    pub(crate) source: i32,
}

/// Installer 5.0: what Windows 8.1 has at least.
const SCHEMA: i32 = 500;
/// Opened for reading only is recommended.
const READ_ONLY: i32 = 2;

/// Writes the file.
pub(crate) fn write(rows: Rows, summary: &Summary<'_>) -> io::Result<Vec<u8>> {
    let mut package = msi::Package::create(PackageType::Installer, Cursor::new(Vec::new()))?;
    package.set_database_codepage(CodePage::Windows932);
    let info = package.summary_info_mut();
    info.set_codepage(CodePage::Windows932);
    info.set_subject(summary.subject);
    info.set_author(summary.author);
    info.set_comments(summary.comments);
    info.set_creating_application("Tegata");
    info.set_arch(summary.platform);
    info.set_languages(&[LanguageId::from_id(JAPANESE)]);
    info.set_uuid(summary.code);
    info.set_page_count(SCHEMA);
    info.set_word_count(summary.source);
    info.set_doc_security(READ_ONLY);
    let Rows {
        mut tables,
        streams,
    } = rows;
    for (name, fields) in TABLES {
        let columns = fields.iter().map(|field| field.column()).collect();
        package.create_table(*name, columns)?;
        if let Some(rows) = tables.remove(name) {
            let rows = rows
                .into_iter()
                .map(|row| row.into_iter().map(Value::from).collect());
            package.insert_rows(Insert::into(*name).rows(rows.collect()))?;
        }
    }
    if let Some(name) = tables.keys().next() {
        return Err(io::Error::other(format!("the table {name} has no schema")));
    }
    for (name, data) in streams {
        package.write_stream(&name)?.write_all(&data)?;
    }
    package.flush()?;
    tidied(package.into_inner()?)
}

/// The same container as Windows itself writes it: version 3, with sectors of 512 octets, and without the holes that
/// tables leave which grew. Tools that sign packages read nothing else.
fn tidied(written: Cursor<Vec<u8>>) -> io::Result<Vec<u8>> {
    let mut from = cfb::CompoundFile::open(written)?;
    let mut to = cfb::CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new()))?;
    to.set_storage_clsid("/", *from.root_entry().clsid())?;
    let streams: Vec<_> = from
        .read_root_storage()
        .filter(cfb::Entry::is_stream)
        .map(|entry| entry.path().to_owned())
        .collect();
    for path in streams {
        let mut octets = Vec::new();
        from.open_stream(&path)?.read_to_end(&mut octets)?;
        to.create_stream(&path)?.write_all(&octets)?;
    }
    to.flush()?;
    Ok(to.into_inner().into_inner())
}
