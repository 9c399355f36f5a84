//! RU-6, 通知用メールアドレスの変更 (`/p/ru`, P-23): the holder of a certificate says where its mails go.
//!
//! The certificate alone begins it. The new address is registered once the number that was mailed there is typed, and
//! where 予備 is new a second number that was mailed to that one, for every grant of the application; the earlier addresses get a note of it, so that nobody takes a certificate's mails
//! over unseen. A certificate that is not in force changes nothing.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{Fingerprint, FlowId, SerialNumber};
use tegata_domain::institution::MailAddress;
use tegata_domain::mail_code::{CodeUse, SentCode};
use tegata_domain::outbox::OutboxMail;
use tegata_domain::policy::CollectPolicy;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::{App, TRIES};
use crate::bounce::note_reached;
use crate::download::CertificateBox;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::flow::NextStep;
use crate::mail_code::{CodeForm, NewCode, count_try, send};
use crate::new_addresses::{AddressForm, NewAddresses};
use crate::renew::check_in_force;
use crate::seal::Purpose;
use crate::source::Source;

/// What RU-6 and the pages after it show.
pub struct AddressPage {
    /// The certificate that is presented.
    pub certificate: CertificateBox,
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// `Form`, `Code` or `Done`.
    pub step: FlowStep,
    /// The registered addresses, the first one first.
    pub registered: Vec<MailAddress>,
    /// Whether 予備 has a number of its own, which is asked for next.
    pub second_follows: bool,
    /// What was entered, once that is so.
    pub entered: Option<NewAddresses>,
    /// When the code that is taken was sent, and its last second; `None` where there is none.
    pub sent: Option<(Timestamp, Timestamp)>,
    /// The earliest instant at which another code may be sent, where that is not now.
    pub next_at: Option<Timestamp>,
}

/// A change on its way to the transaction that makes it.
#[derive(Clone)]
struct Change {
    next: NextStep,
    serial: SerialNumber,
    old: Grant,
    new: NewAddresses,
    live: SentCode,
    is_right: bool,
    policy: CollectPolicy,
    /// Where 予備 is asked about next: the procedure as it goes on, and the number for it.
    second: Option<(String, NewCode)>,
    system_now: Timestamp,
    mails: Vec<OutboxMail>,
    changed: AuditEvent,
    wrong: AuditEvent,
    reached: AuditEvent,
}

impl App {
    /// RU-0 → RU-6: begins a change by the certificate that stands behind the connection.
    pub async fn open_address_change(
        &self,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let (_, grant) = self.changeable(presented, now).await?;
        let start = (FlowKind::Address, FlowStep::Form);
        self.begin_flow(start, &grant, Some(presented), source, now)
            .await
    }

