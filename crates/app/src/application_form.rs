//! 発行申請 by the applicant (`/p/rcr`, manual 2.1, decisions F2, I5, I6): RCR-2 to RCR-5. One submission with several
//! terminals is one application for each.

use serde::{Deserialize, Serialize};
use tegata_domain::applicant::{Applicant, ApplicationNumber};
use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::audit::Actor;
use tegata_domain::flow::{ApplicationFlow, ApplicationStep, Turn};
use tegata_domain::id::{ApplicationId, FlowId};
use tegata_domain::institution::{
    ClassName, Institution, InstitutionCode, InvalidCode, Prefecture, TerminalName,
};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::ReferenceId;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::application_contact::{EnteredContact, Wanted, check_contact_form};
use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::flow::Opened;
use crate::guessing::Source;
use crate::seal::{Purpose, unwrap_with};

/// Characters of 照会番号 (I6).
const INQUIRY_LENGTH: usize = 10;
/// Counter of 申請番号.
const COUNTER: &str = "application";
/// RCR-2 as entered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnteredInstitution {
    /// 区分, by its name.
    pub class: String,
    /// 都道府県, in small Latin letters.
    pub prefecture: String,
    /// 医療機関コード: ten digits, or the last seven.
    pub code: String,
}

/// Everything that a procedure keeps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Entered {
    institution: EnteredInstitution,
    contact: EnteredContact,
    /// RCR-5: the numbers, sealed under the cookie's key; without the cookie nobody reads them.
    numbers: Option<String>,
}

/// RCR-4 as sent, checked.
struct Submission {
    institution: Institution,
    wanted: Wanted,
    /// 「別の端末の申請なので、このまま申請する」.
    is_other_terminal: bool,
    actor: Actor,
}

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
}

/// The two numbers of one application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedNumbers {
    /// 端末名称等.
    pub terminal: String,
    /// 申請番号.
    pub application_no: String,
    /// 照会番号: shown on RCR-5 and in the mail, nowhere else.
    pub inquiry_no: String,
}

