//! RCD-1b, 確認番号: what a collection asks for beside the two IDs, where the policy says so (decision K2,
//! `collect.second_factor = mail_code`; T16, T18).
//!
//! A code is mailed to the address that is registered when it is sent, and is good for one procedure. Stored is only
//! its HMAC; the mail has it sealed until it was handed over or the code has ended. Whoever comes here has the two
//! IDs already: a code that was tried too often ends, and with it nothing but itself (I3: never a lock of an ID).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::Grant;
use tegata_domain::id::FlowId;
use tegata_domain::mail_code::{MailCode, SentCode, next_sending};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::policy::CollectPolicy;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::{App, TRIES};
use crate::download::values_of;
use crate::error::{Error, FieldProblem, Refusal, Result};
use crate::guessing::Source;
use crate::seal::Purpose;
use crate::visit::Visit;

/// What RCD-1b shows: nothing of the case but the masked address.
#[derive(Clone, Debug)]
pub struct CodePage {
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// The registered address, masked.
    pub masked_mail: String,
    /// When the code that is taken was sent, and its last second; `None` where there is none.
    pub sent: Option<(Timestamp, Timestamp)>,
    /// The earliest instant at which another one may be sent, where that is not now.
    pub next_at: Option<Timestamp>,
}

/// RCD-1b as sent.
pub struct CodeForm {
    /// The version that the page carried.
    pub version: i64,
    /// 確認番号, as typed.
    pub code: Secret<String>,
}

/// A code with its mail, ready to be stored.
#[derive(Clone)]
struct NewCode {
    row: SentCode,
    mail: OutboxMail,
    event: AuditEvent,
}

