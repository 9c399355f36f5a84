//! One field for whatever a caller says (P-… "finds the case by code, terminal, request ID or name").

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use tegata_domain::applicant::ApplicationNumber;
use tegata_domain::application::CertificateApplication;
use tegata_domain::bounce::BouncedAddress;
use tegata_domain::grant::Grant;
use tegata_domain::id::{ApplicationId, InstitutionId, SerialNumber};
use tegata_domain::institution::Institution;
use tegata_domain::reference::RequestId;
use tegata_domain::search;
use tegata_store::{Found, Reader};

use crate::base::App;
use crate::casework::institution_of;
use crate::error::Result;

/// Words that one page looks at.
const PAGE: u32 = 50;

/// Something that was found.
#[derive(Clone, Debug)]
pub enum Hit {
    /// An application with its certificates.
    Application(Box<FoundCase>),
    /// An institution.
    Institution(Box<Institution>),
}

/// An application with its certificates.
#[derive(Clone, Debug)]
pub struct FoundCase {
    /// The application.
    pub application: CertificateApplication,
    /// Whose it is.
    pub institution: Institution,
    /// Its certificates, the oldest first.
    pub grants: Vec<Grant>,
    /// Why mails to the newest one's addresses come back, for those of them that do.
    pub bounced: Vec<BouncedAddress>,
}

/// A page of what was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What was found.
    pub hits: Vec<Hit>,
    /// What the next page begins after, where there may be more.
    pub next: Option<String>,
    /// Whether too little was typed to look for.
    pub too_short: bool,
}

impl App {
    /// Looks for a code, a name, a terminal, 申請番号, a request ID, a serial number or a mail address, after `after`.
    pub async fn find(&self, typed: &str, after: Option<&str>) -> Result<Findings> {
        let mut reader = self.store().reader().await?;
        if after.is_none()
            && let Some(application) = exact(&mut reader, typed).await?
        {
            let hits = vec![hit_of(&mut reader, application).await?];
            return Ok(Findings {
                hits,
                ..Findings::default()
            });
        }
        let Some(word) = search::looked_for(typed) else {
            return Ok(Findings {
                too_short: true,
                ..Findings::default()
            });
        };
        let after = after.and_then(read_key);
        let found = reader.search(&word, after.as_ref(), PAGE).await?;
        let full = u32::try_from(found.len()).is_ok_and(|count| count == PAGE);
        let next = found.last().filter(|_| full).map(key);
        let (mut seen, mut hits) = (BTreeSet::new(), Vec::new());
        for Found { object, .. } in found {
            if seen.insert(object.clone()) {
                hits.extend(hit(&mut reader, &object).await?);
            }
        }
        Ok(Findings {
            hits,
            next,
            too_short: false,
        })
    }
}

/// The application that has exactly this number.
async fn exact(reader: &mut Reader, typed: &str) -> Result<Option<CertificateApplication>> {
    if let Some(number) = ApplicationNumber::parse(typed)
        && let Some((id, _)) = reader.applicant_by_number(&number).await?
    {
        return Ok(reader.application(&id).await?);
    }
    let folded = search::fold(typed);
    let digits: String = folded.chars().filter(|c| *c != '-').collect();
    let mut grant = None;
    if let Some(request) = RequestId::parse(&digits) {
        grant = reader
            .grant_by_request(&request)
            .await?
            .map(|(grant, _)| grant);
    }
    if let Ok(serial) = SerialNumber::parse(&digits) {
        let record = reader.certificate(&serial).await?;
        if let Some(id) = record.and_then(|record| record.grant) {
            grant = reader.grant(&id).await?;
        }
    }
    match grant {
        Some(grant) => Ok(reader.application(&grant.application).await?),
        None => Ok(None),
    }
}

async fn hit(reader: &mut Reader, object: &str) -> Result<Option<Hit>> {
    let Some((kind, id)) = object.split_once(':') else {
        return Ok(None);
    };
    if kind == "institution" {
        let Ok(id) = InstitutionId::parse(id) else {
            return Ok(None);
        };
        let institution = reader.institution(&id).await?;
        return Ok(institution.map(|found| Hit::Institution(Box::new(found))));
    }
    let Ok(id) = ApplicationId::parse(id) else {
        return Ok(None);
    };
    match reader.application(&id).await? {
        Some(application) => Ok(Some(hit_of(reader, application).await?)),
        None => Ok(None),
    }
}

async fn hit_of(reader: &mut Reader, application: CertificateApplication) -> Result<Hit> {
    let institution = institution_of(reader, &application.institution).await?;
    let grants = reader.grants_of_application(&application.id).await?;
    let mut bounced = Vec::new();
    for address in grants.last().into_iter().flat_map(Grant::addresses) {
        bounced.extend(reader.bounced_address(address).await?);
    }
    Ok(Hit::Application(Box::new(FoundCase {
        application,
        institution,
        grants,
        bounced,
    })))
}

/// The key of a page in its address.
fn key(found: &Found) -> String {
    format!("{}-{}", HEXLOWER.encode(&found.word), found.object)
}

fn read_key(text: &str) -> Option<Found> {
    let (word, object) = text.split_once('-')?;
    Some(Found {
        word: HEXLOWER.decode(word.as_bytes()).ok()?,
        object: object.to_owned(),
    })
}
