//! Trust first (decision W6, T70): which TLS root and which issuers are the operator's.
//!
//! Nothing is sent and nothing is installed before the root is proven, by the pack of a signed installer or by the
//! 接続確認コード that a person typed. A root that a code proved is kept in the client's own folder; the pack goes before
//! it. Issuers come from the pack and, over the proven connection, from `cacerts` (RFC 7030 §4.1).

use serde::{Deserialize, Serialize};
use tegata_domain::id::Fingerprint;
use tegata_pki::certificate::Certificate;
use tegata_pki::connection_code::ConnectionCode;

use crate::failure::{CodeProblem, Failure};
use crate::pem;
use crate::ports::{Files, Http, Server};
use crate::settings::Settings;
use crate::state;

/// The file of what was proven and learnt.
pub const TRUST: &str = "trust.json";

/// What a terminal believes.
#[derive(Clone, Debug)]
pub struct Trust {
    root: Option<Certificate>,
    learnt_root: bool,
    issuers: Vec<Certificate>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The root that a code proved, PEM.
    root: String,
    /// The server for which it was proven: another one is proven anew.
    server: String,
    /// What `cacerts` said, PEM.
    issuers: String,
}

impl Trust {
    /// What the pack says and what was proven before. A root that was proven for another server does not count.
    pub fn load(settings: &Settings, files: &dyn Files) -> Result<Self, Failure> {
        let kept: Kept = state::load(files, TRUST)?.unwrap_or_default();
        let server = settings.server().map(Server::to_string);
        let is_for_server = server.as_deref() == Some(kept.server.as_str());
        let read = |text: &str| {
            pem::certificates(text).map_err(|error| Failure::Settings(format!("{TRUST}: {error}")))
        };
        let proven = if is_for_server {
            read(&kept.root)?.into_iter().next()
        } else {
            None
        };
        let learnt_root = settings.root().is_none() && proven.is_some();
        let root = settings.root().cloned().or(proven);
        let mut issuers = settings.issuers().to_vec();
        if is_for_server && root.is_some() {
            add_new(&mut issuers, read(&kept.issuers)?);
        }
        Ok(Self {
            root,
            learnt_root,
            issuers,
        })
    }

    /// The proven root.
    pub fn root(&self) -> Result<&Certificate, Failure> {
        let missing = Failure::ConnectionCode(CodeProblem::Missing);
        self.root.as_ref().ok_or(missing)
    }

    /// Whether a 接続確認コード must be asked for.
    pub fn is_unproven(&self) -> bool {
        self.root.is_none()
    }

    /// The CAs that certify terminals, in no order.
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// Whether a certificate comes from one of them: name and signature.
    pub fn issued(&self, certificate: &Certificate) -> bool {
        self.issuer_of(certificate).is_some()
    }

    /// What stands above a certificate, the next first, as far as it is known.
    pub fn chain_of(&self, certificate: &Certificate) -> Vec<Certificate> {
        let mut chain: Vec<Certificate> = Vec::new();
        let mut below = certificate;
        while let Some(issuer) = self.issuer_of(below) {
            if issuer == below || chain.contains(issuer) {
                break;
            }
            chain.push(issuer.clone());
            below = issuer;
        }
        chain
    }

    /// Proves the root of `server` by a code and keeps it. The server is shown nothing but a handshake that is broken
    /// off.
    pub fn prove(
        &mut self,
        typed: &str,
        server: &Server,
        http: &dyn Http,
        files: &dyn Files,
    ) -> Result<(), Failure> {
        let root = proven_by(typed, server, http)?;
        self.root = Some(root);
        self.learnt_root = true;
        self.keep(server, files)
    }

    /// Adds the CAs of `cacerts` and keeps them.
    pub fn learn(
        &mut self,
        certificates: Vec<Certificate>,
        server: &Server,
        files: &dyn Files,
    ) -> Result<(), Failure> {
        let authorities = certificates.into_iter().filter(Certificate::is_ca);
        if add_new(&mut self.issuers, authorities.collect()) {
            self.keep(server, files)
        } else {
            Ok(())
        }
    }

    /// Every self-signed certificate of the operator: what a browser and the system should know.
    pub fn roots(&self) -> Vec<Certificate> {
        let mut roots: Vec<Certificate> = self.root.iter().cloned().collect();
        let own = self.issuers.iter().filter(|one| is_self_signed(one));
        add_new(&mut roots, own.cloned().collect());
        roots
    }

    fn issuer_of(&self, certificate: &Certificate) -> Option<&Certificate> {
        self.issuers.iter().find(|issuer| {
            issuer.subject() == certificate.issuer()
                && certificate.is_signed_by(issuer.public_key())
        })
    }

    fn keep(&self, server: &Server, files: &dyn Files) -> Result<(), Failure> {
        let learnt = self.root.iter().filter(|_| self.learnt_root);
        let kept = Kept {
            root: learnt.map(Certificate::pem).collect(),
            server: server.to_string(),
            issuers: pem::text(&self.issuers),
        };
        state::save(files, TRUST, &kept)
    }
}

/// The root of the chain that a server shows, where the code is its own.
fn proven_by(typed: &str, server: &Server, http: &dyn Http) -> Result<Certificate, Failure> {
    let code = ConnectionCode::parse(typed).ok_or(Failure::ConnectionCode(CodeProblem::Form))?;
    let shown = http.shown_chain(server)?;
    let differs = Failure::ConnectionCode(CodeProblem::Differs);
    let Some(last) = shown.last() else {
        return Err(differs);
    };
    match Certificate::from_der(last) {
        Ok(root) if is_self_signed(&root) && root.is_ca() && code.is_of(root.public_key()) => {
            Ok(root)
        }
        _ => Err(differs),
    }
}

fn is_self_signed(certificate: &Certificate) -> bool {
    certificate.subject() == certificate.issuer()
        && certificate.is_signed_by(certificate.public_key())
}

/// Adds what is not there yet; whether something was.
fn add_new(to: &mut Vec<Certificate>, from: Vec<Certificate>) -> bool {
    let before = to.len();
    for certificate in from {
        let fingerprint = Fingerprint(certificate.fingerprint_sha256());
        if !to
            .iter()
            .any(|one| Fingerprint(one.fingerprint_sha256()) == fingerprint)
        {
            to.push(certificate);
        }
    }
    to.len() > before
}
