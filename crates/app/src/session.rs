//! Who is logged in at the console (decision F8, threats T03, T41).
//!
//! A session ends after twelve hours, after thirty idle minutes, with the logout, or when the account is closed;
//! all by the system's clock. Only a keyed digest of the cookie's value is stored. Roles are read at each request.

use std::num::NonZeroU8;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use subtle::ConstantTimeEq as _;
use tegata_domain::audit::Actor;
use tegata_domain::entropy;
use tegata_domain::operator::Operator;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Error, Refusal, Result};
use crate::seal::Purpose;
use crate::source::Source;

/// Seconds from the login to the end.
const LONGEST: i64 = 12 * 3_600;
/// Seconds without a request after which it ends.
const IDLE: i64 = 30 * 60;
/// Seconds for which a one-time code opens acts of two persons.
const STEPPED_UP: i64 = 5 * 60;
/// Seconds after which a request is noted again.
const NOTED: i64 = 60;
/// Octets of the cookie's value.
const TOKEN: usize = 32;
/// Passwords that are checked at the same time: each takes 19 MiB and much work.
pub(crate) const PASSWORDS_AT_ONCE: NonZeroU8 = NonZeroU8::MIN.saturating_add(1);

/// A session as one request finds it.
#[derive(Clone)]
pub struct Session {
    /// Who, with the roles of now.
    pub operator: Operator,
    /// What every form of this session carries, so that no other site can send one (T04).
    pub csrf: String,
    /// Whether a one-time code was typed in the last five minutes.
    pub is_stepped_up: bool,
    digest: [u8; 32],
}

impl Session {
    /// Whether a form carries what the pages of this session carry.
    pub fn made_form(&self, sent: &str) -> bool {
        self.csrf.as_bytes().ct_eq(sent.as_bytes()).into()
    }
}

impl App {
    /// Writes down that an operator asked for what his roles do not open (T40).
    pub async fn record_denied(&self, session: &Session, what: String) -> Result<()> {
        let actor = Actor::Operator(session.operator.id.clone());
        self.record_refusal(actor, what, self.clock_now()).await
    }

    /// Begins a session; the value of its cookie. One answer for an unknown name, a wrong password and a wrong
    /// code; wrong ones are slowed and refused by source, and never by name (I3). A source that used its budget up is
    /// not judged any more in this minute: a password costs much to look at, and a code of six digits is soon guessed.
    pub async fn log_in(
        &self,
        name: &str,
        password: &Secret<String>,
        code: &str,
        source: Source,
    ) -> Result<Secret<String>> {
        self.expect_budget(source)?;
        let Some((operator, code)) = self.check_login(name, password, code).await? else {
            return Err(self.wrong_login(name, source).await?);
        };
        let now = self.system_now();
        let token = BASE64URL_NOPAD.encode(&entropy::octets::<TOKEN>(self.entropy()));
        let digest = self.session_digest(&token)?;
        let event = self.event(
            Actor::Operator(operator.id.clone()),
            "session.begin",
            format!("operator:{}", operator.id),
            format!("from {source}"),
            self.clock_now(),
        );
        let begun = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    if !code.use_up(tx).await? {
                        return Ok::<_, Error>(false);
                    }
                    tx.insert_session(&digest, &operator.id, now).await?;
                    tx.insert_audit(&event).await?;
                    Ok(true)
                })
            })
            .await?;
        if !begun {
            return Err(self.wrong_login(name, source).await?);
        }
        Ok(Secret::new(token))
    }

    /// The session of a cookie's value; none where it is over.
    pub async fn session(&self, token: &str) -> Result<Option<Session>> {
        if token.len() != BASE64URL_NOPAD.encode_len(TOKEN) {
            return Ok(None);
        }
        let digest = self.session_digest(token)?;
        let found = self.store().reader().await?.session(&digest).await?;
        let now = self.system_now();
        let live = found.filter(|row| {
            row.operator.disabled_at.is_none()
                && now.seconds_since(row.created_at) < LONGEST
                && now.seconds_since(row.seen_at) < IDLE
        });
        let Some(row) = live else { return Ok(None) };
        if now.seconds_since(row.seen_at) >= NOTED {
            self.store()
                .write(move |tx| {
                    Box::pin(async move { Ok::<_, Error>(tx.touch_session(&digest, now).await?) })
                })
                .await?;
        }
        let csrf = self
            .digests()
            .of(Purpose::Session, &[b"csrf", token.as_bytes()])?;
        Ok(Some(Session {
            is_stepped_up: now.seconds_since(row.stepped_up_at) < STEPPED_UP,
            operator: row.operator,
            csrf: HEXLOWER.encode(&csrf),
            digest,
        }))
    }

    /// Ends a session.
    pub async fn log_out(&self, session: &Session) -> Result<()> {
        let id = &session.operator.id;
        let event = self.event(
            Actor::Operator(id.clone()),
            "session.end",
            format!("operator:{id}"),
            String::new(),
            self.clock_now(),
        );
        let digest = session.digest;
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.delete_session(&digest).await? {
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// A fresh one-time code opens the acts of two persons for five minutes. Wrong: counted as a wrong login.
    pub async fn step_up(&self, session: &Session, code: &str, source: Source) -> Result<()> {
        self.expect_budget(source)?;
        let name = &session.operator.name;
        let login = self.store().reader().await?.operator_by_name(name).await?;
        let code = match login {
            Some(login) => self.fitting_code(&login, code)?,
            None => None,
        };
        let Some(code) = code else {
            return Err(self.wrong_login(name, source).await?);
        };
        let (digest, now) = (session.digest, self.system_now());
        let (used, open) = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let used = code.use_up(tx).await?;
                    let open = used && tx.step_up_session(&digest, now).await?;
                    Ok::<_, Error>((used, open))
                })
            })
            .await?;
        match (used, open) {
            (true, true) => Ok(()),
            (true, false) => Err(Refusal::NotAllowed.into()),
            (false, _) => Err(self.wrong_login(name, source).await?),
        }
    }

    fn expect_budget(&self, source: Source) -> Result<()> {
        match self.login_refused(source) {
            Some(seconds) => Err(Refusal::Throttled { seconds }.into()),
            None => Ok(()),
        }
    }

    /// Counts a wrong login, records it while its source is within the budget, and waits as long as it earned.
    async fn wrong_login(&self, name: &str, source: Source) -> Result<Error> {
        let verdict = self.wrong_secret(self.logins(), source);
        if verdict.alarm {
            tracing::error!(
                "more wrong logins in this minute than policy.guessing.alarm_per_minute"
            );
        }
        if let Some(seconds) = verdict.refused {
            return Ok(Refusal::Throttled { seconds }.into());
        }
        self.record_wrong_login(name, self.clock_now()).await?;
        tokio::time::sleep(verdict.delay).await;
        Ok(Refusal::NotAllowed.into())
    }

    fn session_digest(&self, token: &str) -> Result<[u8; 32]> {
        self.digests()
            .of(Purpose::Session, &[b"session", token.as_bytes()])
    }

    /// Sessions that began before this are over.
    pub(crate) fn sessions_before(&self) -> Timestamp {
        self.system_now().plus_seconds(-LONGEST)
    }
}
