//! Operators: adding them, and proving who acts (decision F8).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use tegata_domain::audit::Actor;
use tegata_domain::entropy;
use tegata_domain::id::OperatorId;
use tegata_domain::operator::{Act, Operator, Role, is_operator_name};
use tegata_domain::proposal::{Proposal, ProposedAct};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::{OperatorLogin, Tx};

use crate::apply::state;
use crate::base::App;
use crate::error::{Error, Refusal, Result, internal};
use crate::seal::Purpose;

/// Least characters of an operator's password.
const SHORTEST_PASSWORD: usize = 12;
/// Octets of a one-time-code secret (RFC 4226 §4: 160 bits recommended).
const TOTP_SECRET: usize = 20;
/// Seconds of one step (RFC 6238 §4.1).
const TOTP_STEP: i64 = 30;

/// An operator who was just added, with what is shown once.
pub struct NewOperator {
    /// The operator.
    pub operator: Operator,
    /// The secret of the one-time codes, base32 as authenticator programs take it.
    pub totp_secret: Secret<String>,
    /// The roles that another administrator has to confirm, where one administrator added the operator (F8).
    pub proposal: Option<Proposal>,
}

/// A one-time code that fitted what was read of its operator.
pub(crate) struct FittingCode {
    operator: OperatorId,
    step: i64,
    totp_sealed: Vec<u8>,
}

impl FittingCode {
    /// Uses the code up, in the transaction of what it opens: `false` where it was used, or the authenticator was
    /// exchanged or the account closed since (T41).
    pub(crate) async fn use_up(&self, tx: &mut Tx) -> Result<bool> {
        let used = tx.use_totp_step(&self.operator, self.step, &self.totp_sealed);
        Ok(used.await?)
    }
}

impl App {
    /// Adds an operator with a password and a fresh one-time-code secret. The host's administrator gives the roles
    /// at once; an administrator of ours proposes them, and another one confirms (F8).
    pub async fn add_operator(
        &self,
        name: &str,
        password: &Secret<String>,
        roles: &[Role],
        by: Actor,
        now: Timestamp,
    ) -> Result<NewOperator> {
        self.require_actor(&by, Act::ManageOperators, now).await?;
        check_new_account(name, password)?;
        let id = OperatorId::generate(now, self.entropy());
        let (totp_secret, sealed) = self.new_totp_secret(&id)?;
        let salt = entropy::octets::<16>(self.entropy());
        let hash = hash_password(password.clone(), salt).await?;
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        let is_host = by == Actor::System;
        let operator = Operator {
            id: id.clone(),
            name: name.to_owned(),
            roles: if is_host {
                roles.clone()
            } else {
                BTreeSet::new()
            },
            disabled_at: None,
        };
        let listed: Vec<&str> = operator.roles.iter().map(|role| role.as_str()).collect();
        let detail = format!("name {name}, roles {}", listed.join(" "));
        let object = format!("operator:{id}");
        let event = self.event(by.clone(), "operator.add", object, detail, now);
        let row = operator.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_operator(&row, &hash, &sealed, now).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
            .map_err(|error| match error {
                Error::Conflict => state("an operator with this name exists already"),
                other => other,
            })?;
        let proposal = match by {
            Actor::Operator(by) if !roles.is_empty() => {
                Some(self.propose_first_roles(&id, roles, &by, now).await?)
            }
            _ => None,
        };
        Ok(NewOperator {
            operator,
            totp_secret,
            proposal,
        })
    }

    async fn propose_first_roles(
        &self,
        operator: &OperatorId,
        roles: BTreeSet<Role>,
        by: &OperatorId,
        now: Timestamp,
    ) -> Result<Proposal> {
        let by = self.store().reader().await?.operator(by).await?;
        let by = by.ok_or(Refusal::NotAllowed)?;
        let operator = operator.clone();
        let act = ProposedAct::GiveRoles { operator, roles };
        self.propose(act, "a new account", &by, now).await
    }

