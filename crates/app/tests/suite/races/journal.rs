//! What the races stored, in the order of the commits: triggers of the test write down each change.
//!
//! On PostgreSQL a trigger runs at the commit and holds a lock to its end, so that the numbers rise as the commits
//! do, while everything before the commit is as concurrent as without it. SQLite has one writer at a time.

use rusqlite::Connection as SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::database::Database;

/// What is written down of each table; the fields of an entry stand in this order.
const TABLES: [(&str, &[&str]); 5] = [
    ("audit", &["id", "actor", "action", "object"]),
    (
        "certificate",
        &["serial", "grant_id", "state", "state_at", "reason"],
    ),
    ("collection", &["audit_id"]),
    (
        "issue_grant",
        &[
            "id",
            "predecessor",
            "state",
            "serial",
            "state_at",
            "frozen_from",
            "frozen_at",
        ],
    ),
    ("revocation_request", &["grant_id", "state", "held_at"]),
];

/// One changed row.
pub(super) struct Entry {
    pub(super) number: i64,
    /// The transaction; on SQLite, whose transactions have no name, the same for all.
    pub(super) transaction: i64,
    pub(super) table: String,
    pub(super) was: Option<Vec<String>>,
    pub(super) is: Vec<String>,
}

/// A connection of its own to a database with the triggers.
pub(super) struct Journal {
    connection: Wire,
    read: i64,
}

enum Wire {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

type Row = (i64, i64, String, Option<String>, String);

impl Journal {
    /// Begins to write down what happens in `database`.
    pub(super) async fn begin(database: &Database) -> Self {
        let connection = if let Some(connection) = database.sqlite() {
            connection.execute_batch(&sqlite_triggers()).unwrap();
            Wire::Sqlite(connection)
        } else {
            database.run(&postgres_triggers()).await;
            Wire::Postgres(PgConnection::connect(&database.url).await.unwrap())
        };
        let read = 0;
        Self { connection, read }
    }

    /// What was committed since the last look, in the order of the commits.
    pub(super) async fn news(&mut self) -> Vec<Entry> {
        let sql = "select number, tx, name, was, now_is from race_journal where number > ";
        let sql = format!("{sql} {} order by number", self.read);
        let rows: Vec<Row> = match &mut self.connection {
            Wire::Postgres(connection) => {
                let query = sqlx::query_as(AssertSqlSafe(sql));
                query.fetch_all(connection).await.unwrap()
            }
            Wire::Sqlite(connection) => {
                let mut query = connection.prepare(&sql).unwrap();
                let rows = query.query_map([], |row| row.try_into()).unwrap();
                rows.collect::<Result<_, _>>().unwrap()
            }
        };
        let entries: Vec<Entry> = rows.into_iter().map(entry).collect();
        self.read = entries.last().map_or(self.read, |last| last.number);
        entries
    }
}

fn entry((number, transaction, table, was, is): Row) -> Entry {
    let fields = |text: String| text.split('|').map(str::to_owned).collect();
    Entry {
        number,
        transaction,
        table,
        was: was.map(fields),
        is: fields(is),
    }
}

/// The fields of a row as one text.
fn joined(row: &str, columns: &[&str]) -> String {
    let texts: Vec<String> = columns
        .iter()
        .map(|column| format!("coalesce(cast({row}.{column} as text), '')"))
        .collect();
    texts.join(" || '|' || ")
}

/// Both kinds of change of each table: its name, the event, the row before and the row after.
fn changes() -> Vec<(&'static str, &'static str, String, String)> {
    let mut changes = Vec::new();
    for (table, columns) in TABLES {
        let is = joined("new", columns);
        changes.push((table, "insert", "null".to_owned(), is.clone()));
        changes.push((table, "update", joined("old", columns), is));
    }
    changes
}

fn sqlite_triggers() -> String {
    let mut sql = "create table race_journal (number integer primary key autoincrement, tx bigint,
        name text, was text, now_is text);"
        .to_owned();
    for (table, event, was, is) in changes() {
        sql.push_str(&format!(
            "create trigger race_{event}_{table} after {event} on {table} begin
                insert into race_journal (tx, name, was, now_is) values (0, '{table}', {was}, {is});
            end;"
        ));
    }
    sql
}

fn postgres_triggers() -> String {
    let mut sql = "create table race_journal (number bigserial primary key, tx bigint, name text,
        was text, now_is text);"
        .to_owned();
    for (table, event, was, is) in changes() {
        sql.push_str(&format!(
            "create function race_{event}_{table}() returns trigger language plpgsql as $$ begin
                perform pg_advisory_xact_lock(4711);
                insert into race_journal (tx, name, was, now_is)
                    values (txid_current(), '{table}', {was}, {is});
                return null;
            end $$;
            create constraint trigger race_{event}_{table} after {event} on {table}
                deferrable initially deferred for each row
                execute function race_{event}_{table}();"
        ));
    }
    sql
}

/// Events of one actor with one action.
pub(super) fn events_of(entries: &[Entry], actor: &str, action: &str) -> usize {
    let events = entries.iter().filter(|entry| entry.table == "audit");
    events
        .filter(|entry| entry.is[1] == actor && entry.is[2] == action)
        .count()
}
