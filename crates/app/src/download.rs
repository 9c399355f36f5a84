//! 電子証明書ダウンロード (`/p/rcd`, manual 2.3): from the letter's two IDs to the `.p12` (decisions K2 to K5, F1).
//!
//! The first collection makes key and certificate and fixes the grant's key; afterwards the same IDs give
//! only that key. Between the pages the way to the key travels in the procedure's cookie, never in the database.

use tegata_domain::audit::Actor;
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantMove};
use tegata_domain::id::FlowId;
use tegata_domain::outbox::MailKind;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::base::{App, TRIES};
use crate::cookie::FlowSecret;
use crate::error::{Error, Refusal, Result};
use crate::flow::Opened;
use crate::guessing::Source;
use crate::keyfile::{KeyFile, check_password, file_name};
use crate::reference::{TypedIds, wrap_key};
use crate::seal::Purpose;

/// 「手続き中の電子証明書」: the box on top of each screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateBox {
    /// 医療機関等.
    pub institution: String,
    /// 医療機関コード.
    pub code: String,
    /// 端末名称等.
    pub terminal: String,
    /// リクエストID.
    pub request_id: String,
    /// 有効期限.
    pub not_after: Timestamp,
}

impl CertificateBox {
    pub(crate) fn of(grant: &Grant, not_after: Timestamp) -> Self {
        Self {
            institution: grant.institution_name.clone(),
            code: grant.code.as_str().to_owned(),
            terminal: grant.terminal.as_str().to_owned(),
            request_id: grant.request_id.as_str().to_owned(),
            not_after,
        }
    }
}

/// What RCD-2 and RCD-4 show.
#[derive(Clone, Debug)]
pub struct CollectionPage {
    /// Whose certificate.
    pub certificate: CertificateBox,
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// Which page is next: `Password`, `Ready`, or `Done` after a freeze.
    pub step: FlowStep,
    /// The last second of the collection window.
    pub window_end: Timestamp,
    /// How often a file was handed out.
    pub downloads: usize,
    /// Earlier collections, oldest first.
    pub earlier: Vec<EarlierCollection>,
    /// Name of the file.
    pub file_name: String,
    /// Least characters of the password.
    pub min_length: usize,
}

/// One earlier collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierCollection {
    /// When.
    pub at: Timestamp,
    /// From which network address.
    pub source: String,
    /// Whether it was refused.
    pub refused: bool,
}

/// RCD-2 as sent.
pub struct PasswordForm {
    /// The version that the page carried.
    pub version: i64,
    /// 証明書パスワード.
    pub password: Secret<String>,
    /// 証明書パスワード(確認用).
    pub confirmation: Secret<String>,
}

impl App {
    /// RCD-1: checks the two IDs and begins a procedure.
    pub async fn open_collection(
        &self,
        ids: TypedIds,
        source: Source,
        now: Timestamp,
    ) -> Result<Opened> {
        let proven = self.prove_ids(ids, source).await?;
        if proven.stored.scope != tegata_domain::reference::ReferenceScope::Letter {
            return Err(self.wrong_ids(source).await);
        }
        let record = self.record_of(&proven.grant).await?;
        let checked = self
            .check_collectable(&proven.grant, record.as_ref(), now)
            .await;
        if let Err(Error::Refused(refusal)) = &checked {
            self.record_refused_collection(&proven.grant, source, refusal, now)
                .await?;
        }
        checked?;
        self.check_made_here(&proven.grant).await?;
        let flow = self
            .begin_flow(
                FlowKind::Collect,
                &proven.grant,
                FlowStep::Password,
                source,
                now,
            )
            .await?;
        let secret = FlowSecret {
            wrap_key: wrap_key(&proven)?,
            last_two: proven.reference.last_two(),
            password: None,
        };
        let cookie = self.seal_cookie(&flow, &secret)?;
        Ok(Opened { flow, cookie })
    }

    /// RCD-2 and RCD-4, by where the procedure stands.
    pub async fn collection_page(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        now: Timestamp,
    ) -> Result<CollectionPage> {
        self.open_cookie(flow, cookie)?;
        let (flow, grant) = self.load_flow(flow, FlowKind::Collect).await?;
        if flow.step != FlowStep::Done {
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
        }
        let rows = self
            .store()
            .reader()
            .await?
            .collections_of(&grant.id)
            .await?;
        let earlier: Vec<_> = rows
            .into_iter()
            .map(|row| EarlierCollection {
                at: row.at,
                source: row.source,
                refused: row.refused.is_some(),
            })
            .collect();
        Ok(CollectionPage {
            certificate: CertificateBox::of(&grant, grant.not_after),
            version: flow.version,
            step: flow.step,
            window_end: grant.window_end,
            downloads: earlier.iter().filter(|entry| !entry.refused).count(),
            earlier,
            file_name: file_name(&grant),
            min_length: self.policy().p12.min_length,
        })
    }

