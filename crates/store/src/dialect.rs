//! Where SQLite and PostgreSQL differ, each difference with its reason.

/// Begins a write on SQLite: takes the write lock at once, because a lock that is asked for after a
/// read fails without waiting (`SQLITE_BUSY_SNAPSHOT`).
pub(crate) const BEGIN_SQLITE: &str = "begin immediate";

/// Begins a write on PostgreSQL, whatever isolation the server's configuration prefers. Guards in
/// the statements do the rest.
pub(crate) const BEGIN_POSTGRES: &str = "begin isolation level read committed";

/// What a session of PostgreSQL may wait for (the names are those of the server's settings): a lock as long as SQLite's
/// busy timeout, a statement, and the next statement of a transaction. Where the machine of a process vanishes, the
/// server ends its session after half a minute, or after a minute without an answer to its keepalives, instead of the
/// system's two hours; its locks are free then.
pub(crate) const LIMITS_POSTGRES: [(&str, &str); 6] = [
    ("lock_timeout", "10s"),
    ("statement_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// Of these limits, those that a migration does not have.
pub(crate) const UNLIMITED_POSTGRES: [(&str, &str); 2] =
    [("lock_timeout", "0"), ("statement_timeout", "0")];

/// Moves SQLite's write-ahead log into the file and cuts it to nothing: deleted secrets are overwritten in the
/// file (`secure_delete`), but stand in the log until then. Answers busy, log size, pages moved.
pub(crate) const SCRUB_SQLITE: &str = "pragma wal_checkpoint(truncate)";

/// What PostgreSQL answers to one of two transactions that wait for each other (`deadlock_detected`). SQLite has one
/// writer at a time.
const DEADLOCK: &str = "40P01";

/// What SQLite says before the columns of a unique rule.
const UNIQUE_FAILED: &str = "UNIQUE constraint failed: ";
/// What SQLite says before the name of a check.
const CHECK_FAILED: &str = "CHECK constraint failed: ";

/// The unique rules of the schema, primary keys excepted: SQLite reports the columns, PostgreSQL
/// the name.
const UNIQUE: [(&str, &str); 18] = [
    ("applicant.number", "applicant_number"),
    ("ca_key.purpose", "ca_key_active"),
    ("certificate.fingerprint", "certificate_fingerprint"),
    ("certificate.grant_id", "certificate_live"),
    ("certificate.spki_sha256", "certificate_key"),
    (
        "institution.class, institution.code",
        "institution_live_code",
    ),
    ("issue_grant.application_id", "issue_grant_application"),
    ("issue_grant.predecessor", "issue_grant_successor"),
    ("issue_grant.request_id", "issue_grant_request_id"),
    ("mail_code.flow_id", "mail_code_live"),
    ("mail_code.grant_id, mail_code.number", "mail_code_number"),
    ("operator.name", "operator_name"),
    ("outbox.key", "outbox_key"),
    (
        "proposal_object.act, proposal_object.object",
        "proposal_object_open",
    ),
    ("reference_id.grant_id", "reference_id_live"),
    ("revocation_request.grant_id", "revocation_request_open"),
    ("revocation_request.number", "revocation_request_number"),
    ("service_certificate.serial", "service_certificate_serial"),
];

/// Whether this code of an error says that the transaction waited for one that waited for it.
pub(crate) fn is_deadlock(code: Option<&str>) -> bool {
    code == Some(DEADLOCK)
}

/// Whether this code of an error of PostgreSQL says that the disk is full (`disk_full`).
pub(crate) fn is_full(code: Option<&str>) -> bool {
    code == Some("53100")
}

/// The name of the rule in a message of SQLite; primary keys get the name that PostgreSQL gives
/// them.
pub(crate) fn rule_of_sqlite_message(message: &str) -> String {
    if let Some(name) = message.strip_prefix(CHECK_FAILED) {
        return name.to_owned();
    }
    let Some(columns) = message.strip_prefix(UNIQUE_FAILED) else {
        return message.to_owned();
    };
    if let Some((_, name)) = UNIQUE.iter().find(|(known, _)| *known == columns) {
        return (*name).to_owned();
    }
    let table = columns.split('.').next().unwrap_or(columns);
    format!("{table}_pkey")
}

#[cfg(test)]
mod tests {
    use super::{UNIQUE, rule_of_sqlite_message};
    use crate::{Store, StoreConfig};

    /// The unique rules of a migrated SQLite file: index and columns as a message would name them.
    async fn unique_rules() -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreConfig {
            url: format!("sqlite:{}", folder.path().join("rules.db").display()),
            readers: 1,
        })
        .await
        .unwrap();
        store.migrate().await.unwrap();
        let mut reader = store.reader().await.unwrap();
        let rows = reader
            .fetch_all(
                "select l.name, group_concat(m.name || '.' || i.name, ', ')
                from sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
                where m.type = 'table' and l.\"unique\" = 1 and l.origin <> 'pk'
                group by m.name, l.name",
                &[],
            )
            .await
            .unwrap();
        let read = |row: &crate::row::Row| {
            let fields = row.of("sqlite_master");
            let (index, columns) = (fields.text(0).unwrap(), fields.text(1).unwrap());
            (index.to_owned(), columns.to_owned())
        };
        rows.iter().map(read).collect()
    }

    #[tokio::test]
    async fn every_unique_rule_of_the_schema_has_its_name_here() {
        let rules = unique_rules().await;
        assert_eq!(rules.len(), UNIQUE.len());
        let schema = include_str!("../migrations/0001_begin.sql");
        for (index, columns) in rules {
            let name = rule_of_sqlite_message(&format!("UNIQUE constraint failed: {columns}"));
            assert!(!name.ends_with("_pkey"), "{columns} has no name");
            if index.starts_with("sqlite_autoindex") {
                assert!(schema.contains(&format!("constraint {name} unique")));
            } else {
                assert_eq!(name, index);
            }
        }
    }

    #[test]
    fn a_primary_key_is_named_as_postgresql_names_it() {
        let message = "UNIQUE constraint failed: publication.ca_key_id, publication.list";
        assert_eq!(rule_of_sqlite_message(message), "publication_pkey");
    }
}
