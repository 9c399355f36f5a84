//! 申請状況照会 (`/p/rcr/status`, decisions F2, I6): where an application stands, its withdrawal before the approval, and
//! its correction after 差戻し.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tegata_domain::applicant::{Applicant, ApplicationNumber};
use tegata_domain::application::{ApplicationState, CertificateApplication};
use tegata_domain::audit::Actor;
use tegata_domain::flow::{ApplicationStep, Turn};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{ApplicationId, FlowId};
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::ReferenceId;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::application_form::entered_of;
use crate::base::App;
use crate::error::{Error, Refusal, Result, internal};
use crate::flow::Opened;
use crate::seal::Purpose;
use crate::source::Source;

/// What a person typed on RCS-1. `None`: it can be no such number; the answer is the same.
pub struct TypedNumbers {
    /// 申請番号.
    pub application: Option<ApplicationNumber>,
    /// 照会番号.
    pub inquiry: Option<ReferenceId>,
}

/// The ten states that RCS-2 shows, each with what its sentence names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationStatus {
    /// 発行承認.
    Approved,
    /// 取消済み.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// 取得済み.
    Collected {
        /// When.
        at: Timestamp,
    },
    /// 審査中.
    Examined,
    /// 通知書返送.
    LetterReturned,
    /// 通知書発送.
    Posted {
        /// When.
        on: Timestamp,
        /// 引受番号.
        tracking: Option<String>,
        /// The last second of the collection window.
        window_end: Timestamp,
    },
    /// 却下.
    Rejected {
        /// Why.
        reason: String,
    },
    /// 差戻し.
    Returned {
        /// What is to be corrected.
        reason: String,
        /// Until when.
        due: Option<CalendarDate>,
    },
    /// 受付.
    Submitted,
    /// 期間終了.
    WindowEnded,
}

/// What RCS-2 to RCS-4 show.
#[derive(Clone, Debug)]
pub struct InquiryPage {
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// `Inquiry`, or `Done` after the withdrawal.
    pub step: ApplicationStep,
    /// 申請番号.
    pub application_no: String,
    /// 医療機関等.
    pub institution: String,
    /// 端末名称等.
    pub terminal: String,
    /// 申請日.
    pub entered_at: Timestamp,
    /// Where it stands.
    pub status: ApplicationStatus,
    /// When it was examined, approved, posted and collected, as far as it came.
    pub examined_at: Option<Timestamp>,
    /// 発行承認.
    pub approved_at: Option<Timestamp>,
    /// 通知書発送.
    pub posted_at: Option<Timestamp>,
    /// 取得.
    pub collected_at: Option<Timestamp>,
    /// Whether the applicant can withdraw it.
    pub can_cancel: bool,
    /// Whether the applicant can correct it.
    pub can_correct: bool,
}

impl App {
    /// RCS-1: checks the two numbers and begins a procedure.
    pub async fn open_inquiry(&self, typed: TypedNumbers, source: Source) -> Result<Opened> {
        let id = self.prove_numbers(typed, source).await?;
        self.count_begun(source)?;
        self.begin_applicant_flow(ApplicationStep::Inquiry, Some(id), "{}".to_owned())
            .await
    }

