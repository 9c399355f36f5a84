//! SQLite: how its file is opened and migrated, how a statement runs, what its errors mean.

use std::io::ErrorKind;
use std::os::fd::IntoRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{
    CachedStatement, Connection, Error, ErrorCode, OpenFlags, TransactionBehavior, ffi,
};
use tokio::fs::OpenOptions;
use tokio::task::spawn_blocking;

use crate::arg::Arg;
use crate::dialect;
use crate::error::StoreError;
use crate::migrations;
use crate::row::{Columns, Read, Row, Unfit};
use crate::sql::{PATIENCE, STATEMENTS};

/// What every connection has. Pages as they were before a savepoint stay in memory: else a batch of writes puts them into
/// files elsewhere, secrets too.
const TO_USE: &str = "
    pragma foreign_keys = on;
    pragma temp_store = memory;
";

/// What a connection that reads does first: opens the log, which another process may be repairing. Here it may wait.
const TO_READ: &str = "select 1 from sqlite_schema limit 1";

/// What the connection that writes has of its own. A destroyed key leaves no trace in freed pages (K3). It keeps 16 MB of the
/// file: with SQLite's 2 MB a batch of rows in several indexes writes the same pages again and again. And 4,000 pages
/// stay in the write-ahead log before they are moved into the file; one that changed often is moved once.
const TO_WRITE: &str = "
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma secure_delete = on;
    pragma cache_size = -16384;
    pragma wal_autocheckpoint = 4000;
";

/// How to open a connection to the file.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    writes: bool,
}

impl Settings {
    /// For the one connection that writes.
    pub(crate) fn to_write(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            writes: true,
        }
    }

    /// For a connection that only reads.
    pub(crate) fn to_read(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            writes: false,
        }
    }

    /// Opens a connection; waits for the disk, and for another process that repairs the log.
    pub(crate) fn open(&self) -> Result<Connection, StoreError> {
        self.opened().map_err(|error| {
            let error = classify(error);
            tracing::debug!(path = %self.path.display(), %error, "the database does not open");
            error
        })
    }

    fn opened(&self) -> Result<Connection, Error> {
        let access = if self.writes {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        } else {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A plan depends on no value: a kept statement is never planned again for other ones.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(TO_USE)?;
        let of_its_own = if self.writes { TO_WRITE } else { TO_READ };
        connection.execute_batch(of_its_own)?;
        Ok(connection)
    }
}

/// Makes the file where it is missing, and says at once where it cannot be opened.
pub(crate) async fn make(settings: &Settings) -> Result<(), StoreError> {
    make_private(&settings.path).await?;
    let settings = settings.clone();
    apart(move || settings.open().map(drop)).await
}

/// Brings the schema up to date on a connection of its own.
pub(crate) async fn migrate(settings: &Settings) -> Result<(), StoreError> {
    let settings = settings.clone();
    apart(move || {
        let mut connection = settings.open()?;
        // An index over millions of rows is sorted in a file.
        let in_files = "pragma temp_store = default";
        connection.execute_batch(in_files).map_err(classify)?;
        // A second process waits here, and then finds the work done.
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let tx = tx.map_err(classify)?;
        migrations::run_on_sqlite(&tx)?;
        tx.commit().map_err(classify)
    })
    .await
}

/// Runs what may take long on a thread that may wait.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => Err(StoreError::Panicked),
        Err(_) => Err(StoreError::Unavailable("the program ends".to_owned())),
    }
}

/// Makes the file, where it is missing, for its owner only; SQLite's other files get that mode.
///
/// An existing file is not opened, and the new one never closed: closing a file drops the locks
/// that SQLite has on it in the same process.
async fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .await;
    match made {
        Ok(file) => {
            let _stays_open = file.into_std().await.into_raw_fd();
            Ok(())
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => {
            let text = format!("open {}: {e}", path.display());
            Err(StoreError::Unavailable(text))
        }
    }
}

