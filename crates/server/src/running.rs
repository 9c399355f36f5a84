//! What runs until the program is asked to end: listeners, their TLS certificates, the timer.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::failure::Outcome;
use crate::instance::Instance;
use crate::listen::{Listener, TlsSettings};
use crate::tls::{ClientCertificate, ServerCertificates, server_config};

/// TLS of every listener: the certificates, and the settings made of them.
pub(crate) struct Tls {
    names: Vec<String>,
    certificates: Arc<ServerCertificates>,
    public: TlsSettings,
    relying: TlsSettings,
    subscriber: TlsSettings,
}

impl Tls {
    /// Makes or loads the certificate of each of our names.
    pub(crate) async fn open(instance: &Instance) -> Outcome<Arc<Self>> {
        let names = instance.config.names.of_tls();
        let certificates = Arc::new(ServerCertificates::new(&instance.config.names.public));
        load(instance, &names, &certificates).await?;
        let settings = |client, hints| {
            server_config(Arc::clone(&certificates), client, hints)
                .map(|config| Arc::new(RwLock::new(config)))
        };
        let public = settings(ClientCertificate::No, Vec::new())?;
        let relying = settings(ClientCertificate::Optional, Vec::new())?;
        let subscriber = settings(ClientCertificate::Optional, instance.app.client_ca_names())?;
        Ok(Arc::new(Self {
            names,
            certificates,
            public,
            relying,
            subscriber,
        }))
    }

    /// Renews what is near its end, and takes new CA names into the hints.
    pub(crate) async fn refresh(&self, instance: &Instance) -> Outcome<()> {
        load(instance, &self.names, &self.certificates).await?;
        let hints = instance.app.client_ca_names();
        let certificates = Arc::clone(&self.certificates);
        let config = server_config(certificates, ClientCertificate::Optional, hints)?;
        *self
            .subscriber
            .write()
            .unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Settings without client certificates.
    pub(crate) fn public(&self) -> TlsSettings {
        Arc::clone(&self.public)
    }

    /// Settings that ask for a client certificate, whoever issued it: programs that follow hints would keep
    /// a relying system's own back.
    pub(crate) fn relying(&self) -> TlsSettings {
        Arc::clone(&self.relying)
    }

    /// Settings that ask for a client certificate.
    pub(crate) fn subscriber(&self) -> TlsSettings {
        Arc::clone(&self.subscriber)
    }
}

async fn load(instance: &Instance, names: &[String], into: &ServerCertificates) -> Outcome<()> {
    let now = instance.tls_now();
    for name in names {
        let identity = instance.app.server_identity(name, now).await?;
        into.insert(name, identity.chain, &identity.key_pkcs8)?;
    }
    Ok(())
}

/// The tasks of a running program.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Nothing runs yet.
    pub(crate) fn new() -> Self {
        Self {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// Serves `router` on `socket`.
    pub(crate) fn listen(
        &mut self,
        name: &'static str,
        socket: TcpListener,
        tls: Option<TlsSettings>,
        router: Router,
    ) {
        let listener = Listener {
            name,
            socket,
            tls,
            router,
        };
        self.tasks.spawn(listener.serve(self.stop.subscribe()));
    }

    /// Runs `task`, which ends by itself when the receiver turns true.
    pub(crate) fn spawn<T: Future<Output = ()> + Send + 'static>(
        &mut self,
        task: impl FnOnce(watch::Receiver<bool>) -> T,
    ) {
        self.tasks.spawn(task(self.stop.subscribe()));
    }

    /// Asks every task to end and waits for it.
    pub(crate) async fn finish(self) {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
    }
}
