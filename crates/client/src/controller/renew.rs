//! 証明書更新 (manual 3.1.2): 1002, 1003, and then what `progress` and `finish` do.

use tegata_domain::id::Fingerprint;

use super::progress::Reached;
use super::{Controller, Presence};
use crate::failpoint::failpoint;
use crate::failure::Failure;
use crate::messages::procedure::{self, Doing};
use crate::messages::window;
use crate::pending::{Pending, Purpose, Step};
use crate::ports::{Answer, KeyPlace, StoredCertificate};
use crate::standing::Standing;

impl Controller<'_> {
    /// The person pressed 「証明書更新」 on this row.
    pub(super) fn renew(&mut self, certificate: &Fingerprint) {
        loop {
            match self.renew_once(certificate) {
                Ok(()) => return,
                Err(failure) if self.tell(&failure, true) => {}
                Err(_) => return,
            }
        }
    }

    fn renew_once(&mut self, certificate: &Fingerprint) -> Result<(), Failure> {
        if let Some(pending) = self.pending_of(certificate)? {
            return self.go_on(pending);
        }
        let stored = self.certificate(certificate)?;
        match self.standing(&stored) {
            Standing::Early { opens } => {
                self.ports.ui.show(&procedure::before_renewal(opens));
                return Ok(());
            }
            standing @ (Standing::Expired | Standing::Replaced | Standing::Revoked) => {
                return Err(Failure::Standing(standing));
            }
            Standing::OnHold
            | Standing::Open { .. }
            | Standing::Pending
            | Standing::WaitsForBackup => {}
        }
        let is_protected = stored.place == KeyPlace::SoftwareProtected;
        if self
            .ports
            .ui
            .show(&procedure::confirm_renewal(is_protected))
            != Answer::Yes
        {
            return Ok(());
        }
        if self.trust.is_unproven() && !self.ask_for_code()? {
            return Ok(());
        }
        self.meet_server()?;
        let pending = self.begin_renewal(&stored)?;
        self.go_on(pending)
    }

    /// Makes the key and keeps it; nothing has left yet.
    pub(super) fn begin_renewal(&mut self, old: &StoredCertificate) -> Result<Pending, Failure> {
        let algorithm = self.algorithm()?;
        self.doing(Doing::MakeKey);
        failpoint!(self, "failpoint:renewal:before-key");
        let purpose = Purpose::Renewal {
            old: old.fingerprint(),
        };
        let wish = (self.settings.pack.key.policy, algorithm);
        let pending = Pending::begin(&self.ports, purpose, None, wish, self.now())?;
        failpoint!(self, "failpoint:renewal:after-key");
        self.log(&format!(
            "step: requested, renewal of {}",
            old.fingerprint()
        ));
        Ok(pending)
    }

    /// With the person there, to the end, or to the next point where it may wait.
    pub(super) fn go_on(&mut self, mut pending: Pending) -> Result<(), Failure> {
        match self.bring_into_use(&mut pending, Presence::Person) {
            Ok(Reached::InUse) => self.finish(pending),
            Ok(Reached::NeedsPerson) => Ok(()),
            Err(failure) => Err(self.give_up_if_final(pending, failure)),
        }
    }

    /// Ends a procedure that the server will never complete; hands the failure on.
    pub(super) fn give_up_if_final(&mut self, pending: Pending, failure: Failure) -> Failure {
        let Failure::Refused(refusal) = &failure else {
            return failure;
        };
        let about = match &pending.step {
            Step::Requested { ids: None, .. } => pending.old(),
            Step::Requested { .. } => None,
            _ => pending
                .certificate()
                .map(|new| Fingerprint(new.fingerprint_sha256())),
        };
        if let (Some(about), Some(status)) = (about, refusal.status_told()) {
            self.known.entry(&about).status = Some(status);
            self.remember();
        }
        let is_over = match &pending.step {
            Step::Requested { .. } => refusal.ends_request(),
            Step::Received { .. } | Step::Installed { .. } => refusal.ends_certificate(),
            Step::InUse { .. } | Step::BackedUp { .. } | Step::KeyErased { .. } => false,
        };
        if is_over {
            self.log(&format!("given up: {refusal}"));
            if let Err(error) = pending.close(&self.ports) {
                self.log(&format!("not closed: {error}"));
            }
        }
        failure
    }

    /// The procedure that this certificate takes part in, as the old one or the new one.
    pub(super) fn pending_of(&self, certificate: &Fingerprint) -> Result<Option<Pending>, Failure> {
        let takes_part = |pending: &Pending| {
            let new = pending
                .certificate()
                .map(|new| Fingerprint(new.fingerprint_sha256()));
            pending.old() == Some(*certificate) || new == Some(*certificate)
        };
        Ok(self.pending()?.into_iter().find(takes_part))
    }

    /// Asks for the 接続確認コード until it fits; whether the root is proven now.
    pub(super) fn ask_for_code(&mut self) -> Result<bool, Failure> {
        let server = self.settings.server().cloned().ok_or(Failure::NoServer)?;
        let mut problem = None;
        loop {
            let Some(code) = self
                .ports
                .ui
                .ask_line(&window::connection_code(problem.take()))
            else {
                return Ok(false);
            };
            let proven =
                self.trust
                    .prove(code.expose(), &server, self.ports.http, self.ports.files);
            match proven {
                Ok(()) => {
                    self.log("the root is proven by a code");
                    return Ok(true);
                }
                Err(failure @ Failure::ConnectionCode(_)) => {
                    self.log(&format!("{}: {failure}", failure.code()));
                    let message = crate::messages::trouble::of(&failure, self.words(), false);
                    problem = Some(message.text);
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// 接続の確認.
    pub(super) fn prove(&mut self) {
        loop {
            let met = match self.ask_for_code() {
                Ok(true) => self.meet_server(),
                Ok(false) => return,
                Err(failure) => Err(failure),
            };
            match met {
                Ok(()) => return,
                Err(failure) if self.tell(&failure, true) => {}
                Err(_) => return,
            }
        }
    }
}
