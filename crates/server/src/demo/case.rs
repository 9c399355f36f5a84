//! The life of a sample, made through the same steps that persons take (contract "Demo").

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;
use tegata_app::{
    App, EnteredContact, EnteredInstitution, Hit, IssuedNumbers, KeyFileForm, NewApplication,
    PasswordForm, RevocationForm, Source, TypedIds, Visit,
};
use tegata_domain::grant::{Grant, not_after};
use tegata_domain::id::ApplicationId;
use tegata_domain::institution::{ClassName, InstitutionCode, MailAddress};
use tegata_domain::operator::Operator;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::ReferenceId;
use tegata_domain::revocation::{Outcome as Ending, StatedReason};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use super::folder::{Folder, SampleCertificate};
use crate::failure::{Failure, Outcome};
use crate::system::generated_password;

/// Where the samples' requests come from.
const SOURCE: Source = Source(IpAddr::V4(Ipv4Addr::LOCALHOST));
/// Days that the approval of a certificate of 39 months can lie back.
pub(super) const OLDEST: i64 = 1_300;

/// `demo.toml` apart from the policy.
#[derive(Debug, Deserialize)]
pub(super) struct Cases {
    pub(super) announcement: Vec<SampleAnnouncement>,
    pub(super) applicant: SampleApplicant,
    pub(super) sample: Vec<Case>,
}

/// お知らせ of the entrance page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleAnnouncement {
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) body: String,
    /// For how many days it stands there.
    pub(super) shown_days: i64,
    /// In how many days the service is not as usual.
    pub(super) affects_in_days: Option<i64>,
}

/// Who applies on the web.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleApplicant {
    department: String,
    person: String,
}

/// A case of `demo.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    state: CaseState,
    /// On which day its validity ends, counted from today; 39 months from today where it is left out.
    ends_in_days: Option<i64>,
    pub(super) class: String,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) kana: String,
    pub(super) postal_code: String,
    pub(super) address: String,
    pub(super) telephone: String,
    terminal: String,
    mail: String,
}

/// How far a case goes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum CaseState {
    Submitted,
    Examined,
    Approved,
    Posted,
    Collected,
    Renewable,
    Expired,
    OnHold,
    Revoked,
}

impl CaseState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Examined => "examined",
            Self::Approved => "approved",
            Self::Posted => "posted",
            Self::Collected => "collected",
            Self::Renewable => "renewable",
            Self::Expired => "expired",
            Self::OnHold => "on_hold",
            Self::Revoked => "revoked",
        }
    }
}

/// The operators of the parts that a case goes through.
pub(super) struct Staff {
    pub(super) administrator: Operator,
    pub(super) intake: Operator,
    pub(super) examiner: Operator,
    pub(super) approver: Operator,
    pub(super) dispatchers: [Operator; 2],
}

/// Lets samples live.
pub(super) struct Life<'a> {
    pub(super) app: &'a App,
    pub(super) folder: &'a Folder,
    pub(super) staff: &'a Staff,
    pub(super) applicant: &'a SampleApplicant,
}