impl App {
    /// RCR-1 → RCR-2.
    pub async fn begin_application(&self) -> Result<Opened> {
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

    /// RCR-4 → RCR-5: the applications come into being, with their numbers and one mail. A repeated 申請 has the
    /// result of the first.
    pub async fn submit_application(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
        is_other_terminal: bool,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let (row, secret) = self.load_form_flow(flow, cookie).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"submit"])?;
        if self.take_applicant_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != ApplicationStep::Confirm {
            return Err(Refusal::FlowElsewhere.into());
        }
        let entered = read_entered(&row);
        let institution = self.check_institution_form(&entered.institution).await?;
        let own = row.application.as_ref();
        let duplicates = self.duplicates(&institution, &entered.contact, own).await?;
        let wanted = check_contact_form(&entered.contact, own.is_some())?;
        let before = row.clone();
        let submitted = if !duplicates.is_empty() && !is_other_terminal {
            Err(duplicate_unanswered())
        } else if let Some(id) = row.application.clone() {
            let actor = Actor::Subscriber(source.to_string());
            self.resubmit((row, digest), id, wanted, actor, now).await
        } else {
            let submission = Submission {
                institution,
                wanted,
                is_other_terminal,
                actor: Actor::Subscriber(source.to_string()),
            };
            self.store_applications((row, digest), &secret, submission, now)
                .await
        };
        match submitted {
            Err(Error::Conflict) => self.after_another(&before, &digest).await,
            Err(error @ Error::Refused(Refusal::Form(_))) => {
                // What was found may come from the first of two clicks.
                let (fresh, _) = self.load_form_flow(flow, cookie).await?;
                match self.take_applicant_turn(&fresh, version, &digest)? {
                    Turn::Repeated => Ok(()),
                    _ => Err(error),
                }
            }
            other => other,
        }
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
                .application_for_terminal(&institution.id, &name)
                .await?;
            if let Some(earlier) = earlier.filter(|earlier| Some(&earlier.id) != own) {
                found.push((name.as_str().to_owned(), earlier.entered_at));
            }
        }
        Ok(found)
    }

    async fn store_applications(
        &self,
        (flow, digest): (ApplicationFlow, [u8; 32]),
        secret: &FlowSecret,
        submission: Submission,
        now: Timestamp,
    ) -> Result<()> {
        let (app, secret, expires) = (self.clone(), secret.clone(), self.flow_end());
        let Submission {
            institution,
            wanted,
            is_other_terminal,
            actor,
        } = submission;
        let entered = read_entered(&flow);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let (year, ..) = now.japan_date().ymd();
                    let mut given = Vec::with_capacity(wanted.terminals.len());
                    for _ in &wanted.terminals {
                        given.push(ApplicationNumber::new(year, tx.next_number(COUNTER).await?));
                    }
                    // Whoever applies at the same moment has waited for the counter, and is seen now.
                    if !is_other_terminal {
                        for terminal in &wanted.terminals {
                            let found = tx.application_for_terminal(&institution.id, terminal);
                            if found.await?.is_some() {
                                return Err(duplicate_unanswered());
                            }
                        }
                    }
                    let mut numbers = Vec::with_capacity(wanted.terminals.len());
                    for (terminal, number) in wanted.terminals.iter().zip(given) {
                        let inserted = app
                            .insert_one(tx, &institution, (terminal, number), &wanted, &actor, now)
                            .await?;
                        numbers.push(inserted);
                    }
                    let mail = app.received_mail(&flow.id, &institution, &wanted, &numbers, now)?;
                    tx.insert_mail(&mail).await?;
                    let entered = write_entered(&Entered {
                        numbers: Some(app.seal_numbers(&flow.id, &numbers, &secret)?),
                        ..entered
                    })?;
                    let done = ApplicationStep::Done;
                    let moved = tx
                        .move_application_flow(
                            &flow.id,
                            flow.version,
                            done,
                            &entered,
                            &digest,
                            expires,
                        )
                        .await?;
                    if moved { Ok(()) } else { Err(Error::Conflict) }
                })
            })
            .await
    }

    /// One application with its applicant.
    async fn insert_one(
        &self,
        tx: &mut Tx,
        institution: &Institution,
        (terminal, number): (&TerminalName, ApplicationNumber),
        wanted: &Wanted,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<IssuedNumbers> {
        let inquiry = ReferenceId::generate(self.entropy(), INQUIRY_LENGTH);
        let application = CertificateApplication {
            id: ApplicationId::generate(now, self.entropy()),
            institution: institution.id.clone(),
            terminal: terminal.clone(),
            mail: wanted.mail.clone(),
            entered_by: EnteredBy::Applicant,
            entered_at: now,
            state: ApplicationState::Submitted,
        };
        let applicant = Applicant {
            inquiry: self.inquiry_hmac(&number, &inquiry),
            number: number.clone(),
            contact: wanted.contact.clone(),
            due: None,
        };
        tx.insert_application(&application).await?;
        tx.insert_applicant(&application.id, &applicant).await?;
        let object = format!("application:{}", application.id);
        let detail = number.to_string();
        let event = self.event(actor.clone(), "application.enter", object, detail, now);
        tx.insert_audit(&event).await?;
        Ok(IssuedNumbers {
            terminal: terminal.as_str().to_owned(),
            application_no: number.to_string(),
            inquiry_no: inquiry.expose().to_owned(),
        })
    }

    /// 電子証明書 申請情報受付通知: one for the submission, a line for each terminal.
    fn received_mail(
        &self,
        flow: &FlowId,
        institution: &Institution,
        wanted: &Wanted,
        numbers: &[IssuedNumbers],
        now: Timestamp,
    ) -> Result<OutboxMail> {
        let lines = |line: fn(&IssuedNumbers) -> &str| {
            let lines: Vec<&str> = numbers.iter().map(line).collect();
            lines.join("\n")
        };
        let values = [
            ("institution", institution.name.clone()),
            ("contact", wanted.contact.person.clone()),
            ("terminal", lines(|one| &one.terminal)),
            ("application_no", lines(|one| &one.application_no)),
            ("received_at", now.to_string()),
        ];
        let secret = Secret::new(lines(|one| &one.inquiry_no));
        let kind = MailKind::ApplicationReceived;
        let key = format!("application_received:{}", flow.as_str());
        self.secret_mail(kind, &wanted.mail, key, &values, &secret, now)
    }

    /// 差戻し → 受付: the application as corrected waits for examination again.
    async fn resubmit(
        &self,
        (flow, digest): (ApplicationFlow, [u8; 32]),
        id: ApplicationId,
        wanted: Wanted,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        let application = self.application(&id).await?;
        let terminal = wanted
            .terminals
            .into_iter()
            .next()
            .unwrap_or_else(|| application.terminal.clone());
        let corrected = CertificateApplication {
            terminal,
            mail: wanted.mail,
            ..application.clone().resubmit()?
        };
        let object = format!("application:{id}");
        let event = self.event(actor, "application.correct", object, String::new(), now);
        let expires = self.flow_end();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let done = ApplicationStep::Done;
                    let moved = tx
                        .move_application_flow(
                            &flow.id,
                            flow.version,
                            done,
                            &flow.entered,
                            &digest,
                            expires,
                        )
                        .await?;
                    if !moved || !tx.move_application(&application, &corrected).await? {
                        return Err(Error::Conflict);
                    }
                    tx.change_contact(&id, &wanted.contact).await?;
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }

    fn seal_numbers(
        &self,
        flow: &FlowId,
        numbers: &[IssuedNumbers],
        secret: &FlowSecret,
    ) -> Result<String> {
        let plain = serde_json::to_vec(numbers)
            .map(zeroize::Zeroizing::new)
            .map_err(|error| internal("keep numbers", error))?;
        let sealed = self
            .keyring()
            .wrap(&secret.wrap_key, &numbers_place(flow), &plain)?;
        Ok(data_encoding::BASE64.encode(&sealed))
    }
}

