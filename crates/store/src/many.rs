//! Many rows in one statement: of a small statement most of the cost is the way to the database and back.

use crate::arg::Arg;
use crate::error::StoreError;
use crate::sql::Connection;

/// Rows of one statement. With more of them SQLite spends what is won on looking their placeholders up.
pub(crate) const MANY: usize = 20;

/// An insert of one row, and the same of [`MANY`].
pub(crate) struct Insert {
    one: String,
    many: String,
}

impl Insert {
    /// `into` is the table with the columns in brackets, `row` its row with `?` for each value that differs from row to
    /// row, `tail` what follows the rows.
    pub(crate) fn new(into: &str, row: &str, tail: &str) -> Self {
        let of = |count| format!("insert into {into} values {} {tail}", rows_of(count, row));
        Self {
            one: of(1),
            many: of(MANY),
        }
    }
}

impl Connection {
    /// Inserts rows, whose values for the placeholders `columns` gives; answers how many were inserted.
    pub(crate) async fn insert_all<T, const N: usize>(
        &mut self,
        insert: &'static Insert,
        rows: &[T],
        columns: for<'r> fn(&'r T) -> Result<[Arg<'r>; N], StoreError>,
    ) -> Result<u64, StoreError> {
        let mut inserted = 0;
        let mut chunks = rows.chunks_exact(MANY);
        for chunk in &mut chunks {
            let mut args = Vec::with_capacity(MANY * N);
            for row in chunk {
                args.extend(columns(row)?);
            }
            inserted += self.execute(&insert.many, &args).await?;
        }
        for row in chunks.remainder() {
            inserted += self.execute(&insert.one, &columns(row)?).await?;
        }
        Ok(inserted)
    }
}

/// Rows with placeholders of their own: `($1, $2, 0), ($3, $4, 0)…`.
fn rows_of(count: usize, row: &str) -> String {
    let mut place = 0;
    let mut one = || {
        let mut text = String::new();
        for part in row.split_inclusive('?') {
            if let Some(before) = part.strip_suffix('?') {
                place += 1;
                text.push_str(&format!("{before}${place}"));
            } else {
                text.push_str(part);
            }
        }
        text
    };
    let rows: Vec<String> = (0..count).map(|_| one()).collect();
    rows.join(", ")
}

/// Up to [`MANY`] keys for a list after `in`, filled up with the last one: to name a key twice changes nothing.
pub(crate) fn padded(keys: &[String]) -> impl Iterator<Item = Arg<'_>> {
    let filling = keys.last().into_iter().cycle();
    keys.iter()
        .chain(filling)
        .take(MANY)
        .map(|key| key.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_placeholders_of_its_own() {
        assert_eq!(rows_of(1, "(?, 0)"), "($1, 0)");
        assert_eq!(rows_of(2, "(?, 0, ?)"), "($1, 0, $2), ($3, 0, $4)");
    }

    #[test]
    fn a_short_list_is_filled_up_with_its_last_key() {
        let keys = ["a".to_owned(), "b".to_owned()];
        let args: Vec<String> = padded(&keys).map(|arg| format!("{arg:?}")).collect();
        assert_eq!(args.len(), MANY);
        assert!(args[0].contains("\"a\""));
        assert!(args[1..].iter().all(|arg| arg.contains("\"b\"")));
        assert_eq!(padded(&[]).count(), 0);
    }
}