    /// RCS-2 to RCS-4.
    pub async fn inquiry_page(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        now: Timestamp,
    ) -> Result<InquiryPage> {
        let (flow, _) = self.load_applicant_flow(flow, cookie).await?;
        let id = flow.application.clone().ok_or(Refusal::FlowEnded)?;
        let (application, applicant) = self.application_with_applicant(&id).await?;
        let mut reader = self.store().reader().await?;
        let institution = reader.institution(&application.institution).await?;
        let institution = institution.ok_or_else(|| internal("show", "no institution"))?;
        let grant = match &application.state {
            ApplicationState::Approved { grant, .. } => reader.grant(grant).await?,
            _ => None,
        };
        let posted = match &grant {
            Some(grant) => reader.tracking(&grant.id).await?,
            None => None,
        };
        drop(reader);
        let status = status(
            &application,
            &applicant,
            grant.as_ref(),
            posted.as_ref(),
            now,
        );
        let is_open = matches!(
            application.state,
            ApplicationState::Submitted
                | ApplicationState::Examined { .. }
                | ApplicationState::Returned { .. }
        );
        let due_is_over = applicant.due.is_some_and(|due| due < now.japan_date());
        Ok(InquiryPage {
            version: flow.version,
            step: flow.step,
            application_no: applicant.number.to_string(),
            institution: institution.name,
            terminal: application.terminal.as_str().to_owned(),
            entered_at: application.entered_at,
            examined_at: match &application.state {
                ApplicationState::Examined { at, .. } => Some(*at),
                ApplicationState::Approved { at, .. } => Some(*at),
                _ => None,
            },
            approved_at: match &application.state {
                ApplicationState::Approved { at, .. } => Some(*at),
                _ => None,
            },
            posted_at: posted.map(|(at, _)| at),
            collected_at: grant.as_ref().and_then(|grant| collected_at(&grant.state)),
            can_cancel: is_open,
            can_correct: matches!(status, ApplicationStatus::Returned { .. }) && !due_is_over,
            status,
        })
    }

    /// RCS-3 → RCS-4: 取消, before the approval only.
    pub async fn cancel_application(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let (row, _) = self.load_applicant_flow(flow, cookie).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"cancel"])?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        let (ApplicationStep::Inquiry, Some(id)) = (row.step, row.application.clone()) else {
            return Err(Refusal::FlowElsewhere.into());
        };
        let (application, applicant) = self.application_with_applicant(&id).await?;
        let cancelled = application.clone().cancel(now)?;
        let institution = {
            let mut reader = self.store().reader().await?;
            reader.institution(&application.institution).await?
        };
        let institution = institution.ok_or_else(|| internal("cancel", "no institution"))?;
        let values = [
            ("institution", institution.name),
            ("contact", applicant.contact.person),
            ("terminal", application.terminal.as_str().to_owned()),
            ("application_no", applicant.number.to_string()),
            ("cancelled_at", now.to_string()),
        ];
        let kind = MailKind::ApplicationCancelled;
        let key = format!("application_cancelled:{id}");
        let mail = self.mail(kind, &application.mail, key, &values, now);
        let object = format!("application:{id}");
        let actor = Actor::Subscriber(source.to_string());
        let event = self.event(actor, "application.cancel", object, String::new(), now);
        let expires = self.flow_end();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let done = ApplicationStep::Done;
                    let moved = tx
                        .move_application_flow(&row.id, row.version, done, "{}", &digest, expires)
                        .await?;
                    if !moved || !tx.move_application(&application, &cancelled).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_mail(&mail).await?;
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }

    /// 差戻し → RCR-2 with everything filled in: a procedure of its own.
    pub async fn begin_correction(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        source: Source,
        now: Timestamp,
    ) -> Result<Opened> {
        self.count_begun(source)?;
        if !self.inquiry_page(flow, cookie, now).await?.can_correct {
            return Err(Refusal::FlowElsewhere.into());
        }
        let (row, _) = self.load_applicant_flow(flow, cookie).await?;
        let id = row.application.ok_or(Refusal::FlowEnded)?;
        let (application, applicant) = self.application_with_applicant(&id).await?;
        let mut reader = self.store().reader().await?;
        let institution = reader.institution(&application.institution).await?;
        drop(reader);
        let institution = institution.ok_or_else(|| internal("correct", "no institution"))?;
        let entered = entered_of(&application, &applicant, &institution)?;
        self.begin_applicant_flow(ApplicationStep::Institution, Some(id), entered)
            .await
    }

    /// HMAC of 照会番号 under the newest pepper, and that pepper's number (I6, I2).
    pub(crate) fn inquiry_hmac(
        &self,
        number: &ApplicationNumber,
        inquiry: &ReferenceId,
    ) -> (Vec<u8>, i64) {
        let pepper = self.peppers().newest();
        let hmac = self.peppers().mac(
            Some(pepper),
            &[
                b"application",
                number.as_str().as_bytes(),
                inquiry.expose().as_bytes(),
            ],
        );
        (hmac.to_vec(), pepper)
    }

    /// The same number of hashes and queries for an unknown number, a wrong secret and a right pair (I3).
    async fn prove_numbers(&self, typed: TypedNumbers, source: Source) -> Result<ApplicationId> {
        let number = typed
            .application
            .unwrap_or_else(|| ApplicationNumber::new(0, 0));
        let inquiry = typed
            .inquiry
            .unwrap_or_else(|| ReferenceId::generate(self.entropy(), 10));
        let mut reader = self.store().reader().await?;
        let found = reader.applicant_by_number(&number).await?;
        drop(reader);
        let pepper = found.as_ref().map(|(_, applicant)| applicant.inquiry.1);
        let made = self.peppers().mac(
            pepper,
            &[
                b"application",
                number.as_str().as_bytes(),
                inquiry.expose().as_bytes(),
            ],
        );
        let nothing = vec![0; 32];
        let wanted = found
            .as_ref()
            .map_or(&nothing, |(_, applicant)| &applicant.inquiry.0);
        let equal = verify_slices_are_equal(&made, wanted).is_ok();
        match found {
            Some((id, _)) if equal => Ok(id),
            _ => Err(self.wrong_ids(source).await),
        }
    }

    async fn application_with_applicant(
        &self,
        id: &ApplicationId,
    ) -> Result<(CertificateApplication, Applicant)> {
        let application = self.application(id).await?;
        let applicant = self.store().reader().await?.applicant(id).await?;
        let applicant = applicant.ok_or_else(|| internal("inquire", "no applicant"))?;
        Ok((application, applicant))
    }
}

