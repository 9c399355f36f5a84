//! Every reader of octets from outside, as one function that takes any octets at all.
//!
//! | module | what it hands octets to |
//! | --- | --- |
//! | [`formats`] | keys, certificates, requests, lists, OCSP, CMS, PKCS#12 |
//! | [`numbers`] | IDs, numbers, codes, dates |
//! | [`texts`] | names, mail addresses, telephone numbers, passwords |
//! | [`files`] | registers, mails that come back |
//! | [`requests`] | forms, header fields and bodies that the sites and EST take |
//! | [`json`] | the JSON of the client API, releases |
//! | [`answers`] | what servers, proxies, modules and settings tell the client |
//!
//! A function says whether something was read, so that its caller sees that it does not refuse everything. It panics
//! where what was read breaks a promise: it prints and reads back as the same, a limit holds, nothing grows.
//!
//! `tests/mutations.rs` calls them with damaged samples in every run of the tests; the targets of libFuzzer in `fuzz/`
//! call them for as long as one likes (docs/security.md).

pub mod answers;
pub mod files;
pub mod formats;
pub mod json;
pub mod numbers;
pub mod requests;
pub mod texts;

/// A function of this crate.
pub type Target = fn(&[u8]) -> bool;

/// All of them by name; each has a target of that name in `fuzz/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("certificate", formats::certificate),
    ("certificate_text", formats::certificate_text),
    ("cms", formats::cms),
    ("connection_code", formats::connection_code),
    ("crl", formats::crl),
    ("csr", formats::csr),
    ("key_file", formats::key_file),
    ("name", formats::name),
    ("ocsp_request", formats::ocsp_request),
    ("ocsp_response", formats::ocsp_response),
    ("pkcs12", formats::pkcs12),
    ("private_key", formats::private_key),
    ("public_key", formats::public_key),
    ("signature_algorithm", formats::signature_algorithm),
    ("tbs_certificate", formats::tbs_certificate),
    ("dates", numbers::dates),
    ("row_ids", numbers::row_ids),
    ("typed_ids", numbers::typed_ids),
    ("typed_numbers", numbers::typed_numbers),
    ("institution_code", texts::institution_code),
    ("mail_address", texts::mail_address),
    ("passages", texts::passages),
    ("search", texts::search),
    ("short_texts", texts::short_texts),
    ("bounce", files::bounce),
    ("hand_over", files::hand_over),
    ("register", files::register),
    ("client_cert", requests::client_cert),
    ("cookie", requests::cookie),
    ("est_body", requests::est_body),
    ("est_ids", requests::est_ids),
    ("form", requests::form),
    ("forwarded", requests::forwarded),
    ("host", requests::host),
    ("ocsp_path", requests::ocsp_path),
    ("client_answers", json::client_answers),
    ("client_requests", json::client_requests),
    ("release", json::release),
    ("est_answer", answers::est_answer),
    ("http_answer", answers::http_answer),
    ("json_answer", answers::json_answer),
    ("key_blob", answers::key_blob),
    ("module_answer", answers::module_answer),
    ("ntlm", answers::ntlm),
    ("proxy_answer", answers::proxy_answer),
    ("proxy_list", answers::proxy_list),
    ("settings", answers::settings),
    ("update", answers::update),
];

/// The text, where the octets are one.
fn text(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets).ok()
}

/// Whether `part` stands somewhere in `whole`.
fn holds(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}
