//! RCR-4 → RCR-5: the applications come into being, or an application that was returned is corrected.

use std::slice;

use tegata_domain::applicant::{Applicant, ApplicationNumber};
use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::audit::Actor;
use tegata_domain::flow::{ApplicationFlow, ApplicationStep, Turn};
use tegata_domain::id::{ApplicationId, FlowId, InstitutionId};
use tegata_domain::institution::{Institution, TerminalName};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::ReferenceId;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use super::entered::{Entered, read_entered, write_entered};
use super::numbers::IssuedNumbers;
use crate::application_contact::{Wanted, check_contact_form};
use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{Error, FieldProblem, Refusal, Result};
use crate::seal::Purpose;
use crate::source::Source;

impl App {
    /// RCR-4 → RCR-5: the applications come into being, with their numbers and one mail. A repeated 申請 has the
    /// result of the first.
    pub async fn submit_application(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        is_other_terminal: bool,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let (row, secret) = self.load_form_flow(flow, cookie).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"submit"])?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != ApplicationStep::Confirm {
            return Err(Refusal::FlowElsewhere.into());
        }
        let entered = read_entered(&row);
        let institution = self.check_institution_form(&entered.institution).await?;
        let own = row.application.as_ref();
        let duplicates = self.duplicates(&institution, &entered.contact, own).await?;
        let wanted = check_contact_form(&entered.contact, own.is_some())?;
        let before = row.clone();
        let submitted = if !duplicates.is_empty() && !is_other_terminal {
            Err(duplicate_unanswered())
        } else if let Err(crowded) = self.count_sent(source) {
            Err(crowded)
        } else if let Some(id) = row.application.clone() {
            let actor = Actor::Subscriber(source.to_string());
            let correction = Correction {
                id,
                institution,
                wanted,
                is_other_terminal,
                actor,
            };
            self.resubmit((row, digest), correction, now).await
        } else {
            let submission = Submission {
                institution,
                wanted,
                is_other_terminal,
                actor: Actor::Subscriber(source.to_string()),
            };
            self.store_applications((row, digest), &secret, submission, now)
                .await
        };
        match submitted {
            Err(Error::Conflict) => self.after_another(&before, &digest).await,
            Err(error @ Error::Refused(Refusal::Crowded { .. } | Refusal::Form(_))) => {
                // What was found may come from the first of two clicks.
                let (fresh, _) = self.load_form_flow(flow, cookie).await?;
                match self.take_applicant_turn(&fresh, version, &digest)? {
                    Turn::Repeated => Ok(()),
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    async fn store_applications(
        &self,
        (flow, digest): (ApplicationFlow, [u8; 32]),
        secret: &FlowSecret,
        submission: Submission,
        now: Timestamp,
    ) -> Result<()> {
        let (app, secret, expires) = (self.clone(), secret.clone(), self.flow_end());
        let Submission {
            institution,
            wanted,
            is_other_terminal,
            actor,
        } = submission;
        let entered = read_entered(&flow);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let (year, ..) = now.japan_date().ymd();
                    let mut given = Vec::with_capacity(wanted.terminals.len());
                    for _ in &wanted.terminals {
                        given.push(ApplicationNumber::new(year, tx.next_number(COUNTER).await?));
                    }
                    // Whoever applies at the same moment has waited for the counter, and is seen now.
                    if !is_other_terminal {
                        expect_no_other(tx, &institution.id, &wanted.terminals, None).await?;
                    }
                    let mut numbers = Vec::with_capacity(wanted.terminals.len());
                    for (terminal, number) in wanted.terminals.iter().zip(given) {
                        let inserted = app
                            .insert_one(tx, &institution, (terminal, number), &wanted, &actor, now)
                            .await?;
                        numbers.push(inserted);
                    }
                    let since = now.plus_days(-1);
                    let sent = tx.count_received_mails(&wanted.mail, since).await?;
                    let is_mail_withheld = sent >= app.policy().application.mails_per_day.into();
                    if !is_mail_withheld {
                        let mail =
                            app.received_mail(&flow.id, &institution, &wanted, &numbers, now)?;
                        tx.insert_mail(&mail).await?;
                    }
                    let entered = write_entered(&Entered {
                        numbers: Some(app.seal_numbers(&flow.id, &numbers, &secret)?),
                        is_mail_withheld,
                        ..entered
                    })?;
                    let done = ApplicationStep::Done;
                    let moved = tx
                        .move_application_flow(
                            &flow.id,
                            flow.version,
                            done,
                            &entered,
                            &digest,
                            expires,
                        )
                        .await?;
                    if moved { Ok(()) } else { Err(Error::Conflict) }
                })
            })
            .await
    }

    /// One application with its applicant.
    async fn insert_one(
        &self,
        tx: &mut Tx,
        institution: &Institution,
        (terminal, number): (&TerminalName, ApplicationNumber),
        wanted: &Wanted,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<IssuedNumbers> {
        let inquiry = ReferenceId::generate(self.entropy(), INQUIRY_LENGTH);
        let application = CertificateApplication {
            id: ApplicationId::generate(now, self.entropy()),
            institution: institution.id.clone(),
            terminal: terminal.clone(),
            mail: wanted.mail.clone(),
            entered_by: EnteredBy::Applicant,
            entered_at: now,
            state: ApplicationState::Submitted,
        };
        let applicant = Applicant {
            inquiry: self.inquiry_hmac(&number, &inquiry),
            number: number.clone(),
            contact: wanted.contact.clone(),
            due: None,
        };
        tx.insert_application(&application).await?;
        tx.insert_applicant(&application.id, &applicant).await?;
        let object = format!("application:{}", application.id);
        let detail = number.to_string();
        let event = self.event(actor.clone(), "application.enter", object, detail, now);
        tx.insert_audit(&event).await?;
        Ok(IssuedNumbers {
            terminal: terminal.as_str().to_owned(),
            application_no: number.to_string(),
            inquiry_no: inquiry.expose().to_owned(),
        })
    }

    /// 電子証明書 申請情報受付通知: one for the submission, a line for each terminal.
    fn received_mail(
        &self,
        flow: &FlowId,
        institution: &Institution,
        wanted: &Wanted,
        numbers: &[IssuedNumbers],
        now: Timestamp,
    ) -> Result<OutboxMail> {
        let lines = |line: fn(&IssuedNumbers) -> &str| {
            let lines: Vec<&str> = numbers.iter().map(line).collect();
            lines.join("\n")
        };
        let values = [
            ("institution", institution.name.clone()),
            ("contact", wanted.contact.person.clone()),
            ("terminal", lines(|one| &one.terminal)),
            ("application_no", lines(|one| &one.application_no)),
            ("received_at", now.to_string()),
        ];
        let secret = Secret::new(lines(|one| &one.inquiry_no));
        let kind = MailKind::ApplicationReceived;
        let key = format!("application_received:{}", flow.as_str());
        self.secret_mail(kind, &wanted.mail, key, &values, &secret, now)
    }

    /// 差戻し → 受付: the application as corrected waits for examination again.
    async fn resubmit(
        &self,
        (flow, digest): (ApplicationFlow, [u8; 32]),
        correction: Correction,
        now: Timestamp,
    ) -> Result<()> {
        let Correction {
            id,
            institution,
            wanted,
            is_other_terminal,
            actor,
        } = correction;
        let application = self.application(&id).await?;
        let terminal = wanted
            .terminals
            .into_iter()
            .next()
            .unwrap_or_else(|| application.terminal.clone());
        let detail = if institution.id == application.institution {
            String::new()
        } else {
            format!(
                "institution {} instead of {}",
                institution.id, application.institution
            )
        };
        let corrected = CertificateApplication {
            institution: institution.id,
            terminal,
            mail: wanted.mail,
            ..application.clone().resubmit()?
        };
        let object = format!("application:{id}");
        let event = self.event(actor, "application.correct", object, detail, now);
        let expires = self.flow_end();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.wait_for_counter(COUNTER).await?;
                    if !is_other_terminal {
                        let (institution, terminal) = (&corrected.institution, &corrected.terminal);
                        expect_no_other(tx, institution, slice::from_ref(terminal), Some(&id))
                            .await?;
                    }
                    let done = ApplicationStep::Done;
                    let moved = tx
                        .move_application_flow(
                            &flow.id,
                            flow.version,
                            done,
                            &flow.entered,
                            &digest,
                            expires,
                        )
                        .await?;
                    if !moved || !tx.move_application(&application, &corrected).await? {
                        return Err(Error::Conflict);
                    }
                    tx.change_contact(&id, &wanted.contact).await?;
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// RCR-4 as sent, checked.
struct Submission {
    institution: Institution,
    wanted: Wanted,
    /// 「別の端末の申請なので、このまま申請する」.
    is_other_terminal: bool,
    actor: Actor,
}

/// RCR-4 of an application that was returned, checked.
struct Correction {
    id: ApplicationId,
    /// As RCR-2 has it now: it may be another one than before.
    institution: Institution,
    wanted: Wanted,
    /// 「別の端末の申請なので、このまま申請する」.
    is_other_terminal: bool,
    actor: Actor,
}

/// Inside a transaction that has waited for the counter: no application but `own` is for one of these terminals.
async fn expect_no_other(
    tx: &mut Tx,
    institution: &InstitutionId,
    terminals: &[TerminalName],
    own: Option<&ApplicationId>,
) -> Result<()> {
    for terminal in terminals {
        let found = tx.application_for_terminal(institution, terminal, own);
        if found.await?.is_some() {
            return Err(duplicate_unanswered());
        }
    }
    Ok(())
}

/// Whether it is another terminal of the same name was not said.
fn duplicate_unanswered() -> Error {
    let problem = ("duplicate", FieldProblem::DuplicateUnanswered);
    Refusal::Form(vec![problem]).into()
}

/// Characters of 照会番号 (I6).
const INQUIRY_LENGTH: usize = 10;

/// Counter of 申請番号.
const COUNTER: &str = "application";
