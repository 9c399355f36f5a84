//! 発行申請 by the applicant (`/p/rcr`, manual 2.1, decisions F2, I5, I6): RCR-2 to RCR-5. One submission with several
//! terminals is one application for each.

mod entered;
mod numbers;
mod submission;

use serde::Serialize;
use tegata_domain::flow::{ApplicationFlow, ApplicationStep, Turn};
use tegata_domain::id::{ApplicationId, FlowId};
use tegata_domain::institution::{
    ClassName, Institution, InstitutionCode, InvalidCode, Prefecture, TerminalName,
};
use tegata_domain::time::Timestamp;

pub use self::entered::EnteredInstitution;
pub(crate) use self::entered::entered_of;
pub use self::numbers::IssuedNumbers;

use self::entered::{Entered, read_entered, write_entered};
use self::numbers::open_numbers;
use crate::application_contact::{EnteredContact, check_contact_form};
use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{FieldProblem, Refusal, Result, internal};
use crate::flow::Opened;
use crate::seal::Purpose;
use crate::source::Source;

/// What RCR-2 to RCR-5 show.
#[derive(Clone, Debug)]
pub struct ApplicationPage {
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// Which page is next.
    pub step: ApplicationStep,
    /// RCR-2 so far.
    pub institution: EnteredInstitution,
    /// RCR-3 so far.
    pub contact: EnteredContact,
    /// The institution of the register, once RCR-2 is done.
    pub register: Option<Institution>,
    /// Terminals for which an application was entered before, and when.
    pub duplicates: Vec<(String, Timestamp)>,
    /// Whether it corrects an application that was returned.
    pub is_correction: bool,
    /// RCR-5: terminal, 申請番号 and 照会番号.
    pub numbers: Vec<IssuedNumbers>,
    /// RCR-5: no mail went out, since the address had its number of them today.
    pub is_mail_withheld: bool,
}

impl App {
    /// RCR-1 → RCR-2.
    pub async fn begin_application(&self, source: Source) -> Result<Opened> {
        self.count_begun(source)?;
        let entered = write_entered(&Entered::default())?;
        self.begin_applicant_flow(ApplicationStep::Institution, None, entered)
            .await
    }

    /// RCR-2 to RCR-5, by where the procedure stands.
    pub async fn application_page(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
    ) -> Result<ApplicationPage> {
        let (flow, secret) = self.load_form_flow(flow, cookie).await?;
        let entered = read_entered(&flow);
        let register = match flow.step {
            ApplicationStep::Institution | ApplicationStep::Inquiry => None,
            _ => self.check_institution_form(&entered.institution).await.ok(),
        };
        let duplicates = match (&register, flow.step) {
            (Some(institution), ApplicationStep::Confirm) => {
                let own = flow.application.as_ref();
                self.duplicates(institution, &entered.contact, own).await?
            }
            _ => Vec::new(),
        };
        Ok(ApplicationPage {
            version: flow.version,
            step: flow.step,
            institution: entered.institution,
            contact: entered.contact,
            register,
            duplicates,
            is_correction: flow.application.is_some(),
            is_mail_withheld: entered.is_mail_withheld,
            numbers: match &entered.numbers {
                Some(sealed) => open_numbers(&flow.id, sealed, &secret)?,
                None => Vec::new(),
            },
        })
    }

    /// RCR-2 → RCR-3.
    pub async fn enter_application_institution(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        form: EnteredInstitution,
    ) -> Result<()> {
        let (row, _) = self.load_form_flow(flow, cookie).await?;
        let digest = self.form_digest(b"institution", &form)?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        expect_open(&row)?;
        self.check_institution_form(&form).await?;
        let entered = Entered {
            institution: form,
            ..read_entered(&row)
        };
        let entered = write_entered(&entered)?;
        self.move_applicant_flow(&row, ApplicationStep::Contact, entered, digest)
            .await
    }

    /// RCR-3 → RCR-4.
    pub async fn enter_application_contact(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        mut form: EnteredContact,
    ) -> Result<()> {
        let (row, _) = self.load_form_flow(flow, cookie).await?;
        let digest = self.form_digest(b"contact", &form)?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        expect_open(&row)?;
        check_contact_form(&form, row.application.is_some())?;
        form.terminals.retain(|typed| !typed.trim().is_empty());
        let entered = Entered {
            contact: form,
            ..read_entered(&row)
        };
        let entered = write_entered(&entered)?;
        self.move_applicant_flow(&row, ApplicationStep::Confirm, entered, digest)
            .await
    }

