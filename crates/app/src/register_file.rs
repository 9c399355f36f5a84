//! The register as a CSV file, as a spreadsheet or another system writes it: UTF-8 or Shift_JIS, columns in any order
//! under English or Japanese heads.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::SHIFT_JIS;
use tegata_domain::register::{RegisterField, TypedEntry};

use crate::apply::state;
use crate::error::Result;
use crate::messages::REGISTER_HEADS as HEADS;

/// How the file's characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileEncoding {
    /// Shift_JIS as Windows has it (CP932).
    ShiftJis,
    /// UTF-8, with or without a byte order mark.
    Utf8,
}

impl FileEncoding {
    /// Its usual name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShiftJis => "Shift_JIS",
            Self::Utf8 => "UTF-8",
        }
    }
}

/// A line that cannot be taken, and every reason why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file; the head is line 1.
    pub line: u64,
    /// What is wrong and what to do, in English.
    pub problems: Vec<String>,
}

/// What was read of a file.
pub(crate) struct RegisterFile {
    pub(crate) encoding: FileEncoding,
    /// Heads of columns that mean nothing here.
    pub(crate) ignored: Vec<String>,
    /// Entries with their lines.
    pub(crate) entries: Vec<(u64, TypedEntry)>,
    /// Lines that are no entries.
    pub(crate) bad: Vec<BadLine>,
}

/// Which column of the file stands for which of ours.
struct Columns {
    places: Vec<(RegisterField, usize)>,
    count: usize,
}

/// Reads a whole file. Refused where its head cannot be understood; single lines are told as [`BadLine`]s.
pub(crate) fn read(octets: &[u8]) -> Result<RegisterFile> {
    let (encoding, text) = decode(octets)?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let head = match records.next() {
        Some(Ok(head)) => head,
        _ => return Err(state("the file is empty; its first line names the columns")),
    };
    let (columns, ignored) = columns(&head)?;
    let mut file = RegisterFile {
        encoding,
        ignored,
        entries: Vec::new(),
        bad: Vec::new(),
    };
    let mut lines = Lines::of(&text);
    for record in records {
        let record = record.map_err(|error| state(&format!("the file cannot be read: {error}")))?;
        let begin = record.position().map_or(0, csv::Position::byte);
        let line = lines.at(usize::try_from(begin).unwrap_or(usize::MAX));
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match entry(&columns, &record) {
            Ok(entry) => file.entries.push((line, entry)),
            Err(problem) => file.bad.push(BadLine {
                line,
                problems: vec![problem],
            }),
        }
    }
    Ok(file)
}

/// UTF-8 where it is that, else Shift_JIS; where it is neither, what leaves fewer characters unread.
fn decode(octets: &[u8]) -> Result<(FileEncoding, Cow<'_, str>)> {
    if octets.starts_with(&[0xff, 0xfe]) || octets.starts_with(&[0xfe, 0xff]) {
        return Err(state(
            "the file is UTF-16; save it as CSV in UTF-8 or in Shift_JIS",
        ));
    }
    let marked = octets.strip_prefix(&[0xef, 0xbb, 0xbf]);
    let utf8 = String::from_utf8_lossy(marked.unwrap_or(octets));
    if marked.is_some() || matches!(utf8, Cow::Borrowed(_)) {
        return Ok((FileEncoding::Utf8, utf8));
    }
    let (japanese, _) = SHIFT_JIS.decode_without_bom_handling(octets);
    let unread = |text: &str| {
        text.chars()
            .filter(|c| *c == char::REPLACEMENT_CHARACTER)
            .count()
    };
    if unread(&japanese) <= unread(&utf8) {
        Ok((FileEncoding::ShiftJis, japanese))
    } else {
        Ok((FileEncoding::Utf8, utf8))
    }
}

/// Counts lines up to the places where records begin. The reader's own count is one behind where lines end with
/// carriage return and line feed, since it leaves the line feed to the next record.
struct Lines<'a> {
    text: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            counted: 0,
            line: 1,
        }
    }

    /// The line of the first character that is no line end, from `place` on. Places come in order.
    fn at(&mut self, place: usize) -> u64 {
        let rest = self.text.get(self.counted..).unwrap_or_default();
        let ahead = place.saturating_sub(self.counted);
        let is_end = |octet: &&u8| matches!(**octet, b'\r' | b'\n');
        let ends = rest.iter().skip(ahead).take_while(is_end).count();
        let passed = rest.get(..ahead + ends).unwrap_or(rest);
        let feeds = passed.iter().filter(|octet| **octet == b'\n').count();
        self.counted += passed.len();
        self.line += u64::try_from(feeds).unwrap_or(0);
        self.line
    }
}

