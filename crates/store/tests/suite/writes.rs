//! What a write promises: all or nothing, durable before it is answered, each closure its own fate.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tegata_domain::grant::GrantState;
use tegata_store::{Store, StoreConfig, StoreError};
use tokio::sync::{Barrier, Notify, oneshot};

use crate::databases::{Database, databases, postgres, sqlite};
use crate::samples::Case;

#[tokio::test]
async fn an_error_leaves_no_trace() {
    for db in databases().await {
        let refused: Result<(), StoreError> = db
            .store
            .write(|tx| {
                Box::pin(async move {
                    tx.set_fact("a", "1").await?;
                    Err(StoreError::Unavailable("changed my mind".to_owned()))
                })
            })
            .await;
        assert_eq!(
            refused,
            Err(StoreError::Unavailable("changed my mind".to_owned()))
        );
        assert_eq!(db.reader().await.fact("a").await.unwrap(), None);
    }
}

/// What was wrong: the one that the server gave up was told that the service is not available.
#[tokio::test]
async fn of_two_that_wait_for_each_other_one_is_told_to_look_again() {
    let Some(db) = postgres().await else { return };
    let both = Arc::new(Barrier::new(2));
    let counters = [["a", "b"], ["b", "a"]];
    let writes = counters.map(|[first, second]| {
        let both = Arc::clone(&both);
        db.store.write(move |tx| {
            Box::pin(async move {
                tx.next_number(first).await?;
                both.wait().await;
                tx.next_number(second).await
            })
        })
    });
    let mut answers = join_all(writes).await;
    answers.sort_by_key(Result::is_err);
    let rule = "deadlock".to_owned();
    assert_eq!(answers, [Ok(1), Err(StoreError::Conflict { rule })]);
}

/// The same database, whose sessions have other limits.
async fn with_limit(db: &Database, limit: &str) -> Store {
    let config = StoreConfig {
        url: format!("{}?{limit}", db.config.url),
        readers: 2,
    };
    Store::open(&config).await.unwrap()
}

#[tokio::test]
async fn a_write_does_not_wait_for_ever_for_a_row_that_another_process_holds() {
    let Some(db) = postgres().await else { return };
    let store = with_limit(&db, "options[lock_timeout]=300").await;
    let write = async |store: &Store| {
        let number = store.write(|tx| Box::pin(tx.next_number("a")));
        number.await
    };
    assert_eq!(write(&store).await, Ok(1));
    let mut other = PgConnection::connect(&db.config.url).await.unwrap();
    other.execute("begin").await.unwrap();
    other.execute("update counter set value = 7").await.unwrap();
    let refused: Result<u64, StoreError> = write(&store).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    other.execute("rollback").await.unwrap();
    assert_eq!(write(&store).await, Ok(2));
}

#[tokio::test]
async fn a_process_that_falls_silent_in_a_transaction_loses_its_locks() {
    let Some(db) = postgres().await else { return };
    let silent = with_limit(&db, "options[idle_in_transaction_session_timeout]=300").await;
    let (holds, held) = oneshot::channel();
    let (wake, woken) = oneshot::channel::<()>();
    let first = tokio::spawn(async move {
        silent
            .write(|tx| {
                Box::pin(async move {
                    tx.set_fact("a", "silent").await?;
                    holds.send(()).unwrap();
                    woken.await.unwrap();
                    tx.set_fact("a", "late").await
                })
            })
            .await
    });
    held.await.unwrap();
    db.write(|tx| Box::pin(tx.set_fact("a", "second"))).await;
    wake.send(()).unwrap();
    let late: Result<(), StoreError> = first.await.unwrap();
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
    let fact = db.reader().await.fact("a").await.unwrap();
    assert_eq!(fact.as_deref(), Some("second"));
}