/// Runs a statement; returns how many rows it changed.
pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<u64, StoreError> {
    let run = || {
        let mut statement = prepared(connection, sql, args)?;
        statement.raw_execute()
    };
    let changed = run().map_err(classify)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Fetches up to `most` rows.
pub(crate) fn fetch(
    connection: &Connection,
    sql: &str,
    args: &[Arg<'_>],
    most: usize,
) -> Result<Vec<Row>, StoreError> {
    let run = || {
        let mut statement = prepared(connection, sql, args)?;
        let columns = statement.column_count();
        let names: Arc<str> = statement.column_names().join(BETWEEN).into();
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while rows.len() < most
            && let Some(row) = found.next()?
        {
            let values = (0..columns).map(|index| row.get_ref(index).map(owned));
            rows.push(Row::Sqlite(SqliteRow {
                values: values.collect::<Result<_, _>>()?,
                names: Arc::clone(&names),
            }));
        }
        Ok(rows)
    };
    run().map_err(classify)
}

/// Reads every row where the statement finds it; nothing is kept of it but what `read` makes of it.
pub(crate) fn read<T>(
    connection: &Connection,
    sql: &str,
    args: &[Arg<'_>],
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = prepared(connection, sql, args).map_err(classify)?;
    let mut found = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = found.next().map_err(classify)? {
        all.push(read(&Standing(row))?);
    }
    Ok(all)
}

/// The statement with its arguments. SQLite counts its placeholders `$N` in the order in which they appear.
fn prepared<'c>(
    connection: &'c Connection,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<CachedStatement<'c>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let places = statement.parameter_count();
    if places != args.len() {
        return Err(Error::InvalidParameterCount(args.len(), places));
    }
    for place in 1..=places {
        let named = statement
            .parameter_name(place)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let arg = named.and_then(|number| args.get(number.checked_sub(1)?));
        let arg = arg.ok_or(Error::InvalidParameterCount(args.len(), places))?;
        statement.raw_bind_parameter(place, value_of(arg))?;
    }
    Ok(statement)
}

fn value_of<'a>(arg: &'a Arg<'_>) -> ToSqlOutput<'a> {
    ToSqlOutput::Borrowed(match arg {
        Arg::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
        Arg::Int(Some(number)) => ValueRef::Integer(*number),
        Arg::Bytes(Some(octets)) => ValueRef::Blob(octets),
        Arg::Text(None) | Arg::Int(None) | Arg::Bytes(None) => ValueRef::Null,
    })
}

/// A value that outlives its statement. A text that is none comes as octets, and is corrupt when it is read as text.
fn owned(value: ValueRef<'_>) -> Value {
    Value::try_from(value).unwrap_or_else(|_| match value {
        ValueRef::Text(octets) | ValueRef::Blob(octets) => Value::Blob(octets.to_vec()),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Value::Null,
    })
}

/// What stands between the names of columns.
const BETWEEN: &str = "\0";

/// A row of SQLite, taken out of its statement.
pub(crate) struct SqliteRow {
    values: Vec<Value>,
    names: Arc<str>,
}

impl Columns for SqliteRow {
    fn text(&self, index: usize) -> Result<Option<&str>, Unfit> {
        match self.values.get(index) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(Unfit),
        }
    }

    fn int(&self, index: usize) -> Result<Option<i64>, Unfit> {
        match self.values.get(index) {
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(Unfit),
        }
    }

    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>, Unfit> {
        match self.values.get(index) {
            Some(Value::Blob(octets)) => Ok(Some(octets.clone())),
            Some(Value::Text(text)) => Ok(Some(text.as_bytes().to_vec())),
            Some(Value::Null) => Ok(None),
            _ => Err(Unfit),
        }
    }

    fn column(&self, index: usize) -> Option<String> {
        self.names.split(BETWEEN).nth(index).map(str::to_owned)
    }
}

/// A row on which its statement stands.
struct Standing<'a, 's>(&'a rusqlite::Row<'s>);

impl Standing<'_, '_> {
    fn get(&self, index: usize) -> Result<ValueRef<'_>, Unfit> {
        self.0.get_ref(index).map_err(|_| Unfit)
    }
}

impl Columns for Standing<'_, '_> {
    fn text(&self, index: usize) -> Result<Option<&str>, Unfit> {
        self.get(index)?.as_str_or_null().map_err(|_| Unfit)
    }

