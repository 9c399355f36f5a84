//! 電子証明書発行通知書: the letter that carries the IDs, and its posting (decision I2, manual 2.3).

use tegata_domain::audit::Actor;
use tegata_domain::grant::{Grant, GrantMove};
use tegata_domain::id::GrantId;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::time::Timestamp;
use tegata_store::CaKeyPurpose;

use crate::apply::state;
use crate::base::App;
use crate::download::values_of;
use crate::error::{Error, Refusal, Result, internal};
use crate::seal::Purpose;
use crate::setup::connection_code;

/// What the letter says.
pub struct Letter {
    /// The grant.
    pub grant: Grant,
    /// リファレンスID, in clear: for the paper only.
    pub reference_id: ReferenceId,
    /// 接続確認コード (W6).
    pub connection_code: String,
}

impl App {
    /// The letter's content. Each look is recorded.
    pub async fn print_letter(
        &self,
        request: &RequestId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Letter> {
        self.require(by, Act::PrintLetter, now).await?;
        let grant = self.grant_by(request).await?;
        let sealed = self
            .store()
            .reader()
            .await?
            .letter_secret(&grant.id)
            .await?;
        let sealed = sealed.ok_or_else(|| {
            state("the letter is posted or too old; its reference ID is not kept any more")
        })?;
        let clear = self
            .keyring()
            .open(Purpose::Letter, &letter_place(&grant.id), &sealed)?;
        let reference_id = std::str::from_utf8(&clear)
            .ok()
            .and_then(ReferenceId::parse)
            .ok_or_else(|| internal("print a letter", "the sealed reference ID is malformed"))?;
        let tls = self.authorities().issuing(CaKeyPurpose::Tls)?;
        let object = format!("grant:{}", grant.id);
        let actor = Actor::Operator(by.id.clone());
        let event = self.event(actor, "letter.print", object, String::new(), now);
        self.store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.insert_audit(&event).await?) })
            })
            .await?;
        let connection_code = connection_code(tls.certificate.public_key());
        Ok(Letter {
            grant,
            reference_id,
            connection_code,
        })
    }

    /// 発送: the letter is out; from now on its IDs work, and their clear text is gone.
    pub async fn post_letter(
        &self,
        request: &RequestId,
        tracking: Option<&str>,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Grant> {
        self.require(by, Act::Post, now).await?;
        let grant = self.grant_by(request).await?;
        let posted = grant.state.clone().apply(GrantMove::Post, now)?;
        let tracking = tracking.map(str::to_owned);
        let object = format!("grant:{}", grant.id);
        let actor = Actor::Operator(by.id.clone());
        let event = self.event(actor, "letter.post", object, String::new(), now);
        let key = format!("letter_posted:{}:{}", grant.id, now.unix());
        let mut values = values_of(&grant);
        values.push(("posted_at", now.to_string()));
        let mail = self.mail(MailKind::LetterPosted, &grant.mail, key, &values, now);
        let after = Grant {
            state: posted.clone(),
            ..grant.clone()
        };
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_grant(&grant.id, &grant.state, &posted).await? {
                        return Err(Error::Conflict);
                    }
                    tx.set_tracking(&grant.id, now, tracking.as_deref()).await?;
                    tx.drop_letter_secret(&grant.id).await?;
                    tx.insert_mail(&mail).await?;
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(after)
    }

    pub(crate) async fn grant_by(&self, request: &RequestId) -> Result<Grant> {
        let found = self
            .store()
            .reader()
            .await?
            .grant_by_request(request)
            .await?;
        Ok(found.map(|(grant, _)| grant).ok_or(Refusal::NotFound)?)
    }
}

pub(crate) fn letter_place(id: &GrantId) -> String {
    format!("letter_secret/{id}/sealed")
}