    /// A fresh secret of one-time codes: in base32 for the person, and sealed for the row.
    pub(crate) fn new_totp_secret(&self, id: &OperatorId) -> Result<(Secret<String>, Vec<u8>)> {
        let secret = Secret::new(entropy::octets::<TOTP_SECRET>(self.entropy()).to_vec());
        let sealed =
            self.keyring()
                .seal(Purpose::Totp, &totp_place(id.as_str()), secret.expose())?;
        Ok((Secret::new(BASE32_NOPAD.encode(secret.expose())), sealed))
    }

    /// Proves who acts: name, password and a one-time code that was not used before. One answer for an unknown
    /// name, a wrong password and a wrong code.
    pub async fn authenticate(
        &self,
        name: &str,
        password: &Secret<String>,
        code: &str,
    ) -> Result<Operator> {
        if let Some((operator, code)) = self.check_login(name, password, code).await? {
            let used = self
                .store()
                .write(move |tx| Box::pin(async move { code.use_up(tx).await }))
                .await?;
            if used {
                return Ok(operator);
            }
        }
        self.record_wrong_login(name, self.system_now()).await?;
        Err(Refusal::NotAllowed.into())
    }

    /// Whose name, password and one-time code these are; the code is to be used up by whatever it opens.
    pub(crate) async fn check_login(
        &self,
        name: &str,
        password: &Secret<String>,
        code: &str,
    ) -> Result<Option<(Operator, FittingCode)>> {
        let login = self.store().reader().await?.operator_by_name(name).await?;
        let room = self.passwords().acquire().await;
        let hash = match &login {
            Some(login) => login.password_hash.clone(),
            None => nobody_hash().await?,
        };
        let right = verify_password(password.clone(), hash).await?;
        drop(room);
        let Some(login) = login.filter(|login| right && login.operator.disabled_at.is_none())
        else {
            return Ok(None);
        };
        let code = self.fitting_code(&login, code)?;
        Ok(code.map(|code| (login.operator, code)))
    }

    /// A one-time code that fits and was not used yet.
    pub(crate) fn fitting_code(
        &self,
        login: &OperatorLogin,
        code: &str,
    ) -> Result<Option<FittingCode>> {
        let id = login.operator.id.clone();
        let now = self.system_now();
        if !self.wrong_codes().may_try(&id, now) {
            return Ok(None);
        }
        let secret =
            self.keyring()
                .open(Purpose::Totp, &totp_place(id.as_str()), &login.totp_sealed)?;
        let present = now.unix().div_euclid(TOTP_STEP);
        let step = (present - 1..=present + 1)
            .find(|step| *step > login.totp_last_step && totp(&secret, *step) == code.trim());
        if step.is_none() {
            self.wrong_codes().count(&id, now);
        }
        Ok(step.map(|step| FittingCode {
            operator: id,
            step,
            totp_sealed: login.totp_sealed.clone(),
        }))
    }

