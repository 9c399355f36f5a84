//! The client's JSON (`tegata-protocol`), asked with the certificate that it is about.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tegata_domain::id::FlowId;
use tegata_domain::reference::RequestId;
use tegata_protocol::{
    ADDRESS_PATH, AddressChange, AddressRequest, Addresses, CERTIFICATES_PATH, Certificates,
    EnteredCode, HOLD_PATH, IN_USE_PATH, InUse, NOTICES_PATH, Notices, REFERENCE_ID_PATH,
    REVOCATION_PATH, ReferenceIdRequest, ShownReferenceId, StopRequest, Stopped, address_code_path,
    address_path, receipt_path,
};

use crate::exchange::{self, Connection};
use crate::failure::Failure;
use crate::ports::{Body, Identity, Method, Request, Response};

const JSON: &str = "application/json";
const PDF: &str = "application/pdf";

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

/// Where the mails go.
pub(crate) fn addresses(
    connection: &Connection<'_>,
    identity: Identity,
) -> Result<Addresses, Failure> {
    read(&ask(connection, ADDRESS_PATH, identity)?)
}

/// Begins a change of addresses: a 確認番号 is mailed to the new one.
pub(crate) fn change_address(
    connection: &Connection<'_>,
    identity: Identity,
    request: &AddressRequest,
) -> Result<AddressChange, Failure> {
    post(connection, ADDRESS_PATH, identity, request)
}

/// Where a change of addresses stands.
pub(crate) fn address_change(
    connection: &Connection<'_>,
    identity: Identity,
    procedure: &FlowId,
) -> Result<AddressChange, Failure> {
    read(&ask(connection, &address_path(procedure), identity)?)
}

/// Hands in the 確認番号.
pub(crate) fn enter_code(
    connection: &Connection<'_>,
    identity: Identity,
    procedure: &FlowId,
    entered: &EnteredCode,
) -> Result<AddressChange, Failure> {
    post(connection, &address_code_path(procedure), identity, entered)
}

/// 更新申請受付票 of a renewal, PDF.
pub(crate) fn receipt(
    connection: &Connection<'_>,
    identity: Identity,
    request: &RequestId,
) -> Result<Vec<u8>, Failure> {
    let response = ask(connection, &receipt_path(request), identity)?;
    exchange::success(&response)?;
    if response.media_type() != PDF {
        return Err(exchange::not_ours(&response));
    }
    Ok(response.body)
}

/// A new リファレンスID.
pub(crate) fn reference_id(
    connection: &Connection<'_>,
    identity: Identity,
    request: &ReferenceIdRequest,
) -> Result<ShownReferenceId, Failure> {
    post(connection, REFERENCE_ID_PATH, identity, request)
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
    post(connection, path, identity, request)
}

fn ask(connection: &Connection<'_>, path: &str, identity: Identity) -> Result<Response, Failure> {
    let request = Request {
        identity: Some(identity),
        ..connection.get(path)
    };
    connection.send(request)
}

fn post<T: DeserializeOwned>(
    connection: &Connection<'_>,
    path: &str,
    identity: Identity,
    value: &impl Serialize,
) -> Result<T, Failure> {
    let octets = serde_json::to_vec(value).map_err(|error| Failure::Settings(error.to_string()))?;
    let request = Request {
        method: Method::Post,
        identity: Some(identity),
        body: Some(Body {
            content_type: JSON,
            is_base64: false,
            octets,
        }),
        ..connection.get(path)
    };
    read(&connection.send(request)?)
}

pub(crate) fn read<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    exchange::success(response)?;
    if response.media_type() != JSON {
        return Err(exchange::not_ours(response));
    }
    serde_json::from_slice(&response.body).map_err(|_| exchange::not_ours(response))
}
