//! The client's transport through a proxy that others wrote: Squid, with Basic and with NTLM by Samba (R-070, P-30,
//! T71).

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use tegata_client::net::{Outcome, ProxyVariables, Question, Routes, Transport};
use tegata_client::ports::{
    Http as _, HttpError, Identity, Method, Request, Response, Scheme, Server, StoreError,
    TerminalKey,
};
use tegata_client::settings::{ProxyMode, ProxySettings};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::secret::Secret;
use tegata_domain::time::{ManualClock, Timestamp};
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PublicKey;
use tegata_protocol::{NOTICES_PATH, Notices};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::openssl::Holder;
use tegata_system_tests::samba::{DOMAIN, PASSWORD, USER};
use tegata_system_tests::squid::{SignIn, Squid};
use tegata_system_tests::tools::unix_now;

/// A terminal behind this proxy.
fn terminal(squid: &Squid, user: Option<(&str, &str, &str)>) -> Transport {
    let (domain, user, password) = user.unwrap_or_default();
    let settings = ProxySettings {
        mode: ProxyMode::Manual,
        address: squid.address.clone(),
        user: user.to_owned(),
        domain: domain.to_owned(),
        ..ProxySettings::default()
    };
    let password = Some(Secret::from(password));
    let routes = Routes::new(settings, password, ProxyVariables::default());
    let now = Timestamp::from_unix(i64::try_from(unix_now()).unwrap_or_default());
    Transport::new(
        Arc::new(routes),
        Arc::new(ManualClock::new(now)),
        Arc::new(SeededEntropy::new(unix_now())),
    )
}

/// GET at a site of the demo, as the holder of a certificate or as nobody.
fn ask(
    demo: &Demo,
    terminal: &Transport,
    site: &str,
    path: &str,
    identity: Option<Identity>,
) -> Result<Result<Response, HttpError>> {
    let request = Request {
        server: server(demo.text(site)?)?,
        method: Method::Get,
        path: path.to_owned(),
        headers: Vec::new(),
        body: None,
        basic: None,
        identity,
    };
    Ok(terminal.send(&request, &root(demo)?))
}

fn root(demo: &Demo) -> Result<Certificate> {
    let pem = fs::read_to_string(demo.text("tls_ca_pem")?)?;
    Certificate::from_pem(&pem).context("the root of the demo")
}

fn server(address: &str) -> Result<Server> {
    let authority = address.strip_prefix("https://").context("an address")?;
    let (host, port) = authority.split_once(':').context("a port")?;
    Ok(Server {
        host: host.to_owned(),
        port: port.parse()?,
    })
}

#[test]
fn a_terminal_signs_in_at_squid_by_basic_and_by_ntlm_and_shows_its_certificate_inside() -> Result<()>
{
    let demo = Demo::start(&[])?;
    let holder = demo.holder(&demo.sample("collected")?)?;
    for (sign_in, domain, name) in [
        (SignIn::Nobody, "", "-".to_owned()),
        (SignIn::Basic, "", USER.to_owned()),
        (SignIn::Ntlm, DOMAIN, format!("{DOMAIN}\\{USER}")),
        (SignIn::Either, DOMAIN, format!("{DOMAIN}\\{USER}")),
    ] {
        let squid = Squid::start(sign_in)?;
        let terminal = terminal(&squid, Some((domain, USER, PASSWORD)));
        let answer = ask(
            &demo,
            &terminal,
            "subscriber",
            NOTICES_PATH,
            Some(identity(&holder)?),
        )?;
        let answer = answer.with_context(|| format!("{sign_in:?}"))?;
        ensure!(answer.status == 200, "{sign_in:?}: {}", answer.status);
        let notices: Notices = serde_json::from_slice(&answer.body)?;
        let own = Certificate::from_der(&holder.der)?;
        ensure!(
            notices.not_after.unix() == own.not_after(),
            "{sign_in:?}: of another certificate"
        );

        let rounds = match sign_in {
            SignIn::Nobody => 1,
            SignIn::Basic => 2,
            SignIn::Ntlm | SignIn::Either => 3,
        };
        let target = demo
            .text("subscriber")?
            .trim_start_matches("https://")
            .to_owned();
        let log = squid.requests(rounds)?;
        ensure!(log.len() == rounds, "{sign_in:?}: {log:?}");
        let last = format!("CONNECT {target} 200 {name}");
        let seen = log.last().context("a line")?.replace("\\\\", "\\");
        ensure!(seen == last, "{sign_in:?}: {log:?} instead of {last}");
    }
    Ok(())
}