#[tokio::test]
async fn closures_that_wait_together_have_each_its_own_fate() {
    for db in databases().await {
        let (open, gate) = oneshot::channel::<()>();
        let mut first = Box::pin(db.store.write(|tx| {
            Box::pin(async move {
                gate.await.unwrap();
                tx.set_fact("first", "kept").await
            })
        }));
        assert!((&mut first).now_or_never().is_none());
        let mut rest: Vec<_> = (0..6)
            .map(|number: u8| {
                Box::pin(db.store.write(move |tx| {
                    Box::pin(async move {
                        tx.set_fact(&format!("fact {number}"), "kept").await?;
                        match number % 3 {
                            0 => Ok(()),
                            1 => Err(StoreError::Unavailable("no".to_owned())),
                            _ => panic!("this closure panics on purpose"),
                        }
                    })
                }))
            })
            .collect();
        for waiting in &mut rest {
            assert!(waiting.now_or_never().is_none());
        }
        open.send(()).unwrap();
        first.await.unwrap();
        let answers = join_all(rest).await;
        let mut reader = db.reader().await;
        for (number, answer) in answers.into_iter().enumerate() {
            let fact = reader.fact(&format!("fact {number}")).await.unwrap();
            match number % 3 {
                0 => assert_eq!((answer, fact.as_deref()), (Ok(()), Some("kept"))),
                1 => {
                    let no = StoreError::Unavailable("no".to_owned());
                    assert_eq!((answer, fact), (Err(no), None));
                }
                _ => assert_eq!((answer, fact), (Err(StoreError::Panicked), None)),
            }
        }
        drop(reader);
        db.write(|tx| Box::pin(tx.set_fact("after", "alive"))).await;
    }
}

#[tokio::test]
async fn closures_that_wait_together_share_one_commit_on_sqlite() {
    let db = sqlite().await;
    let (open, gate) = oneshot::channel::<()>();
    let mut first = Box::pin(db.store.write::<_, StoreError, _>(|_| {
        Box::pin(async move {
            gate.await.unwrap();
            Ok(())
        })
    }));
    assert!((&mut first).now_or_never().is_none());
    let mut second = Box::pin(
        db.store
            .write::<_, StoreError, _>(|tx| Box::pin(tx.set_fact("second", "written"))),
    );
    assert!((&mut second).now_or_never().is_none());
    let outside = db.store.clone();
    let mut third = Box::pin(db.store.write::<_, StoreError, _>(|tx| {
        Box::pin(async move {
            let inside = tx.fact("second").await?;
            let outside = outside.reader().await?.fact("second").await?;
            Ok((inside, outside))
        })
    }));
    assert!((&mut third).now_or_never().is_none());
    open.send(()).unwrap();
    first.await.unwrap();
    assert_eq!(third.await.unwrap(), (Some("written".to_owned()), None));
    second.await.unwrap();
    let committed = db.reader().await.fact("second").await.unwrap();
    assert_eq!(committed.as_deref(), Some("written"));
}

