//! はじめての取得: a first certificate by the IDs of a letter (W5, W6), and a renewed one by those of its receipt.

use tegata_domain::reference::{ReferenceId, RequestId};

use super::progress::Reached;
use super::{Controller, Presence};
use crate::failure::Failure;
use crate::messages::procedure::Doing;
use crate::messages::{trouble, window};
use crate::pending::{KeptIds, Pending, Purpose, Step};
use crate::ports::{EnrolmentForm, UserMessage};

impl Controller<'_> {
    /// Asks for the IDs until they lead to a certificate, or the person stops.
    pub(super) fn enrol(&mut self) {
        let mut typed = (String::new(), String::new());
        let mut problem: Option<UserMessage> = None;
        loop {
            let asks_code = self.trust.is_unproven();
            let policy = self.settings.pack.key.policy;
            let prompt = window::enrolment(asks_code, policy, typed.clone(), problem.take());
            let Some(form) = self.ports.ui.ask_enrolment(&prompt) else {
                return;
            };
            typed = (form.request_id.clone(), form.connection_code.clone());
            loop {
                match self.enrol_once(&form) {
                    Ok(()) => return,
                    Err(failure) if is_of_form(&failure) => {
                        self.log(&format!("{}: {failure}", failure.code()));
                        self.ports.ui.progress(None);
                        problem = Some(trouble::of(&failure, self.words(), false));
                        break;
                    }
                    Err(failure) if self.tell(&failure, true) => {}
                    Err(_) => return,
                }
            }
        }
    }

    fn enrol_once(&mut self, form: &EnrolmentForm) -> Result<(), Failure> {
        let request = RequestId::parse(&form.request_id).ok_or(Failure::Ids)?;
        let reference = ReferenceId::parse(form.reference_id.expose()).ok_or(Failure::Ids)?;
        if self.trust.is_unproven() {
            let server = self.settings.server().cloned().ok_or(Failure::NoServer)?;
            let code = &form.connection_code;
            self.trust
                .prove(code, &server, self.ports.http, self.ports.files)?;
            self.log("the root is proven by a code");
        }
        self.meet_server()?;
        let (mut pending, is_new) = self.begin_enrolment(&request, &reference)?;
        match self.bring_into_use(&mut pending, Presence::Person) {
            Ok(Reached::InUse) => self.finish(pending),
            Ok(Reached::NeedsPerson) => Ok(()),
            Err(failure) => {
                let wrong_ids = matches!(&failure, Failure::Refused(one) if one.is_wrong_ids());
                if wrong_ids {
                    self.forget_ids(pending, is_new)?;
                    return Err(failure);
                }
                Err(self.give_up_if_final(pending, failure))
            }
        }
    }

    /// The procedure for these IDs: one whose answer was lost goes on with its key, since the same IDs give only that
    /// key's certificate (K2).
    fn begin_enrolment(
        &mut self,
        request: &RequestId,
        reference: &ReferenceId,
    ) -> Result<(Pending, bool), Failure> {
        let waiting = self.pending()?.into_iter().find(|pending| {
            let is_early = matches!(pending.step, Step::Requested { .. });
            is_early && self.goes_on_with(pending, request)
        });
        let ids = Some(KeptIds::seal(request, reference, self.ports.secrets)?);
        if let Some(mut pending) = waiting {
            if let Step::Requested { key, .. } = pending.step.clone() {
                pending.advance(Step::Requested { key, ids }, self.ports.files)?;
            }
            return Ok((pending, false));
        }
        let algorithm = self.algorithm()?;
        self.doing(Doing::MakeKey);
        let purpose = Purpose::Enrolment {
            request_id: request.to_string(),
        };
        let wish = (self.settings.pack.key.policy, algorithm);
        let pending = Pending::begin(&self.ports, purpose, ids, wish, self.now())?;
        self.log(&format!("step: requested, enrolment of {request}"));
        Ok((pending, true))
    }

    /// The same IDs as before; or a renewal whose old certificate is over or gone, for which the IDs of the receipt
    /// are left (F3).
    fn goes_on_with(&self, pending: &Pending, request: &RequestId) -> bool {
        match &pending.purpose {
            Purpose::Enrolment { request_id } => request_id == request.as_str(),
            Purpose::Renewal { old } => match self.certificate(old) {
                Ok(old) => old.not_after() < self.now(),
                Err(_) => true,
            },
        }
    }

    /// Wrong IDs: a key that was made for them alone goes, one that may have a certificate stays.
    fn forget_ids(&self, mut pending: Pending, is_new: bool) -> Result<(), Failure> {
        if is_new {
            return pending.close(&self.ports);
        }
        if let Step::Requested { key, .. } = pending.step.clone() {
            pending.advance(Step::Requested { key, ids: None }, self.ports.files)?;
        }
        Ok(())
    }
}

/// Whether the person can put it right in the form.
fn is_of_form(failure: &Failure) -> bool {
    match failure {
        Failure::ConnectionCode(_) | Failure::Ids => true,
        Failure::Refused(refusal) => refusal.is_wrong_ids(),
        _ => false,
    }
}
