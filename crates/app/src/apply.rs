//! 発行申請: entering an institution and an application (decision F2). The web form comes with its own issue.

use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::audit::Actor;
use tegata_domain::id::{ApplicationId, InstitutionId};
use tegata_domain::institution::{
    ClassName, Institution, InstitutionCode, MailAddress, Prefecture, TerminalName,
};
use tegata_domain::operator::{Act, Operator};
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Error, Refusal, Result};

/// An institution as it is entered.
#[derive(Clone, Debug)]
pub struct NewInstitution {
    /// Its class.
    pub class: ClassName,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The prefecture in small Latin letters; may be left out where the code names it.
    pub prefecture: Option<String>,
    /// Postal code of its address.
    pub postal_code: String,
    /// Its address.
    pub address: String,
    /// The telephone number to call back.
    pub telephone: String,
}

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
    pub mail: String,
}

impl App {
    /// Enters an institution into the register.
    pub async fn add_institution(
        &self,
        new: NewInstitution,
        by: Actor,
        now: Timestamp,
    ) -> Result<Institution> {
        self.require_actor(&by, Act::Enter, now).await?;
        let institution = self.read_institution(new, now)?;
        let object = format!("institution:{}", institution.id);
        let detail = format!("{} {}", institution.class.as_str(), institution.code);
        let event = self.event(by, "institution.add", object, detail, now);
        let row = institution.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_institution(&row, now).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
            .map_err(|error| match error {
                Error::Conflict => state("an institution with this class and code exists already"),
                other => other,
            })?;
        Ok(institution)
    }

    fn read_institution(&self, new: NewInstitution, now: Timestamp) -> Result<Institution> {
        let rule = self.policy().class(&new.class).ok_or_else(|| {
            let known: Vec<&str> = self.policy().classes.keys().map(String::as_str).collect();
            state(&format!(
                "there is no such class; use one of {}",
                known.join(", ")
            ))
        })?;
        let named = match new.prefecture.as_deref() {
            Some(romaji) => Some(Prefecture::from_romaji(romaji).ok_or_else(|| {
                state("there is no such prefecture; write it in small Latin letters: hokkaido")
            })?),
            None => None,
        };
        let code = InstitutionCode::parse(new.code.trim(), rule, named)?;
        let prefecture = named
            .or_else(|| code.prefecture().filter(|_| rule.prefecture))
            .ok_or_else(|| state("this class needs a prefecture: name it"))?;
        if new.name.trim().is_empty() || new.name.chars().any(char::is_control) {
            return Err(state("the name is empty or has control characters"));
        }
        Ok(Institution {
            id: InstitutionId::generate(now, self.entropy()),
            class: new.class,
            code,
            name: new.name.trim().to_owned(),
            prefecture,
            postal_code: new.postal_code,
            address: new.address,
            telephone: new.telephone,
        })
    }

    /// Institutions in the order of entry, after `after`.
    pub async fn list_institutions(
        &self,
        after: Option<&InstitutionId>,
        limit: u32,
    ) -> Result<Vec<Institution>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_institutions(after, limit)
            .await?)
    }

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
        let mail = MailAddress::parse(&new.mail)
            .ok_or_else(|| state("the mail address has a wrong form"))?;
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
            mail,
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
