//! A complete installation in a temporary folder, removed at the end.

use std::path::PathBuf;
use std::sync::Arc;

use tegata_app::{App, InitOptions, Letter, NewApplication};
use tegata_domain::audit::Actor;
use tegata_domain::grant::Grant;
use tegata_domain::id::ProposalId;
use tegata_domain::institution::{ClassName, MailAddress};
use tegata_domain::operator::{Operator, Role};
use tegata_domain::proposal::ProposedAct;
use tegata_domain::register::TypedEntry;
use tegata_domain::secret::Secret;
use tegata_domain::time::{Clock, Timestamp};
use tegata_store::Store;

use crate::cli::make_kek;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::{open_store, parts};
use crate::system::{SystemClock, generated_password};

/// A code that the class `medical` takes.
const CODE: &str = "1310123458";

/// The installation.
pub(crate) struct World {
    /// The application.
    pub(crate) app: App,
    /// Its database.
    pub(crate) store: Store,
    /// Its configuration file.
    pub(crate) file: PathBuf,
    folder: PathBuf,
}

impl World {
    /// Makes an installation with profile `obn` on SQLite. `overrides` is TOML for `[policy]`.
    pub(crate) async fn make(name: &str, overrides: &str) -> Outcome<Self> {
        Self::make_at(name, None, overrides, Arc::new(SystemClock)).await
    }

    /// The same on another database, which must be empty, and with a clock of its own.
    pub(crate) async fn make_at(
        name: &str,
        database: Option<&str>,
        overrides: &str,
        clock: Arc<dyn Clock>,
    ) -> Outcome<Self> {
        let folder =
            std::env::temp_dir().join(format!("tegata-bench-{name}-{}", std::process::id()));
        let wrong = |error: std::io::Error| {
            Failure::machine(
                "make a folder for the bench",
                error,
                "free the temporary folder",
            )
        };
        std::fs::create_dir_all(&folder).map_err(wrong)?;
        let file = folder.join("tegata.toml");
        let data = folder.join("data");
        let database = database.map_or_else(String::new, |url| format!("database = {url:?}\n"));
        let text = format!(
            "profile = \"obn\"\n{database}data_dir = {data:?}\nkek_file = {:?}\n\
             [listen]\npublic = \"127.0.0.1:0\"\nsubscriber = \"127.0.0.1:0\"\nconsole = \"127.0.0.1:0\"\nplain = \"127.0.0.1:0\"\n{overrides}",
            folder.join("kek")
        );
        std::fs::create_dir_all(&data).map_err(wrong)?;
        std::fs::write(&file, text).map_err(wrong)?;
        let config = Config::load(&file)?;
        make_kek(&config, "Key-encryption key of a bench; worthless.")?;
        let store = open_store(&config).await?;
        let options = InitOptions {
            offline: None,
            accept_online_root: true,
            demo: false,
        };
        let made = parts(&config, store.clone(), Arc::clone(&clock))?;
        App::initialise(&made, options, clock.now()).await?;
        let app = App::open(parts(&config, store.clone(), clock)?).await?;
        app.run_due_jobs(app.clock_now()).await?;
        Ok(Self {
            app,
            store,
            file,
            folder,
        })
    }

    /// Posted grants for `count` terminals of one institution, made by five persons as always.
    pub(crate) async fn posted_grants(&self, count: usize) -> Outcome<Vec<Grant>> {
        let (released, first) = self.released(count).await?;
        let mut grants = Vec::with_capacity(count);
        for (grant, _) in released {
            let request = &grant.request_id;
            let now = self.app.clock_now();
            grants.push(self.app.post_letter(request, None, &first, now).await?);
        }
        Ok(grants)
    }

    /// Letters of `count` terminals, released by two and ready to be drawn.
    pub(crate) async fn letters(&self, count: usize) -> Outcome<Vec<Letter>> {
        let (released, first) = self.released(count).await?;
        let mut letters = Vec::with_capacity(count);
        for (_, proposal) in released {
            let now = self.app.clock_now();
            letters.extend(self.app.released_letters(&proposal, &first, now).await?);
        }
        Ok(letters)
    }

