//! 確認番号 (RCD-1b, decision K2): whoever has the letter must read the registered mailbox too, where
//! `collect.second_factor` says so. The number stands nowhere in clear: in the procedure as a keyed digest, in the
//! outbox sealed.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::entropy;
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::Grant;
use tegata_domain::id::FlowId;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::policy::SecondFactor;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::download::{Entered, write_entered};
use crate::error::{Error, FieldProblem, Refusal, Result};
use crate::guessing::Source;
use crate::seal::Purpose;
use crate::visit::Visit;

/// Digits of a number.
const DIGITS: usize = 8;
/// How long a number is good, seconds.
const LIFE: i64 = 15 * 60;
/// Tries of one number.
const TRIES: u8 = 5;
/// Seconds between two mails of one procedure.
const PAUSE: i64 = 60;
/// Mails about one grant in an hour, whoever asks for them.
const HOURLY: u64 = 5;

/// A number that was sent, as the procedure keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SentCode {
    /// Keyed digest of the number, the procedure and the address, in hexadecimal digits; none where the hour's mails
    /// were used up.
    digest: Option<String>,
    /// By the system's clock, seconds.
    sent_at: i64,
    tries_left: u8,
}

/// What RCD-1b shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeWait {
    /// The registered address, masked.
    pub mail: String,
    /// Whether a number was sent; not where the hour's mails were used up.
    pub is_sent: bool,
    /// Seconds until another one may be asked for.
    pub pause: i64,
}

