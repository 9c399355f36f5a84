//! Opening, migrating, reading and writing (decisions S1, S5).

use std::ops::{Deref, DerefMut};
use std::path::Path;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::sql::{Connection, Source};
use crate::writer::{Pending, Writer};

/// Which database, and how many connections.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    pub url: String,
    /// SQLite: connections that read, beside the one that writes. PostgreSQL: connections in all,
    /// at least two.
    pub readers: u32,
}

/// The database. Clones share the same connections.
#[derive(Clone, Debug)]
pub struct Store {
    source: Source,
    writer: Writer,
}

impl Store {
    /// Opens the database; a missing SQLite file is made, its tables by [`Store::migrate`].
    ///
    /// Must be called inside the runtime, on whose account SQLite's writer has a thread. Several
    /// processes may have the same database open. Fails with [`StoreError::Unavailable`].
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        if let Some(path) = config.url.strip_prefix("sqlite:") {
            let source = Source::sqlite(Path::new(path), config.readers).await?;
            let writer = Writer::one_for_all(source.clone())?;
            return Ok(Self { source, writer });
        }
        if config.url.starts_with("postgres://") || config.url.starts_with("postgresql://") {
            let source = Source::postgres(&config.url, config.readers).await?;
            let writer = Writer::one_for_each(source.clone());
            return Ok(Self { source, writer });
        }
        let remedy = "database.url: write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME";
        Err(StoreError::Unavailable(remedy.to_owned()))
    }

    /// Brings the tables up to date; does nothing where they are.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.source.migrate().await
    }

    /// Runs `work` as one transaction: `Ok` is durable when this returns, `Err` leaves no trace.
    ///
    /// On SQLite the closures of concurrent callers share one commit, each inside a savepoint of
    /// its own. `work` runs to its end even when the caller stops waiting, and must neither wait
    /// for the network nor compute for long, since others wait behind it. After a statement failed,
    /// an `Ok` of `work` is turned into that failure. A panic in `work` answers
    /// [`StoreError::Panicked`].
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.writer
            .submit(Box::new(Pending::new(work, reply)))
            .await?;
        let gone = || E::from(StoreError::Unavailable("the writer is gone".to_owned()));
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// A connection to read with. Each statement sees what is committed when it begins.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        self.source.reading().await.map(Reader)
    }

    /// Finishes the writes that wait and closes every connection; later calls are refused. On SQLite the one that writes
    /// is the last: it moves the log into the file.
    pub async fn close(&self) {
        self.source.close().await;
        self.writer.close().await;
    }
}

/// A connection that only reads; goes back to the pool when dropped.
#[derive(Debug)]
pub struct Reader(Connection);

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// A transaction inside [`Store::write`]: reads like a [`Reader`], and writes.
#[derive(Debug)]
pub struct Tx(Connection);

impl Tx {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self(connection)
    }

    pub(crate) fn into_connection(self) -> Connection {
        self.0
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
