//! 電子証明書ダウンロード (`/p/rcd`, manual 2.3): from the letter's two IDs to the `.p12` (decisions K2 to K5, F1).
//!
//! The first collection makes key and certificate and fixes the grant's key; afterwards the same IDs give
//! only that key. Between the pages the way to the key travels in the procedure's cookie, never in the database.

use serde::{Deserialize, Serialize};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantMove, GrantState};
use tegata_domain::id::FlowId;
use tegata_domain::issuance::RequestStatus;
use tegata_domain::outbox::MailKind;
use tegata_domain::policy::SecondFactor;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::base::{App, TRIES};
use crate::cookie::FlowSecret;
use crate::error::{Error, FieldProblem, KeyDestroyed, Refusal, Result, internal};
use crate::flow::{NextStep, Opened};
use crate::keyfile::{KeyFile, KeyFileForm, check_password, file_name, is_guessable, is_weak};
use crate::reference::{TypedIds, wrap_key};
use crate::renew::status_of;
use crate::seal::Purpose;
use crate::source::Source;
use crate::visit::Visit;

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

/// What RCD-2 to RCD-7 and RU-3, RU-4 show.
#[derive(Clone, Debug)]
pub struct CollectionPage {
    /// Whose certificate.
    pub certificate: CertificateBox,
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// Which page is next: `Code` (RCD-1b, see [`App::code_page`]), `Password`, `Confirm` (text 6), `Ready`, or `Done`
    /// after a freeze or an erasure.
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
    /// Whether the password that waits for text 6 is one of the first that anybody tries.
    pub is_guessable: bool,
    /// The form of the file, once it was chosen.
    pub form: Option<KeyFileForm>,
    /// The terminal made the key itself, and since when it has it (K2): nothing can be downloaded.
    pub on_terminal: Option<Timestamp>,
    /// When the CA's copy was destroyed on request (RCD-7).
    pub erased_at: Option<Timestamp>,
    /// 証明書ステータス.
    pub status: RequestStatus,
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
    /// ファイルの形式.
    pub form: KeyFileForm,
    /// Whether the warning about four digits was read on the page (text 6).
    pub weak_accepted: bool,
}

/// What a procedure about a file keeps; nothing secret.
#[derive(Default, Serialize, Deserialize)]
struct Entered {
    #[serde(default)]
    form: Option<String>,
}

impl Entered {
    fn of(flow: &Flow) -> Self {
        serde_json::from_str(&flow.entered).unwrap_or_default()
    }

    fn form(&self) -> Option<KeyFileForm> {
        self.form.as_deref().and_then(KeyFileForm::parse)
    }
}

impl App {
    /// RCD-1: checks the two IDs, of a letter or of a renewal (I7), and begins a procedure, with a 確認番号 where the
    /// policy says so (K2).
    pub async fn open_collection(
        &self,
        ids: TypedIds,
        source: Source,
        now: Timestamp,
    ) -> Result<Opened> {
        let proven = self.prove_collection(ids, source, now).await?;
        let flow = match self.policy().collect.second_factor {
            SecondFactor::MailCode => self.begin_with_code(&proven.grant, source, now).await?,
            SecondFactor::None => {
                let start = (FlowKind::Collect, FlowStep::Password);
                self.begin_flow(start, &proven.grant, None, source, now)
                    .await?
            }
        };
        let secret = FlowSecret {
            wrap_key: wrap_key(&proven)?,
            last_two: proven.reference.last_two(),
            password: None,
        };
        let cookie = self.seal_cookie(&flow, &secret)?;
        Ok(Opened { flow, cookie })
    }

