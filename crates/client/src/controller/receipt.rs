//! 更新申請受付票: saved as PDF while the server still draws it (I2, RU-5).

use tegata_domain::id::Fingerprint;
use tegata_domain::reference::RequestId;

use super::Controller;
use crate::api;
use crate::failure::Failure;
use crate::messages::own;
use crate::ports::{SaveKind, SavePrompt};

impl Controller<'_> {
    /// Saves the receipt of the newest renewal that this certificate takes part in.
    pub(super) fn save_receipt(&mut self, certificate: &Fingerprint) {
        let drawn = self.retried(|it| it.draw_receipt(certificate));
        let (request_id, pdf) = match drawn {
            None => return,
            Some(None) => {
                self.ports.ui.show(&own::no_receipt());
                return;
            }
            Some(Some(drawn)) => drawn,
        };
        let prompt = SavePrompt {
            name: own::receipt_name(&request_id),
            kind: SaveKind::Receipt,
        };
        while let Some(place) = self.ports.ui.ask_save_place(&prompt) {
            match self.ports.files.save(&place, &pdf) {
                Ok(()) => {
                    let place = place.display().to_string();
                    self.ports.ui.show(&own::receipt_saved(&place));
                    return;
                }
                Err(error) => {
                    self.tell(&Failure::File(error), false);
                }
            }
        }
    }

    /// The receipt, and the リクエストID that stands on it; `None` where there is none or its time is over.
    fn draw_receipt(
        &self,
        certificate: &Fingerprint,
    ) -> Result<Option<(RequestId, Vec<u8>)>, Failure> {
        let (connection, identity) = (self.connection()?, self.presenting(certificate)?);
        let own = api::certificates(&connection, identity.clone())?;
        let now = self.now();
        let drawable = own
            .certificates
            .into_iter()
            .filter(|one| one.receipt_until.is_some_and(|until| now <= until))
            .max_by_key(|one| one.accepted_at);
        let Some(renewal) = drawable else {
            return Ok(None);
        };
        let pdf = api::receipt(&connection, identity, &renewal.request_id)?;
        Ok(Some((renewal.request_id, pdf)))
    }
}
