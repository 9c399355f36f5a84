//! 申請番号 and 照会番号 (decisions I5, I6): kept for RCR-5 under the key in the procedure's cookie.

use serde::{Deserialize, Serialize};
use tegata_domain::id::FlowId;

use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{Result, internal};
use crate::seal::unwrap_with;

/// The two numbers of one application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedNumbers {
    /// 端末名称等.
    pub terminal: String,
    /// 申請番号.
    pub application_no: String,
    /// 照会番号: shown on RCR-5 and in the mail, nowhere else.
    pub inquiry_no: String,
}

impl App {
    pub(super) fn seal_numbers(
        &self,
        flow: &FlowId,
        numbers: &[IssuedNumbers],
        secret: &FlowSecret,
    ) -> Result<String> {
        let plain = serde_json::to_vec(numbers)
            .map(zeroize::Zeroizing::new)
            .map_err(|error| internal("keep numbers", error))?;
        let sealed = self
            .keyring()
            .wrap(&secret.wrap_key, &numbers_place(flow), &plain)?;
        Ok(data_encoding::BASE64.encode(&sealed))
    }
}

pub(super) fn open_numbers(
    flow: &FlowId,
    sealed: &str,
    secret: &FlowSecret,
) -> Result<Vec<IssuedNumbers>> {
    let malformed = |error: &dyn std::fmt::Display| internal("show numbers", error);
    let sealed = data_encoding::BASE64
        .decode(sealed.as_bytes())
        .map_err(|error| malformed(&error))?;
    let plain = unwrap_with(&secret.wrap_key, &numbers_place(flow), &sealed)?;
    serde_json::from_slice(&plain).map_err(|error| malformed(&error))
}

fn numbers_place(flow: &FlowId) -> String {
    format!("application_flow/{}/entered", flow.as_str())
}