fn columns(head: &StringRecord) -> Result<(Columns, Vec<String>)> {
    let mut places: Vec<(RegisterField, usize)> = Vec::new();
    let mut ignored = Vec::new();
    for (place, cell) in head.iter().enumerate() {
        let cell = plain(cell).to_lowercase().replace([' ', '-'], "_");
        let known = HEADS
            .iter()
            .find(|(_, names)| names.contains(&cell.as_str()));
        let Some((field, _)) = known else {
            ignored.push(plain(head.get(place).unwrap_or_default()).to_owned());
            continue;
        };
        if places.iter().any(|(known, _)| known == field) {
            let told = format!("two columns are named {}; keep one", field.as_str());
            return Err(state(&told));
        }
        places.push((*field, place));
    }
    let missing: Vec<&str> = HEADS
        .iter()
        .map(|(field, _)| *field)
        .filter(|field| *field != RegisterField::Prefecture)
        .filter(|field| places.iter().all(|(known, _)| known != field))
        .map(RegisterField::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(state(&format!(
            "the first line does not name {}; name the columns there, with commas between them",
            missing.join(", ")
        )));
    }
    let count = head.len();
    Ok((Columns { places, count }, ignored))
}

fn entry(columns: &Columns, record: &StringRecord) -> std::result::Result<TypedEntry, String> {
    if record.len() != columns.count {
        return Err(format!(
            "it has {} columns and the first line has {}; look for a comma or a quotation mark too many",
            record.len(),
            columns.count
        ));
    }
    let mut entry = TypedEntry::default();
    for (field, place) in &columns.places {
        let cell = plain(record.get(*place).unwrap_or_default());
        if cell.contains(char::REPLACEMENT_CHARACTER) {
            return Err(format!(
                "{} has octets that are no character; save the file in UTF-8",
                field.as_str()
            ));
        }
        *place_of(&mut entry, *field) = cell.to_owned();
    }
    Ok(entry)
}

fn place_of(entry: &mut TypedEntry, field: RegisterField) -> &mut String {
    match field {
        RegisterField::Address => &mut entry.address,
        RegisterField::Class => &mut entry.class,
        RegisterField::Code => &mut entry.code,
        RegisterField::Kana => &mut entry.kana,
        RegisterField::Name => &mut entry.name,
        RegisterField::PostalCode => &mut entry.postal_code,
        RegisterField::Prefecture => &mut entry.prefecture,
        RegisterField::Telephone => &mut entry.telephone,
    }
}

/// A cell without blanks around it and without the `="…"` that keeps a spreadsheet from counting with it.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    let inner = cell
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "code,name,kana,postal_code,address,class,telephone";
    const LINE: &str = "0110119153,見本医院,ミホン,060-0000,北海道1,medical,011-000-0000";

    fn refused(text: &str) -> String {
        read(text.as_bytes()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn either_encoding_and_either_line_end_say_the_same() {
        let text = format!("{HEAD}\r\n{LINE}\r\n");
        let plain = read(text.as_bytes()).unwrap();
        let marked = read(format!("\u{feff}{}", text.replace('\r', "")).as_bytes()).unwrap();
        let (shift_jis, _, _) = SHIFT_JIS.encode(&text);
        let japanese = read(&shift_jis).unwrap();
        assert_eq!(plain.encoding, FileEncoding::Utf8);
        assert_eq!(japanese.encoding, FileEncoding::ShiftJis);
        assert_eq!(plain.entries, marked.entries);
        assert_eq!(plain.entries, japanese.entries);
        assert_eq!(plain.entries[0].0, 2);
        assert_eq!(plain.entries[0].1.name, "見本医院");
    }

    #[test]
    fn heads_may_be_japanese_in_any_order_with_others_between() {
        let text = "区分,備考,電話番号,住所,郵便番号,フリガナ,名称,医療機関コード\n\
            医科,x,1,2,3,4,5,=\"0110119153\"\n,,,,,,,\n";
        let file = read(text.as_bytes()).unwrap();
        assert_eq!(file.ignored, ["備考"]);
        assert_eq!(file.entries.len(), 1);
        assert_eq!(file.entries[0].1.code, "0110119153");
        assert_eq!(file.entries[0].1.class, "医科");
    }

    #[test]
    fn a_head_that_cannot_be_understood_is_refused_with_what_is_missing() {
        assert!(refused("").contains("empty"));
        assert!(refused("code,name\n").contains("kana, postal_code"));
        assert!(refused(&format!("{HEAD},code\n")).contains("two columns"));
        assert!(refused(&HEAD.replace(',', "\t")).contains("commas"));
        let wide: Vec<u8> = [0xff, 0xfe, b'c', 0].to_vec();
        assert!(read(&wide).is_err());
    }

    #[test]
    fn a_line_that_is_no_entry_is_told_by_its_number_and_the_others_are_read() {
        let text = format!("{HEAD}\n{LINE},more\n\"a\nb\",{LINE}\n{LINE}\n");
        let file = read(text.as_bytes()).unwrap();
        let lines: Vec<u64> = file.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [2, 3]);
        assert_eq!(file.entries[0].0, 5);
        let windows = read(text.replace('\n', "\r\n").as_bytes()).unwrap();
        let lines: Vec<u64> = windows.bad.iter().map(|bad| bad.line).collect();
        assert_eq!((lines, windows.entries[0].0), (vec![2, 3], 5));
        let mut octets = format!("\u{feff}{HEAD}\n{LINE}\n").into_bytes();
        let place = octets.len() - 5;
        octets[place] = 0xff;
        let file = read(&octets).unwrap();
        assert!(file.bad[0].problems[0].contains("UTF-8"));
    }
}
