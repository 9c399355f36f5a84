//! 差戻し and 却下: an application goes back to the applicant for correction, or ends without a certificate
//! (decision F2). Neither needs a second person, since nothing comes of them.

use tegata_domain::application::{ApplicationRefusal, ApplicationState, CertificateApplication};
use tegata_domain::audit::Actor;
use tegata_domain::id::ApplicationId;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::outbox::MailKind;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::proposal::read_reason;

impl App {
    /// 差戻し: the applicant reads the reason and corrects the application until `due`.
    pub async fn return_application(
        &self,
        id: &ApplicationId,
        reason: &str,
        due: CalendarDate,
        by: &Operator,
        now: Timestamp,
    ) -> Result<CertificateApplication> {
        let application = self.application_to_answer(id, by, now).await?;
        let reason = read_reason(reason)?;
        if due < now.japan_date() {
            return Err(ActRefusal::DueOver.into());
        }
        let returned = application
            .clone()
            .give_back(by.id.clone(), now, reason.clone());
        let told = [("reason", reason), ("due", due.to_string())];
        let kind = MailKind::ApplicationReturned;
        self.answer(application, returned, (kind, &told), Some(due), by, now)
            .await
    }

    /// 却下: the applicant reads the reason.
    pub async fn reject_application(
        &self,
        id: &ApplicationId,
        reason: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<CertificateApplication> {
        let application = self.application_to_answer(id, by, now).await?;
        let reason = read_reason(reason)?;
        let rejected = application
            .clone()
            .reject(by.id.clone(), now, reason.clone());
        let told = [("reason", reason), ("rejected_at", now.to_string())];
        let kind = MailKind::ApplicationRejected;
        self.answer(application, rejected, (kind, &told), None, by, now)
            .await
    }

    /// An examined application is the approver's, any other the examiner's.
    async fn application_to_answer(
        &self,
        id: &ApplicationId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<CertificateApplication> {
        let application = self.application(id).await?;
        let act = match application.state {
            ApplicationState::Examined { .. } => Act::Approve,
            _ => Act::Examine,
        };
        self.require(by, act, now).await?;
        Ok(application)
    }

    async fn answer(
        &self,
        application: CertificateApplication,
        answered: std::result::Result<CertificateApplication, ApplicationRefusal>,
        (kind, told): (MailKind, &[(&str, String)]),
        due: Option<CalendarDate>,
        by: &Operator,
        now: Timestamp,
    ) -> Result<CertificateApplication> {
        let id = application.id.clone();
        let answered = match answered {
            Ok(answered) => answered,
            Err(refusal) => return Err(self.refused_case(&id, by, refusal.into(), now).await),
        };
        let (institution, applicant) = {
            let mut reader = self.store().reader().await?;
            let institution = reader.institution(&application.institution).await?;
            (institution, reader.applicant(&id).await?)
        };
        let institution =
            institution.ok_or_else(|| internal("answer", "the institution is gone"))?;
        let mut values = vec![
            ("institution", institution.name),
            ("terminal", application.terminal.as_str().to_owned()),
        ];
        match applicant {
            Some(applicant) => {
                values.push(("application_no", applicant.number.to_string()));
                values.push(("contact", applicant.contact.person));
            }
            // From paper: the case's own id.
            None => values.push(("application_no", application.id.to_string())),
        }
        values.extend(told.iter().cloned());
        let key = format!("{}:{id}:{}", kind.as_str(), now.unix());
        let mail = self.mail(kind, &application.mail, key, &values, now);
        let action = match kind {
            MailKind::ApplicationReturned => "application.return",
            _ => "application.reject",
        };
        let actor = Actor::Operator(by.id.clone());
        let object = format!("application:{id}");
        let event = self.event(actor, action, object, String::new(), now);
        let row = answered.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_application(&application, &row).await? {
                        return Err(Error::Conflict);
                    }
                    if let Some(due) = due {
                        tx.set_due(&application.id, due).await?;
                    }
                    tx.insert_mail(&mail).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(answered)
    }
}