    /// The registered addresses of a certificate in force, the first one first, most of each hidden.
    pub async fn own_addresses(
        &self,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<(String, Option<String>)> {
        let (_, grant) = self.changeable(presented, now).await?;
        let second = grant.second_mail.as_ref().map(MailAddress::masked);
        Ok((grant.mail.masked(), second))
    }

    /// The same change by a client, which named the procedure itself: begun where it is not yet, and its code mailed
    /// to the new address. The same again is answered by where the procedure stands.
    pub async fn change_own_address(
        &self,
        procedure: &FlowId,
        presented: Fingerprint,
        typed: (&str, &str),
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let begun = self
            .named_flow(procedure, FlowKind::Address, presented)
            .await?;
        if begun.is_none() {
            let (_, grant) = self.changeable(presented, now).await?;
            let start = (FlowKind::Address, FlowStep::Form);
            let (flow, event) = self.new_flow(start, &grant, Some(presented), source, now);
            let id = procedure.clone();
            let flow = Flow { id, ..flow };
            let stored = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        tx.insert_flow(&flow).await?;
                        tx.insert_audit(&event).await?;
                        Ok::<_, Error>(())
                    })
                })
                .await;
            match stored {
                // The same request came twice at once.
                Ok(()) | Err(Error::Conflict) => {}
                failed => return failed,
            }
        }
        let form = AddressForm {
            version: 1,
            mail: typed.0.to_owned(),
            confirmation: typed.0.to_owned(),
            second_mail: typed.1.to_owned(),
        };
        self.enter_address(procedure, presented, form, source, now)
            .await
    }

    /// RU-6, the page that asks for the code, and the last one, by where the procedure stands.
    pub async fn address_page(&self, flow: &FlowId, presented: Fingerprint) -> Result<AddressPage> {
        let (flow, grant) = self.load_address_flow(flow, presented).await?;
        let (record, _) = self.presented(presented).await?;
        let entered = NewAddresses::read(&flow.entered);
        let (sent, next_at) = match &entered {
            Some(new) if flow.step == FlowStep::Code => {
                self.code_standing(&flow, new.asked()).await?
            }
            _ => (None, None),
        };
        Ok(AddressPage {
            certificate: CertificateBox::of(&grant, record.not_after),
            version: flow.version,
            step: flow.step,
            second_follows: entered
                .as_ref()
                .is_some_and(|new| !new.is_first_proven && new.unproven_second(&grant).is_some()),
            registered: grant.addresses().cloned().collect(),
            entered,
            sent,
            next_at,
        })
    }

    /// RU-6 → the page that asks for the code: mails it to the new address. Where the grant has had its codes of this
    /// hour, that page says when it may be sent.
    pub async fn enter_address(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        form: AddressForm,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let parts = [&form.mail, &form.confirmation, &form.second_mail];
        let parts: Vec<&[u8]> = std::iter::once(b"address".as_slice())
            .chain(parts.map(|part| part.as_bytes()))
            .collect();
        let digest = self.digests().of(Purpose::FlowCookie, &parts)?;
        for _ in 0..TRIES {
            let (row, grant) = self.load_address_flow(flow, presented).await?;
            if self.take_turn(&row, form.version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            if row.step != FlowStep::Form {
                return Err(Refusal::FlowElsewhere.into());
            }
            self.changeable(presented, now).await?;
            let new = NewAddresses::checked(&form, &grant)?;
            let entered = new.write()?;
            let step = self.next_step(&row, FlowStep::Code, &entered, digest);
            let next = Flow {
                version: row.version + 1,
                entered,
                ..row
            };
            let code = self.new_code(CodeUse::Address, &next, (&grant, &new.mail), source, now)?;
            match self.ask_for_code(step, code, |_| Ok(())).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// 「もう一度送る」: mails another code; the earlier one ends.
    pub async fn resend_address_code(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        version: i64,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let digest = self.digests().of(Purpose::FlowCookie, &[b"resend"])?;
        for _ in 0..TRIES {
            let (row, grant) = self.load_address_flow(flow, presented).await?;
            if self.take_turn(&row, version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            let new = expect_code(&row)?;
            self.changeable(presented, now).await?;
            let step = self.next_step(&row, FlowStep::Code, &row.entered, digest);
            let next = Flow {
                version: row.version + 1,
                ..row
            };
            let to = (&grant, new.asked());
            let code = self.new_code(CodeUse::Address, &next, to, source, now)?;
            let too_soon = |at| Err(Refusal::TooSoon { at }.into());
            match self.ask_for_code(step, code, too_soon).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// 「戻る」: RU-6 again, with what was entered; the code that was sent ends.
    pub async fn correct_address(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        version: i64,
    ) -> Result<()> {
        let digest = self.digests().of(Purpose::FlowCookie, &[b"correct"])?;
        for _ in 0..TRIES {
            let (row, _) = self.load_address_flow(flow, presented).await?;
            if self.take_turn(&row, version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            expect_code(&row)?;
            let now = self.system_now();
            let back = self.next_step(&row, FlowStep::Form, &row.entered, digest);
            let moved = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        if let Some(live) = tx.live_code(&row.id).await? {
                            tx.end_code(&live.mail, now).await?;
                        }
                        back.take(tx).await
                    })
                })
                .await;
            match moved {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// Takes the code: the new addresses are registered when this returns. One answer for a wrong one and an ended one.
    pub async fn confirm_address(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        form: CodeForm,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let tried = self
                .try_confirm_address(flow, presented, &form, source, now)
                .await;
            match tried {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn try_confirm_address(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        form: &CodeForm,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let (row, old) = self.load_address_flow(flow, presented).await?;
        let typed = form.code.expose();
        let parts: [&[u8]; 3] = [b"code", row.id.as_str().as_bytes(), typed.as_bytes()];
        let digest = self.digests().of(Purpose::FlowCookie, &parts)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        let (new, read) = (expect_code(&row)?, row.clone());
        let (serial, _) = self.changeable(presented, now).await?;
        let judged = self.judge_code(&row, typed, CodeUse::Address).await?;
        if let Some((live, is_right)) = judged {
            let (changed, wrong) = self.change_events(&old, &new, source, now);
            let actor = Actor::Subscriber(source.to_string());
            let reached = self.reached_event(&old, new.asked(), actor, now);
            let second = match new.unproven_second(&old) {
                Some(second) if !new.is_first_proven => {
                    Some(self.ask_second(&row, (&old, &new), second, source, now)?)
                }
                _ => None,
            };
            let next = match &second {
                Some((entered, _)) => self.next_step(&row, FlowStep::Code, entered, digest),
                None => self.next_step(&row, FlowStep::Done, &row.entered, digest),
            };
            let told = (flow.as_str(), Some(source));
            let change = Change {
                is_right: is_right && live.is_good(new.asked(), self.system_now()),
                mails: self.address_notes(&old, &new, told, now),
                policy: self.policy().collect.clone(),
                second,
                system_now: self.system_now(),
                next,
                serial,
                old,
                new,
                live,
                changed,
                wrong,
                reached,
            };
            if self.store_change(change, now).await? {
                return Ok(());
            }
        }
        if self.was_answered(&read, &digest).await? {
            return Ok(());
        }
        let answer = Refusal::Fields(vec![FieldProblem::MailCodeWrong]);
        Err(self.wrong(source, answer).await)
    }

    /// The procedure as it goes on once the first number is right, and the number for 予備.
    fn ask_second(
        &self,
        row: &Flow,
        (old, new): (&Grant, &NewAddresses),
        second: &MailAddress,
        source: Source,
        now: Timestamp,
    ) -> Result<(String, NewCode)> {
        let proven = NewAddresses {
            is_first_proven: true,
            ..new.clone()
        };
        let next = Flow {
            version: row.version + 1,
            ..row.clone()
        };
        let code = self.new_code(CodeUse::Address, &next, (old, second), source, now)?;
        Ok((proven.write()?, code))
    }

    /// Counts the try, and registers the addresses where it was right; where 予備 has a number too, that one is mailed
    /// instead and nothing is registered yet.
    async fn store_change(&self, change: Change, now: Timestamp) -> Result<bool> {
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let Change { old, new, .. } = &change;
                    let counted = count_try(
                        tx,
                        &change.live,
                        change.is_right,
                        change.policy.code_tries,
                        change.system_now,
                    );
                    match counted.await? {
                        Some(true) => {}
                        Some(false) => {
                            tx.insert_audit(&change.wrong).await?;
                            return Ok(false);
                        }
                        None => return Ok(false),
                    }
                    expect_as_read(tx, &change.serial, old, now).await?;
                    change.next.take(tx).await?;
                    note_reached(tx, new.asked(), &change.reached).await?;
                    if let Some((_, code)) = &change.second {
                        // Where the hour's numbers are used up, the page says when another one may be sent.
                        send(tx, code.clone().at_once(), &change.policy).await?;
                        return Ok(true);
                    }
                    let second = new.second_mail.as_ref();
                    tx.change_addresses(&old.application, &new.mail, second)
                        .await?;
                    tx.insert_mails(&change.mails).await?;
                    tx.insert_audit(&change.changed).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Takes the step to a code and mails it. Where it is too early for another one, `too_soon` says, from the
    /// earliest instant, whether the step is taken without.
    async fn ask_for_code(
        &self,
        step: NextStep,
        code: NewCode,
        too_soon: fn(Timestamp) -> Result<()>,
    ) -> Result<()> {
        let policy = self.policy().collect.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    step.take(tx).await?;
                    match send(tx, code, &policy).await? {
                        Some(at) => too_soon(at),
                        None => Ok(()),
                    }
                })
            })
            .await
    }

    fn change_events(
        &self,
        old: &Grant,
        new: &NewAddresses,
        source: Source,
        now: Timestamp,
    ) -> (AuditEvent, AuditEvent) {
        let event = |action, detail| {
            let actor = Actor::Subscriber(source.to_string());
            self.event(actor, action, format!("grant:{}", old.id), detail, now)
        };
        let detail = new.detail(old);
        let wrong = event("address.code.wrong", String::new());
        (event("grant.mail", detail), wrong)
    }

    /// A procedure of this kind that was begun with the certificate presented now.
    async fn load_address_flow(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
    ) -> Result<(Flow, Grant)> {
        self.load_holder_flow(flow, FlowKind::Address, presented)
            .await
    }

    /// The certificate behind the connection, where it may change its addresses: in force, and its grant not frozen.
    async fn changeable(
        &self,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<(SerialNumber, Grant)> {
        let (record, grant) = self.presented(presented).await?;
        self.check_not_held(&record, &grant).await?;
        check_in_force(&record, now)?;
        check_not_frozen(&grant)?;
        Ok((record.serial, grant))
    }
}

/// `Conflict` where certificate or grant are not any more what was read. Both stay so until the transaction ends.
async fn expect_as_read(
    tx: &mut Tx,
    serial: &SerialNumber,
    old: &Grant,
    now: Timestamp,
) -> Result<()> {
    let record = tx.certificate(serial).await?.ok_or(Error::Conflict)?;
    check_in_force(&record, now)?;
    // In the order of a hold, certificate before grant, so that the two never wait for each other.
    if !tx
        .move_certificate(serial, &record.state, &record.state)
        .await?
    {
        return Err(Error::Conflict);
    }
    check_not_frozen(&expect_addresses(tx, old).await?)
}

/// The grant as it stands, which it does until the transaction ends; `Conflict` where its addresses are not those of `old`.
pub(crate) async fn expect_addresses(tx: &mut Tx, old: &Grant) -> Result<Grant> {
    let read = tx.grant(&old.id).await?.ok_or(Error::Conflict)?;
    if !tx.move_grant(&read.id, &read.state, &read.state).await? {
        return Err(Error::Conflict);
    }
    // Whoever changed the addresses before has committed by now.
    let grant = tx.grant(&old.id).await?.ok_or(Error::Conflict)?;
    if grant.addresses().eq(old.addresses()) {
        Ok(grant)
    } else {
        Err(Error::Conflict)
    }
}

fn check_not_frozen(grant: &Grant) -> Result<()> {
    match grant.state {
        GrantState::Frozen { at, .. } => Err(Refusal::Frozen { at }.into()),
        _ => Ok(()),
    }
}

/// What waits for a code; elsewhere in the procedure there is none to type.
fn expect_code(flow: &Flow) -> Result<NewAddresses> {
    if flow.step != FlowStep::Code {
        return Err(Refusal::FlowElsewhere.into());
    }
    NewAddresses::read(&flow.entered)
        .ok_or_else(|| internal("change addresses", "none were entered"))
}
