//! The JSON of the client API and of releases (`tegata-protocol`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tegata_domain::spread::{Asking, RequestPlan};
use tegata_protocol::release::{Envelope, Release, Version};
use tegata_protocol::{
    AddressChange, AddressRequest, Addresses, Certificates, EnteredCode, InUse, Notices,
    ReferenceIdRequest, Refusal, Resend, ShownReferenceId, StopRequest, Stopped,
};

use crate::text;

/// What the server answers to a terminal.
pub fn client_answers(octets: &[u8]) -> bool {
    let notices = read::<Notices>(octets);
    if let Some(notices) = &notices {
        check_plan(notices);
    }
    let others = [
        read::<AddressChange>(octets).is_some(),
        read::<Addresses>(octets).is_some(),
        read::<Certificates>(octets).is_some(),
        read::<InUse>(octets).is_some(),
        read::<Refusal>(octets).is_some(),
        read::<ShownReferenceId>(octets).is_some(),
        read::<Stopped>(octets).is_some(),
    ];
    notices.is_some() || others.contains(&true)
}

/// What a terminal sends to the server.
pub fn client_requests(octets: &[u8]) -> bool {
    let read = [
        read::<AddressRequest>(octets).is_some(),
        read::<EnteredCode>(octets).is_some(),
        read::<ReferenceIdRequest>(octets).is_some(),
        read::<Resend>(octets).is_some(),
        read::<StopRequest>(octets).is_some(),
    ];
    read.contains(&true)
}

/// What the operator announces.
pub fn release(octets: &[u8]) -> bool {
    if let Some(version) = text(octets).and_then(|text| text.parse::<Version>().ok()) {
        assert_eq!(version.to_string().as_bytes(), octets);
    }
    let envelope = read::<Envelope>(octets);
    if let Some(envelope) = &envelope {
        assert!(envelope.payload.len() <= octets.len());
        let signed = envelope.signed_octets();
        assert!(signed.ends_with(&envelope.payload) && signed.len() <= octets.len() + 64);
        let _ = read::<Release>(&envelope.payload);
    }
    read::<Release>(octets).is_some() || envelope.is_some()
}

/// A value that is written and read again as the same, and does not grow.
fn read<T: DeserializeOwned + Serialize>(octets: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(octets).ok()?;
    let written = serde_json::to_vec(&value).unwrap_or_default();
    assert!(written.len() <= octets.len() * 6 + 1024);
    let again = serde_json::from_slice::<T>(&written);
    let again = again
        .ok()
        .and_then(|again| serde_json::to_value(&again).ok());
    let first: Option<Value> = serde_json::from_slice(&written).ok();
    assert!(again.is_some() && again == first);
    Some(value)
}

/// Whatever plan a server names, there is a time or none.
fn check_plan(notices: &Notices) {
    let plan = RequestPlan::from(notices.schedule.clone());
    for asking in [Asking::FromNowOn, Asking::NearTheEnd, Asking::Never] {
        let now = notices.day.start();
        let next = plan.next(&notices.certificate, notices.not_after, asking, now);
        assert!(next.is_none_or(|next| next.at <= next.until));
    }
}
