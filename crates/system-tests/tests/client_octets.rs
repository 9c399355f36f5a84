//! A key that the terminal made never reaches the server: no octet of it in anything that the client hands to its
//! transport, and none in anything that the server stores or logs (K1, W5, T13).

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use tegata_client::controller::{Controller, Event};
use tegata_client::net::{ProxyVariables, Routes, Transport};
use tegata_client::ports::{
    Clock, EnrolmentForm, Entropy, Http, HttpError, Ports, Request, Response, Server,
};
use tegata_client::settings::Settings;
use tegata_client::system::{SystemClock, SystemEntropy};
use tegata_client::unix::{Answers, Console, FileSecrets, FolderStore, UnixFiles};
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_system_tests::database::Kind;
use tegata_system_tests::leaks::{finds, numbers_of_key, stored};
use tegata_system_tests::openssl;
use tegata_system_tests::served::{Letter, Served};

const CODE: &str = "0110119153";
/// The first certificate can be renewed at once.
const WINDOW: &str = "\n[policy.periods]\nvalidity_months = 11\nrenewal_days = 365\n";
const PACK: &str = "[backup]\nmin_password = 4\n[notices]\nrenewal_days = 365\n";
const PASSWORD: &str = "2468";

/// The transport, and every octet that it was given to send.
struct Recorded {
    inner: Transport,
    sent: Mutex<Vec<u8>>,
}

impl Http for Recorded {
    fn send(&self, request: &Request, root: &Certificate) -> Result<Response, HttpError> {
        if let Ok(mut sent) = self.sent.lock() {
            sent.extend(request.path.as_bytes());
            for (name, value) in &request.headers {
                sent.extend([name.as_bytes(), value.as_bytes()].concat());
            }
            if let Some((user, secret)) = &request.basic {
                sent.extend([user.as_bytes(), secret.expose().as_bytes()].concat());
            }
            if let Some(body) = &request.body {
                sent.extend(&body.octets);
            }
            if let Some(identity) = &request.identity {
                sent.extend(identity.chain.concat());
            }
        }
        self.inner.send(request, root)
    }

    fn shown_chain(&self, server: &Server) -> Result<Vec<Vec<u8>>, HttpError> {
        self.inner.shown_chain(server)
    }
}

#[test]
fn no_octet_of_a_terminals_key_reaches_the_server_on_sqlite() -> Result<()> {
    no_octet_reaches(Kind::Sqlite)
}

#[test]
fn no_octet_of_a_terminals_key_reaches_the_server_on_postgresql() -> Result<()> {
    no_octet_reaches(Kind::Postgres)
}

fn no_octet_reaches(kind: Kind) -> Result<()> {
    let mut served = Served::init(kind)?;
    let config = fs::read_to_string(served.config())?;
    fs::write(served.config(), config + WINDOW)?;
    served.begin()?;
    served.add_institution(CODE, "見本医院")?;
    let letter = served.grant(CODE, "受付1号機")?;
    let folder = served.folder().join("terminal");
    fs::create_dir(&folder)?;
    let sent = enrol_and_renew(&served, &letter, &folder)?;

    let (mut secrets, mut certificates) = (Vec::new(), Vec::new());
    for name in ["first", "second"] {
        let file = fs::read(folder.join(format!("{name}.p12")))?;
        let holder = openssl::open_p12(&file, PASSWORD, &folder, name)?;
        certificates.push(holder.der.clone());
        secrets.extend(numbers_of_key(&holder.pem)?);
    }
    let log = served.server()?.said();
    let stored = stored(&served)?;
    ensure!(sent.len() > 2_000, "only {} octets were sent", sent.len());
    // The scan is not blind: what may be there is found.
    for certificate in &certificates {
        ensure!(
            finds(&sent, certificate),
            "{kind:?}: a certificate was not sent"
        );
        ensure!(
            finds(&stored, certificate),
            "{kind:?}: a certificate is not stored"
        );
    }
    let whole = [sent, stored, log.into_bytes()].concat();
    for secret in &secrets {
        ensure!(
            !finds(&whole, secret),
            "{kind:?}: a part of the key is there"
        );
    }
    let counted = (whole.len(), secrets.len());
    eprintln!(
        "{kind:?}: {} octets scanned for {} parts of keys: none",
        counted.0, counted.1
    );
    Ok(())
}

/// A first certificate and its renewal, each with a backup; answers what was sent.
fn enrol_and_renew(served: &Served, letter: &Letter, folder: &Path) -> Result<Vec<u8>> {
    let site = served.subscriber.first().context("a site")?;
    let server = site.trim_start_matches("https://");
    let pack = format!(
        "ca_name = \"見本認証局\"\nserver = \"{server}\"\nhelp_desk = [\"見本ヘルプデスク\"]\n{PACK}"
    );
    let authorities = served.json(&["ca", "list", "--json"])?;
    let code = authorities.as_array().context("a list of CAs")?.iter();
    let code = code
        .filter_map(|one| one["connection_code"].as_str())
        .find(|code| !code.is_empty());

    let files = UnixFiles::open(folder.join("state"))?;
    let settings = Settings::load(&pack, &files)?;
    let (clock, entropy) = (SystemClock, SystemEntropy);
    let secrets = FileSecrets::open(&files, &entropy)?;
    let store = FolderStore::open(folder.join("state/certificates"), &files, &entropy)?;
    let routes = Routes::new(settings.proxy().clone(), None, ProxyVariables::default());
    let shared: (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(clock), Arc::new(entropy));
    let http = Recorded {
        inner: Transport::new(Arc::new(routes), shared.0, shared.1),
        sent: Mutex::default(),
    };
    let backup = |name: &str| Some((Secret::from(PASSWORD), folder.join(format!("{name}.p12"))));
    let enrolment = EnrolmentForm {
        request_id: letter.request_id.clone(),
        reference_id: Secret::from(letter.reference_id.as_str()),
        connection_code: code.context("a connection code")?.to_owned(),
    };
    for (name, enrolment) in [("first", Some(enrolment)), ("second", None)] {
        let is_first = enrolment.is_some();
        let answers = Answers {
            enrolment,
            backup: backup(name),
            remove_old: true,
            ..Answers::default()
        };
        let console = Console::new(answers, &files);
        let ports = Ports {
            clock: &clock,
            entropy: &entropy,
            files: &files,
            http: &http,
            secrets: &secrets,
            store: &store,
            ui: &console,
        };
        let mut controller = Controller::open(ports, settings.clone())?;
        if is_first {
            controller.on(Event::Enrol);
        } else {
            let view = controller.list();
            let row = view
                .rows
                .iter()
                .find(|row| row.can_renew)
                .context("a row to renew")?;
            controller.on(Event::Renew(row.certificate));
        }
        ensure!(console.failed() == 0, "{name}: {}", console.failed());
    }
    let sent = http
        .sent
        .lock()
        .map_err(|_| anyhow::anyhow!("the recorder panicked"))?;
    Ok(sent.clone())
}
