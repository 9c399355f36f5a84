//! Applicants and their procedures (I6, F1, F2).

use tegata_domain::applicant::{Applicant, ApplicationNumber, Contact};
use tegata_domain::application::CertificateApplication;
use tegata_domain::flow::{ApplicationFlow, ApplicationStep};
use tegata_domain::id::{ApplicationId, FlowId, InstitutionId};
use tegata_domain::institution::{MailAddress, TerminalName};
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::application::application;
use crate::certificate::digest;
use crate::error::StoreError;
use crate::row::Fields;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The applicant of an application; `None` where it was entered from paper.
    pub async fn applicant(
        &mut self,
        application: &ApplicationId,
    ) -> Result<Option<Applicant>, StoreError> {
        let row = self
            .fetch_optional(
                "select application_id, number, department, person, telephone, second_mail,
                    inquiry_hmac, inquiry_pepper, due
                from applicant where application_id = $1",
                &[application.as_str().into()],
            )
            .await?;
        row.map(|row| Ok(applicant(row.of("applicant"))?.1))
            .transpose()
    }

    /// The applicant with this 申請番号, and the application.
    pub async fn applicant_by_number(
        &mut self,
        number: &ApplicationNumber,
    ) -> Result<Option<(ApplicationId, Applicant)>, StoreError> {
        let row = self
            .fetch_optional(
                "select application_id, number, department, person, telephone, second_mail,
                    inquiry_hmac, inquiry_pepper, due
                from applicant where number = $1",
                &[number.as_str().into()],
            )
            .await?;
        row.map(|row| applicant(row.of("applicant"))).transpose()
    }

    /// The newest application of an institution for a terminal of this name, other than `own`; rejected and withdrawn
    /// ones left out.
    pub async fn application_for_terminal(
        &mut self,
        institution: &InstitutionId,
        terminal: &TerminalName,
        own: Option<&ApplicationId>,
    ) -> Result<Option<CertificateApplication>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, institution_id, terminal, mail, entered_by, entered_at,
                    state, examined_by, examined_at, decided_by, decided_at, reason, grant_id
                from application
                where institution_id = $1 and terminal = $2 and id <> $3
                    and state not in ('cancelled', 'rejected')
                order by id desc limit 1",
                &[
                    institution.as_str().into(),
                    terminal.as_str().into(),
                    own.map_or("", ApplicationId::as_str).into(),
                ],
            )
            .await?;
        row.map(|row| application(row.of("application")))
            .transpose()
    }

    /// The procedure of an applicant with this id, ended or not.
    pub async fn application_flow(
        &mut self,
        id: &FlowId,
    ) -> Result<Option<ApplicationFlow>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, application_id, step, version, answered, entered, created_at, expires_at
                from application_flow where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("application_flow");
            let answered = match fields.opt_bytes(4)? {
                Some(octets) => Some(digest(octets).ok_or_else(|| fields.corrupt(4))?),
                None => None,
            };
            Ok(ApplicationFlow {
                id: fields.id(0, FlowId::parse)?,
                application: fields.opt_id(1, ApplicationId::parse)?,
                step: fields.word(2, ApplicationStep::parse)?,
                version: fields.int(3)?,
                answered,
                entered: fields.text(5)?.to_owned(),
                created_at: fields.time(6)?,
                expires_at: fields.time(7)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Adds an applicant; `Conflict` on `applicant_number` where the number is taken.
    pub async fn insert_applicant(
        &mut self,
        application: &ApplicationId,
        applicant: &Applicant,
    ) -> Result<(), StoreError> {
        let contact = &applicant.contact;
        self.execute(
            "insert into applicant (application_id, number, department, person, telephone,
                second_mail, inquiry_hmac, inquiry_pepper, due)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                application.as_str().into(),
                applicant.number.as_str().into(),
                contact.department.as_deref().into(),
                contact.person.as_str().into(),
                contact.telephone.as_str().into(),
                contact.second_mail.as_ref().map(MailAddress::as_str).into(),
                applicant.inquiry.0.as_slice().into(),
                applicant.inquiry.1.into(),
                applicant.due.map(|due| due.to_string()).into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Writes whom to talk to, after a correction; the day by which to correct is over then.
    pub async fn change_contact(
        &mut self,
        application: &ApplicationId,
        contact: &Contact,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update applicant set department = $2, person = $3, telephone = $4, second_mail = $5,
                due = null
            where application_id = $1",
            &[
                application.as_str().into(),
                contact.department.as_deref().into(),
                contact.person.as_str().into(),
                contact.telephone.as_str().into(),
                contact.second_mail.as_ref().map(MailAddress::as_str).into(),
            ],
        )
        .await
    }

    /// The last day on which a returned application can be corrected; `false` where it came on paper.
    pub async fn set_due(
        &mut self,
        application: &ApplicationId,
        due: CalendarDate,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update applicant set due = $2 where application_id = $1",
            &[application.as_str().into(), due.to_string().into()],
        )
        .await
    }

    /// Adds a procedure of an applicant.
    pub async fn insert_application_flow(
        &mut self,
        flow: &ApplicationFlow,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into application_flow (id, application_id, step, version, answered, entered,
                created_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                flow.id.as_str().into(),
                flow.application.as_ref().map(ApplicationId::as_str).into(),
                flow.step.as_str().into(),
                flow.version.into(),
                flow.answered.as_ref().map(<[u8; 32]>::as_slice).into(),
                flow.entered.as_str().into(),
                flow.created_at.into(),
                flow.expires_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Takes the next step where the procedure still stands at `from_version`; `false` where another
    /// POST was first.
    pub async fn move_application_flow(
        &mut self,
        id: &FlowId,
        from_version: i64,
        step: ApplicationStep,
        entered: &str,
        answered: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update application_flow set step = $3, version = version + 1, entered = $4,
                answered = $5, expires_at = $6
            where id = $1 and version = $2",
            &[
                id.as_str().into(),
                from_version.into(),
                step.as_str().into(),
                entered.into(),
                answered.as_slice().into(),
                expires_at.into(),
            ],
        )
        .await
    }

    /// Deletes applicants' procedures that ended before `before`, with all that was entered in them.
    pub async fn delete_application_flows_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.execute(
            "delete from application_flow where id in (
                select id from application_flow
                where expires_at < $1 order by expires_at limit $2)",
            &[before.into(), i64::from(limit).into()],
        )
        .await
    }
}

fn applicant(fields: Fields<'_>) -> Result<(ApplicationId, Applicant), StoreError> {
    let found = Applicant {
        number: fields.word(1, ApplicationNumber::parse)?,
        contact: Contact {
            department: fields.opt_text(2)?.map(str::to_owned),
            person: fields.text(3)?.to_owned(),
            telephone: fields.text(4)?.to_owned(),
            second_mail: match fields.opt_text(5)? {
                Some(text) => Some(MailAddress::parse(text).ok_or_else(|| fields.corrupt(5))?),
                None => None,
            },
        },
        inquiry: (fields.bytes(6)?, fields.int(7)?),
        due: match fields.opt_text(8)? {
            Some(text) => Some(CalendarDate::parse(text).map_err(|_| fields.corrupt(8))?),
            None => None,
        },
    };
    Ok((fields.id(0, ApplicationId::parse)?, found))
}
