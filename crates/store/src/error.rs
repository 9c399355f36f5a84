//! Why the database did not do what was asked. "Not there" is no error but `Ok(None)`.

/// What went wrong in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A rule of the schema refuses the change: unique, check or foreign key. Or somebody else changed the same rows
    /// in another order at the same moment, and was let through.
    #[error("the database refuses the change by its rule {rule}")]
    Conflict {
        /// The rule's name in the schema, the same on both databases; `foreign_key` for a reference
        /// to a row that does not exist, `deadlock` where two waited for each other.
        rule: String,
    },
    /// A stored value does not have the form that its column promises.
    #[error("the database holds a value that cannot be read: {table}.{column} of row {id}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// The row's first column, as text.
        id: String,
    },
    /// The disk of the database is full; nothing was changed.
    #[error("the disk of the database is full: {0}")]
    Full(String),
    /// The closure of a write panicked; the write was rolled back.
    #[error("a write was given up because its closure panicked")]
    Panicked,
    /// The database cannot be reached, is locked or not migrated; the text says which.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
}
