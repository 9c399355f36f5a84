//! What every handler works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tegata_app::App;
use tegata_domain::time::Timestamp;

use crate::assets::AssetNames;
use crate::making::{Making, PATIENCE};
use crate::messages::Screen;
use crate::page::Frame;

/// What pages need beyond the application.
#[derive(Clone, Copy, Debug)]
pub struct SiteOptions {
    /// Every page carries the mark of the demo (S6).
    pub demo: bool,
    /// How long the form of a password waits for its file before RCD-3 is shown.
    pub patience: Duration,
}

impl Default for SiteOptions {
    /// No demo; two seconds.
    fn default() -> Self {
        Self {
            demo: false,
            patience: PATIENCE,
        }
    }
}

/// Which listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// TLS for operators.
    Console,
    /// HTTP without TLS: status and CA certificates.
    Plain,
    /// TLS without client authentication.
    Public,
    /// TLS that asks for a client certificate: the API of relying systems.
    Relying,
    /// TLS that asks for a client certificate.
    Subscriber,
}

/// The state of a router; cheap to clone.
#[derive(Clone)]
pub(crate) struct Web(Arc<Inner>);

struct Inner {
    app: App,
    options: SiteOptions,
    listener: Listener,
    assets: AssetNames,
    incidents: AtomicU64,
    making: Making,
}

impl Web {
    pub(crate) fn new(app: App, options: SiteOptions, listener: Listener) -> Self {
        Self(Arc::new(Inner {
            app,
            options,
            listener,
            assets: AssetNames::new(),
            incidents: AtomicU64::new(0),
            making: Making::default(),
        }))
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    pub(crate) fn assets(&self) -> &AssetNames {
        &self.0.assets
    }

    /// Procedures whose file is being made.
    pub(crate) fn making(&self) -> &Making {
        &self.0.making
    }

    /// How long a form waits for its file.
    pub(crate) fn patience(&self) -> Duration {
        self.0.options.patience
    }

    /// The present instant: read once per request.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.app.clock_now()
    }

    /// Whether this listener asks for a client certificate.
    pub(crate) fn asks_for_certificate(&self) -> bool {
        self.0.listener == Listener::Subscriber
    }

    /// What links to the public sites begin with: nothing on the public listener itself.
    pub(crate) fn home(&self) -> String {
        match self.0.listener {
            Listener::Public => String::new(),
            Listener::Console | Listener::Plain | Listener::Relying | Listener::Subscriber => {
                self.0.app.addresses().public.clone()
            }
        }
    }

    /// What stands around every page.
    pub(crate) fn frame(&self, site: &'static str, screen: Screen) -> Frame {
        let names = &self.0.app.policy().names;
        let assets = &self.0.assets;
        Frame {
            site,
            screen,
            title: screen.title.to_owned(),
            ca_name: names.ca_name.clone(),
            ca_short: names.ca_short.clone(),
            help_desk: crate::messages::help_desk(&names.help_desk),
            cps: self.0.app.policy().subject.cps_uri.clone(),
            tabs_hint: names.show_tabs_hint,
            demo: self.0.options.demo,
            home: self.home(),
            style: format!("/assets/{}", assets.style),
            script: format!("/assets/{}", assets.script),
            icon: format!("/assets/{}", assets.icon),
        }
    }

    /// A short number that a person can tell the help desk, and that the log repeats.
    pub(crate) fn incident(&self) -> String {
        let count = self.0.incidents.fetch_add(1, Ordering::Relaxed);
        let moment = self.0.app.system_now().unix().rem_euclid(100_000_000);
        format!("{moment:08}-{}", count + 1)
    }
}
