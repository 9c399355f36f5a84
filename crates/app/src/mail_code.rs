//! RCD-1b, 確認番号: what a collection asks for beside the two IDs, where the policy says so (decision K2,
//! `collect.second_factor = mail_code`; T16, T18).
//!
//! A code is mailed to the address that is registered when it is sent, and is good for one procedure. Stored is only
//! its HMAC; the mail has it sealed until it was handed over or the code has ended. Whoever comes here has the two
//! IDs already: a code that was tried too often ends, and with it nothing but itself (I3: never a lock of an ID).
//!
//! How a code is made, sent and tried is the same for a change of address (`address.rs`).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::Grant;
use tegata_domain::id::FlowId;
use tegata_domain::institution::MailAddress;
use tegata_domain::mail_code::{CodeUse, MailCode, SentCode, next_sending};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::policy::CollectPolicy;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::{App, TRIES};
use crate::bounce::note_reached;
use crate::download::values_of;
use crate::enrolment::CodeAnswer;
use crate::error::{Error, FieldProblem, Refusal, Result};
use crate::reference::{Proven, wrap_key};
use crate::seal::Purpose;
use crate::source::Source;
use crate::visit::Visit;

/// The version of a procedure that has taken no step.
const FIRST: i64 = 1;

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
pub(crate) struct NewCode {
    row: SentCode,
    mail: OutboxMail,
    event: AuditEvent,
    /// Whether it comes after a pause only: not the first one to another address in the same procedure.
    pauses: bool,
}

