//! The client's JSON (`tegata-protocol`), asked with the certificate that it is about.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tegata_protocol::{
    CERTIFICATES_PATH, Certificates, HOLD_PATH, IN_USE_PATH, InUse, NOTICES_PATH, Notices,
    REVOCATION_PATH, StopRequest, Stopped,
};

use crate::exchange::{self, Connection};
use crate::failure::Failure;
use crate::ports::{Body, Identity, Method, Request, Response};

const JSON: &str = "application/json";

/// How a certificate stands today, and when to ask again.
pub(crate) fn notices(
    connection: &Connection<'_>,
    identity: Identity,
) -> Result<(Notices, Response), Failure> {
    let response = ask(connection, NOTICES_PATH, identity)?;
    Ok((read(&response)?, response))
}

/// The certificates of this terminal with their IDs (P-06).
pub(crate) fn certificates(
    connection: &Connection<'_>,
    identity: Identity,
) -> Result<Certificates, Failure> {
    read(&ask(connection, CERTIFICATES_PATH, identity)?)
}

/// Reports that the certificate is installed and works (K3).
pub(crate) fn in_use(connection: &Connection<'_>, identity: Identity) -> Result<InUse, Failure> {
    let request = Request {
        method: Method::Post,
        identity: Some(identity),
        ..connection.get(IN_USE_PATH)
    };
    read(&connection.send(request)?)
}

/// Which of the two stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// 一時停止.
    Hold,
    /// 失効, final.
    Revocation,
}

/// The certificate stops itself (F4).
pub(crate) fn stop(
    connection: &Connection<'_>,
    identity: Identity,
    kind: StopKind,
    request: &StopRequest,
) -> Result<Stopped, Failure> {
    let path = match kind {
        StopKind::Hold => HOLD_PATH,
        StopKind::Revocation => REVOCATION_PATH,
    };
    read(&connection.send(with_json(connection, path, identity, request)?)?)
}

fn ask(connection: &Connection<'_>, path: &str, identity: Identity) -> Result<Response, Failure> {
    let request = Request {
        identity: Some(identity),
        ..connection.get(path)
    };
    connection.send(request)
}

fn with_json<T: Serialize>(
    connection: &Connection<'_>,
    path: &str,
    identity: Identity,
    value: &T,
) -> Result<Request, Failure> {
    let octets = serde_json::to_vec(value).map_err(|error| Failure::Settings(error.to_string()))?;
    Ok(Request {
        method: Method::Post,
        identity: Some(identity),
        body: Some(Body {
            content_type: JSON,
            is_base64: false,
            octets,
        }),
        ..connection.get(path)
    })
}

fn read<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    exchange::success(response)?;
    if response.media_type() != JSON {
        return Err(exchange::not_ours(response));
    }
    serde_json::from_slice(&response.body).map_err(|_| exchange::not_ours(response))
}
