//! A new リファレンスID for a certificate that is here (I2, P-06): the earlier one ends.

use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::RequestId;
use tegata_protocol::ReferenceIdRequest;

use super::Controller;
use crate::api;
use crate::failure::Failure;
use crate::messages::own;
use crate::ports::Answer;

impl Controller<'_> {
    /// Asks whether the earlier one may end, and shows the new one. It is kept nowhere.
    pub(super) fn new_reference_id(&mut self, certificate: &Fingerprint) {
        if self.ports.ui.show(&own::confirm_reference_id()) != Answer::Yes {
            return;
        }
        let procedure = FlowId::generate(self.ports.entropy);
        let shown = self.retried(|it| {
            let request_id = it.request_id_of(certificate)?;
            let request = ReferenceIdRequest {
                procedure: procedure.clone(),
                request_id,
            };
            api::reference_id(&it.connection()?, it.presenting(certificate)?, &request)
        });
        if let Some(shown) = shown {
            self.log(&format!("a new reference ID of {}", shown.request_id));
            self.ports.ui.show_ids(&own::ids(&shown));
        }
    }

    /// The リクエストID of a certificate, asked for where it is not remembered.
    fn request_id_of(&mut self, certificate: &Fingerprint) -> Result<RequestId, Failure> {
        if self.known.of(certificate).request_id.is_none() {
            self.learn_ids(certificate)?;
        }
        let remembered = self.known.of(certificate).request_id;
        let request_id = remembered.as_deref().and_then(RequestId::parse);
        request_id.ok_or_else(|| Failure::Settings("the server names no request ID".to_owned()))
    }
}
