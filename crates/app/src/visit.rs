//! What a request brings along to a procedure's page, and whether that opens it (decisions F1, K3, W2).

use tegata_domain::flow::{Flow, FlowKind};
use tegata_domain::grant::Grant;
use tegata_domain::id::{Fingerprint, FlowId};

use crate::base::App;
use crate::cookie::FlowSecret;
use crate::download::CertificateBox;
use crate::error::{Refusal, Result};
use crate::source::Source;

/// Who asks for a page of a procedure.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The value of the procedure's cookie.
    pub cookie: Option<&'a str>,
    /// The certificate that stands behind the connection.
    pub presented: Option<Fingerprint>,
    /// The network address.
    pub source: Source,
}

impl App {
    /// A procedure about a key file with its grant and what its cookie carries: by the two IDs (`/p/rcd`) or
    /// by a certificate (`/p/ru`).
    pub(crate) async fn load_file_flow(
        &self,
        id: &FlowId,
        visit: Visit<'_>,
    ) -> Result<(Flow, Grant, FlowSecret)> {
        let secret = self.open_cookie(id, visit.cookie)?;
        let kind = match visit.presented {
            Some(_) => FlowKind::Retrieve,
            None => FlowKind::Collect,
        };
        let (flow, grant) = self.load_flow(id, kind).await?;
        same_certificate(&flow, visit.presented)?;
        Ok((flow, grant, secret))
    }

    /// A procedure that a certificate began, with its grant.
    pub(crate) async fn load_holder_flow(
        &self,
        id: &FlowId,
        kind: FlowKind,
        presented: Fingerprint,
    ) -> Result<(Flow, Grant)> {
        let (flow, grant) = self.load_flow(id, kind).await?;
        same_certificate(&flow, Some(presented))?;
        Ok((flow, grant))
    }
}

/// The certificates of a procedure that another one broke into (text 3b).
#[derive(Clone, Debug)]
pub struct OtherHolder {
    /// The one that the procedure was begun with; only where both belong to the same institution.
    pub first: Option<CertificateBox>,
    /// The one that is presented now.
    pub now: CertificateBox,
}

impl App {
    /// What RU-E7 shows: nothing was changed.
    pub async fn other_holder(&self, flow: &FlowId, presented: Fingerprint) -> Result<OtherHolder> {
        let mut reader = self.store().reader().await?;
        let began = reader.flow(flow).await?.and_then(|flow| flow.fingerprint);
        let mut shown = Vec::new();
        for fingerprint in [Some(presented), began].into_iter().flatten() {
            let record = reader.certificate_by_fingerprint(&fingerprint).await?;
            let record = record.ok_or(Refusal::FlowEnded)?;
            let grant = match &record.grant {
                Some(id) => reader.grant(id).await?,
                None => None,
            };
            let grant = grant.ok_or(Refusal::FlowEnded)?;
            let certificate = CertificateBox::of(&grant, record.not_after);
            shown.push((grant.institution, certificate));
        }
        let mut shown = shown.into_iter();
        let (institution, now) = shown.next().ok_or(Refusal::FlowEnded)?;
        let first = shown.next().filter(|(first, _)| *first == institution);
        Ok(OtherHolder {
            first: first.map(|(_, certificate)| certificate),
            now,
        })
    }
}

/// Each step must present the certificate that the procedure was begun with (RU-E7, T02).
fn same_certificate(flow: &Flow, presented: Option<Fingerprint>) -> Result<()> {
    if flow.fingerprint == presented {
        Ok(())
    } else {
        Err(Refusal::OtherCertificate.into())
    }
}
