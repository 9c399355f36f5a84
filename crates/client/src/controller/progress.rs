//! Key, request, installation, verification: what brings a new certificate into use (T73, W6).

use tegata_domain::id::Fingerprint;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::KeyAlgorithm;

use super::{Controller, Presence};
use crate::api;
use crate::est::{self, Enrolled, Ids};
use crate::failpoint::failpoint;
use crate::failure::Failure;
use crate::messages::procedure::{self, Doing};
use crate::messages::window;
use crate::pending::{KeptIds, KeptKey, Pending, Purpose, Step, open_key};
use crate::ports::{Identity, KeyPlace, StoreError};

/// How far clocks may be apart, seconds.
const CLOCKS_APART: i64 = 600;

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// The new certificate works.
    InUse,
    /// It needs somebody to answer.
    NeedsPerson,
}

impl Controller<'_> {
    /// Asks the proven server for its CAs, and compares the clocks. Nothing about this terminal is sent.
    pub(super) fn meet_server(&mut self) -> Result<(), Failure> {
        self.doing(Doing::MeetServer);
        let connection = self.connection()?;
        let server = connection.server.clone();
        let (authorities, date) = est::ca_certificates(&connection)?;
        check_clock(self.now(), date)?;
        self.trust.learn(authorities, &server, self.ports.files)
    }

    /// The key that the server wants, else that of the pack.
    pub(super) fn algorithm(&self) -> Result<KeyAlgorithm, Failure> {
        let wanted = est::wanted_key(&self.connection()?)?;
        Ok(wanted.unwrap_or_else(|| self.settings.algorithm()))
    }

    /// Goes on from whatever step the journal shows, until the new certificate was seen by the server.
    pub(super) fn bring_into_use(
        &mut self,
        pending: &mut Pending,
        presence: Presence,
    ) -> Result<Reached, Failure> {
        loop {
            match pending.step.clone() {
                Step::Requested { key, ids } => {
                    let asked = self.request(pending, &key, ids.as_ref(), presence)?;
                    let Some(certificate) = asked else {
                        return Ok(Reached::NeedsPerson);
                    };
                    failpoint!(self, "failpoint:renewal:after-answer");
                    self.log("step: received");
                    pending.advance(Step::Received { key, certificate }, self.ports.files)?;
                    failpoint!(self, "failpoint:renewal:after-received");
                }
                Step::Received { key, certificate } => {
                    self.doing(Doing::Install);
                    self.install(pending, &key, &certificate)?;
                    failpoint!(self, "failpoint:renewal:after-install");
                    self.log("step: installed");
                    pending.advance(Step::Installed { key, certificate }, self.ports.files)?;
                    failpoint!(self, "failpoint:renewal:after-installed");
                }
                Step::Installed { key, certificate } => {
                    self.doing(Doing::Verify);
                    let Some(identity) = self.identity(&certificate)? else {
                        // It vanished from the store: it is installed once more.
                        pending.advance(Step::Received { key, certificate }, self.ports.files)?;
                        continue;
                    };
                    let request_id = self.verify(&certificate, identity)?;
                    failpoint!(self, "failpoint:renewal:after-verification");
                    self.remember_new(&certificate, &request_id, pending.old());
                    self.log(&format!("step: in use, request {request_id}"));
                    let step = Step::InUse {
                        key,
                        certificate,
                        request_id,
                        since: self.now(),
                    };
                    pending.advance(step, self.ports.files)?;
                    failpoint!(self, "failpoint:renewal:after-in-use");
                }
                Step::InUse { .. } | Step::BackedUp { .. } | Step::KeyErased { .. } => {
                    return Ok(Reached::InUse);
                }
            }
        }
    }

    /// A certificate of the store with its key, for a handshake; none where it is not there.
    pub(super) fn identity(&self, certificate: &Certificate) -> Result<Option<Identity>, Failure> {
        let fingerprint = Fingerprint(certificate.fingerprint_sha256());
        let Some(key) = self.ports.store.key(&fingerprint)? else {
            return Ok(None);
        };
        let above = self.trust.chain_of(certificate);
        let above = above.iter().filter(|one| one.subject() != one.issuer());
        let mut chain = vec![certificate.der().to_vec()];
        chain.extend(above.map(|one| one.der().to_vec()));
        Ok(Some(Identity { chain, key }))
    }

    pub(super) fn doing(&self, what: Doing) {
        self.ports.ui.progress(Some(&procedure::progress(what)));
    }

    /// Sends the request; the same key gets the same certificate however often it is sent.
    fn request(
        &mut self,
        pending: &Pending,
        key: &KeptKey,
        ids: Option<&KeptIds>,
        presence: Presence,
    ) -> Result<Option<Certificate>, Failure> {
        if self.trust.issuers().is_empty() {
            self.meet_server()?;
        }
        self.doing(Doing::Request);
        let certificate = match (&pending.purpose, ids) {
            // Also a renewal that ended before its answer came: it is fetched by the IDs of its receipt.
            (_, Some(ids)) => self.request_by_ids(pending, key, ids, presence)?,
            (Purpose::Renewal { old }, None) => self.request_by_old(pending, key, old, presence)?,
            // The IDs were wrong; they are typed anew.
            (Purpose::Enrolment { .. }, None) => None,
        };
        let Some(certificate) = certificate else {
            return Ok(None);
        };
        let old = match pending.old() {
            Some(old) => self.certificate(&old).ok(),
            None => None,
        };
        let old = old.as_ref().map(|old| &old.certificate);
        let public = pending.signing_key(key, &self.ports)?;
        let public = public.public_key();
        if !self.trust.issued(&certificate) {
            // It may come from a CA that is newer than what was learnt.
            self.meet_server()?;
        }
        est::judge(&certificate, public, old, &self.trust, self.now())?;
        Ok(Some(certificate))
    }

    fn request_by_ids(
        &self,
        pending: &Pending,
        key: &KeptKey,
        ids: &KeptIds,
        presence: Presence,
    ) -> Result<Option<Certificate>, Failure> {
        let (request, reference) = ids.open(self.ports.secrets)?;
        let mut procedure: Option<(String, Secret<String>)> = None;
        loop {
            let mail_code = procedure.as_ref().map(|(flow, code)| (flow.as_str(), code));
            let ids = Ids {
                request: &request,
                reference: &reference,
                mail_code,
            };
            let signing = pending.signing_key(key, &self.ports)?;
            match est::enroll(&self.connection()?, &ids, signing)? {
                Enrolled::Certificate(certificate) => return Ok(Some(*certificate)),
                Enrolled::MailCode { .. } if presence == Presence::Nobody => return Ok(None),
                Enrolled::MailCode {
                    procedure: flow,
                    was_wrong,
                } => {
                    let Some(code) = self.ports.ui.ask_line(&window::mail_code(was_wrong)) else {
                        return Ok(None);
                    };
                    let digits = code.expose().chars().filter(char::is_ascii_digit).collect();
                    procedure = Some((flow, Secret::new(digits)));
                }
            }
        }
    }

    fn request_by_old(
        &self,
        pending: &Pending,
        key: &KeptKey,
        old: &Fingerprint,
        presence: Presence,
    ) -> Result<Option<Certificate>, Failure> {
        let stored = self.certificate(old)?;
        if presence == Presence::Nobody && stored.place == KeyPlace::SoftwareProtected {
            return Ok(None);
        }
        let missing = || StoreError::NotThere(format!("the key of {old}"));
        let identity = self.identity(&stored.certificate)?.ok_or_else(missing)?;
        let signing = pending.signing_key(key, &self.ports)?;
        est::reenroll(&self.connection()?, identity, signing).map(Some)
    }

    fn install(
        &self,
        pending: &Pending,
        key: &KeptKey,
        certificate: &Certificate,
    ) -> Result<(), Failure> {
        let chain = self.trust.chain_of(certificate);
        let name = certificate.subject().friendly_name();
        let store = self.ports.store;
        match key {
            KeptKey::Hardware => {
                store.install_hardware(certificate, &chain, &pending.name, &name)?
            }
            KeptKey::Software(sealed) => {
                let key = open_key(sealed, self.ports.secrets)?;
                store.install(certificate, &chain, &key, &name)?;
            }
        }
        Ok(())
    }

    /// One real request with the new certificate; answers its リクエストID.
    fn verify(&self, certificate: &Certificate, identity: Identity) -> Result<String, Failure> {
        let answer = api::in_use(&self.connection()?, identity)?;
        if answer.certificate == Fingerprint(certificate.fingerprint_sha256()) {
            Ok(answer.request_id.to_string())
        } else {
            let problem = "the server saw another certificate";
            Err(Failure::WrongCertificate(problem.to_owned()))
        }
    }

    fn remember_new(&mut self, new: &Certificate, request_id: &str, old: Option<Fingerprint>) {
        let new = Fingerprint(new.fingerprint_sha256());
        self.known.entry(&new).request_id = Some(request_id.to_owned());
        if let Some(old) = old {
            self.known.entry(&old).replaced_by = Some(new.to_string());
        }
        self.remember();
    }
}

/// Whether this terminal's clock can be believed.
pub(super) fn check_clock(now: Timestamp, date: Option<Timestamp>) -> Result<(), Failure> {
    let off = date.map_or(0, |date| now.seconds_since(date));
    if off.abs() > CLOCKS_APART {
        Err(Failure::ClockOff(off))
    } else {
        Ok(())
    }
}
