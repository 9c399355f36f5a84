//! 作成しています (RCD-3): a key and a certificate that take longer than a person should look at an empty window.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::HeaderName;
use axum::response::Response;
use tegata_app::Result;
use tegata_domain::id::FlowId;
use tokio::time::timeout;

use crate::web::Web;

/// How long a form waits for its result before the page says that it is being made (RCD-3).
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The procedures of this listener whose file is being made. Another process that is asked shows the form again,
/// which does no harm: whoever sends it twice gets one certificate.
#[derive(Default)]
pub(crate) struct Making(Mutex<HashSet<FlowId>>);

impl Making {
    pub(crate) fn is_underway(&self, flow: &FlowId) -> bool {
        self.lock().contains(flow)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<FlowId>> {
        match self.0.lock() {
            Ok(flows) => flows,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

/// A procedure whose file is being made, until it is dropped: also where making it breaks off.
struct Underway {
    web: Web,
    flow: FlowId,
}

impl Underway {
    fn begin(web: &Web, flow: &FlowId) -> Self {
        web.making().lock().insert(flow.clone());
        Self {
            web: web.clone(),
            flow: flow.clone(),
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.web.making().lock().remove(&self.flow);
    }
}

/// Does `work` for a procedure to its end, whether or not somebody waits for it. `None` where it takes longer than
/// the site's patience; what comes of it then is seen on the procedure's page.
pub(crate) async fn make<T: Send + 'static>(
    web: &Web,
    flow: &FlowId,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Option<Result<T>> {
    let underway = Underway::begin(web, flow);
    let task = tokio::spawn(async move {
        let done = work.await;
        drop(underway);
        if let Err(error) = &done {
            tracing::debug!(%error, "a file was not made");
        }
        done
    });
    let broke_off = |error| tegata_app::Error::Internal(format!("make a file: {error}"));
    match timeout(web.patience(), task).await {
        Ok(done) => Some(done.map_err(broke_off).flatten()),
        Err(_) => None,
    }
}

/// Lets the browser ask for the page again by itself.
pub(crate) fn refreshing(mut response: Response) -> Response {
    let seconds = HeaderValue::from(PATIENCE.as_secs());
    response
        .headers_mut()
        .insert(HeaderName::from_static("refresh"), seconds);
    response
}
