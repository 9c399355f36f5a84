//! The addresses, all on the subscriber listener.

use tegata_domain::id::FlowId;
use tegata_domain::reference::RequestId;

/// GET [`Addresses`](crate::Addresses), POST [`AddressRequest`](crate::AddressRequest).
pub const ADDRESS_PATH: &str = "/api/client/v1/address";
/// GET [`Certificates`](crate::Certificates).
pub const CERTIFICATES_PATH: &str = "/api/client/v1/certificates";
/// POST [`StopRequest`](crate::StopRequest): 一時停止.
pub const HOLD_PATH: &str = "/api/client/v1/hold";
/// POST without a body: the presented certificate is installed and works.
pub const IN_USE_PATH: &str = "/api/client/v1/in-use";
/// GET [`Notices`](crate::Notices).
pub const NOTICES_PATH: &str = "/api/client/v1/notices";
/// POST [`ReferenceIdRequest`](crate::ReferenceIdRequest).
pub const REFERENCE_ID_PATH: &str = "/api/client/v1/reference-id";
/// POST [`StopRequest`](crate::StopRequest): 失効, final.
pub const REVOCATION_PATH: &str = "/api/client/v1/revocation";

/// GET the certificate of this リクエストID: DER (`application/pkix-cert`), or PEM where `Accept` says
/// `application/x-pem-file`.
pub fn certificate_path(request: &RequestId) -> String {
    format!("{CERTIFICATES_PATH}/{request}")
}

/// GET the 更新申請受付票 (PDF) of the renewal with this リクエストID, while its リファレンスID is shown.
pub fn receipt_path(request: &RequestId) -> String {
    format!("{CERTIFICATES_PATH}/{request}/receipt.pdf")
}

/// GET [`AddressChange`](crate::AddressChange).
pub fn address_path(procedure: &FlowId) -> String {
    format!("{ADDRESS_PATH}/{}", procedure.as_str())
}

/// POST [`EnteredCode`](crate::EnteredCode).
pub fn address_code_path(procedure: &FlowId) -> String {
    format!("{ADDRESS_PATH}/{}/code", procedure.as_str())
}

/// POST [`Resend`](crate::Resend).
pub fn address_resend_path(procedure: &FlowId) -> String {
    format!("{ADDRESS_PATH}/{}/resend", procedure.as_str())
}