impl Life<'_> {
    /// One case from its application to the state that it shall show.
    pub(super) async fn of(&self, case: &Case) -> Outcome<SampleCertificate> {
        let mut made = SampleCertificate {
            request_id: None,
            reference_id: None,
            application_no: None,
            inquiry_no: None,
            institution_code: case.code.clone(),
            terminal: case.terminal.clone(),
            state: case.state.as_str().to_owned(),
            p12: None,
            p12_password: None,
        };
        let (approval, day) = self.approval(case)?;
        let application = if case.state < CaseState::Posted {
            let (id, numbers) = self.applied(case).await?;
            made.application_no = Some(numbers.application_no);
            made.inquiry_no = Some(numbers.inquiry_no);
            id
        } else {
            self.entered(case, approval.plus_seconds(-3 * day)).await?
        };
        if case.state >= CaseState::Examined {
            let at = approval.plus_seconds(-day);
            self.app
                .examine_application(&application, &self.staff.examiner, at)
                .await?;
        }
        if case.state >= CaseState::Approved {
            let grant = self
                .app
                .approve_application(&application, &self.staff.approver, approval)
                .await?;
            made.request_id = Some(grant.request_id.to_string());
            if case.state >= CaseState::Posted {
                self.live_on(case, &grant, (approval, day), &mut made)
                    .await?;
            }
        }
        Ok(made)
    }

    /// When the case is approved, and how many seconds lie between its steps: none for a case of today.
    fn approval(&self, case: &Case) -> Outcome<(Timestamp, i64)> {
        let now = self.app.clock_now();
        let Some(days) = case.ends_in_days else {
            return Ok((now, 0));
        };
        let wanted = now.plus_days(days).japan_date();
        let periods = &self.app.policy().periods;
        let ends = |approval: &Timestamp| not_after(*approval, periods).japan_date() == wanted;
        let approval = (0..OLDEST).map(|back| now.plus_days(-back)).find(ends);
        let approval = approval.ok_or_else(|| defect("a sample ends on no day that there is"))?;
        Ok((approval, 86_400))
    }

    /// Posted, and what follows.
    async fn live_on(
        &self,
        case: &Case,
        grant: &Grant,
        (approval, day): (Timestamp, i64),
        made: &mut SampleCertificate,
    ) -> Outcome<()> {
        let reference = self.posted(grant, approval.plus_seconds(day)).await?;
        made.reference_id = Some(reference.expose().to_owned());
        let ids = || TypedIds {
            request: Some(grant.request_id.clone()),
            reference: Some(reference.clone()),
        };
        if case.state >= CaseState::Collected {
            let password = generated_password();
            let at = approval.plus_seconds(4 * day);
            let (name, file) = self.collected(ids(), &password, at).await?;
            let path = self
                .folder
                .write(&format!("samples/{name}"), 0o600, &*file)?;
            made.p12 = Some(path);
            made.p12_password = Some(password.expose().clone());
        }
        if case.state >= CaseState::OnHold {
            let number = self.on_hold(ids(), case).await?;
            if case.state == CaseState::Revoked {
                for by in [&self.staff.examiner, &self.staff.approver] {
                    let now = self.app.clock_now();
                    self.app
                        .decide_revocation(&number, Ending::Complete, "sample", by, now)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Entered from paper.
    async fn entered(&self, case: &Case, at: Timestamp) -> Outcome<ApplicationId> {
        let mail = MailAddress::parse(&case.mail).ok_or_else(|| {
            let what = format!("{} of a sample is no mail address", case.mail);
            Failure::new(what, "report this as a defect")
        })?;
        let application = NewApplication {
            class: ClassName::new(&case.class),
            code: case.code.clone(),
            terminal: case.terminal.clone(),
            mail,
        };
        let entered = self
            .app
            .enter_application(application, &self.staff.intake, at)
            .await?;
        Ok(entered.id)
    }

    /// RCR-2 to RCR-5: applied on the web.
    async fn applied(&self, case: &Case) -> Outcome<(ApplicationId, IssuedNumbers)> {
        let app = self.app;
        let opened = app.begin_application(SOURCE).await?;
        let (flow, cookie) = (&opened.flow, Some(opened.cookie.as_str()));
        let prefecture = InstitutionCode::from_stored(case.code.clone()).prefecture();
        let institution = EnteredInstitution {
            class: case.class.clone(),
            prefecture: prefecture.map_or_else(String::new, |one| one.romaji().to_owned()),
            code: case.code.clone(),
        };
        let version = app.application_page(flow, cookie).await?.version;
        app.enter_application_institution(flow, cookie, version, institution)
            .await?;
        let contact = EnteredContact {
            terminals: vec![case.terminal.clone()],
            department: self.applicant.department.clone(),
            person: self.applicant.person.clone(),
            telephone: case.telephone.clone(),
            mail: case.mail.clone(),
            mail_confirmation: case.mail.clone(),
            second_mail: String::new(),
        };
        let version = app.application_page(flow, cookie).await?.version;
        app.enter_application_contact(flow, cookie, version, contact)
            .await?;
        let version = app.application_page(flow, cookie).await?.version;
        app.submit_application(flow, cookie, version, true, SOURCE, app.clock_now())
            .await?;
        let numbers = app.application_page(flow, cookie).await?.numbers;
        let numbers = numbers.into_iter().next();
        let numbers = numbers.ok_or_else(|| defect("a sample's application has no number"))?;
        let found = app.find(&numbers.application_no, None).await?;
        let application = found.hits.into_iter().find_map(|hit| match hit {
            Hit::Application(case) => Some(case.application.id),
            Hit::Institution(_) => None,
        });
        let application = application.ok_or_else(|| defect("a sample's application is gone"))?;
        Ok((application, numbers))
    }

    /// Released by two, printed and posted.
    async fn posted(&self, grant: &Grant, at: Timestamp) -> Outcome<ReferenceId> {
        let (app, [first, second]) = (self.app, &self.staff.dispatchers);
        let requests = [grant.request_id.clone()].into();
        let act = ProposedAct::ReleaseLetters { requests };
        let proposal = app.propose(act, "sample", first, at).await?;
        app.confirm_proposal(&proposal.id, second, at).await?;
        let letters = app.released_letters(&proposal.id, first, at).await?;
        let letter = letters.into_iter().next();
        let letter = letter.ok_or_else(|| defect("a sample has no letter"))?;
        app.post_letter(&grant.request_id, None, first, at).await?;
        Ok(letter.reference_id)
    }

    /// The `.p12` with its name.
    async fn collected(
        &self,
        ids: TypedIds,
        password: &Secret<String>,
        at: Timestamp,
    ) -> Outcome<(String, zeroize::Zeroizing<Vec<u8>>)> {
        let app = self.app;
        let opened = app.open_collection(ids, SOURCE, at).await?;
        let page = app
            .collection_page(&opened.flow, by(&opened.cookie), at)
            .await?;
        let form = PasswordForm {
            version: page.version,
            password: Secret::from(password.expose().as_str()),
            confirmation: Secret::from(password.expose().as_str()),
            form: KeyFileForm::Modern,
            weak_accepted: true,
        };
        let cookie = app
            .set_password(&opened.flow, by(&opened.cookie), form, at)
            .await?;
        let page = app.collection_page(&opened.flow, by(&cookie), at).await?;
        let file = app
            .download(&opened.flow, by(&cookie), page.version, at)
            .await?;
        Ok((file.name, file.der))
    }

    /// A request to revoke, which puts the certificate on hold; its number.
    async fn on_hold(&self, ids: TypedIds, case: &Case) -> Outcome<String> {
        let (app, now) = (self.app, self.app.clock_now());
        let opened = app.open_revocation(ids, SOURCE, now).await?;
        let (flow, cookie) = (&opened.flow, opened.cookie.as_str());
        let form = RevocationForm {
            version: app.revocation_page(flow, by(cookie)).await?.version,
            mail: case.mail.clone(),
            confirmation: case.mail.clone(),
            reason: StatedReason::Lost.as_str().to_owned(),
            newer: String::new(),
        };
        app.enter_revocation(flow, by(cookie), form).await?;
        let version = app.revocation_page(flow, by(cookie)).await?.version;
        app.submit_revocation(flow, by(cookie), version, true, now)
            .await?;
        let accepted = app.revocation_page(flow, by(cookie)).await?.accepted;
        accepted
            .map(|request| request.number)
            .ok_or_else(|| defect("the sample request to revoke was not accepted"))
    }
}

fn by(cookie: &str) -> Visit<'_> {
    Visit {
        cookie: Some(cookie),
        presented: None,
        source: SOURCE,
    }
}

fn defect(reason: &str) -> Failure {
    Failure::new(reason, "report this as a defect")
}
