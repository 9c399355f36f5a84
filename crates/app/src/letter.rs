//! 電子証明書発行通知書: the letter that carries the IDs, from its release by two persons to the post
//! (decisions F8, I2, K2; manual 2.3).

use std::collections::BTreeSet;

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::grant::{Grant, GrantMove, GrantState};
use tegata_domain::id::{GrantId, ProposalId, ReferenceRowId};
use tegata_domain::operator::{Act, Operator};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::proposal::{Proposal, ProposedAct};
use tegata_domain::reference::{ReferenceId, ReferenceScope, RequestId, StoredReference};
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_pki::connection_code::ConnectionCode;
use tegata_store::{CaKeyPurpose, LetterRow};

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::download::values_of;
use crate::error::{Error, Refusal, Result, internal};
use crate::seal::Purpose;
use crate::status::CaCertificate;
use crate::work::{Step, Work};

/// Most characters of 引受番号.
const LONGEST_TRACKING: usize = 32;

/// What the letter says.
pub struct Letter {
    /// The grant: institution's name, class, code, terminal, request ID, window end, end of validity.
    pub grant: Grant,
    /// 区分 as screens show it.
    pub class_label: String,
    /// Postal code of the institution's register, for the window envelope.
    pub postal_code: String,
    /// Address of the institution's register.
    pub address: String,
    /// リファレンスID, in clear: for the paper only.
    pub reference_id: ReferenceId,
    /// The day of printing.
    pub printed_on: CalendarDate,
    /// 接続確認コード (W6).
    pub connection_code: String,
    /// The root of our TLS certificates, with its fingerprints.
    pub tls_root: CaCertificate,
    /// The root of subscribers' certificates, with its fingerprints.
    pub subscriber_root: CaCertificate,
    /// Text 9b, where an earlier letter was out.
    pub reissue: Option<Reissue>,
}

/// 再発行: which letter of a certificate this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reissue {
    /// The day on which the new reference ID was made.
    pub on: CalendarDate,
    /// How many letters were out before.
    pub number: i64,
    /// Whether the certificate was collected before: then the new ID only stops it.
    pub collected: bool,
}

/// A letter in the dispatchers' queue; nothing secret in it.
#[derive(Clone, Debug)]
pub struct WaitingLetter {
    /// The grant.
    pub grant: Grant,
    /// The row of its reference ID: the key of the listing, and never the ID.
    pub id: ReferenceRowId,
    /// When its reference ID was made.
    pub made_at: Timestamp,
    /// Whether the certificate was collected before.
    pub collected: bool,
    /// The proposal by which two persons released it.
    pub release: Option<ProposalId>,
}

impl From<LetterRow> for WaitingLetter {
    fn from(row: LetterRow) -> Self {
        Self {
            grant: row.grant,
            id: row.id,
            made_at: row.reference.created_at,
            collected: row.reference.scope == ReferenceScope::RevocationOnly,
            release: row.reference.release,
        }
    }
}

impl App {
    /// The clear text of a reference ID was destroyed (I2).
    pub(crate) fn forgotten_event(
        &self,
        grant: &GrantId,
        actor: Actor,
        detail: String,
        now: Timestamp,
    ) -> AuditEvent {
        self.event(
            actor,
            "letter.forget",
            format!("grant:{grant}"),
            detail,
            now,
        )
    }

    /// Letters that wait to be released and printed, the oldest first, after `after`.
    pub async fn letters_to_print(
        &self,
        after: Option<&ReferenceRowId>,
        limit: u32,
    ) -> Result<Vec<WaitingLetter>> {
        let mut reader = self.store().reader().await?;
        let rows = reader.letters_to_print(after, limit).await?;
        Ok(rows.into_iter().map(WaitingLetter::from).collect())
    }

    /// Letters that were released and wait to be posted, the oldest first, after `after`.
    pub async fn letters_to_post(
        &self,
        after: Option<&ReferenceRowId>,
        limit: u32,
    ) -> Result<Vec<WaitingLetter>> {
        let mut reader = self.store().reader().await?;
        let rows = reader.letters_to_post(after, limit).await?;
        Ok(rows.into_iter().map(WaitingLetter::from).collect())
    }

