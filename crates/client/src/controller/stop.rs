//! 一時停止 and 失効 by the certificate itself (F4).

use tegata_domain::id::{Fingerprint, FlowId};
use tegata_protocol::{Reason, Status, StopRequest, SuccessorChoice};

use super::Controller;
use crate::api::{self, StopKind};
use crate::failure::Failure;
use crate::messages::procedure;

/// What the person chose; the window has no preset answer for `successor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopChoice {
    /// Which of the two.
    pub kind: StopKind,
    /// Why.
    pub reason: Reason,
    /// Where the completion is told too.
    pub mail: Option<String>,
    /// Whether the newer certificate is stopped as well.
    pub successor: Option<SuccessorChoice>,
}

impl Controller<'_> {
    pub(super) fn stop(&mut self, certificate: &Fingerprint, choice: &StopChoice) {
        // One id for all tries: a repeated request is answered with the result of the first (F1).
        let procedure = FlowId::generate(self.ports.entropy);
        let request = StopRequest {
            procedure,
            reason: choice.reason,
            mail: choice.mail.clone(),
            successor: choice.successor,
        };
        self.retried(|it| it.stop_once(certificate, choice.kind, &request));
    }

    fn stop_once(
        &mut self,
        certificate: &Fingerprint,
        kind: StopKind,
        request: &StopRequest,
    ) -> Result<(), Failure> {
        let identity = self.presenting(certificate)?;
        let stopped = api::stop(&self.connection()?, identity, kind, request)?;
        self.log(&format!("stopped {certificate}: {}", stopped.number));
        if matches!(stopped.status, Status::OnHold | Status::Revoked) {
            self.known.entry(certificate).status = Some(stopped.status);
            self.remember();
        }
        self.ports
            .ui
            .show(&procedure::stopped(&stopped, self.words()));
        Ok(())
    }
}
