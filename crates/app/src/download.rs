//! 電子証明書ダウンロード (`/p/rcd`, manual 2.3): from the letter's two IDs to the `.p12` (decisions K2 to K5, F1).
//!
//! The first collection makes key and certificate and fixes the grant's key; afterwards the same IDs give
//! only that key. Between the pages the way to the key travels in the procedure's cookie, never in the database.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantMove, GrantState};
use tegata_domain::id::{FlowId, SerialNumber};
use tegata_domain::outbox::MailKind;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PrivateKey;
use tegata_pki::pkcs12::{self, Pkcs12Form};
use tegata_store::{Collection, Tx};
use zeroize::Zeroizing;

use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::guessing::Source;
use crate::issue::Intent;
use crate::reference::{TypedIds, wrap_key};
use crate::seal::{Purpose, unwrap_with};

/// Most characters of a `.p12` password: old Windows dialogs refuse more (K4).
const LONGEST_PASSWORD: usize = 31;
/// How often a first collection tries again when another request was first.
const TRIES: usize = 4;

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

/// A procedure that has begun.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id, part of its pages' address.
    pub flow: FlowId,
    /// The value of its cookie.
    pub cookie: String,
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

/// A file to hand out.
pub struct KeyFile {
    /// `<リクエストID>.p12`.
    pub name: String,
    /// The PFX (RFC 7292).
    pub der: Zeroizing<Vec<u8>>,
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
        if let Err(refusal) = self
            .check_collectable(&proven.grant, record.as_ref(), now)
            .await
        {
            self.record_refused_collection(&proven.grant, source, &refusal, now)
                .await?;
            return Err(refusal);
        }
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
        let typed: [&[u8]; 3] = [
            b"password",
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
        let (row, grant) = self.load_flow(flow, FlowKind::Collect).await?;
        if self.system_now() > row.expires_at {
            return Err(Refusal::FlowEnded.into());
        }
        let (Some(password), FlowStep::Ready) = (&secret.password, row.step) else {
            return Err(Refusal::FlowElsewhere.into());
        };
        if version != row.version {
            return Err(Refusal::FlowElsewhere.into());
        }
        let record = self.record_of(&grant).await?;
        self.check_collectable(&grant, record.as_ref(), now).await?;
        let record = record.ok_or(Refusal::FlowElsewhere)?;
        let key = self.open_key(&record.serial, &secret).await?;
        let der = self.write_key_file(&record, key, password).await?;
        self.record_collection(&row, &grant, record, source, now)
            .await?;
        Ok(KeyFile {
            name: file_name(&grant),
            der,
        })
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
        let (row, grant) = self.load_flow(flow, FlowKind::Collect).await?;
        let digest = self.keyring().digest(Purpose::FlowCookie, &[b"freeze"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        let object = format!("grant:{}", grant.id);
        let actor = Actor::Subscriber(source.to_string());
        let event = self.event(
            actor,
            "grant.freeze",
            object,
            "by its holder".to_owned(),
            now,
        );
        let key = format!("grant_frozen:{}:{}", grant.id, row.id.as_str());
        let mail = self.mail(
            MailKind::GrantFrozen,
            &grant.mail,
            key,
            &values_of(&grant),
            now,
        );
        let expires = self.flow_end();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let moved = tx
                        .move_flow(&row.id, row.version, FlowStep::Done, "{}", &digest, expires)
                        .await?;
                    if !moved {
                        return Err(Refusal::FlowElsewhere.into());
                    }
                    let frozen = grant.state.clone().apply(GrantMove::Freeze, now)?;
                    if !tx.move_grant(&grant.id, &grant.state, &frozen).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_mail(&mail).await?;
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Whether the grant's certificate can be collected now.
    pub(crate) async fn check_collectable(
        &self,
        grant: &Grant,
        record: Option<&CertificateRecord>,
        now: Timestamp,
    ) -> Result<()> {
        match &grant.state {
            GrantState::Frozen { at, .. } => return Err(Refusal::Frozen { at: *at }.into()),
            GrantState::Voided { at } => return Err(Refusal::Revoked { at: *at }.into()),
            _ => {}
        }
        match record.map(|record| record.state) {
            Some(CertificateState::OnHold { at }) => return Err(Refusal::OnHold { at }.into()),
            Some(
                CertificateState::Revoked { at, .. }
                | CertificateState::Superseded { at }
                | CertificateState::Void { at },
            ) => return Err(Refusal::Revoked { at }.into()),
            Some(CertificateState::Intended | CertificateState::Issued) | None => {}
        }
        if now > grant.window_end {
            let collected = record.is_some();
            let window_end = grant.window_end;
            return Err(Refusal::WindowEnded {
                window_end,
                collected,
            }
            .into());
        }
        if let Some(serial) = grant.state.serial() {
            let kept = self.store().reader().await?.sealed_key(&serial).await?;
            if let Some((at, because)) = kept.and_then(|key| key.destroyed) {
                return Err(Refusal::KeyDestroyed { because, at }.into());
            }
        }
        Ok(())
    }

    /// The grant's certificate, once its key is fixed.
    pub(crate) async fn record_of(&self, grant: &Grant) -> Result<Option<CertificateRecord>> {
        match grant.state.serial() {
            Some(serial) => Ok(self.store().reader().await?.certificate(&serial).await?),
            None => Ok(None),
        }
    }

    /// Makes key and certificate, or finishes what another request or a crash left half done.
    async fn ensure_certificate(
        &self,
        grant: &Grant,
        secret: &FlowSecret,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let mut grant = grant.clone();
        let actor = Actor::Subscriber(source.to_string());
        for _ in 0..TRIES {
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            match record.map(|record| (record.serial, record.state)) {
                Some((serial, CertificateState::Intended)) => {
                    return self.finish_intent(serial, actor, now).await;
                }
                Some(_) => return Ok(()),
                None => match self
                    .make_certificate(&grant, secret, actor.clone(), now)
                    .await
                {
                    Err(Error::Conflict) => {}
                    done => return done,
                },
            }
            let fresh = self.store().reader().await?.grant(&grant.id).await?;
            grant = fresh.ok_or_else(|| internal("collect", "the grant is gone"))?;
        }
        Err(Error::Conflict)
    }

    async fn make_certificate(
        &self,
        grant: &Grant,
        secret: &FlowSecret,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        let key = self.keypool().take().await?;
        let intent = self.intend_for_grant(grant, key.public_key(), now)?;
        let sealed = self.seal_key(&intent.record.serial, &key, secret)?;
        failpoint!(self, "failpoint:issue:before-intent");
        self.store_intent(grant, intent.clone(), Some(sealed), actor.clone(), now)
            .await?;
        failpoint!(self, "failpoint:issue:after-intent");
        let der = self.sign_intent(&intent)?;
        self.store_issued(intent.record.serial, der, actor, now)
            .await?;
        Ok(())
    }

    /// Serial number, TBSCertificate, the grant's fixed key and, where we made it, the sealed key: one
    /// transaction (F5).
    pub(crate) async fn store_intent(
        &self,
        grant: &Grant,
        intent: Intent,
        sealed: Option<Vec<u8>>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        let serial = intent.record.serial;
        let detail = format!("for grant {}", grant.id);
        let event = self.event(
            actor,
            "certificate.intend",
            format!("certificate:{serial}"),
            detail,
            now,
        );
        let grant = grant.clone();
        #[cfg(debug_assertions)]
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    check_institution(tx, &grant).await?;
                    let fixed = grant.state.clone().apply(GrantMove::FixKey(serial), now)?;
                    if !tx.move_grant(&grant.id, &grant.state, &fixed).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_intent(&intent.record, &intent.tbs).await?;
                    if let Some(sealed) = &sealed {
                        tx.insert_sealed_key(&serial, &grant.id, sealed, now)
                            .await?;
                    }
                    tx.insert_audit(&event).await?;
                    failpoint!(app, "failpoint:issue:inside-intent");
                    Ok(())
                })
            })
            .await
    }

    /// The key under a data key, the data key under the reference ID's key, all under the key-encryption key.
    fn seal_key(
        &self,
        serial: &SerialNumber,
        key: &PrivateKey,
        secret: &FlowSecret,
    ) -> Result<Vec<u8>> {
        let pkcs8 = key
            .to_pkcs8()
            .map_err(|error| internal("encode a private key", error))?;
        let place = key_place(serial);
        let data_key = Secret::new(tegata_domain::entropy::octets::<32>(self.entropy()));
        let wrapped = self
            .keyring()
            .wrap(&secret.wrap_key, &place, data_key.expose())?;
        let outer = self.keyring().seal(Purpose::SealedKey, &place, &wrapped)?;
        let body = self.keyring().wrap(&data_key, &place, &pkcs8)?;
        let length = u16::try_from(outer.len()).map_err(|error| internal("seal a key", error))?;
        Ok([&length.to_be_bytes()[..], &outer, &body].concat())
    }

    async fn open_key(&self, serial: &SerialNumber, secret: &FlowSecret) -> Result<PrivateKey> {
        let row = self.store().reader().await?.sealed_key(serial).await?;
        let sealed = row.and_then(|row| row.sealed).ok_or(Refusal::FlowEnded)?;
        let malformed = || internal("open a sealed key", "its form is wrong");
        let (length, rest) = sealed.split_first_chunk::<2>().ok_or_else(malformed)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (outer, body) = rest.split_at_checked(length).ok_or_else(malformed)?;
        let place = key_place(serial);
        let wrapped = self.keyring().open(Purpose::SealedKey, &place, outer)?;
        let data_key = unwrap_with(&secret.wrap_key, &place, &wrapped)?;
        let data_key = data_key.as_slice().try_into().map_err(|_| malformed())?;
        let pkcs8 = unwrap_with(&Secret::new(data_key), &place, body)?;
        PrivateKey::from_pkcs8(&pkcs8).map_err(|error| internal("read a sealed key", error))
    }

    async fn write_key_file(
        &self,
        record: &CertificateRecord,
        key: PrivateKey,
        password: &Secret<String>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let der = self
            .store()
            .reader()
            .await?
            .certificate_der(&record.serial)
            .await?;
        let leaf = der.ok_or_else(|| internal("write a .p12", "the certificate is not stored"))?;
        let subject = Certificate::from_der(&leaf)
            .map_err(|error| internal("read a certificate", error))?
            .subject()
            .friendly_name();
        let authority = self
            .authorities()
            .find(&record.ca_key)
            .ok_or_else(|| internal("write a .p12", "the CA key is unknown"))?;
        let mut chain = vec![leaf, authority.certificate.der().to_vec()];
        chain.extend(authority.superior.clone());
        let iterations = self.policy().p12.iterations;
        let password = password.clone();
        tokio::task::spawn_blocking(move || {
            let form = Pkcs12Form::Modern;
            let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
            pkcs12::write(&key, &chain, &subject, password.expose(), form, iterations)
        })
        .await
        .map_err(|error| internal("write a .p12", error))?
        .map_err(|error| internal("write a .p12", error))
    }

    /// The collection, its mail and its audit event; once for each password of a procedure.
    async fn record_collection(
        &self,
        flow: &Flow,
        grant: &Grant,
        record: CertificateRecord,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let key = format!("collected:{}:{}", flow.id.as_str(), flow.version);
        let mut values = values_of(grant);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        let mail = self.mail(MailKind::Collected, &grant.mail, key, &values, now);
        let object = format!("certificate:{}", record.serial);
        let actor = Actor::Subscriber(source.to_string());
        let event = self.event(actor, "certificate.collect", object, String::new(), now);
        let id = grant.id.clone();
        let collection = collection(&event, grant, source, None);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let state = tx
                        .certificate(&record.serial)
                        .await?
                        .map(|fresh| fresh.state);
                    if state != Some(CertificateState::Issued) {
                        return Err(Error::Conflict);
                    }
                    let grant = tx.grant(&id).await?.ok_or(Error::Conflict)?;
                    let collected = grant.state.clone().apply(GrantMove::Collect, now)?;
                    if collected != grant.state
                        && !tx.move_grant(&id, &grant.state, &collected).await?
                    {
                        return Err(Error::Conflict);
                    }
                    if tx.insert_mail(&mail).await? {
                        tx.insert_collection(&collection).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// A right pair that was refused is mailed too, at most once a minute (K2).
    async fn record_refused_collection(
        &self,
        grant: &Grant,
        source: Source,
        refusal: &Error,
        now: Timestamp,
    ) -> Result<()> {
        let why = refusal.to_string();
        let minute = now.unix().div_euclid(60);
        let key = format!("collection_refused:{}:{minute}", grant.id);
        let mut values = values_of(grant);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        let mail = self.mail(MailKind::CollectionRefused, &grant.mail, key, &values, now);
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        let event = self.event(
            actor,
            "certificate.collect.refused",
            object,
            why.clone(),
            now,
        );
        let collection = collection(&event, grant, source, Some(why));
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.insert_mail(&mail).await? {
                        tx.insert_collection(&collection).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Stores a new procedure.
    pub(crate) async fn begin_flow(
        &self,
        kind: FlowKind,
        grant: &Grant,
        step: FlowStep,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let flow = Flow {
            id: FlowId::generate(self.entropy()),
            kind,
            grant: grant.id.clone(),
            step,
            version: 1,
            answered: None,
            entered: "{}".to_owned(),
            created_at: self.system_now(),
            expires_at: self.flow_end(),
        };
        let action = match kind {
            FlowKind::Collect => "flow.collect",
            FlowKind::Revoke => "flow.revoke",
        };
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        let event = self.event(actor, action, object, String::new(), now);
        let id = flow.id.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_flow(&flow).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(id)
    }

    /// A procedure of this kind with its grant; anything else has ended (E-03).
    pub(crate) async fn load_flow(&self, id: &FlowId, kind: FlowKind) -> Result<(Flow, Grant)> {
        let mut reader = self.store().reader().await?;
        let flow = reader.flow(id).await?.filter(|flow| flow.kind == kind);
        let flow = flow.ok_or(Refusal::FlowEnded)?;
        if self.system_now() > flow.expires_at {
            return Err(Refusal::FlowEnded.into());
        }
        let grant = reader.grant(&flow.grant).await?;
        Ok((
            flow,
            grant.ok_or_else(|| internal("load a procedure", "its grant is gone"))?,
        ))
    }

    /// `Next` or `Repeated`; the other turns are refusals.
    pub(crate) fn take_turn(&self, flow: &Flow, version: i64, digest: &[u8; 32]) -> Result<Turn> {
        match flow.turn(version, digest, self.system_now()) {
            turn @ (Turn::Next | Turn::Repeated) => Ok(turn),
            Turn::Elsewhere => Err(Refusal::FlowElsewhere.into()),
            Turn::Expired => Err(Refusal::FlowEnded.into()),
        }
    }

    /// Moves a procedure on. Where another request was first with the same content, that one's result stands.
    pub(crate) async fn move_flow(
        &self,
        flow: &Flow,
        step: FlowStep,
        entered: &str,
        digest: [u8; 32],
    ) -> Result<()> {
        let (id, version, entered) = (flow.id.clone(), flow.version, entered.to_owned());
        let expires = self.flow_end();
        let moved = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    Ok::<_, Error>(
                        tx.move_flow(&id, version, step, &entered, &digest, expires)
                            .await?,
                    )
                })
            })
            .await?;
        if moved {
            return Ok(());
        }
        let (fresh, _) = self.load_flow(&flow.id, flow.kind).await?;
        self.take_turn(&fresh, version, &digest)
            .and_then(|turn| match turn {
                Turn::Repeated => Ok(()),
                _ => Err(Error::Conflict),
            })
    }

    /// When a procedure ends that takes a step now.
    pub(crate) fn flow_end(&self) -> Timestamp {
        self.system_now()
            .plus_seconds(self.policy().periods.flow_hours * 3_600)
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

fn collection(
    event: &AuditEvent,
    grant: &Grant,
    source: Source,
    refused: Option<String>,
) -> Collection {
    Collection {
        audit: event.id.clone(),
        grant: grant.id.clone(),
        at: event.at,
        source: source.to_string(),
        refused,
    }
}

/// The institution must still be what the letter says: class and code stand in the subject (D4).
async fn check_institution(tx: &mut Tx, grant: &Grant) -> Result<()> {
    let institution = tx.institution(&grant.institution).await?;
    let same = institution.is_some_and(|now| now.class == grant.class && now.code == grant.code);
    if same {
        return Ok(());
    }
    let told = "the institution's class or code changed since approval; call the help desk";
    Err(Refusal::State(told.to_owned()).into())
}

fn check_password(form: &PasswordForm, min: usize) -> Result<()> {
    let password = form.password.expose();
    let length = password.chars().count();
    let mut problems = Vec::new();
    if !password.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        problems.push(FieldProblem::PasswordNotAscii);
    }
    if length < min {
        problems.push(FieldProblem::PasswordTooShort { min });
    }
    if length > LONGEST_PASSWORD {
        problems.push(FieldProblem::PasswordTooLong {
            max: LONGEST_PASSWORD,
        });
    }
    if password != form.confirmation.expose() {
        problems.push(FieldProblem::PasswordsDiffer);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Fields(problems).into())
    }
}

fn file_name(grant: &Grant) -> String {
    format!("{}.p12", grant.request_id)
}

fn key_place(serial: &SerialNumber) -> String {
    format!("sealed_key/{serial}/sealed")
}