    /// RCD-2 → RCD-4: takes the password; at the first collection, makes key and certificate. Returns the new
    /// value of the cookie.
    pub async fn set_password(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        form: PasswordForm,
        source: Source,
        now: Timestamp,
    ) -> Result<String> {
        let mut secret = self.open_cookie(flow, cookie)?;
        let (row, grant) = self.load_flow(flow, FlowKind::Collect).await?;
        // With the wrap key in it, the stored digest tells nothing about a short password, not even to
        // somebody who has the key-encryption key (K4).
        let typed: [&[u8]; 4] = [
            b"password",
            secret.wrap_key.expose(),
            form.password.expose().as_bytes(),
            form.confirmation.expose().as_bytes(),
        ];
        let digest = self.keyring().digest(Purpose::FlowCookie, &typed)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Next {
            if row.step != FlowStep::Password {
                return Err(Refusal::FlowElsewhere.into());
            }
            check_password(&form, self.policy().p12.min_length)?;
            self.ensure_certificate(&grant, &secret, source, now)
                .await?;
            self.move_flow(&row, FlowStep::Ready, "{}", digest).await?;
        }
        secret.password = Some(form.password);
        self.seal_cookie(flow, &secret)
    }

    /// RCD-4 → RCD-2: another password.
    pub async fn change_password(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
    ) -> Result<()> {
        self.open_cookie(flow, cookie)?;
        let (row, _) = self.load_flow(flow, FlowKind::Collect).await?;
        let digest = self.keyring().digest(Purpose::FlowCookie, &[b"again"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Next {
            if row.step != FlowStep::Ready {
                return Err(Refusal::FlowElsewhere.into());
            }
            self.move_flow(&row, FlowStep::Password, "{}", digest)
                .await?;
        }
        Ok(())
    }

    /// RCD-4: hands the file out. Repeating it is harmless: the same key, counted once per password.
    pub async fn download(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        source: Source,
        now: Timestamp,
    ) -> Result<KeyFile> {
        let secret = self.open_cookie(flow, cookie)?;
        let mut file = None;
        for _ in 0..TRIES {
            let (row, grant) = self.load_flow(flow, FlowKind::Collect).await?;
            let (Some(password), FlowStep::Ready) = (&secret.password, row.step) else {
                return Err(Refusal::FlowElsewhere.into());
            };
            if version != row.version {
                return Err(Refusal::FlowElsewhere.into());
            }
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            let record = record.ok_or(Refusal::FlowElsewhere)?;
            if file.is_none() {
                let key = match self.open_key(&record.serial, &secret).await {
                    Err(Error::Conflict) => continue,
                    opened => opened?,
                };
                file = Some(self.write_key_file(&record, key, password).await?);
            }
            let recorded = self
                .record_collection(&row, &grant, record, source, now)
                .await;
            match (recorded, file.take()) {
                (Ok(()), Some(der)) => {
                    let name = file_name(&grant);
                    return Ok(KeyFile { name, der });
                }
                (Err(Error::Conflict), made) => file = made,
                (Err(error), _) => return Err(error),
                (Ok(()), None) => {}
            }
        }
        Err(Error::Conflict)
    }

    /// 「心当たりがない」: stops the grant; only two operators let it go on.
    pub async fn freeze(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        self.open_cookie(flow, cookie)?;
        let digest = self.keyring().digest(Purpose::FlowCookie, &[b"freeze"])?;
        for _ in 0..TRIES {
            let (row, grant) = self.load_flow(flow, FlowKind::Collect).await?;
            if self.take_turn(&row, version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            match self.try_freeze(row, grant, digest, source, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// Freezes the grant as it was read; `Conflict` where it or the procedure moved meanwhile. A second freeze
    /// changes nothing and is not mailed.
    async fn try_freeze(
        &self,
        row: Flow,
        grant: Grant,
        digest: [u8; 32],
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let frozen = grant.state.clone().apply(GrantMove::Freeze, now)?;
        let object = format!("grant:{}", grant.id);
        let actor = Actor::Subscriber(source.to_string());
        let detail = "by its holder".to_owned();
        let event = self.event(actor, "grant.freeze", object, detail, now);
        let key = format!("grant_frozen:{}:{}", grant.id, row.id.as_str());
        let mut values = values_of(&grant);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        let mail = self.mail(MailKind::GrantFrozen, &grant.mail, key, &values, now);
        let expires = self.flow_end();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let moved = tx
                        .move_flow(&row.id, row.version, FlowStep::Done, "{}", &digest, expires)
                        .await?;
                    if !moved || !tx.move_grant(&grant.id, &grant.state, &frozen).await? {
                        return Err(Error::Conflict);
                    }
                    if frozen != grant.state {
                        tx.insert_mail(&mail).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// The values that every mail about a grant shows.
pub(crate) fn values_of(grant: &Grant) -> Vec<(&'static str, String)> {
    vec![
        ("institution", grant.institution_name.clone()),
        ("terminal", grant.terminal.as_str().to_owned()),
        ("request_id", grant.request_id.as_str().to_owned()),
        ("not_after", grant.not_after.to_string()),
        ("window_end", grant.window_end.to_string()),
    ]
}