#[test]
fn a_wrong_password_is_tried_once_and_never_locks_an_account() -> Result<()> {
    let demo = Demo::start(&[])?;
    for (sign_in, domain) in [
        (SignIn::Basic, ""),
        (SignIn::Ntlm, DOMAIN),
        (SignIn::Either, DOMAIN),
    ] {
        let squid = Squid::start(sign_in)?;
        let terminal = terminal(&squid, Some((domain, USER, "no such password")));
        for _ in 0..5 {
            let error = ask(&demo, &terminal, "public", "/", None)?;
            let Err(HttpError::ProxyAuthentication {
                proxy,
                had_credentials: true,
                ..
            }) = error
            else {
                anyhow::bail!("{sign_in:?}: {error:?}");
            };
            ensure!(proxy == squid.address);
        }
        if let Some(samba) = &squid.samba {
            ensure!(
                samba.wrong_tries()? == 1,
                "{sign_in:?}: {}",
                samba.wrong_tries()?
            );
            ensure!(samba.knows(PASSWORD)?, "{sign_in:?}: the account is locked");
        }
    }
    Ok(())
}

#[test]
fn a_terminal_without_a_password_says_what_squid_wants() -> Result<()> {
    let demo = Demo::start(&[])?;
    let squid = Squid::start(SignIn::Either)?;
    let terminal = terminal(&squid, None);
    let expected = HttpError::ProxyAuthentication {
        proxy: squid.address.clone(),
        offered: "NTLM, Basic".to_owned(),
        had_credentials: false,
    };
    ensure!(ask(&demo, &terminal, "public", "/", None)?.err() == Some(expected));
    Ok(())
}

#[test]
fn squid_that_cannot_reach_the_server_is_not_taken_for_the_server() -> Result<()> {
    let demo = Demo::start(&[])?;
    let squid = Squid::start(SignIn::Nobody)?;
    let terminal = terminal(&squid, None);
    let root = root(&demo)?;
    for (host, port) in [("nowhere.invalid", 443), ("127.0.0.1", 1)] {
        let host = host.to_owned();
        let request = Request {
            server: Server { host, port },
            method: Method::Get,
            path: "/".to_owned(),
            headers: Vec::new(),
            body: None,
            basic: None,
            identity: None,
        };
        let error = terminal.send(&request, &root).err().context("no error")?;
        let HttpError::ProxyRefused { status, .. } = error else {
            anyhow::bail!("{error}");
        };
        ensure!((500..600).contains(&status), "{status}");
    }
    Ok(())
}

#[test]
fn the_diagnostics_go_the_same_way() -> Result<()> {
    let demo = Demo::start(&[])?;
    let squid = Squid::start(SignIn::Ntlm)?;
    let terminal = terminal(&squid, Some((DOMAIN, USER, PASSWORD)));
    let root = root(&demo)?;
    let crls = [format!("{}/crl/all.crl", demo.text("plain")?)];
    let steps = terminal.diagnose(&Question {
        server: &server(demo.text("public")?)?,
        path: "/",
        root: Some(&root),
        crls: &crls,
    });
    for step in &steps {
        eprintln!("{step:?}");
    }
    let outcomes: Vec<_> = steps.iter().map(|step| step.outcome).collect();
    let (last, rest) = outcomes.split_last().context("no steps")?;
    ensure!(
        rest.iter().all(|outcome| *outcome == Outcome::Good),
        "{steps:#?}"
    );
    // Plain HTTP through a proxy that wants a password is not tried (T71).
    ensure!(*last == Outcome::Skipped, "{steps:#?}");
    ensure!(
        steps
            .iter()
            .any(|step| step.detail.contains("sign-in at the proxy: NTLM"))
    );
    ensure!(steps.iter().all(|step| !step.detail.contains(PASSWORD)));
    Ok(())
}

/// The holder's certificate and key for a handshake.
fn identity(holder: &Holder) -> Result<Identity> {
    let certificate = Certificate::from_der(&holder.der)?;
    let key = PrivateKeyDer::from_pem_file(&holder.pem)?;
    let key = FileKey {
        public: certificate.public_key().clone(),
        key: rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?,
    };
    Ok(Identity {
        chain: vec![holder.der.clone()],
        key: Arc::new(key),
    })
}

/// An RSA key from a file, behind the port of the terminal's keys.
struct FileKey {
    public: PublicKey,
    key: Arc<dyn SigningKey>,
}

impl TerminalKey for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Vec<Scheme> {
        vec![Scheme::RsaPssSha256]
    }

    fn sign(&self, _: Scheme, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        let signer = self
            .key
            .choose_scheme(&[rustls::SignatureScheme::RSA_PSS_SHA256]);
        let signer = signer.ok_or(StoreError::Scheme)?;
        let signature = signer.sign(message);
        signature.map_err(|error| StoreError::Failed(error.to_string()))
    }
}