    /// Posted letters of `count` terminals: the two IDs of each begin a collection.
    pub(crate) async fn posted_letters(&self, count: usize) -> Outcome<Vec<Letter>> {
        let (released, first) = self.released(count).await?;
        let mut letters = Vec::with_capacity(count);
        for (grant, proposal) in released {
            let now = self.app.clock_now();
            letters.extend(self.app.released_letters(&proposal, &first, now).await?);
            let request = &grant.request_id;
            self.app.post_letter(request, None, &first, now).await?;
        }
        Ok(letters)
    }

    /// Approved grants with the proposal that released each letter, and one of the two dispatchers.
    async fn released(&self, count: usize) -> Outcome<(Vec<(Grant, ProposalId)>, Operator)> {
        let now = self.app.clock_now();
        let intake = self.operator("intake", Role::Intake, now).await?;
        let examiner = self.operator("examiner", Role::Examiner, now).await?;
        let approver = self.operator("approver", Role::Approver, now).await?;
        let dispatcher = self.operator("dispatcher", Role::Dispatcher, now).await?;
        let second = self.operator("dispatcher2", Role::Dispatcher, now).await?;
        let class = ClassName::new("medical");
        let mail = MailAddress::parse("clinic@mail.example")
            .ok_or_else(|| Failure::new("make an address", "report this as a defect"))?;
        self.app
            .add_institution(clinic(), Actor::System, now)
            .await?;
        let mut released = Vec::with_capacity(count);
        for number in 0..count {
            let application = NewApplication {
                class: class.clone(),
                code: CODE.to_owned(),
                terminal: format!("terminal {number} {}", kana(number)),
                mail: mail.clone(),
            };
            let entered = self
                .app
                .enter_application(application, &intake, now)
                .await?;
            self.app
                .examine_application(&entered.id, &examiner, now)
                .await?;
            let grant = self
                .app
                .approve_application(&entered.id, &approver, now)
                .await?;
            let requests = [grant.request_id.clone()].into();
            let act = ProposedAct::ReleaseLetters { requests };
            let proposal = self.app.propose(act, "bench", &dispatcher, now).await?;
            self.app
                .confirm_proposal(&proposal.id, &second, now)
                .await?;
            released.push((grant, proposal.id));
        }
        Ok((released, dispatcher))
    }

    /// An operator of the bench, who never logs in.
    pub(super) async fn operator(
        &self,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Outcome<Operator> {
        let password = Secret::new(generated_password().expose().clone());
        let added = self
            .app
            .add_operator(name, &password, &[role], Actor::System, now)
            .await?;
        Ok(added.operator)
    }

    /// Closes the database and removes the folder.
    pub(crate) async fn end(self) -> Outcome<()> {
        self.store.close().await;
        std::fs::remove_dir_all(&self.folder).map_err(|error| {
            Failure::machine("remove the bench's folder", error, "remove it by hand")
        })
    }
}

/// The institution of every bench.
pub(super) fn clinic() -> TypedEntry {
    TypedEntry {
        class: "medical".to_owned(),
        code: CODE.to_owned(),
        name: "Bench Clinic".to_owned(),
        kana: String::new(),
        prefecture: String::new(),
        postal_code: "000-0000".to_owned(),
        address: "1 Bench Street".to_owned(),
        telephone: "00-0000-0000".to_owned(),
    }
}

/// Eight kana that differ from number to number, so that names of terminals are no one word.
fn kana(number: usize) -> String {
    let letter = |place: usize| {
        let offset = u32::try_from((number * 7 + place * 11) % 80).unwrap_or(0);
        char::from_u32(0x3042 + offset).unwrap_or('x')
    };
    (0..8).map(letter).collect()
}
