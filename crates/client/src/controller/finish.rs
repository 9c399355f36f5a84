//! After the new certificate works: 1004, backup, 1005, the key is erased, 1006, 1007 (manual 3.1.2, S4).

use tegata_domain::id::Fingerprint;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12::Pkcs12Form;

use super::Controller;
use crate::backup::{self, PasswordProblem};
use crate::failpoint::failpoint;
use crate::failure::Failure;
use crate::messages::{procedure, window};
use crate::pending::{KeptKey, Pending, Purpose, Step, open_key};
use crate::ports::{Answer, SaveKind, SavePrompt, StoreError};

/// What came of a backup.
enum Backup {
    /// Not now; the key is kept a few days.
    Later,
    /// Never.
    Refused,
    /// Where it lies.
    Written(String),
}

impl Controller<'_> {
    /// With the person there. What is answered with "later" stays in the journal.
    pub(super) fn finish(&mut self, mut pending: Pending) -> Result<(), Failure> {
        loop {
            match pending.step.clone() {
                Step::InUse {
                    key,
                    certificate,
                    request_id,
                    ..
                } => {
                    self.install_roots();
                    self.ports.ui.progress(None);
                    self.show_list_behind();
                    self.tell_done(&pending, &key);
                    failpoint!(self, "failpoint:renewal:after-1004");
                    let erased = Step::KeyErased {
                        certificate: certificate.clone(),
                        request_id: request_id.clone(),
                    };
                    let KeptKey::Software(_) = key else {
                        pending.advance(erased, self.ports.files)?;
                        continue;
                    };
                    match self.write_backup(&key, &certificate, &request_id)? {
                        Backup::Later => return Ok(()),
                        Backup::Refused => {
                            self.log("step: key erased, no backup");
                            pending.advance(erased, self.ports.files)?;
                        }
                        Backup::Written(place) => {
                            failpoint!(self, "failpoint:renewal:after-backup");
                            self.log("step: backed up");
                            let step = Step::BackedUp {
                                key,
                                certificate,
                                request_id,
                            };
                            pending.advance(step, self.ports.files)?;
                            failpoint!(self, "failpoint:renewal:after-backed-up");
                            self.show_list_behind();
                            self.ports.ui.show(&procedure::backed_up(&place));
                        }
                    }
                }
                Step::BackedUp {
                    certificate,
                    request_id,
                    ..
                } => {
                    let new = Fingerprint(certificate.fingerprint_sha256());
                    self.known.entry(&new).is_backed_up = true;
                    self.remember();
                    let step = Step::KeyErased {
                        certificate,
                        request_id,
                    };
                    self.log("step: key erased");
                    pending.advance(step, self.ports.files)?;
                    failpoint!(self, "failpoint:renewal:after-key-erased");
                }
                Step::KeyErased { certificate, .. } => {
                    self.offer_removal(&pending, &certificate)?;
                    failpoint!(self, "failpoint:renewal:before-done");
                    self.log("step: done");
                    return pending.close(&self.ports);
                }
                Step::Requested { .. } | Step::Received { .. } | Step::Installed { .. } => {
                    return Ok(());
                }
            }
        }
    }

    /// Goes on with everything that waits for the person's part alone.
    pub(super) fn finish_what_waits(&mut self) {
        let waiting = match self.pending() {
            Ok(pending) => pending,
            Err(failure) => {
                self.tell(&failure, false);
                return;
            }
        };
        for pending in waiting.into_iter().filter(Pending::is_in_use) {
            if let Err(failure) = self.finish(pending) {
                self.tell(&failure, false);
            }
        }
    }

    /// バックアップ on a row: possible while the key of a new certificate is kept, and never again (T10).
    pub(super) fn back_up(&mut self, certificate: &Fingerprint) {
        let done = match self.pending_of(certificate) {
            Ok(Some(pending)) if pending.is_in_use() => self.finish(pending),
            Ok(Some(pending)) => self.go_on(pending),
            Ok(None) => Err(Failure::NoBackup),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = done {
            self.tell(&failure, false);
        }
    }

    fn tell_done(&self, pending: &Pending, key: &KeptKey) {
        let has_backup = matches!(key, KeptKey::Software(_));
        let message = match pending.purpose {
            Purpose::Enrolment { .. } => procedure::enrolled(has_backup),
            Purpose::Renewal { .. } => procedure::renewed(has_backup),
        };
        self.ports.ui.show(&message);
    }

    fn write_backup(
        &mut self,
        key: &KeptKey,
        certificate: &Certificate,
        request_id: &str,
    ) -> Result<Backup, Failure> {
        let KeptKey::Software(sealed) = key else {
            return Ok(Backup::Refused);
        };
        let rules = self.settings.pack.backup;
        loop {
            let Some((password, form)) = self.ask_password() else {
                let confirm = procedure::confirm_no_backup(rules.keep_days);
                return Ok(match self.ports.ui.show(&confirm) {
                    Answer::Yes => Backup::Refused,
                    _ => Backup::Later,
                });
            };
            let key = open_key(sealed, self.ports.secrets)?;
            let chain = self.trust.chain_of(certificate);
            let parts = (certificate, chain.as_slice());
            let file = backup::write(&key, parts, &password, form, rules.iterations)?;
            drop(key);
            let prompt = SavePrompt {
                name: backup::file_name(request_id),
                kind: SaveKind::Backup,
            };
            while let Some(place) = self.ports.ui.ask_save_place(&prompt) {
                match self.ports.files.save(&place, &file) {
                    Ok(()) => return Ok(Backup::Written(place.display().to_string())),
                    Err(error) => {
                        self.tell(&Failure::File(error), false);
                    }
                }
            }
        }
    }

    /// A password that the rule allows, typed twice; none where the window was closed.
    fn ask_password(&self) -> Option<(Secret<String>, Pkcs12Form)> {
        let min = self.settings.pack.backup.min_password;
        let reads_modern = self.ports.store.reads_modern_p12();
        let suggestion = backup::suggest_password(self.ports.entropy);
        let mut problem: Option<PasswordProblem> = None;
        loop {
            let suggestion = suggestion.expose().clone();
            let prompt = window::backup(min, suggestion, reads_modern, problem);
            let typed = self.ports.ui.ask_backup_password(&prompt)?;
            let (password, again) = (typed.password.expose(), typed.again.expose());
            match backup::check_password(password, again, min) {
                Ok(()) => return Some((typed.password, typed.form)),
                Err(wrong) => problem = Some(wrong),
            }
        }
    }

    /// 1006 and 1007. Only the certificate that was renewed, only by its fingerprint, only while the new one is in the
    /// store (T74).
    fn offer_removal(&mut self, pending: &Pending, new: &Certificate) -> Result<(), Failure> {
        let Some(old) = pending.old() else {
            return Ok(());
        };
        let new = Fingerprint(new.fingerprint_sha256());
        let listed = self.ports.store.list()?;
        let is_there = |wanted: Fingerprint| listed.iter().any(|one| one.fingerprint() == wanted);
        if old == new || !is_there(old) {
            return Ok(());
        }
        if !is_there(new) {
            let problem = format!("the new certificate {new}; the old one stays");
            return Err(StoreError::NotThere(problem).into());
        }
        if self.ports.ui.show(&procedure::confirm_removal_of_old()) == Answer::Yes {
            failpoint!(self, "failpoint:renewal:before-removal");
            self.ports.store.delete(&old)?;
            failpoint!(self, "failpoint:renewal:after-removal");
            self.known.forget(&old);
            self.remember();
            self.log(&format!("removed the old certificate {old}"));
            self.show_list_behind();
            self.ports.ui.show(&procedure::removed());
        }
        Ok(())
    }

    /// The operator's roots for this user; the system may ask. That they are missing hinders no procedure of ours.
    fn install_roots(&self) {
        for root in self.trust.roots() {
            let added = match self.ports.store.has_root(&root) {
                Ok(true) => continue,
                Ok(false) => self.ports.store.install_root(&root),
                Err(error) => Err(error),
            };
            match added {
                Ok(()) => self.log(&format!("added the root {}", root.subject())),
                Err(error) => self.log(&format!(
                    "the root {} was not added: {error}",
                    root.subject()
                )),
            }
        }
    }
}