impl App {
    /// RCD-1 → RCD-1b: begins a procedure that goes on with a code, and mails the first one. Where the grant has had
    /// its codes of this hour, the page says when it may be sent.
    pub(crate) async fn begin_with_code(
        &self,
        grant: &Grant,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let start = (FlowKind::Collect, FlowStep::Code);
        let mut grant = grant.clone();
        for _ in 0..TRIES {
            let (flow, event) = self.new_flow(start, &grant, None, source, now);
            let code = self.new_code(&flow, &grant, source, now)?;
            let (id, policy) = (flow.id.clone(), self.policy().collect.clone());
            let begun = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        tx.insert_flow(&flow).await?;
                        tx.insert_audit(&event).await?;
                        send(tx, code, &policy).await.map(drop)
                    })
                })
                .await;
            match begun {
                Ok(()) => return Ok(id),
                Err(Error::Conflict) => grant = self.fresh(&grant).await?,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    /// RCD-1b.
    pub async fn code_page(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        now: Timestamp,
    ) -> Result<CodePage> {
        let (flow, grant, _) = self.load_file_flow(flow, visit).await?;
        if flow.step != FlowStep::Code {
            return Err(Refusal::FlowElsewhere.into());
        }
        let record = self.record_of(&grant).await?;
        self.check_collectable(&grant, record.as_ref(), now).await?;
        let system_now = self.system_now();
        let mut reader = self.store().reader().await?;
        let live = reader.live_code(&flow.id).await?;
        let live = live.filter(|code| code.is_good(&grant.mail, system_now));
        let limit = most(&self.policy().collect);
        let recent = reader.newest_codes_of(&grant.id, limit).await?;
        let recent: Vec<_> = recent.into_iter().map(|(_, at)| at).collect();
        let last_here = reader.last_code_of_flow(&flow.id).await?;
        let next_at = next_sending(&self.policy().collect, &recent, last_here);
        Ok(CodePage {
            version: flow.version,
            masked_mail: grant.mail.masked(),
            sent: live.map(|code| (code.sent_at, code.expires_at)),
            next_at: next_at.filter(|at| *at > system_now),
        })
    }

    /// 「もう一度送る」: mails another code; the earlier one ends.
    pub async fn resend_code(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let digest = self.keyring().digest(Purpose::FlowCookie, &[b"resend"])?;
        for _ in 0..TRIES {
            let (row, grant, _) = self.load_file_flow(flow, visit).await?;
            if self.take_turn(&row, version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            if row.step != FlowStep::Code {
                return Err(Refusal::FlowElsewhere.into());
            }
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            let next = Flow {
                version: row.version + 1,
                ..row.clone()
            };
            let code = self.new_code(&next, &grant, visit.source, now)?;
            let (policy, expires) = (self.policy().collect.clone(), self.flow_end());
            let sent = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        let step = FlowStep::Code;
                        let moved = tx
                            .move_flow(&row.id, row.version, step, &row.entered, &digest, expires)
                            .await?;
                        if !moved {
                            return Err(Error::Conflict);
                        }
                        match send(tx, code, &policy).await? {
                            Some(at) => Err(Refusal::TooSoon { at }.into()),
                            None => Ok(()),
                        }
                    })
                })
                .await;
            match sent {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// RCD-1b → RCD-2: takes the code. One answer for a wrong one, an ended one, and one that went to an address which
    /// is not registered any more.
    pub async fn confirm_code(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        form: CodeForm,
        now: Timestamp,
    ) -> Result<()> {
        for _ in 0..TRIES {
            match self.try_confirm_code(flow, visit, &form, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn try_confirm_code(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        form: &CodeForm,
        now: Timestamp,
    ) -> Result<()> {
        let (row, grant, secret) = self.load_file_flow(flow, visit).await?;
        let typed = form.code.expose();
        // With the wrap key in it, the stored digest tells nothing about the code.
        let parts: [&[u8]; 3] = [b"code", secret.wrap_key.expose(), typed.as_bytes()];
        let digest = self.keyring().digest(Purpose::FlowCookie, &parts)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != FlowStep::Code {
            return Err(Refusal::FlowElsewhere.into());
        }
        let record = self.record_of(&grant).await?;
        self.check_collectable(&grant, record.as_ref(), now).await?;
        let code = MailCode::parse(typed)
            .ok_or_else(|| Refusal::Fields(vec![FieldProblem::MailCodeForm]))?;
        let live = self.store().reader().await?.live_code(&row.id).await?;
        let made = self.code_hmac(live.as_ref().map(|live| live.pepper), &row.id, &code);
        let wanted = live.as_ref().map_or(&[0; 32][..], |live| &live.hmac);
        let is_right = verify_slices_are_equal(&made, wanted).is_ok();
        let passed = match live {
            Some(live) => {
                let step = Confirming {
                    live,
                    is_right,
                    row,
                    grant,
                    digest,
                };
                self.take_try(step, visit.source, now).await?
            }
            None => false,
        };
        if passed {
            return Ok(());
        }
        let answer = Refusal::Fields(vec![FieldProblem::MailCodeWrong]);
        Err(self.wrong(visit.source, answer).await)
    }

    /// Counts a try, and moves on where it was right. However many tries come at once, a code has no more of them
    /// than the policy says.
    async fn take_try(&self, step: Confirming, source: Source, now: Timestamp) -> Result<bool> {
        let event = |action, detail: &str| {
            let object = format!("grant:{}", step.grant.id);
            let actor = Actor::Subscriber(source.to_string());
            self.event(actor, action, object, detail.to_owned(), now)
        };
        let confirmed = event("collection.code", "");
        let wrong = event("collection.code.wrong", "");
        let most_tries = self.policy().collect.code_tries;
        let (system_now, expires) = (self.system_now(), self.flow_end());
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let mail = &step.live.mail;
                    let Some(tries) = tx.try_code(mail, most_tries).await? else {
                        return Ok(false);
                    };
                    let fresh = tx.grant(&step.grant.id).await?.ok_or(Error::Conflict)?;
                    if !step.is_right || !step.live.is_good(&fresh.mail, system_now) {
                        if tries >= most_tries {
                            tx.end_code(mail, system_now).await?;
                        }
                        tx.insert_audit(&wrong).await?;
                        return Ok(false);
                    }
                    tx.end_code(mail, system_now).await?;
                    let row = &step.row;
                    let to = FlowStep::Password;
                    let moved = tx
                        .move_flow(
                            &row.id,
                            row.version,
                            to,
                            &row.entered,
                            &step.digest,
                            expires,
                        )
                        .await?;
                    if !moved {
                        return Err(Error::Conflict);
                    }
                    tx.insert_audit(&confirmed).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// A code for the procedure as it will stand, with the mail that carries it and the audit event. Its times are the
    /// system clock's, like the procedure's own (S6).
    fn new_code(
        &self,
        flow: &Flow,
        grant: &Grant,
        source: Source,
        now: Timestamp,
    ) -> Result<NewCode> {
        let code = MailCode::generate(self.entropy());
        let pepper = self.peppers().newest();
        let sent_at = self.system_now();
        let expires_at = sent_at.plus_seconds(self.policy().collect.code_minutes * 60);
        let key = format!("collection_code:{}:{}", flow.id.as_str(), flow.version);
        let mut values = values_of(grant);
        values.push(("at", sent_at.to_string()));
        values.push(("expires_at", expires_at.to_string()));
        values.push(("source", source.to_string()));
        let kind = MailKind::CollectionCode;
        let mail = self.secret_mail(kind, &grant.mail, key, &values, code.secret(), now)?;
        let row = SentCode {
            mail: mail.id.clone(),
            flow: flow.id.clone(),
            grant: grant.id.clone(),
            number: 0,
            to: grant.mail.clone(),
            hmac: self.code_hmac(Some(pepper), &flow.id, &code).to_vec(),
            pepper,
            sent_at,
            expires_at,
        };
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        let detail = format!("to {}", grant.mail.masked());
        let event = self.event(actor, "collection.code.send", object, detail, now);
        Ok(NewCode { row, mail, event })
    }

    fn code_hmac(&self, pepper: Option<i64>, flow: &FlowId, code: &MailCode) -> [u8; 32] {
        let parts: [&[u8]; 3] = [
            b"mail-code",
            flow.as_str().as_bytes(),
            code.expose().as_bytes(),
        ];
        self.peppers().mac(pepper, &parts)
    }

    async fn fresh(&self, grant: &Grant) -> Result<Grant> {
        let fresh = self.store().reader().await?.grant(&grant.id).await?;
        fresh.ok_or(Error::Conflict)
    }
}

/// A typed code on its way to the transaction that counts it.
struct Confirming {
    live: SentCode,
    is_right: bool,
    row: Flow,
    grant: Grant,
    digest: [u8; 32],
}

/// Stores a code and its mail; the procedure's earlier one ends. Where it is too early, nothing is stored, and the
/// earliest instant is answered. `Conflict` where the registered address was changed, or another code of the grant
/// was first.
async fn send(tx: &mut Tx, code: NewCode, policy: &CollectPolicy) -> Result<Option<Timestamp>> {
    let NewCode {
        mut row,
        mail,
        event,
    } = code;
    let grant = tx.grant(&row.grant).await?.ok_or(Error::Conflict)?;
    if grant.mail != row.to {
        return Err(Error::Conflict);
    }
    let recent = tx.newest_codes_of(&row.grant, most(policy)).await?;
    row.number = recent.first().map_or(1, |(number, _)| number + 1);
    let recent: Vec<_> = recent.into_iter().map(|(_, at)| at).collect();
    let last_here = tx.last_code_of_flow(&row.flow).await?;
    let next_at = next_sending(policy, &recent, last_here);
    if let Some(at) = next_at.filter(|at| *at > row.sent_at) {
        return Ok(Some(at));
    }
    if let Some(earlier) = tx.live_code(&row.flow).await? {
        tx.end_code(&earlier.mail, row.sent_at).await?;
    }
    if !tx.insert_mail(&mail).await? {
        return Err(Error::Conflict);
    }
    tx.insert_code(&row).await?;
    tx.insert_audit(&event).await?;
    Ok(None)
}

/// How many codes of a grant are looked at.
fn most(policy: &CollectPolicy) -> u32 {
    u32::try_from(policy.codes_per_hour).unwrap_or(u32::MAX)
}