#[tokio::test]
async fn a_panic_is_rolled_back_and_the_next_write_works() {
    for db in databases().await {
        let answer = db
            .store
            .write::<(), StoreError, _>(|tx| {
                Box::pin(async move {
                    tx.set_fact("a", "1").await?;
                    panic!("this closure panics on purpose")
                })
            })
            .await;
        assert_eq!(answer, Err(StoreError::Panicked));
        // A panic before the future exists is caught as well.
        let answer = db
            .store
            .write::<(), StoreError, _>(|_| panic!("this closure panics on purpose"))
            .await;
        assert_eq!(answer, Err(StoreError::Panicked));
        db.write(|tx| Box::pin(tx.set_fact("b", "1"))).await;
        let mut reader = db.reader().await;
        assert_eq!(reader.fact("a").await.unwrap(), None);
        assert_eq!(reader.fact("b").await.unwrap().as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn a_swallowed_failure_fails_the_write() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let institution = case.samples.institution("0110119153");
        let rule = db
            .refused(|tx| {
                Box::pin(async move {
                    tx.set_fact("before", "1").await?;
                    let failed = tx
                        .insert_institution(&institution, crate::samples::NOW)
                        .await;
                    assert!(matches!(failed, Err(StoreError::Conflict { .. })));
                    let after = tx.set_fact("after", "1").await;
                    assert_eq!(after, failed);
                    Ok(())
                })
            })
            .await;
        assert_eq!(rule, "institution_live_code");
        let mut reader = db.reader().await;
        assert_eq!(reader.fact("before").await.unwrap(), None);
        assert_eq!(reader.fact("after").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_identical_writes_in_parallel_have_one_effect() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let writes = (0..10).map(|_| {
            let id = case.grant.id.clone();
            let store = db.store.clone();
            tokio::spawn(async move {
                store
                    .write::<_, StoreError, _>(|tx| {
                        Box::pin(async move {
                            let moved = tx
                                .move_grant(&id, &GrantState::Approved, &GrantState::Posted)
                                .await?;
                            if moved {
                                tx.next_number("posted").await?;
                            }
                            Ok(moved)
                        })
                    })
                    .await
                    .unwrap()
            })
        });
        let moved = join_all(writes).await;
        let effects = moved.into_iter().filter(|moved| *moved.as_ref().unwrap());
        assert_eq!(effects.count(), 1);
        let next = db.write(|tx| Box::pin(tx.next_number("posted"))).await;
        assert_eq!(next, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_writes_are_numbered_without_gaps_or_doubles() {
    for db in databases().await {
        let writes = (0..50).map(|number: u32| {
            let store = db.store.clone();
            tokio::spawn(async move {
                store
                    .write::<_, StoreError, _>(move |tx| {
                        Box::pin(async move {
                            let given = tx.next_number("request").await?;
                            if number.is_multiple_of(5) {
                                return Err(StoreError::Unavailable("given back".to_owned()));
                            }
                            Ok(given)
                        })
                    })
                    .await
            })
        });
        let mut given: Vec<u64> = join_all(writes)
            .await
            .into_iter()
            .filter_map(|answer| answer.unwrap().ok())
            .collect();
        given.sort_unstable();
        assert_eq!(given, (1..=40).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_may_write_at_the_same_time() {
    for db in databases().await {
        let other = Store::open(&db.config).await.unwrap();
        let writes = (0..40).map(|number| {
            let store = [&db.store, &other][number % 2].clone();
            tokio::spawn(async move {
                store
                    .write::<_, StoreError, _>(|tx| Box::pin(tx.next_number("shared")))
                    .await
                    .unwrap()
            })
        });
        let mut given: Vec<u64> = join_all(writes)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        given.sort_unstable();
        assert_eq!(given, (1..=40).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_write_runs_to_its_end_when_its_caller_leaves() {
    for db in databases().await {
        let (written, is_written) = oneshot::channel::<()>();
        let go_on = Arc::new(Notify::new());
        let wait = Arc::clone(&go_on);
        let mut left = Box::pin(db.store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                tx.next_number("left").await?;
                written.send(()).unwrap();
                wait.notified().await;
                tx.set_fact("left", "done").await
            })
        }));
        assert!((&mut left).now_or_never().is_none());
        drop(left);
        is_written.await.unwrap();
        go_on.notify_one();
        // The same counter makes this write wait for the other one's commit.
        let next = db.write(|tx| Box::pin(tx.next_number("left"))).await;
        assert_eq!(next, 2);
        let fact = db.reader().await.fact("left").await.unwrap();
        assert_eq!(fact.as_deref(), Some("done"));
    }
}

#[tokio::test]
async fn a_reader_sees_nothing_before_the_commit() {
    for db in databases().await {
        let outside = db.store.clone();
        let seen = db
            .write(|tx| {
                Box::pin(async move {
                    tx.set_fact("a", "1").await?;
                    outside.reader().await?.fact("a").await
                })
            })
            .await;
        assert_eq!(seen, None);
        let seen = db.reader().await.fact("a").await.unwrap();
        assert_eq!(seen.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    for db in databases().await {
        db.write(|tx| Box::pin(tx.set_fact("a", "1"))).await;
        db.store.migrate().await.unwrap();
        let again = Store::open(&db.config).await.unwrap();
        again.migrate().await.unwrap();
        let fact = again.reader().await.unwrap().fact("a").await.unwrap();
        assert_eq!(fact.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn a_closed_store_finishes_what_waits_and_refuses_the_rest() {
    let db = sqlite().await;
    let mut waiting = Box::pin(
        db.store
            .write::<_, StoreError, _>(|tx| Box::pin(tx.set_fact("a", "1"))),
    );
    assert!((&mut waiting).now_or_never().is_none());
    db.store.close().await;
    waiting.await.unwrap();
    let late = db
        .store
        .write::<_, StoreError, _>(|tx| Box::pin(tx.set_fact("b", "1")))
        .await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
    assert!(matches!(
        db.store.reader().await,
        Err(StoreError::Unavailable(_))
    ));
    let again = Store::open(&db.config).await.unwrap();
    let mut reader = again.reader().await.unwrap();
    assert_eq!(reader.fact("a").await.unwrap().as_deref(), Some("1"));
    assert_eq!(reader.fact("b").await.unwrap(), None);
}

#[tokio::test]
async fn a_reader_that_was_given_up_in_the_middle_is_nobody_elses() {
    for db in databases().await {
        let mut unfinished = 0;
        for _ in 0..20 {
            let mut readers = Vec::new();
            for _ in 0..db.config.readers {
                readers.push(db.reader().await);
            }
            let reader = readers.first_mut().unwrap();
            unfinished += usize::from(reader.fact("a").now_or_never().is_none());
        }
        // SQLite runs a statement where it is asked for: none is given up in the middle.
        assert_eq!(unfinished == 0, db.is_sqlite());
        db.write(|tx| Box::pin(tx.set_fact("a", "1"))).await;
        for _ in 0..db.config.readers * 2 {
            let fact = db.reader().await.fact("a").await.unwrap();
            assert_eq!(fact.as_deref(), Some("1"));
        }
        db.store.close().await;
    }
}

#[tokio::test]
async fn a_lost_connection_is_unavailable_and_the_next_write_works() {
    let Some(db) = postgres().await else {
        return;
    };
    let (open, gate) = oneshot::channel::<()>();
    let (written, is_written) = oneshot::channel::<()>();
    let store = db.store.clone();
    let lost = tokio::spawn(async move {
        store
            .write::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    tx.set_fact("a", "1").await?;
                    written.send(()).unwrap();
                    gate.await.unwrap();
                    tx.set_fact("b", "1").await
                })
            })
            .await
    });
    is_written.await.unwrap();
    db.run_directly(
        "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await
    .unwrap();
    open.send(()).unwrap();
    assert!(matches!(
        lost.await.unwrap(),
        Err(StoreError::Unavailable(_))
    ));
    db.write(|tx| Box::pin(tx.set_fact("c", "1"))).await;
    let mut reader = db.reader().await;
    assert_eq!(reader.fact("a").await.unwrap(), None);
    assert_eq!(reader.fact("c").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn an_address_of_neither_database_is_refused_with_a_remedy() {
    let config = StoreConfig {
        url: "mysql://localhost/tegata".to_owned(),
        readers: 1,
    };
    let refused = Store::open(&config).await;
    let Err(StoreError::Unavailable(text)) = refused else {
        panic!("the address was accepted");
    };
    assert!(text.contains("database.url") && text.contains("sqlite:PATH"));
}

#[tokio::test]
async fn a_database_without_tables_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        url: format!("sqlite:{}", folder.path().join("empty.db").display()),
        readers: 1,
    };
    let store = Store::open(&config).await.unwrap();
    let fact = store.reader().await.unwrap().fact("a").await;
    assert!(matches!(fact, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn the_files_of_sqlite_are_for_their_owner_only() {
    let db = sqlite().await;
    db.write(|tx| Box::pin(tx.set_fact("a", "1"))).await;
    let file = db.config.url.strip_prefix("sqlite:").unwrap();
    for end in ["", "-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{file}{end}"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_migrate_at_the_same_time() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: format!("sqlite:{}", folder.path().join("new.db").display()),
            readers: 1,
        };
        let mut stores = Vec::new();
        for _ in 0..4 {
            stores.push(Store::open(&config).await.unwrap());
        }
        let migrations = stores
            .into_iter()
            .map(|store| tokio::spawn(async move { store.migrate().await }));
        for migrated in join_all(migrations).await {
            assert_eq!(migrated.unwrap(), Ok(()));
        }
    }
}