fn status(
    application: &CertificateApplication,
    applicant: &Applicant,
    grant: Option<&Grant>,
    posted: Option<&(Timestamp, Option<String>)>,
    now: Timestamp,
) -> ApplicationStatus {
    match &application.state {
        ApplicationState::Submitted => ApplicationStatus::Submitted,
        ApplicationState::Examined { .. } => ApplicationStatus::Examined,
        ApplicationState::Cancelled { at } => ApplicationStatus::Cancelled { at: *at },
        ApplicationState::Rejected { reason, .. } => ApplicationStatus::Rejected {
            reason: reason.clone(),
        },
        ApplicationState::Returned { reason, .. } => ApplicationStatus::Returned {
            reason: reason.clone(),
            due: applicant.due,
        },
        ApplicationState::Approved { .. } => match grant {
            Some(grant) => granted(&grant.state, grant, posted, now),
            None => ApplicationStatus::Approved,
        },
    }
}

fn granted(
    state: &GrantState,
    grant: &Grant,
    posted: Option<&(Timestamp, Option<String>)>,
    now: Timestamp,
) -> ApplicationStatus {
    if let Some(at) = collected_at(state) {
        return ApplicationStatus::Collected { at };
    }
    match state {
        GrantState::Frozen { from, .. } => granted(from, grant, posted, now),
        GrantState::LetterReturned { .. } => ApplicationStatus::LetterReturned,
        GrantState::Voided { .. } => ApplicationStatus::WindowEnded,
        GrantState::Posted | GrantState::KeyFixed { .. } if now > grant.window_end => {
            ApplicationStatus::WindowEnded
        }
        GrantState::Posted | GrantState::KeyFixed { .. } => match posted {
            Some((on, tracking)) => ApplicationStatus::Posted {
                on: *on,
                tracking: tracking.clone(),
                window_end: grant.window_end,
            },
            None => ApplicationStatus::Approved,
        },
        GrantState::Approved | GrantState::Collected { .. } | GrantState::SeenInUse { .. } => {
            ApplicationStatus::Approved
        }
    }
}

fn collected_at(state: &GrantState) -> Option<Timestamp> {
    match state {
        GrantState::Collected { at, .. } | GrantState::SeenInUse { at, .. } => Some(*at),
        GrantState::Frozen { from, .. } => collected_at(from),
        _ => None,
    }
}
