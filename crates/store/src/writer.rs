//! Who runs the closures of [`crate::Store::write`], and what they share a commit with (S5).
//!
//! SQLite has one writer: a thread that takes what waits, runs each closure inside a savepoint and
//! commits once. On PostgreSQL each closure has a task and a transaction of its own. In both,
//! nothing is answered before the commit.

use std::panic::AssertUnwindSafe;
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::sql::Source;
use crate::store::Tx;

/// Most closures that share a commit.
const BATCH: usize = 256;
/// Closures that may wait before the next caller has to.
const QUEUE: usize = 1_024;

/// What runs writes.
#[derive(Clone, Debug)]
pub(crate) enum Writer {
    /// SQLite: one thread, the way to it.
    OneForAll(mpsc::Sender<Message>),
    /// PostgreSQL: a task for each.
    OneForEach(Source),
}

/// What the writer's thread is told.
pub(crate) enum Message {
    Write(Box<dyn Job>),
    /// Finish what waits, then answer.
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the thread. It belongs to the runtime in which this is called, and ends when the last way to it does.
    pub(crate) fn one_for_all(source: Source) -> Result<Self, StoreError> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let runtime = Handle::current();
        thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || runtime.block_on(write_batches(source, queue)))
            .map_err(|e| StoreError::Unavailable(format!("the writer does not start: {e}")))?;
        Ok(Self::OneForAll(sender))
    }

    pub(crate) fn one_for_each(source: Source) -> Self {
        Self::OneForEach(source)
    }

    /// Hands a write over; from here on it runs whether or not somebody waits for it.
    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        match self {
            Self::OneForAll(queue) => queue
                .send(Message::Write(job))
                .await
                .map_err(|_| StoreError::Unavailable("the database is closed".to_owned())),
            Self::OneForEach(source) => {
                tokio::spawn(write_batch(source.clone(), vec![job]));
                Ok(())
            }
        }
    }

    pub(crate) async fn close(&self) {
        if let Self::OneForAll(queue) = self {
            let (done, closed) = oneshot::channel();
            if queue.send(Message::Close(done)).await.is_ok() {
                // An error means that the thread ended before it could answer: closed all the same.
                let _ = closed.await;
            }
        }
    }
}

/// What the thread of the one writer does. Its statements run on it, and each commit waits for the disk there.
async fn write_batches(source: Source, mut queue: mpsc::Receiver<Message>) {
    let mut kept = None;
    let mut closers = Vec::new();
    while let Some(first) = queue.recv().await {
        let mut batch = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Write(job) => batch.push(job),
                Message::Close(done) => {
                    queue.close();
                    closers.push(done);
                }
            }
            next = if batch.len() < BATCH {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        if !batch.is_empty() {
            kept = run_batch(&source, kept, batch).await;
        }
    }
    drop(kept);
    for done in closers {
        // Nobody waits any more: nothing to do.
        let _ = done.send(());
    }
}

async fn write_batch(source: Source, batch: Vec<Box<dyn Job>>) {
    drop(run_batch(&source, None, batch).await);
}

/// Runs and commits a batch, then answers everybody in it. Returns the connection if it is sound.
async fn run_batch(source: &Source, kept: Option<Tx>, mut batch: Vec<Box<dyn Job>>) -> Option<Tx> {
    let tx = match kept {
        Some(tx) => Ok(tx),
        None => source.writing().await.map(Tx::new),
    };
    let (tx, ended) = match tx {
        Ok(mut tx) => match run_all(&mut tx, &mut batch).await {
            Ok(()) => (Some(tx), Ok(())),
            Err(e) => {
                tx.into_connection().discard().await;
                (None, Err(e))
            }
        },
        Err(e) => (None, Err(e)),
    };
    for job in batch {
        job.answer(ended.clone());
    }
    scrub(tx).await
}

/// Lets deleted secrets leave the log, after everybody was answered. A connection that fails at it is given up.
async fn scrub(tx: Option<Tx>) -> Option<Tx> {
    let mut tx = tx?;
    match tx.scrub().await {
        Ok(()) => Some(tx),
        Err(error) => {
            tracing::warn!(%error, "the log of the database could not be cut");
            tx.into_connection().discard().await;
            None
        }
    }
}

/// Runs the closures between BEGIN and COMMIT. On an error nothing is committed as far as we know.
async fn run_all(tx: &mut Tx, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    tx.begin().await.map_err(unavailable)?;
    if let [only] = batch {
        return match only.run(tx).await {
            Fate::Keep => tx.control("commit").await.map_err(unavailable),
            Fate::Undo => undo(tx, "rollback").await,
        };
    }
    for job in batch {
        tx.control("savepoint one").await.map_err(unavailable)?;
        if matches!(job.run(tx).await, Fate::Undo) {
            undo(tx, "rollback to savepoint one").await?;
        }
        tx.control("release savepoint one")
            .await
            .map_err(unavailable)?;
    }
    tx.control("commit").await.map_err(unavailable)
}

/// Undoes what a closure did. Where the database did so itself, since its disk is full, that is what everybody is told.
async fn undo(tx: &mut Tx, sql: &'static str) -> Result<(), StoreError> {
    let because = tx.failure();
    let undone = tx.control(sql).await;
    undone.map_err(|error| unavailable(because.unwrap_or(error)))
}

/// Whatever fails outside a closure, no caller did anything wrong.
fn unavailable(error: StoreError) -> StoreError {
    match error {
        StoreError::Full(_) | StoreError::Unavailable(_) => error,
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Whether the effects of a closure stay.
pub(crate) enum Fate {
    Keep,
    Undo,
}

/// A write that waits to be run and answered.
pub(crate) trait Job: Send {
    /// Runs the closure, once.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Fate>;

    /// Tells the caller, once the transaction ended.
    fn answer(self: Box<Self>, ended: Result<(), StoreError>);
}

/// A closure, its result and who waits for it.
pub(crate) struct Pending<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Pending<T, E, F> {
    pub(crate) const fn new(work: F, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self {
            work: Some(work),
            result: None,
            reply,
        }
    }
}

impl<T, E, F> Job for Pending<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Fate> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return Fate::Undo;
            };
            // The transaction is rolled back after a panic, so nobody sees what it left half done.
            let running = AssertUnwindSafe(async { work(&mut *tx).await }).catch_unwind();
            let result = running
                .await
                .unwrap_or_else(|_| Err(StoreError::Panicked.into()));
            self.result = Some(match (result, tx.failure()) {
                (Ok(_), Some(failure)) => Err(failure.into()),
                (result, _) => result,
            });
            match &self.result {
                Some(Ok(_)) => Fate::Keep,
                _ => Fate::Undo,
            }
        })
    }

    fn answer(self: Box<Self>, ended: Result<(), StoreError>) {
        let never_run = || Err(StoreError::Unavailable("the write did not run".to_owned()).into());
        let answer = match ended {
            Ok(()) => self.result.unwrap_or_else(never_run),
            Err(e) => Err(e.into()),
        };
        // The caller may have stopped waiting: nothing to do.
        let _ = self.reply.send(answer);
    }
}
