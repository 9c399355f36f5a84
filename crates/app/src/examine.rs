//! 審査 and 承認: three persons make a grant (decisions F2, F8). The database holds that they differ.

use tegata_domain::application::{ApplicationState, CertificateApplication};
use tegata_domain::audit::Actor;
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, Persons, not_after, window_end};
use tegata_domain::id::{ApplicationId, GrantId};
use tegata_domain::institution::{Institution, MailAddress};
use tegata_domain::operator::{Act, Operator};
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_domain::time::Timestamp;

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::error::{Error, Refusal, Result, internal};
use crate::letter::letter_place;
use crate::seal::Purpose;

/// Counter of the running number in a request ID: global, never per day (I1).
const COUNTER: &str = "request";

impl App {
    /// 審査: an examiner finds the application in order.
    pub async fn examine_application(
        &self,
        id: &ApplicationId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<CertificateApplication> {
        self.require(by, Act::Examine, now).await?;
        let application = self.application(id).await?;
        let examined = match application.clone().examine(by.id.clone(), now) {
            Ok(examined) => examined,
            Err(refusal) => return Err(self.refused_case(id, by, refusal.into(), now).await),
        };
        let object = format!("application:{id}");
        let actor = Actor::Operator(by.id.clone());
        let event = self.event(actor, "application.examine", object, String::new(), now);
        let row = examined.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_application(&application, &row).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(examined)
    }

    /// 承認: a third person approves; the grant, its IDs and its letter come into being.
    pub async fn approve_application(
        &self,
        id: &ApplicationId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Grant> {
        self.require(by, Act::Approve, now).await?;
        let application = self.application(id).await?;
        let grant_id = GrantId::generate(now, self.entropy());
        let approved = match application
            .clone()
            .approve(by.id.clone(), now, grant_id.clone())
        {
            Ok(approved) => approved,
            Err(refusal) => return Err(self.refused_case(id, by, refusal.into(), now).await),
        };
        let (institution, number) = self.before_approval(&application, by, now).await?;
        let seen = institution.clone();
        let request = RequestId::new(now.japan_date(), number);
        let second_mail = self.second_mail_of(&application).await?;
        let grant = Grant {
            second_mail,
            ..self.grant_of(&approved, institution, grant_id, request, now)?
        };
        let (reference, stored) =
            self.new_reference(&grant.request_id, ReferenceScope::Letter, now);
        let letter = self.keyring().seal(
            Purpose::Letter,
            &letter_place(&grant.id),
            reference.expose().as_bytes(),
        )?;
        let reference_row = tegata_domain::id::ReferenceRowId::generate(now, self.entropy());
        let object = format!("grant:{}", grant.id);
        let detail = format!("request {} from application {id}", grant.request_id);
        let event = self.event(
            Actor::Operator(by.id.clone()),
            "grant.approve",
            object,
            detail,
            now,
        );
        let row = grant.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let unchanged = tx.institution(&seen.id).await? == Some(seen);
                    if !unchanged || !tx.move_application(&application, &approved).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_grant(&row, &reference_row, &stored, &letter)
                        .await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(grant)
    }

    /// The institution as it was examined, and the next running number.
    async fn before_approval(
        &self,
        application: &CertificateApplication,
        by: &Operator,
        now: Timestamp,
    ) -> Result<(Institution, u64)> {
        let institution = self
            .store()
            .reader()
            .await?
            .institution(&application.institution)
            .await?;
        let institution =
            institution.ok_or_else(|| internal("approve", "the institution is gone"))?;
        if institution.closed_at.is_some() {
            return Err(ActRefusal::InstitutionClosed.into());
        }
        if let ApplicationState::Examined { by: examiner, at } = &application.state {
            if institution.changed_at.is_some_and(|changed| changed >= *at) {
                let because = ActRefusal::RegisterChanged;
                return Err(self.examine_again(application, because, by, now).await?);
            }
            if !self.still_may(examiner, Act::Examine).await? {
                let because = ActRefusal::ExaminerLeft;
                return Err(self.examine_again(application, because, by, now).await?);
            }
        }
        Ok((institution, self.next_request_number().await?))
    }

    /// Puts a case back before the examiners: the register changed after they looked (F2), or whoever looked may not any
    /// more (T41). Answers why.
    async fn examine_again(
        &self,
        application: &CertificateApplication,
        because: ActRefusal,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Error> {
        let examined = application.clone();
        let again = application
            .clone()
            .examine_again()
            .map_err(|refusal| internal("examine again", refusal))?;
        let object = format!("application:{}", application.id);
        let actor = Actor::Operator(by.id.clone());
        let detail = match because {
            ActRefusal::ExaminerLeft => "whoever examined it may not examine any more",
            _ => "the register changed after the examination",
        };
        let detail = detail.to_owned();
        let event = self.event(actor, "application.examine_again", object, detail, now);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_application(&examined, &again).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(because.into())
    }

    /// The next running number of a request ID. A number whose step fails stays unused.
    pub(crate) async fn next_request_number(&self) -> Result<u64> {
        self.store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.next_number(COUNTER).await?) })
            })
            .await
    }

    /// 予備のメールアドレス that the applicant gave, where it is another one than the first.
    async fn second_mail_of(
        &self,
        application: &CertificateApplication,
    ) -> Result<Option<MailAddress>> {
        let mut reader = self.store().reader().await?;
        let applicant = reader.applicant(&application.id).await?;
        let second = applicant.and_then(|applicant| applicant.contact.second_mail);
        Ok(second.filter(|second| *second != application.mail))
    }

    fn grant_of(
        &self,
        application: &CertificateApplication,
        institution: Institution,
        id: GrantId,
        request_id: RequestId,
        now: Timestamp,
    ) -> Result<Grant> {
        let ApplicationState::Approved {
            examined_by, by, ..
        } = &application.state
        else {
            return Err(internal("approve", "the application is not approved"));
        };
        let periods = &self.policy().periods;
        Ok(Grant {
            id,
            request_id,
            application: application.id.clone(),
            origin: GrantOrigin::Letter,
            institution: institution.id,
            institution_name: institution.name,
            class: institution.class,
            code: institution.code,
            prefecture: institution.prefecture,
            terminal: application.terminal.clone(),
            mail: application.mail.clone(),
            second_mail: None,
            approved_at: now,
            not_after: not_after(now, periods),
            window_end: window_end(now, periods),
            persons: Persons {
                entered_by: application.entered_by.as_text().to_owned(),
                examined_by: examined_by.clone(),
                approved_by: by.clone(),
            },
            state: GrantState::Approved,
        })
    }

    /// The application with this id.
    pub async fn application(&self, id: &ApplicationId) -> Result<CertificateApplication> {
        let application = self.store().reader().await?.application(id).await?;
        Ok(application.ok_or(Refusal::NotFound)?)
    }

    /// Records a refused step of a case and hands the refusal back (T40).
    pub(crate) async fn refused_case(
        &self,
        id: &ApplicationId,
        by: &Operator,
        refusal: Error,
        now: Timestamp,
    ) -> Error {
        let actor = Actor::Operator(by.id.clone());
        match self
            .record_refusal(actor, format!("application {id}: {refusal}"), now)
            .await
        {
            Ok(()) => refusal,
            Err(error) => error,
        }
    }
}