    fn int(&self, index: usize) -> Result<Option<i64>, Unfit> {
        self.get(index)?.as_i64_or_null().map_err(|_| Unfit)
    }

    fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>, Unfit> {
        let octets = self.get(index)?.as_bytes_or_null();
        octets
            .map(|octets| octets.map(<[u8]>::to_vec))
            .map_err(|_| Unfit)
    }

    fn column(&self, index: usize) -> Option<String> {
        let name = self.0.as_ref().column_name(index);
        name.ok().map(str::to_owned)
    }
}

/// What an error of the driver means to us.
pub(crate) fn classify(error: Error) -> StoreError {
    let Error::SqliteFailure(code, message) = &error else {
        return StoreError::Unavailable(error.to_string());
    };
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Conflict {
            rule: "foreign_key".to_owned(),
        },
        (
            _,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_CHECK
            | ffi::SQLITE_CONSTRAINT_NOTNULL,
        ) => StoreError::Conflict {
            rule: dialect::rule_of_sqlite_message(message.as_deref().unwrap_or_default()),
        },
        (ErrorCode::DiskFull, _) => StoreError::Full(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        execute(
            &connection,
            "create table t (a text, b bigint, c blob)",
            &[],
        )
        .unwrap();
        connection
    }

    #[test]
    fn what_was_committed_is_on_the_disk_and_nothing_is_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Settings::to_write(&folder.path().join("t.db"))
            .open()
            .unwrap();
        let wal = connection.pragma_query_value(None, "journal_mode", |row| row.get(0));
        assert_eq!(wal, Ok("wal".to_owned()));
        let is_stable = connection.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG);
        assert_eq!(is_stable, Ok(true));
        // FULL, overwritten with zeros, and pages before a savepoint in memory.
        for (name, wanted) in [
            ("foreign_keys", 1),
            ("synchronous", 2),
            ("secure_delete", 1),
            ("temp_store", 2),
        ] {
            let is: i64 = connection
                .pragma_query_value(None, name, |row| row.get(0))
                .unwrap();
            assert_eq!(is, wanted, "{name}");
        }
    }

    #[test]
    fn a_full_disk_has_an_error_of_its_own() {
        let connection = memory();
        // What SQLite answers where its file may not grow is what it answers on a full disk.
        connection
            .execute_batch("pragma max_page_count = 4")
            .unwrap();
        let large = "insert into t (c) values (zeroblob(100000))";
        let error = execute(&connection, large, &[]).unwrap_err();
        assert!(matches!(error, StoreError::Full(_)));
    }

    #[test]
    fn placeholders_are_found_by_their_numbers() {
        let connection = memory();
        let args: [Arg<'_>; 2] = [1.into(), "first".into()];
        let insert = "insert into t (a, b) values ($2, $1)";
        assert_eq!(execute(&connection, insert, &args).unwrap(), 1);
        let rows = fetch(&connection, "select a, b, c from t", &[], usize::MAX).unwrap();
        let row = rows[0].of("t");
        assert_eq!((row.text(0).unwrap(), row.int(1).unwrap()), ("first", 1));
        assert_eq!(row.opt_bytes(2).unwrap(), None);
    }

    #[test]
    fn a_statement_gets_as_many_arguments_as_it_has_places() {
        let connection = memory();
        for args in [vec![], vec![1.into(), 2.into()]] {
            let error = execute(&connection, "delete from t where b = $1", &args).unwrap_err();
            assert!(matches!(error, StoreError::Unavailable(_)));
        }
    }

    #[test]
    fn a_column_of_another_type_is_named() {
        let connection = memory();
        execute(
            &connection,
            "insert into t values ('id', 'three', x'ff')",
            &[],
        )
        .unwrap();
        let select = "select a, b, cast(c as text) as written from t";
        let rows = fetch(&connection, select, &[], 1).unwrap();
        let row = rows[0].of("t");
        for (found, name) in [
            (row.int(1).map(drop), "b"),
            (row.text(2).map(drop), "written"),
        ] {
            let Err(StoreError::Corrupt { table, column, id }) = found else {
                panic!("{name} was read");
            };
            assert_eq!((table, column.as_str(), id.as_str()), ("t", name, "id"));
        }
    }
}