impl NewCode {
    /// The same without a pause after the last one; the number of an hour holds all the same.
    pub(crate) fn at_once(self) -> Self {
        Self {
            pauses: false,
            ..self
        }
    }
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
            let code = self.collection_code(&flow, &grant, source, now)?;
            let (id, policy) = (flow.id.clone(), self.policy().collect.clone());
            let registered = grant.mail.clone();
            let begun = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        tx.insert_flow(&flow).await?;
                        tx.insert_audit(&event).await?;
                        expect_registered(tx, &flow, &registered).await?;
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
        let (sent, next_at) = self.code_standing(&flow, &grant.mail).await?;
        Ok(CodePage {
            version: flow.version,
            masked_mail: grant.mail.masked(),
            sent,
            next_at,
        })
    }

    /// When the code that a procedure takes for the mails of `wanted` was sent, with its last second; and the earliest
    /// instant at which another one may be sent, where that is not now.
    pub(crate) async fn code_standing(
        &self,
        flow: &Flow,
        wanted: &MailAddress,
    ) -> Result<(Option<(Timestamp, Timestamp)>, Option<Timestamp>)> {
        let system_now = self.system_now();
        let mut reader = self.store().reader().await?;
        let live = reader.live_code(&flow.id).await?;
        let live = live.filter(|code| code.is_good(wanted, system_now));
        let limit = most(&self.policy().collect);
        let recent = reader.newest_codes_of(&flow.grant, limit).await?;
        let recent: Vec<_> = recent.into_iter().map(|(_, at)| at).collect();
        let last_here = reader.last_code_of_flow(&flow.id).await?;
        let next_at = next_sending(&self.policy().collect, &recent, last_here);
        let sent = live.map(|code| (code.sent_at, code.expires_at));
        Ok((sent, next_at.filter(|at| *at > system_now)))
    }

    /// 「もう一度送る」: mails another code; the earlier one ends.
    pub async fn resend_code(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let digest = self.digests().of(Purpose::FlowCookie, &[b"resend"])?;
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
            let code = self.collection_code(&next, &grant, visit.source, now)?;
            let policy = self.policy().collect.clone();
            let again = self.next_step(&row, FlowStep::Code, &row.entered, digest);
            let registered = grant.mail.clone();
            let sent = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        again.take(tx).await?;
                        expect_registered(tx, &row, &registered).await?;
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
        let by = (&secret.wrap_key, visit.source);
        self.answer_code(row, grant, form, by, now).await
    }

    /// The code that a terminal sent along (EST). It has no cookie: the two IDs came with this very request.
    pub(crate) async fn confirm_terminal_code(
        &self,
        proven: &Proven,
        answer: &CodeAnswer,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let wrap_key = wrap_key(proven)?;
        let form = CodeForm {
            version: FIRST,
            code: answer.code.clone(),
        };
        for _ in 0..TRIES {
            let (row, grant) = self.load_flow(&answer.flow, FlowKind::Collect).await?;
            if grant.id != proven.grant.id {
                return Err(Refusal::FlowEnded.into());
            }
            let by = (&wrap_key, source);
            match self.answer_code(row, grant, &form, by, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// Judges a code for a procedure as it was read.
    async fn answer_code(
        &self,
        row: Flow,
        grant: Grant,
        form: &CodeForm,
        (wrap_key, source): (&Secret<[u8; 32]>, Source),
        now: Timestamp,
    ) -> Result<()> {
        let typed = form.code.expose();
        // With the wrap key in it, the stored digest tells nothing about the code.
        let parts: [&[u8]; 3] = [b"code", wrap_key.expose(), typed.as_bytes()];
        let digest = self.digests().of(Purpose::FlowCookie, &parts)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != FlowStep::Code {
            return Err(Refusal::FlowElsewhere.into());
        }
        let record = self.record_of(&grant).await?;
        self.check_collectable(&grant, record.as_ref(), now).await?;
        let read = row.clone();
        let passed = match self.judge_code(&row, typed, CodeUse::Collection).await? {
            Some((live, is_right)) => {
                let step = Confirming {
                    live,
                    is_right,
                    row,
                    grant,
                    digest,
                };
                self.take_try(step, source, now).await?
            }
            None => false,
        };
        if passed || self.was_answered(&read, &digest).await? {
            return Ok(());
        }
        let answer = Refusal::Fields(vec![FieldProblem::MailCodeWrong]);
        Err(self.wrong(source, answer).await)
    }

    /// The code that a procedure takes, and whether it was typed; `None` where there is none. As much work either way.
    pub(crate) async fn judge_code(
        &self,
        flow: &Flow,
        typed: &str,
        of: CodeUse,
    ) -> Result<Option<(SentCode, bool)>> {
        let digits = of.digits();
        let malformed = || Refusal::Fields(vec![FieldProblem::MailCodeForm { digits }]);
        let code = MailCode::parse(typed, of).ok_or_else(malformed)?;
        let live = self.store().reader().await?.live_code(&flow.id).await?;
        let made = self.code_hmac(live.as_ref().map(|live| live.pepper), &flow.id, &code);
        let wanted = live.as_ref().map_or(&[0; 32][..], |live| &live.hmac);
        let is_right = verify_slices_are_equal(&made, wanted).is_ok();
        Ok(live.map(|live| (live, is_right)))
    }

    /// Whether the same code was taken while this one was looked at: the second of two clicks finds it used up.
    pub(crate) async fn was_answered(&self, read: &Flow, digest: &[u8; 32]) -> Result<bool> {
        let (fresh, _) = self.load_flow(&read.id, read.kind).await?;
        Ok(self.take_turn(&fresh, read.version, digest)? == Turn::Repeated)
    }

    /// Counts a try, and moves on where it was right.
    async fn take_try(&self, step: Confirming, source: Source, now: Timestamp) -> Result<bool> {
        let event = |action, detail: &str| {
            let object = format!("grant:{}", step.grant.id);
            let actor = Actor::Subscriber(source.to_string());
            self.event(actor, action, object, detail.to_owned(), now)
        };
        let confirmed = event("collection.code", "");
        let wrong = event("collection.code.wrong", "");
        let reached = event("address.reached", &step.live.to.masked());
        let most_tries = self.policy().collect.code_tries;
        let system_now = self.system_now();
        let row = &step.row;
        let next = self.next_step(row, FlowStep::Password, &row.entered, step.digest);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let fresh = tx.grant(&step.grant.id).await?.ok_or(Error::Conflict)?;
                    let is_right = step.is_right && step.live.is_good(&fresh.mail, system_now);
                    match count_try(tx, &step.live, is_right, most_tries, system_now).await? {
                        Some(true) => {}
                        Some(false) => {
                            tx.insert_audit(&wrong).await?;
                            return Ok(false);
                        }
                        None => return Ok(false),
                    }
                    next.take(tx).await?;
                    note_reached(tx, &step.live.to, &reached).await?;
                    tx.insert_audit(&confirmed).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// A code for a collection, to the registered address.
    fn collection_code(
        &self,
        flow: &Flow,
        grant: &Grant,
        source: Source,
        now: Timestamp,
    ) -> Result<NewCode> {
        self.new_code(CodeUse::Collection, flow, (grant, &grant.mail), source, now)
    }

    /// A code for the procedure as it will stand, with the mail that carries it and the audit event. Its times are the
    /// system clock's, like the procedure's own (S6).
    pub(crate) fn new_code(
        &self,
        of: CodeUse,
        flow: &Flow,
        (grant, to): (&Grant, &MailAddress),
        source: Source,
        now: Timestamp,
    ) -> Result<NewCode> {
        let (kind, action) = match of {
            CodeUse::Address => (MailKind::AddressCode, "address.code.send"),
            CodeUse::Collection => (MailKind::CollectionCode, "collection.code.send"),
        };
        let code = MailCode::generate(self.entropy(), of);
        let pepper = self.peppers().newest();
        let sent_at = self.system_now();
        let expires_at = sent_at.plus_seconds(self.policy().collect.code_minutes * 60);
        let key = format!("{}:{}:{}", kind.as_str(), flow.id.as_str(), flow.version);
        let mut values = values_of(grant);
        values.push(("at", sent_at.to_string()));
        values.push(("expires_at", expires_at.to_string()));
        values.push(("source", source.to_string()));
        let mail = self.secret_mail(kind, to, key, &values, code.secret(), now)?;
        let row = SentCode {
            mail: mail.id.clone(),
            flow: flow.id.clone(),
            grant: grant.id.clone(),
            number: 0,
            to: to.clone(),
            hmac: self.code_hmac(Some(pepper), &flow.id, &code).to_vec(),
            pepper,
            sent_at,
            expires_at,
        };
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        let detail = format!("to {}", to.masked());
        let event = self.event(actor, action, object, detail, now);
        Ok(NewCode {
            row,
            mail,
            event,
            pauses: true,
        })
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
/// earliest instant is answered. `Conflict` where another code of the grant was first.
pub(crate) async fn send(
    tx: &mut Tx,
    code: NewCode,
    policy: &CollectPolicy,
) -> Result<Option<Timestamp>> {
    let NewCode {
        mut row,
        mail,
        event,
        pauses,
    } = code;
    let recent = tx.newest_codes_of(&row.grant, most(policy)).await?;
    row.number = recent.first().map_or(1, |(number, _)| number + 1);
    let recent: Vec<_> = recent.into_iter().map(|(_, at)| at).collect();
    let last_here = tx.last_code_of_flow(&row.flow).await?;
    let next_at = next_sending(policy, &recent, last_here.filter(|_| pauses));
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

/// `Conflict` where the registered address was changed since the grant was read.
async fn expect_registered(tx: &mut Tx, flow: &Flow, mail: &MailAddress) -> Result<()> {
    let grant = tx.grant(&flow.grant).await?.ok_or(Error::Conflict)?;
    if grant.mail == *mail {
        Ok(())
    } else {
        Err(Error::Conflict)
    }
}

/// Counts a try at a code. `true`: it was right, and is used up; `false`: it was not, and one that was tried too
/// often has ended; `None`: there is no such code any more. However many tries come at once, a code has no more of
/// them than `most`.
pub(crate) async fn count_try(
    tx: &mut Tx,
    code: &SentCode,
    is_right: bool,
    most: i64,
    now: Timestamp,
) -> Result<Option<bool>> {
    let Some(tries) = tx.try_code(&code.mail, most).await? else {
        return Ok(None);
    };
    if is_right || tries >= most {
        tx.end_code(&code.mail, now).await?;
    }
    Ok(Some(is_right))
}

/// How many codes of a grant are looked at.
fn most(policy: &CollectPolicy) -> u32 {
    u32::try_from(policy.codes_per_hour).unwrap_or(u32::MAX)
}
