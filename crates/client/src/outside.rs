//! What comes from servers and from the system's key store, read as the procedures read it: for `crates/fuzz` alone,
//! which has neither. Connections and proxies are in [`crate::net::outside`].

use serde::de::DeserializeOwned;
use tegata_pki::certificate::Certificate;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::ports::Response;
use crate::{api, est, key_blob, pem};

/// The JSON of an answer.
pub fn json<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    api::read(response)
}

/// The certificate of an answer to an EST request.
pub fn issued(response: &Response) -> Result<Certificate, Failure> {
    est::issued(response)
}

/// The CA certificates of an answer.
pub fn certificates(response: &Response) -> Result<Vec<Certificate>, Failure> {
    est::read_certificates(response)
}

/// All certificates of a text, and the text that they make.
pub fn pem(text: &str) -> Option<(Vec<Certificate>, String)> {
    let found = pem::certificates(text).ok()?;
    let again = pem::text(&found);
    Some((found, again))
}

/// The three forms in which a private key is imported; `None` for each that it has not.
pub fn key_blobs(pkcs8: &[u8], spki: &[u8]) -> [Option<Zeroizing<Vec<u8>>>; 3] {
    [
        key_blob::capi_rsa(pkcs8).ok(),
        key_blob::cng_rsa(pkcs8).ok(),
        key_blob::cng_ec(pkcs8, spki).ok(),
    ]
}

/// The public key in a `RSAPUBLICBLOB` and in a `ECCPUBLICBLOB`, and the signature of a module.
pub fn module_answers(octets: &[u8]) -> [Option<Vec<u8>>; 3] {
    [
        key_blob::spki_of_rsa(octets).ok(),
        key_blob::spki_of_ec(octets).ok(),
        key_blob::ecdsa_der(octets).ok(),
    ]
}
