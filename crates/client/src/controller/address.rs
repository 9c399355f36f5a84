//! 通知用メールアドレスの変更 (RU-6, P-23): the addresses, and the 確認番号 that goes to the new one.

use tegata_domain::id::{Fingerprint, FlowId};
use tegata_protocol::{AddressChange, AddressRequest, AddressStep, EnteredCode};

use super::Controller;
use crate::api;
use crate::failure::Failure;
use crate::messages::own;

impl Controller<'_> {
    /// Asks until the addresses are registered or the person stops. Nothing changes before the 確認番号 came.
    pub(super) fn change_address(&mut self, certificate: &Fingerprint) {
        let registered =
            self.retried(|it| api::addresses(&it.connection()?, it.presenting(certificate)?));
        let Some(registered) = registered else {
            return;
        };
        let mut typed = (String::new(), String::new());
        let mut problem = None;
        loop {
            let prompt = own::addresses(&registered, typed.clone(), problem.take());
            let Some(form) = self.ports.ui.ask_addresses(&prompt) else {
                return;
            };
            typed = (form.mail.clone(), form.second_mail.clone());
            // One id for all tries of this form (F1).
            let request = AddressRequest {
                procedure: FlowId::generate(self.ports.entropy),
                mail: form.mail,
                second_mail: Some(form.second_mail).filter(|mail| !mail.is_empty()),
            };
            let begun = self.retried(|it| {
                let identity = it.presenting(certificate)?;
                to_be_corrected(api::change_address(&it.connection()?, identity, &request))
            });
            match begun {
                None => return,
                Some(Ok(change)) => return self.confirm_address(certificate, change),
                Some(Err(text)) => problem = Some(text),
            }
        }
    }

    fn confirm_address(&mut self, certificate: &Fingerprint, mut change: AddressChange) {
        let mut problem = None;
        while change.step == AddressStep::Code {
            let mail = change.mail.clone().unwrap_or_default();
            let prompt = own::address_code(&mail, problem.take());
            let Some(code) = self.ports.ui.ask_line(&prompt) else {
                return;
            };
            let entered = EnteredCode {
                turn: change.turn,
                code: code.expose().trim().to_owned(),
            };
            let procedure = change.procedure.clone();
            let stepped = self.retried(|it| {
                let (connection, identity) = (it.connection()?, it.presenting(certificate)?);
                let stepped = api::enter_code(&connection, identity.clone(), &procedure, &entered);
                match to_be_corrected(stepped)? {
                    Ok(next) => Ok((next, None)),
                    // A wrong number moves the procedure on; its turn is the server's to say.
                    Err(text) => {
                        let now = api::address_change(&connection, identity, &procedure)?;
                        Ok((now, Some(text)))
                    }
                }
            });
            let Some((next, wrong)) = stepped else {
                return;
            };
            (change, problem) = (next, wrong);
        }
        if change.step == AddressStep::Done {
            self.log("the addresses are changed");
            let mail = change.mail.unwrap_or_default();
            self.ports.ui.show(&own::address_changed(&mail));
        }
    }
}

/// What the person can put right where it was typed is no failure of the procedure: its text.
fn to_be_corrected<T>(answer: Result<T, Failure>) -> Result<Result<T, String>, Failure> {
    match answer {
        Err(Failure::Refused(refusal)) if refusal.status == 422 => match refusal.message {
            Some(message) => Ok(Err(message.text)),
            None => Err(Failure::Refused(refusal)),
        },
        other => other.map(Ok),
    }
}
