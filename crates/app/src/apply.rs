//! 発行申請 from paper, entered by an operator (decision F2).

use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::audit::Actor;
use tegata_domain::id::ApplicationId;
use tegata_domain::institution::{ClassName, InstitutionCode, MailAddress, TerminalName};
use tegata_domain::operator::{Act, Operator};
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Error, Refusal, Result};

/// An application as it is entered from paper.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// Class of the institution.
    pub class: ClassName,
    /// Code of the institution.
    pub code: String,
    /// 端末名称等.
    pub terminal: String,
    /// Where notices go.
    pub mail: MailAddress,
}

impl App {
    /// Enters an application from paper; the institution must be in the register.
    pub async fn enter_application(
        &self,
        new: NewApplication,
        by: &Operator,
        now: Timestamp,
    ) -> Result<CertificateApplication> {
        self.require(by, Act::Enter, now).await?;
        let terminal = TerminalName::parse(&new.terminal)
            .ok_or_else(|| state("the terminal's name must be one line of 1 to 64 characters"))?;
        if let Some(found) = tegata_paper::unprintable(terminal.as_str()) {
            return Err(state(&format!(
                "the terminal's name has \"{found}\" (U+{:04X}), which letters cannot print; \
                 write it otherwise",
                u32::from(found)
            )));
        }
        let code = InstitutionCode::from_stored(new.code.trim().to_owned());
        let found = self
            .store()
            .reader()
            .await?
            .institution_by_code(&new.class, &code)
            .await?;
        let institution =
            found.ok_or_else(|| state("no such institution; add it with `institution add`"))?;
        let application = CertificateApplication {
            id: ApplicationId::generate(now, self.entropy()),
            institution: institution.id,
            terminal,
            mail: new.mail,
            entered_by: EnteredBy::Operator(by.id.clone()),
            entered_at: now,
            state: ApplicationState::Submitted,
        };
        let object = format!("application:{}", application.id);
        let actor = Actor::Operator(by.id.clone());
        let event = self.event(actor, "application.enter", object, String::new(), now);
        let row = application.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_application(&row).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(application)
    }
}

/// A refusal with a sentence for the operator.
pub(crate) fn state(told: &str) -> Error {
    Refusal::State(told.to_owned()).into()
}
