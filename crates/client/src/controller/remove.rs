//! 削除: exactly the chosen certificate, after a question that names it (T74).

use tegata_domain::id::Fingerprint;

use super::Controller;
use crate::failure::Failure;
use crate::messages::procedure;
use crate::ports::Answer;

impl Controller<'_> {
    pub(super) fn remove(&mut self, certificate: &Fingerprint) {
        if let Err(failure) = self.remove_once(certificate) {
            self.tell(&failure, false);
        }
    }

    fn remove_once(&mut self, certificate: &Fingerprint) -> Result<(), Failure> {
        let stored = self.certificate(certificate)?;
        let now = self.now().unix();
        let works = |one: &tegata_pki::certificate::Certificate| one.is_valid_at(now);
        let others = self.certificates()?;
        let has_other = others
            .iter()
            .any(|one| one.fingerprint() != *certificate && works(&one.certificate));
        let is_last = works(&stored.certificate) && !has_other;
        let confirm = procedure::confirm_removal(&stored.certificate, is_last);
        if self.ports.ui.show(&confirm) != Answer::Yes {
            return Ok(());
        }
        self.ports.store.delete(certificate)?;
        self.log(&format!("removed {certificate} as the person asked"));
        // A procedure that waited for this certificate's backup has nothing to wait for.
        for pending in self.pending()? {
            let new = pending
                .certificate()
                .map(|new| Fingerprint(new.fingerprint_sha256()));
            if new == Some(*certificate) {
                pending.close(&self.ports)?;
            }
        }
        self.known.forget(certificate);
        self.remember();
        self.ports.ui.show(&procedure::removed());
        Ok(())
    }
}