    /// Every operator.
    pub async fn list_operators(&self) -> Result<Vec<Operator>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_operators(None, 1_000)
            .await?)
    }

    /// The operator may do `act`, or the refusal is recorded and returned (T40).
    pub(crate) async fn require(&self, by: &Operator, act: Act, now: Timestamp) -> Result<()> {
        if by.may(act) {
            return Ok(());
        }
        self.record_refusal(Actor::Operator(by.id.clone()), format!("act {act:?}"), now)
            .await?;
        Err(Refusal::NotAllowed.into())
    }

    /// The operator may be the second person of `act`, or the refusal is recorded and returned (T40).
    pub(crate) async fn require_second(
        &self,
        by: &Operator,
        act: Act,
        now: Timestamp,
    ) -> Result<()> {
        if by.may_confirm(act) {
            return Ok(());
        }
        let what = format!("second person of {act:?}");
        self.record_refusal(Actor::Operator(by.id.clone()), what, now)
            .await?;
        Err(Refusal::NotAllowed.into())
    }

    /// The same for an actor: an operator must have the role; the host's administrator may set up anything.
    pub(crate) async fn require_actor(&self, by: &Actor, act: Act, now: Timestamp) -> Result<()> {
        match by {
            Actor::System => Ok(()),
            Actor::RelyingSystem(_) | Actor::Subscriber(_) => Err(Refusal::NotAllowed.into()),
            Actor::Operator(id) => {
                let operator = self.store().reader().await?.operator(id).await?;
                let operator = operator.ok_or(Refusal::NotAllowed)?;
                self.require(&operator, act, now).await
            }
        }
    }

    /// Whether an operator who did something before still is somebody who may (T41).
    pub(crate) async fn still_may(&self, id: &OperatorId, act: Act) -> Result<bool> {
        let operator = self.store().reader().await?.operator(id).await?;
        Ok(operator.is_some_and(|operator| operator.may(act)))
    }

    /// Writes a refusal into the audit trail, in a transaction of its own (S5).
    pub(crate) async fn record_refusal(
        &self,
        actor: Actor,
        what: String,
        now: Timestamp,
    ) -> Result<()> {
        let event = self.event(actor, "refused", "program".to_owned(), what, now);
        self.store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.insert_audit(&event).await?) })
            })
            .await
    }

    pub(crate) async fn record_wrong_login(&self, name: &str, now: Timestamp) -> Result<()> {
        let shown: String = name
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(32)
            .collect();
        self.record_refusal(Actor::System, format!("login as {shown}"), now)
            .await
    }
}

fn check_new_account(name: &str, password: &Secret<String>) -> Result<()> {
    if !is_operator_name(name) {
        let form = "an operator's name is 1 to 32 small letters, digits, '.', '-' or '_', \
                    beginning with a letter";
        return Err(state(form));
    }
    if password.expose().chars().count() < SHORTEST_PASSWORD {
        let form = format!("the password must have {SHORTEST_PASSWORD} characters or more");
        return Err(state(&form));
    }
    Ok(())
}

/// The one-time code of `secret` (base32) at `now` (RFC 6238, SHA-1, 30 seconds, six digits).
pub fn one_time_code(secret: &Secret<String>, now: Timestamp) -> Option<String> {
    let key = BASE32_NOPAD.decode(secret.expose().as_bytes()).ok()?;
    Some(totp(&key, now.unix().div_euclid(TOTP_STEP)))
}

fn totp(key: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let octets = tag.as_ref();
    let offset = usize::from(octets.last().copied().unwrap_or(0) & 0x0f);
    let number = octets
        .get(offset..offset + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

pub(crate) fn totp_place(id: &str) -> String {
    format!("operator/{id}/totp_sealed")
}

async fn hash_password(password: Secret<String>, salt: [u8; 16]) -> Result<String> {
    tokio::task::spawn_blocking(move || {
        Argon2::default()
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map(|hash: PasswordHash| hash.to_string())
    })
    .await
    .map_err(|error| internal("hash a password", error))?
    .map_err(|error| internal("hash a password", error))
}

async fn verify_password(password: Secret<String>, hash: String) -> Result<bool> {
    tokio::task::spawn_blocking(move || {
        Argon2::default()
            .verify_password(password.expose().as_bytes(), hash.as_str())
            .is_ok()
    })
    .await
    .map_err(|error| internal("check a password", error))
}

/// A hash that no password has, so that an unknown name costs as much as a wrong password.
async fn nobody_hash() -> Result<String> {
    static NOBODY: LazyLock<String> = LazyLock::new(|| {
        Argon2::default()
            .hash_password_with_salt(b"nobody has this password", &[0; 16])
            .map(|hash: PasswordHash| hash.to_string())
            .unwrap_or_default()
    });
    tokio::task::spawn_blocking(|| NOBODY.clone())
        .await
        .map_err(|error| internal("hash a password", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_codes_are_those_of_rfc_6238() {
        let secret = Secret::new(BASE32_NOPAD.encode(b"12345678901234567890"));
        let code = |at| one_time_code(&secret, Timestamp::from_unix(at)).unwrap();
        assert_eq!(code(59), "287082");
        assert_eq!(code(1_111_111_109), "081804");
        assert_eq!(code(20_000_000_000), "353130");
    }
}