    /// RCD-2 to RCD-7, RU-3 and RU-4, by where the procedure stands.
    pub async fn collection_page(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        now: Timestamp,
    ) -> Result<CollectionPage> {
        let (flow, grant, secret) = self.load_file_flow(flow, visit).await?;
        let record = self.record_of(&grant).await?;
        if flow.step != FlowStep::Done {
            self.check_collectable(&grant, record.as_ref(), now).await?;
        }
        // Before the 確認番号, nothing is told that the letter does not say.
        let (rows, on_terminal) = if flow.step == FlowStep::Code {
            (Vec::new(), None)
        } else {
            let mut reader = self.store().reader().await?;
            let rows = reader.collections_of(&grant.id).await?;
            drop(reader);
            (rows, self.on_terminal_since(&grant, record.as_ref()).await?)
        };
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
            is_guessable: secret
                .password
                .is_some_and(|password| is_guessable(password.expose())),
            form: Entered::of(&flow).form(),
            on_terminal,
            erased_at: self.erased_at(&grant).await?,
            status: status_of(&grant.state, record.as_ref()),
        })
    }

    /// RCD-2 → RCD-4: takes the password; at the first collection, makes key and certificate. Four digits are
    /// asked about first (text 6). Returns the new value of the cookie.
    pub async fn set_password(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        form: PasswordForm,
        now: Timestamp,
    ) -> Result<String> {
        let (row, grant, mut secret) = self.load_file_flow(flow, visit).await?;
        // With the wrap key in it, the stored digest tells nothing about a short password, not even to
        // somebody who has the key-encryption key (K4).
        let typed: [&[u8]; 5] = [
            b"password",
            secret.wrap_key.expose(),
            form.password.expose().as_bytes(),
            form.confirmation.expose().as_bytes(),
            form.form.as_str().as_bytes(),
        ];
        let digest = self.digests().of(Purpose::FlowCookie, &typed)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Next {
            let is_open = match row.step {
                FlowStep::Password | FlowStep::Confirm => true,
                // RCD-5: the other form, with a password of its own.
                FlowStep::Ready => Entered::of(&row).form() != Some(form.form),
                FlowStep::Code | FlowStep::Done | FlowStep::Form => false,
            };
            if !is_open {
                return Err(Refusal::FlowElsewhere.into());
            }
            check_password(&form, self.policy().p12.min_length)?;
            self.check_made_here(&grant).await?;
            let entered = write_entered(&Entered {
                form: Some(form.form.as_str().to_owned()),
            })?;
            if is_weak(form.password.expose()) && !form.weak_accepted {
                let next = self.next_step(&row, FlowStep::Confirm, &entered, digest);
                self.move_flow(next).await?;
            } else {
                let ready = self.next_step(&row, FlowStep::Ready, &entered, digest);
                self.make_ready(&grant, &secret, ready, visit.source, now)
                    .await?;
            }
        }
        secret.password = Some(form.password);
        self.seal_cookie(flow, &secret)
    }

    /// The cookie's new value with a password that is being set: for an answer that goes out before the file is made.
    pub fn cookie_with_password(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        password: Secret<String>,
    ) -> Result<String> {
        let mut secret = self.open_cookie(flow, visit.cookie)?;
        secret.password = Some(password);
        self.seal_cookie(flow, &secret)
    }

    /// 「数字4桁のまま進む」 (text 6): the password of the page before is taken as it is.
    pub async fn accept_weak_password(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let (row, grant, secret) = self.load_file_flow(flow, visit).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"weak"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Next {
            if row.step != FlowStep::Confirm || secret.password.is_none() {
                return Err(Refusal::FlowElsewhere.into());
            }
            let ready = self.next_step(&row, FlowStep::Ready, &row.entered, digest);
            self.make_ready(&grant, &secret, ready, visit.source, now)
                .await?;
        }
        Ok(())
    }

    /// Makes the certificate where there is none, and takes the step that says that its file may be fetched.
    async fn make_ready(
        &self,
        grant: &Grant,
        secret: &FlowSecret,
        ready: NextStep,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let actor = Actor::Subscriber(source.to_string());
        let is_taken = self
            .ensure_certificate(grant, Some((secret, &ready)), &actor, now)
            .await?;
        if is_taken {
            return Ok(());
        }
        self.move_flow(ready).await
    }

    /// RCD-4 → RCD-2: another password.
    pub async fn change_password(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
    ) -> Result<()> {
        let (row, _, _) = self.load_file_flow(flow, visit).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"again"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Next {
            if !matches!(row.step, FlowStep::Ready | FlowStep::Confirm) {
                return Err(Refusal::FlowElsewhere.into());
            }
            let next = self.next_step(&row, FlowStep::Password, &row.entered, digest);
            self.move_flow(next).await?;
        }
        Ok(())
    }

    /// RCD-4: hands the file out. Repeating it is harmless: the same key, counted once per password.
    pub async fn download(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<KeyFile> {
        let mut file = None;
        for _ in 0..TRIES {
            let (row, grant, secret) = self.load_file_flow(flow, visit).await?;
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
                let form = Entered::of(&row).form().unwrap_or(KeyFileForm::Modern);
                file = Some(self.write_key_file(&record, key, password, form).await?);
            }
            let told = self.file_mails(&row, &grant, visit.source, now);
            let recorded = self
                .record_collection(&grant, record, told, visit.source, now)
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

    /// RCD-6 → RCD-7: destroys the CA's copy of the key on request (K3). The certificate goes on.
    pub async fn erase_key(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        confirmed: bool,
        now: Timestamp,
    ) -> Result<()> {
        let (row, grant, _) = self.load_file_flow(flow, visit).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"erase"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        let (FlowStep::Ready, Some(serial)) = (row.step, grant.state.serial()) else {
            return Err(Refusal::FlowElsewhere.into());
        };
        if !confirmed {
            return Err(Refusal::Fields(vec![FieldProblem::NotConfirmed]).into());
        }
        let object = format!("certificate:{serial}");
        let actor = Actor::Subscriber(visit.source.to_string());
        let detail = "at the holder's request".to_owned();
        let event = self.event(actor, "key.destroy", object, detail, now);
        let done = self.next_step(&row, FlowStep::Done, &row.entered, digest);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    done.take(tx).await?;
                    if tx.destroy_key(&serial, KeyDestroyed::Request, now).await? {
                        tx.insert_audit(&event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// When the terminal that made the key itself got its certificate; `None` where the key was made here.
    async fn on_terminal_since(
        &self,
        grant: &Grant,
        record: Option<&CertificateRecord>,
    ) -> Result<Option<Timestamp>> {
        let Some(record) = record else {
            return Ok(None);
        };
        let row = self
            .store()
            .reader()
            .await?
            .sealed_key(&record.serial)
            .await?;
        let since = match &grant.state {
            GrantState::Collected { at, .. } => *at,
            _ => record.created_at,
        };
        Ok(row.is_none().then_some(since))
    }

    async fn erased_at(&self, grant: &Grant) -> Result<Option<Timestamp>> {
        let Some(serial) = grant.state.serial() else {
            return Ok(None);
        };
        let row = self.store().reader().await?.sealed_key(&serial).await?;
        let destroyed = row.and_then(|key| key.destroyed);
        Ok(destroyed.and_then(|(at, why)| (why == KeyDestroyed::Request).then_some(at)))
    }

    /// 「心当たりがない」: stops the grant; only two operators let it go on.
    pub async fn freeze(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let digest = self.digests().of(Purpose::FlowCookie, &[b"freeze"])?;
        for _ in 0..TRIES {
            let (row, grant, _) = self.load_file_flow(flow, visit).await?;
            if self.take_turn(&row, version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            if row.step == FlowStep::Code {
                return Err(Refusal::FlowElsewhere.into());
            }
            match self.try_freeze(row, grant, digest, visit.source, now).await {
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
        let mails = self.holder_mails(MailKind::GrantFrozen, &grant, &key, &values, now);
        let done = self.next_step(&row, FlowStep::Done, "{}", digest);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    done.take(tx).await?;
                    if !tx.move_grant(&grant.id, &grant.state, &frozen).await? {
                        return Err(Error::Conflict);
                    }
                    if frozen != grant.state {
                        tx.insert_mails(&mails).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

fn write_entered(entered: &Entered) -> Result<String> {
    serde_json::to_string(entered).map_err(|error| internal("keep a form", error))
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
