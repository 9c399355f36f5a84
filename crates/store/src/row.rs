//! A row that a statement found, and how its columns are read.

use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::postgres::PostgresRow;
use crate::sqlite::SqliteRow;

/// A row of either database, taken out of its statement.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PostgresRow),
}

impl Row {
    /// The columns, as those of `table`; the first one is the row's id.
    pub(crate) fn of(&self, table: &'static str) -> Fields<'_> {
        self.part(table, 0)
    }

    /// The columns from `first` on, as those of `table`: a part of a joined row.
    pub(crate) fn part(&self, table: &'static str, first: usize) -> Fields<'_> {
        let row = self.columns();
        Fields { row, table, first }
    }

    pub(crate) fn columns(&self) -> &dyn Columns {
        match self {
            Self::Sqlite(row) => row,
            Self::Postgres(row) => row,
        }
    }
}

/// What a row can be asked, wherever it is.
pub(crate) trait Columns {
    fn text(&self, index: usize) -> Result<Option<&str>, Unfit>;
    fn int(&self, index: usize) -> Result<Option<i64>, Unfit>;
    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>, Unfit>;
    /// The column's name.
    fn column(&self, index: usize) -> Option<String>;
}

/// Reads a row where it is found.
pub(crate) type Read<T> = fn(&dyn Columns) -> Result<T, StoreError>;

/// Why a column cannot be read: it is not there, or of another type.
pub(crate) struct Unfit;

/// The columns of one table in a row; what cannot be read is reported as corrupt, by its name.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'r> {
    row: &'r dyn Columns,
    table: &'static str,
    first: usize,
}

impl<'r> Fields<'r> {
    /// All columns of a row, as those of `table`.
    pub(crate) fn of(row: &'r dyn Columns, table: &'static str) -> Self {
        let first = 0;
        Self { row, table, first }
    }

    pub(crate) fn text(&self, index: usize) -> Result<&'r str, StoreError> {
        self.opt_text(index)?.ok_or_else(|| self.corrupt(index))
    }

    pub(crate) fn opt_text(&self, index: usize) -> Result<Option<&'r str>, StoreError> {
        let text = self.row.text(self.first + index);
        text.map_err(|_| self.corrupt(index))
    }

    pub(crate) fn int(&self, index: usize) -> Result<i64, StoreError> {
        self.opt_int(index)?.ok_or_else(|| self.corrupt(index))
    }

    pub(crate) fn opt_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        let number = self.row.int(self.first + index);
        number.map_err(|_| self.corrupt(index))
    }

    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>, StoreError> {
        self.opt_bytes(index)?.ok_or_else(|| self.corrupt(index))
    }

    pub(crate) fn opt_bytes(&self, index: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let octets = self.row.bytes(self.first + index);
        octets.map_err(|_| self.corrupt(index))
    }

    pub(crate) fn time(&self, index: usize) -> Result<Timestamp, StoreError> {
        self.int(index).map(Timestamp::from_unix)
    }

    pub(crate) fn opt_time(&self, index: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int(index)?.map(Timestamp::from_unix))
    }

    /// Reads a text with the parser of its type.
    pub(crate) fn id<T, E>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(self.text(index)?).map_err(|_| self.corrupt(index))
    }

    /// Reads a text with the parser of its type, where there is one.
    pub(crate) fn opt_id<T, E>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let parsed = self.opt_text(index)?.map(parse).transpose();
        parsed.map_err(|_| self.corrupt(index))
    }

    /// Reads a text with a parser that says only whether it fits.
    pub(crate) fn word<T>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(self.text(index)?).ok_or_else(|| self.corrupt(index))
    }

    /// Reads a text with a parser that says only whether it fits, where there is one.
    pub(crate) fn opt_word<T>(
        &self,
        index: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.opt_text(index)? else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| self.corrupt(index))
    }

    /// The error that names this column.
    pub(crate) fn corrupt(&self, index: usize) -> StoreError {
        let id = self.row.text(self.first).ok().flatten();
        StoreError::Corrupt {
            table: self.table,
            column: self.column(self.first + index),
            id: id.unwrap_or_default().to_owned(),
        }
    }

    fn column(&self, index: usize) -> String {
        let name = self.row.column(index);
        name.unwrap_or_else(|| format!("column {index}"))
    }
}
