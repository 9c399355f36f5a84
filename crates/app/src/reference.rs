//! Checking a pair of リクエストID and リファレンスID (decisions I2, I3).
//!
//! The same number of hashes and queries for an unknown ID, a wrong secret and a right pair.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tegata_domain::entropy;
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::reference::{ReferenceId, ReferenceScope, RequestId, StoredReference};
use tegata_domain::secret::Secret;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::Store;

use crate::authority_secret::AuthoritySecret;
use crate::base::App;
use crate::error::{Refusal, Result};
use crate::seal::{self, Keyring};
use crate::source::Source;

/// What a person typed, parsed at the edge. `None`: it can be no such ID; the answer is the same.
pub struct TypedIds {
    /// リクエストID.
    pub request: Option<RequestId>,
    /// リファレンスID.
    pub reference: Option<ReferenceId>,
}

/// A right pair.
pub(crate) struct Proven {
    pub(crate) grant: Grant,
    pub(crate) reference: ReferenceId,
    pub(crate) stored: StoredReference,
}

/// The peppers of stored reference IDs, by number; the last one is used for new IDs.
pub(crate) struct Peppers(Vec<(i64, Secret<Vec<u8>>)>);

impl Peppers {
    pub(crate) async fn load(store: &Store, keyring: &Keyring) -> Result<Self> {
        AuthoritySecret::Pepper.load(store, keyring).await.map(Self)
    }

    fn get(&self, number: Option<i64>) -> &[u8] {
        let by_number = number.and_then(|n| self.0.iter().find(|(other, _)| *other == n));
        by_number
            .or(self.0.last())
            .map_or(&[], |(_, pepper)| pepper.expose().as_slice())
    }

    /// HMAC under the pepper of this number.
    pub(crate) fn mac(&self, number: Option<i64>, parts: &[&[u8]]) -> [u8; 32] {
        seal::mac(self.get(number), parts)
    }

    pub(crate) fn newest(&self) -> i64 {
        self.0.last().map_or(0, |(number, _)| *number)
    }
}

impl App {
    /// A new reference ID for `request`, and the row to store.
    pub(crate) fn new_reference(
        &self,
        request: &RequestId,
        scope: ReferenceScope,
        now: Timestamp,
    ) -> (ReferenceId, StoredReference) {
        let reference = ReferenceId::generate(self.entropy(), self.policy().reference_id.length);
        let pepper = self.peppers().newest();
        let hmac = self.reference_hmac(Some(pepper), request, &reference);
        let salt = entropy::octets::<16>(self.entropy()).to_vec();
        let stored = StoredReference {
            hmac: hmac.to_vec(),
            pepper,
            salt,
            scope,
            created_at: now,
            // A renewal's is shown at once; a letter's works once the letter is recorded as posted (K2).
            posted_at: (scope == ReferenceScope::Renewal).then_some(now),
            release: None,
        };
        (reference, stored)
    }

    /// Checks a pair. Wrong: counted, slowed and refused (I3); the letter must be out.
    pub(crate) async fn prove_ids(&self, ids: TypedIds, source: Source) -> Result<Proven> {
        let request = ids.request.unwrap_or_else(nobody);
        let reference = ids
            .reference
            .unwrap_or_else(|| ReferenceId::generate(self.entropy(), 10));
        let found = self
            .store()
            .reader()
            .await?
            .grant_by_request(&request)
            .await?;
        let (grant, stored) = match found {
            Some((grant, stored)) => (Some(grant), stored.map(|(_, stored)| stored)),
            None => (None, None),
        };
        let made = self.reference_hmac(stored.as_ref().map(|s| s.pepper), &request, &reference);
        let wanted = stored.as_ref().map_or(&[0; 32][..], |s| s.hmac.as_slice());
        let equal = verify_slices_are_equal(&made, wanted).is_ok();
        match (grant, stored) {
            (Some(grant), Some(stored))
                if equal && stored.posted_at.is_some() && letter_is_out(&grant.state) =>
            {
                Ok(Proven {
                    grant,
                    reference,
                    stored,
                })
            }
            _ => Err(self.wrong_ids(source).await),
        }
    }

    /// Counts a wrong pair, waits as long as it earned, and answers E-01 or E-02.
    pub(crate) async fn wrong_ids(&self, source: Source) -> crate::Error {
        self.wrong(source, Refusal::WrongIds).await
    }

    /// Counts a wrong secret, waits as long as it earned, and answers `told`, or E-02 above the budget.
    pub(crate) async fn wrong(&self, source: Source, told: Refusal) -> crate::Error {
        let verdict = self.wrong_secret(self.guessing(), source);
        if verdict.alarm {
            tracing::error!(
                "more wrong pairs of IDs in this minute than policy.guessing.alarm_per_minute; \
                 look at the table wrong_id"
            );
        }
        if let Some(seconds) = verdict.refused {
            return Refusal::Throttled { seconds }.into();
        }
        tokio::time::sleep(verdict.delay).await;
        told.into()
    }

    fn reference_hmac(
        &self,
        pepper: Option<i64>,
        request: &RequestId,
        reference: &ReferenceId,
    ) -> [u8; 32] {
        let parts: [&[u8]; 3] = [
            b"letter",
            request.as_str().as_bytes(),
            reference.expose().as_bytes(),
        ];
        seal::mac(self.peppers().get(pepper), &parts)
    }
}

/// The key that wraps a sealed key: from the reference ID as typed and the row's salt (K3).
pub(crate) fn wrap_key(proven: &Proven) -> Result<Secret<[u8; 32]>> {
    seal::derive(
        proven.reference.expose().as_bytes(),
        &proven.stored.salt,
        "tegata/sealed-key/reference-id",
    )
}

/// IDs work only once "posted" is recorded (K2).
fn letter_is_out(state: &GrantState) -> bool {
    match state {
        GrantState::Approved | GrantState::LetterReturned { .. } => false,
        GrantState::Frozen { from, .. } => letter_is_out(from),
        GrantState::Collected { .. }
        | GrantState::KeyFixed { .. }
        | GrantState::Posted
        | GrantState::SeenInUse { .. }
        | GrantState::Voided { .. } => true,
    }
}

/// A request ID that nobody has.
fn nobody() -> RequestId {
    let day = CalendarDate::from_ymd(1970, 1, 1).unwrap_or(Timestamp::from_unix(0).japan_date());
    RequestId::new(day, 0)
}