    /// RCR-3: what was typed stays, right or not, for one more terminal or a look back at RCR-2.
    pub async fn keep_application_contact(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        form: EnteredContact,
        step: ApplicationStep,
    ) -> Result<()> {
        let (row, _) = self.load_form_flow(flow, cookie).await?;
        let digest = self.form_digest(step.as_str().as_bytes(), &form)?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        expect_open(&row)?;
        expect_earlier(step)?;
        let entered = Entered {
            contact: form,
            ..read_entered(&row)
        };
        let entered = write_entered(&entered)?;
        self.move_applicant_flow(&row, step, entered, digest).await
    }

    /// 「変更」 and 「戻る」 of RCR-4: back to RCR-2 or RCR-3; what was entered stays.
    pub async fn change_application(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        step: ApplicationStep,
    ) -> Result<()> {
        let (row, _) = self.load_form_flow(flow, cookie).await?;
        let word = step.as_str().as_bytes();
        let digest = self.digests().of(Purpose::FlowCookie, &[b"change", word])?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        expect_open(&row)?;
        expect_earlier(step)?;
        let entered = row.entered.clone();
        self.move_applicant_flow(&row, step, entered, digest).await
    }

    /// A procedure of a form: one that asks about an application is none.
    async fn load_form_flow(
        &self,
        id: &FlowId,
        cookie: Option<&str>,
    ) -> Result<(ApplicationFlow, FlowSecret)> {
        let (flow, secret) = self.load_applicant_flow(id, cookie).await?;
        if flow.step == ApplicationStep::Inquiry {
            return Err(Refusal::FlowEnded.into());
        }
        Ok((flow, secret))
    }

    fn form_digest(&self, what: &[u8], form: &impl Serialize) -> Result<[u8; 32]> {
        let form = serde_json::to_vec(form).map_err(|error| internal("read a form", error))?;
        self.digests().of(Purpose::FlowCookie, &[what, &form])
    }

    /// RCR-2: class, prefecture and code, and the register's entry.
    async fn check_institution_form(&self, form: &EnteredInstitution) -> Result<Institution> {
        let class = ClassName::new(&form.class);
        let rule = self.policy().class(&class);
        let prefecture = Prefecture::from_romaji(&form.prefecture);
        let mut problems = Vec::new();
        if rule.is_none() {
            problems.push(("class", FieldProblem::ClassUnknown));
        }
        if prefecture.is_none() {
            problems.push(("prefecture", FieldProblem::PrefectureUnknown));
        }
        let (Some(rule), Some(prefecture)) = (rule, prefecture) else {
            return Err(Refusal::Form(problems).into());
        };
        let code = InstitutionCode::from_typed(&form.code, rule, prefecture).map_err(|error| {
            let problem = match error {
                InvalidCode::CheckDigit => FieldProblem::CodeCheckDigit,
                InvalidCode::Form => FieldProblem::CodeForm,
                InvalidCode::Prefecture => FieldProblem::CodePrefecture,
            };
            Refusal::Form(vec![("code", problem)])
        })?;
        let mut reader = self.store().reader().await?;
        let institution = reader.institution_by_code(&class, &code).await?;
        let problem = Refusal::Form(vec![("code", FieldProblem::NotRegistered)]);
        Ok(institution.ok_or(problem)?)
    }

    async fn duplicates(
        &self,
        institution: &Institution,
        contact: &EnteredContact,
        own: Option<&ApplicationId>,
    ) -> Result<Vec<(String, Timestamp)>> {
        let mut reader = self.store().reader().await?;
        let mut found = Vec::new();
        for terminal in &contact.terminals {
            let Some(name) = TerminalName::parse(terminal) else {
                continue;
            };
            let earlier = reader
                .application_for_terminal(&institution.id, &name, own)
                .await?;
            if let Some(earlier) = earlier {
                found.push((name.as_str().to_owned(), earlier.entered_at));
            }
        }
        Ok(found)
    }
}

fn expect_open(flow: &ApplicationFlow) -> Result<()> {
    match flow.step {
        ApplicationStep::Institution | ApplicationStep::Contact | ApplicationStep::Confirm => {
            Ok(())
        }
        ApplicationStep::Done | ApplicationStep::Inquiry => Err(Refusal::FlowElsewhere.into()),
    }
}

/// A form may lead back to these.
fn expect_earlier(step: ApplicationStep) -> Result<()> {
    match step {
        ApplicationStep::Institution | ApplicationStep::Contact => Ok(()),
        _ => Err(Refusal::FlowElsewhere.into()),
    }
}
