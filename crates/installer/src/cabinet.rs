//! The cabinet: the files of the package, compressed.

use std::io::{self, Cursor, Write as _};

use cab::{CabinetBuilder, CompressionType};
use tegata_domain::time::CalendarDate;
use time::{Date, Month, PrimitiveDateTime, Time};

/// A file under the key by which the database knows it.
pub(crate) struct Packed<'a> {
    pub(crate) key: &'static str,
    pub(crate) octets: &'a [u8],
}

/// Writes a cabinet with the files in this order, all dated alike.
pub(crate) fn write(files: &[Packed<'_>], dated: CalendarDate) -> io::Result<Vec<u8>> {
    let (year, month, day) = dated.ymd();
    let date = Month::try_from(month).and_then(|month| Date::from_calendar_date(year, month, day));
    let moment = PrimitiveDateTime::new(date.map_err(io::Error::other)?, Time::MIDNIGHT);
    let mut builder = CabinetBuilder::new();
    let folder = builder.add_folder(CompressionType::MsZip);
    for file in files {
        folder.add_file(file.key).set_datetime(moment);
    }
    let mut writer = builder.build(Cursor::new(Vec::new()))?;
    let mut waiting = files.iter();
    while let Some(mut file) = writer.next_file()? {
        if let Some(packed) = waiting.next() {
            file.write_all(packed.octets)?;
        }
    }
    writer.finish().map(Cursor::into_inner)
}