    /// The letters that a proposal released, for the two persons who did it, until they are posted. Each look at
    /// each letter is recorded.
    pub async fn released_letters(
        &self,
        proposal: &ProposalId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Vec<Letter>> {
        self.require(by, Act::ReleaseLetters, now).await?;
        let found = self.proposal(proposal).await?;
        let releases = matches!(found.act, ProposedAct::ReleaseLetters { .. });
        let persons = found.persons().filter(|_| releases);
        if !persons.is_some_and(|two| two.contains(&&by.id)) {
            let actor = Actor::Operator(by.id.clone());
            self.record_refusal(actor, format!("letters of proposal {proposal}"), now)
                .await?;
            return Err(Refusal::NotAllowed.into());
        }
        let mut reader = self.store().reader().await?;
        let rows = reader.letters_released_by(proposal).await?;
        drop(reader);
        if rows.is_empty() {
            return Err(ActRefusal::LettersPosted.into());
        }
        let mut letters = Vec::with_capacity(rows.len());
        for row in rows {
            letters.push(self.letter(row, now).await?);
        }
        let event = |letter: &Letter| {
            let actor = Actor::Operator(by.id.clone());
            let object = format!("grant:{}", letter.grant.id);
            let detail = format!("proposal {proposal}");
            self.event(actor, "letter.print", object, detail, now)
        };
        let events: Vec<_> = letters.iter().map(event).collect();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    for event in &events {
                        tx.insert_audit(event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(letters)
    }

    async fn letter(&self, row: LetterRow, now: Timestamp) -> Result<Letter> {
        let LetterRow {
            grant, reference, ..
        } = row;
        let (sealed, institution, earlier) = {
            let mut reader = self.store().reader().await?;
            (
                reader.letter_secret(&grant.id).await?,
                reader.institution(&grant.institution).await?,
                reader.earlier_letters_of(&grant.id).await?,
            )
        };
        let sealed = sealed.ok_or_else(|| clear_text_gone(&grant.request_id))?;
        let place = letter_place(&grant.id);
        let clear = self.keyring().open(Purpose::Letter, &place, &sealed)?;
        let reference_id = std::str::from_utf8(&clear)
            .ok()
            .and_then(ReferenceId::parse)
            .ok_or_else(|| internal("print a letter", "the sealed reference ID is malformed"))?;
        let institution =
            institution.ok_or_else(|| internal("print a letter", "the institution is gone"))?;
        let class = self.policy().class(&grant.class);
        let tls = self.authorities().issuing(CaKeyPurpose::Tls)?;
        let reissue = (earlier > 0).then(|| Reissue {
            on: reference.created_at.japan_date(),
            number: earlier,
            collected: reference.scope == ReferenceScope::RevocationOnly,
        });
        Ok(Letter {
            class_label: class.map_or_else(String::new, |rule| rule.label.clone()),
            postal_code: institution.postal_code,
            address: institution.address,
            reference_id,
            printed_on: now.japan_date(),
            connection_code: ConnectionCode::of(tls.certificate.public_key()).to_string(),
            tls_root: self.root(true)?,
            subscriber_root: self.root(false)?,
            reissue,
            grant,
        })
    }

    /// The newest root of the TLS hierarchy, or of the subscribers'.
    fn root(&self, of_tls: bool) -> Result<CaCertificate> {
        let roots = self.ca_certificates().into_iter().filter(|ca| ca.is_root);
        let of_kind = roots.filter(|ca| (ca.purpose == CaKeyPurpose::Tls) == of_tls);
        of_kind
            .max_by_key(|ca| ca.not_before)
            .ok_or_else(|| internal("print a letter", "a root certificate is missing"))
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
        let tracking = tracking.map(read_tracking).transpose()?;
        let (grant, reference) = self.grant_with_reference(request).await?;
        let was_out = reference.posted_at.is_some();
        if !was_out && reference.release.is_none() {
            return Err(ActRefusal::NotReleased.into());
        }
        let step = match grant.state {
            GrantState::Approved => GrantMove::Post,
            // Nothing new is in the post: only a letter that came back goes out again.
            _ if was_out => GrantMove::Post,
            _ => GrantMove::PostAgain,
        };
        let posted = grant.state.clone().apply(step, now)?;
        let earlier = {
            let mut reader = self.store().reader().await?;
            reader.earlier_letters_of(&grant.id).await?
        };
        // The same letter that goes out again tells nothing new.
        let kind = if earlier == 0 || was_out {
            MailKind::LetterPosted
        } else {
            MailKind::LetterReissued
        };
        let mail = self.posted_mail(kind, &grant, &reference, tracking.as_deref(), now);
        let actor = Actor::Operator(by.id.clone());
        let object = format!("grant:{}", grant.id);
        let detail = tracking.clone().unwrap_or_default();
        let event = self.event(actor, "letter.post", object, detail, now);
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
                    if !was_out && !tx.post_reference(&grant.id, now).await? {
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

    /// Text 9a where the letter has a new reference ID, else the first letter's.
    fn posted_mail(
        &self,
        kind: MailKind,
        grant: &Grant,
        reference: &StoredReference,
        tracking: Option<&str>,
        now: Timestamp,
    ) -> OutboxMail {
        let mut values = values_of(grant);
        values.push(("posted_at", now.to_string()));
        if let Some(tracking) = tracking {
            values.push(("tracking", tracking.to_owned()));
        }
        let collected = reference.scope == ReferenceScope::RevocationOnly;
        if kind == MailKind::LetterReissued && collected {
            values.push(("collected", "yes".to_owned()));
        }
        let key = format!("{}:{}:{}", kind.as_str(), grant.id, now.unix());
        self.mail(kind, &grant.mail, key, &values, now)
    }

    /// The letter came back: its IDs do not work until it, or another one, is posted again.
    pub async fn letter_returned(
        &self,
        request: &RequestId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Grant> {
        self.require(by, Act::Post, now).await?;
        let grant = self.grant_by(request).await?;
        let returned = grant.state.clone().apply(GrantMove::ReturnLetter, now)?;
        let actor = Actor::Operator(by.id.clone());
        let object = format!("grant:{}", grant.id);
        let event = self.event(actor, "letter.return", object, String::new(), now);
        let after = Grant {
            state: returned.clone(),
            ..grant.clone()
        };
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_grant(&grant.id, &grant.state, &returned).await? {
                        return Err(Error::Conflict);
                    }
                    tx.delete_flows_of(&grant.id).await?;
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(after)
    }

    /// F8: two dispatchers release letters for printing.
    pub(crate) async fn prepare_release(
        &self,
        proposal: &Proposal,
        requests: &BTreeSet<RequestId>,
    ) -> Result<Work> {
        let mut work = Work::default();
        for request in requests {
            let (grant, reference) = self.grant_with_reference(request).await?;
            if reference.posted_at.is_some() {
                let request = request.clone();
                return Err(ActRefusal::NoLetterWaits { request }.into());
            }
            if let GrantState::Frozen { .. } | GrantState::Voided { .. } = grant.state {
                let (request, state) = (request.clone(), grant.state.as_str());
                return Err(ActRefusal::Stopped { request, state }.into());
            }
            let mut reader = self.store().reader().await?;
            if reader.letter_secret(&grant.id).await?.is_none() {
                return Err(clear_text_gone(request));
            }
            work.about(
                format!("grant:{}", grant.id),
                "letter.release",
                String::new(),
            );
            work.steps
                .push(Step::Release(grant.id, proposal.id.clone()));
        }
        Ok(work)
    }

    async fn grant_with_reference(&self, request: &RequestId) -> Result<(Grant, StoredReference)> {
        let mut reader = self.store().reader().await?;
        let found = reader.grant_by_request(request).await?;
        let (grant, reference) = found.ok_or(Refusal::NotFound)?;
        let (_, reference) =
            reference.ok_or_else(|| internal("look at a letter", "no reference ID is live"))?;
        Ok((grant, reference))
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

/// 引受番号: digits and hyphens as the receipt of the post prints them.
fn read_tracking(typed: &str) -> Result<String> {
    let tracking = typed.trim();
    let plain = |b: u8| b.is_ascii_digit() || b == b'-';
    if tracking.is_empty() || tracking.len() > LONGEST_TRACKING || !tracking.bytes().all(plain) {
        return Err(ActRefusal::TrackingMalformed.into());
    }
    Ok(tracking.to_owned())
}

fn clear_text_gone(request: &RequestId) -> Error {
    let request = request.clone();
    ActRefusal::ClearTextGone { request }.into()
}

pub(crate) fn letter_place(id: &GrantId) -> String {
    letter_place_of(id.as_str())
}

/// The same, for a grant that was read as text.
pub(crate) fn letter_place_of(id: &str) -> String {
    format!("letter_secret/{id}/sealed")
}