impl App {
    /// The step at which a collection by two IDs begins, what it keeps, and the mail that goes out with it.
    pub(crate) async fn begin_code(
        &self,
        flow: &FlowId,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(FlowStep, String, Option<OutboxMail>)> {
        if self.policy().collect.second_factor == SecondFactor::None {
            return Ok((FlowStep::Password, "{}".to_owned(), None));
        }
        let (code, mail) = self.new_code(flow, grant, 1, now).await?;
        let entered = Entered {
            code: Some(code),
            ..Entered::default()
        };
        Ok((FlowStep::Code, write_entered(&entered)?, mail))
    }

    /// RCD-1b → RCD-2. One answer for a wrong number, one whose time is over, and one that went to an address that
    /// was changed since.
    pub async fn enter_code(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        typed: &Secret<String>,
    ) -> Result<()> {
        let (row, grant, _) = self.load_file_flow(flow, visit).await?;
        let typed = digits(typed);
        let parts: [&[u8]; 2] = [b"code", typed.expose().as_bytes()];
        let digest = self.keyring().digest(Purpose::FlowCookie, &parts)?;
        if self.take_turn(&row, version, &digest)? == Turn::Repeated {
            return match row.step {
                FlowStep::Code => Err(wrong()),
                _ => Ok(()),
            };
        }
        let mut code = waiting(&row)?;
        let made = self.code_digest(&row.id, &grant, &typed)?;
        let wanted = code.digest.clone().unwrap_or_default();
        let is_right = verify_slices_are_equal(made.as_bytes(), wanted.as_bytes()).is_ok();
        let is_good = code.tries_left > 0 && self.seconds_since(&code) < LIFE;
        if is_right && is_good {
            let event = self.code_event("collection.code", &grant, visit.source);
            let entered = write_entered(&Entered::default())?;
            return self
                .move_code((row, digest), FlowStep::Password, entered, event, None)
                .await;
        }
        code.tries_left = code.tries_left.saturating_sub(1);
        let entered = Entered {
            code: Some(code),
            ..Entered::default()
        };
        let event = self.code_event("collection.code.wrong", &grant, visit.source);
        let entered = write_entered(&entered)?;
        self.move_code((row, digest), FlowStep::Code, entered, event, None)
            .await?;
        Err(wrong())
    }

    /// 「もう一度送る」: another number; the one before is dead.
    pub async fn send_code_again(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let (row, grant, _) = self.load_file_flow(flow, visit).await?;
        let digest = self.keyring().digest(Purpose::FlowCookie, &[b"resend"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if self.seconds_since(&waiting(&row)?) < PAUSE {
            return Err(Refusal::Fields(vec![FieldProblem::CodeTooSoon]).into());
        }
        let (code, mail) = self.new_code(&row.id, &grant, row.version + 1, now).await?;
        let entered = Entered {
            code: Some(code),
            ..Entered::default()
        };
        let event = self.code_event("collection.code.send", &grant, visit.source);
        let entered = write_entered(&entered)?;
        self.move_code((row, digest), FlowStep::Code, entered, event, mail)
            .await
    }

    /// What RCD-1b shows, where the procedure stands there.
    pub(crate) fn code_wait(&self, row: &Flow, grant: &Grant) -> Option<CodeWait> {
        let code = waiting(row).ok()?;
        Some(CodeWait {
            mail: grant.mail.masked(),
            is_sent: code.digest.is_some(),
            pause: (PAUSE - self.seconds_since(&code)).clamp(0, PAUSE),
        })
    }

    /// A number and the mail that carries it; neither where this grant had its mails of the hour.
    async fn new_code(
        &self,
        flow: &FlowId,
        grant: &Grant,
        version: i64,
        now: Timestamp,
    ) -> Result<(SentCode, Option<OutboxMail>)> {
        let prefix = format!("collection_code:{}:", grant.id);
        let since = now.plus_seconds(-3_600);
        let mut reader = self.store().reader().await?;
        let sent = reader.mails_with_key(&prefix, since).await?;
        let mut code = SentCode {
            digest: None,
            sent_at: self.system_now().unix(),
            tries_left: TRIES,
        };
        if sent >= HOURLY {
            return Ok((code, None));
        }
        let number = Secret::new(entropy::text(self.entropy(), b"0123456789", DIGITS));
        code.digest = Some(self.code_digest(flow, grant, &number)?);
        let values = [
            ("institution", grant.institution_name.clone()),
            ("terminal", grant.terminal.as_str().to_owned()),
            ("expires_at", now.plus_seconds(LIFE).to_string()),
        ];
        let key = format!("{prefix}{}:{version}", flow.as_str());
        let kind = MailKind::CollectionCode;
        let mail = self.secret_mail(kind, &grant.mail, key, &values, &number, now)?;
        Ok((code, Some(mail)))
    }

    /// The address is part of it: a number that went elsewhere is none.
    fn code_digest(&self, flow: &FlowId, grant: &Grant, number: &Secret<String>) -> Result<String> {
        let parts: [&[u8]; 4] = [
            b"mail code",
            flow.as_str().as_bytes(),
            grant.mail.as_str().as_bytes(),
            number.expose().as_bytes(),
        ];
        let digest = self.keyring().digest(Purpose::FlowCookie, &parts)?;
        Ok(hex::encode(digest))
    }

    fn seconds_since(&self, code: &SentCode) -> i64 {
        self.system_now().unix() - code.sent_at
    }

    fn code_event(&self, action: &'static str, grant: &Grant, source: Source) -> AuditEvent {
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        self.event(actor, action, object, String::new(), self.clock_now())
    }

    async fn move_code(
        &self,
        (row, digest): (Flow, [u8; 32]),
        step: FlowStep,
        entered: String,
        event: AuditEvent,
        mail: Option<OutboxMail>,
    ) -> Result<()> {
        let expires = self.flow_end();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let moved = tx
                        .move_flow(&row.id, row.version, step, &entered, &digest, expires)
                        .await?;
                    if !moved {
                        return Err(Error::Conflict);
                    }
                    if let Some(mail) = &mail {
                        tx.insert_mail(mail).await?;
                    }
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// The number that a procedure waits for.
fn waiting(row: &Flow) -> Result<SentCode> {
    let code = Entered::of(row)
        .code
        .filter(|_| row.kind == FlowKind::Collect && row.step == FlowStep::Code);
    code.ok_or_else(|| Refusal::FlowElsewhere.into())
}

fn wrong() -> Error {
    Refusal::Fields(vec![FieldProblem::CodeWrong]).into()
}

/// The digits of what was typed, in any width; blanks and hyphens go.
fn digits(typed: &Secret<String>) -> Secret<String> {
    let narrow = typed.expose().chars().take(64).filter_map(|c| match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    });
    Secret::new(narrow.collect())
}