/// What a correction begins with: the application as it stands.
pub(crate) fn entered_of(
    application: &CertificateApplication,
    applicant: &Applicant,
    institution: &Institution,
) -> Result<String> {
    let contact = &applicant.contact;
    let mail = application.mail.as_str().to_owned();
    write_entered(&Entered {
        institution: EnteredInstitution {
            class: institution.class.as_str().to_owned(),
            prefecture: institution.prefecture.romaji().to_owned(),
            code: institution.code.as_str().to_owned(),
        },
        contact: EnteredContact {
            terminals: vec![application.terminal.as_str().to_owned()],
            department: contact.department.clone().unwrap_or_default(),
            person: contact.person.clone(),
            telephone: contact.telephone.clone(),
            mail_confirmation: mail.clone(),
            mail,
            second_mail: match &contact.second_mail {
                Some(mail) => mail.as_str().to_owned(),
                None => String::new(),
            },
        },
        numbers: None,
    })
}

/// Whether it is another terminal of the same name was not said.
fn duplicate_unanswered() -> Error {
    let problem = ("duplicate", FieldProblem::DuplicateUnanswered);
    Refusal::Form(vec![problem]).into()
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

fn open_numbers(flow: &FlowId, sealed: &str, secret: &FlowSecret) -> Result<Vec<IssuedNumbers>> {
    let malformed = |error: &dyn std::fmt::Display| internal("show numbers", error);
    let sealed = data_encoding::BASE64
        .decode(sealed.as_bytes())
        .map_err(|error| malformed(&error))?;
    let plain = unwrap_with(&secret.wrap_key, &numbers_place(flow), &sealed)?;
    serde_json::from_slice(&plain).map_err(|error| malformed(&error))
}

fn numbers_place(flow: &FlowId) -> String {
    format!("application_flow/{}/entered", flow.as_str())
}

fn read_entered(flow: &ApplicationFlow) -> Entered {
    serde_json::from_str(&flow.entered).unwrap_or_default()
}

fn write_entered(entered: &Entered) -> Result<String> {
    serde_json::to_string(entered).map_err(|error| internal("keep a form", error))
}
