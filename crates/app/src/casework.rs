//! What the console shows: what waits, a case from its application to its mails, what a caller asks for.
//!
//! Reading only. Everything comes by key or index and in pages, and nothing secret is in it (F8).

use std::collections::BTreeMap;

use tegata_domain::applicant::{Applicant, Contact};
use tegata_domain::application::CertificateApplication;
use tegata_domain::bounce::BouncedAddress;
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::Grant;
use tegata_domain::id::{ApplicationId, AuditId, GrantId, InstitutionId, OperatorId, SerialNumber};
use tegata_domain::institution::Institution;
use tegata_domain::outbox::OutboxMail;
use tegata_domain::proposal::Proposal;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::RevocationRequest;
use tegata_domain::time::Timestamp;
use tegata_store::{AuditFilter, AuditRow, MailFate, Reader};

use crate::base::App;
use crate::error::{Refusal, Result, internal};

/// Most entries that a start page counts.
const COUNTED: u32 = 1_000;
/// Earlier applications and certificates of an institution beside a case.
const HISTORY: u32 = 20;
/// Most events of one object in a story.
const EVENTS: u32 = 500;

/// Names of operators, for pages.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// The operator's name to log in with.
    pub fn of<'a>(&'a self, id: &'a OperatorId) -> &'a str {
        self.of_text(id.as_str())
    }

    /// The same for the text of an id; the text itself where it is nobody's.
    pub fn of_text<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

impl Names {
    /// The id of the operator with this name.
    pub fn id_of(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(_, own)| *own == name)
            .map(|(id, _)| id.as_str())
    }
}

/// A request to revoke with whose it is.
#[derive(Clone, Debug)]
pub struct RevocationFile {
    /// The request.
    pub request: RevocationRequest,
    /// What it stops.
    pub grant: Grant,
    /// The institution, with the telephone number to call back.
    pub institution: Institution,
}

/// An application in a queue.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The application.
    pub application: CertificateApplication,
    /// Whose it is, as the register has it now.
    pub institution: Institution,
}

/// How much waits, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub number: usize,
    /// Whether there are more than were counted.
    pub more: bool,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}

/// What the start page says.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Applications that wait to be examined.
    pub submitted: Waiting,
    /// Applications that wait for approval.
    pub examined: Waiting,
    /// Letters that wait to be printed.
    pub to_print: Waiting,
    /// Letters that wait to be posted.
    pub to_post: Waiting,
    /// Requests to revoke that wait for two operators.
    pub revocations: Waiting,
    /// Proposals that wait for a second person.
    pub proposals: Waiting,
    /// Holders whose mails come back and whose certificate's end is near.
    pub unreachable: Waiting,
    /// Mails that were not sent yet.
    pub mails: Waiting,
    /// When the revocation list that was made longest ago was made.
    pub oldest_list: Option<Timestamp>,
    /// The clock of certificates.
    pub clock: Timestamp,
    /// The system's clock.
    pub system: Timestamp,
}

/// One thing that happened in a case.
#[derive(Clone, Debug)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// Somebody did something.
    Event(AuditRow),
    /// A mail was written.
    Mail {
        /// The mail.
        mail: OutboxMail,
        /// What came of it.
        fate: MailFate,
    },
}

/// A certificate of a case: the grant, and what came of it.
#[derive(Clone, Debug)]
pub struct CaseGrant {
    /// The grant.
    pub grant: Grant,
    /// Its newest certificate.
    pub certificate: Option<CertificateRecord>,
    /// Its newest request to revoke.
    pub revocation: Option<RevocationRequest>,
    /// When its letter was posted, and the number of the post.
    pub posted: Option<(Timestamp, Option<String>)>,
    /// Why mails to its addresses come back, for those of them that do.
    pub bounced: Vec<BouncedAddress>,
}

/// A case as a whole.
#[derive(Clone, Debug)]
pub struct Case {
    /// The application.
    pub application: CertificateApplication,
    /// Whom to talk to, and 申請番号; `None` where it came on paper.
    pub applicant: Option<Applicant>,
    /// The institution, as the register has it now.
    pub institution: Institution,
    /// The letter's certificate and its renewals, the oldest first.
    pub grants: Vec<CaseGrant>,
    /// Other applications of the institution, the newest first.
    pub other_applications: Vec<CertificateApplication>,
    /// Other certificates of the institution, the newest first.
    pub other_grants: Vec<Grant>,
    /// Proposals about the case that wait for a second person.
    pub proposals: Vec<Proposal>,
    /// Everything that happened, in order.
    pub story: Vec<Happened>,
    /// Who the operators are.
    pub names: Names,
}

/// An institution with what it has.
#[derive(Clone, Debug)]
pub struct InstitutionFile {
    /// The institution.
    pub institution: Institution,
    /// Its newest applications, the newest first.
    pub applications: Vec<CertificateApplication>,
    /// Its newest certificates, the newest first.
    pub grants: Vec<Grant>,
}

impl App {
    /// The names of all operators.
    pub async fn operator_names(&self) -> Result<Names> {
        let operators = self.list_operators().await?;
        let pairs = operators
            .into_iter()
            .map(|operator| (operator.id.to_string(), operator.name));
        Ok(Names(pairs.collect()))
    }

    /// What waits, and how the house does.
    pub async fn overview(&self) -> Result<Overview> {
        let mut reader = self.store().reader().await?;
        let submitted = applications(&mut reader, "submitted").await?;
        let examined = applications(&mut reader, "examined").await?;
        let to_print = reader.letters_to_print(None, COUNTED).await?;
        let to_post = reader.letters_to_post(None, COUNTED).await?;
        let revocations = reader.list_open_revocations(None, COUNTED).await?;
        let proposals = reader.list_open_proposals(None, COUNTED).await?;
        let mails = reader.waiting_mails(COUNTED).await?;
        let now = self.clock_now();
        let until = self.unreachable_until(now);
        let days = self.policy().notices.unreachable;
        let unreachable = reader.unreachable_grants(now, until, COUNTED).await?;
        Ok(Overview {
            submitted,
            examined,
            to_print: waiting(to_print.iter().map(|row| row.reference.created_at)),
            to_post: waiting(to_post.iter().map(|row| row.reference.created_at)),
            revocations: waiting(revocations.iter().map(|request| request.submitted_at)),
            proposals: waiting(proposals.iter().map(|proposal| proposal.proposed_at)),
            unreachable: waiting(unreachable.iter().map(|row| {
                let listed = row.not_after.japan_date().plus_days(-days).start();
                row.since.max(listed)
            })),
            mails: waiting(mails.iter().map(|mail| mail.at)),
            oldest_list: reader.oldest_list().await?,
            clock: self.clock_now(),
            system: self.system_now(),
        })
    }

    /// A page of applications in this state, the oldest first, after `after`.
    pub async fn queue(
        &self,
        state: &str,
        after: Option<&ApplicationId>,
        limit: u32,
    ) -> Result<Vec<Queued>> {
        let mut reader = self.store().reader().await?;
        let queued = reader.queued_applications(state, after, limit).await?;
        let queue = queued.into_iter().map(|(application, institution)| Queued {
            application,
            institution,
        });
        Ok(queue.collect())
    }

    /// The case of an application.
    pub async fn case(&self, id: &ApplicationId) -> Result<Case> {
        let names = self.operator_names().await?;
        let application = self.application(id).await?;
        let mut reader = self.store().reader().await?;
        let institution = institution_of(&mut reader, &application.institution).await?;
        let (mut grants, mut proposals) = (Vec::new(), Vec::new());
        for grant in reader.grants_of_application(id).await? {
            let object = format!("grant:{}", grant.id);
            let about = reader.proposals_of(&object, HISTORY).await?;
            proposals.extend(about.into_iter().filter(Proposal::is_open));
            let mut bounced = Vec::new();
            for address in grant.addresses() {
                bounced.extend(reader.bounced_address(address).await?);
            }
            grants.push(CaseGrant {
                bounced,
                certificate: reader.latest_certificate_of_grant(&grant.id).await?,
                revocation: reader.latest_revocation_of(&grant.id).await?,
                posted: reader.tracking(&grant.id).await?,
                grant,
            });
        }
        let of_case = |other: &GrantId| grants.iter().any(|own| own.grant.id == *other);
        let mut other_grants = reader
            .grants_of_institution(&institution.id, None, HISTORY)
            .await?;
        other_grants.retain(|grant| !of_case(&grant.id));
        let mut other_applications = reader
            .applications_of_institution(&institution.id, None, HISTORY)
            .await?;
        other_applications.retain(|other| other.id != *id);
        let story = story(&mut reader, id, &grants).await?;
        Ok(Case {
            applicant: reader.applicant(id).await?,
            application,
            institution,
            grants,
            other_applications,
            other_grants,
            proposals,
            story,
            names,
        })
    }

    /// A request to revoke, by its number.
    pub async fn revocation_file(&self, number: &str) -> Result<RevocationFile> {
        let mut reader = self.store().reader().await?;
        let request = reader.revocation_by_number(number).await?;
        let request = request.ok_or(Refusal::NotFound)?;
        let grant = reader.grant(&request.grant).await?;
        let grant = grant.ok_or_else(|| internal("show a request", "its grant is gone"))?;
        Ok(RevocationFile {
            institution: institution_of(&mut reader, &grant.institution).await?,
            request,
            grant,
        })
    }

    /// The application alone.
    pub async fn case_application(&self, id: &ApplicationId) -> Result<CertificateApplication> {
        self.application(id).await
    }

    /// The application, and whom to talk to where it came from the web: what an examiner has before the eyes.
    pub async fn case_as_entered(
        &self,
        id: &ApplicationId,
    ) -> Result<(CertificateApplication, Option<Contact>)> {
        let application = self.application(id).await?;
        let applicant = self.store().reader().await?.applicant(id).await?;
        Ok((application, applicant.map(|applicant| applicant.contact)))
    }

    /// The application that a request ID came from.
    pub async fn application_of(&self, request: &RequestId) -> Result<ApplicationId> {
        Ok(self.grant_by(request).await?.application)
    }

    /// The grant with this id.
    pub async fn grant_of_id(&self, id: &GrantId) -> Result<Grant> {
        let grant = self.store().reader().await?.grant(id).await?;
        Ok(grant.ok_or(Refusal::NotFound)?)
    }

    /// The grant of a certificate of ours.
    pub async fn grant_of_serial(&self, serial: &SerialNumber) -> Result<Option<Grant>> {
        let mut reader = self.store().reader().await?;
        let record = reader.certificate(serial).await?;
        match record.and_then(|record| record.grant) {
            Some(grant) => Ok(reader.grant(&grant).await?),
            None => Ok(None),
        }
    }

    /// An institution with its newest applications and certificates.
    pub async fn institution_file(&self, id: &InstitutionId) -> Result<InstitutionFile> {
        let mut reader = self.store().reader().await?;
        let institution = reader.institution(id).await?.ok_or(Refusal::NotFound)?;
        Ok(InstitutionFile {
            applications: reader.applications_of_institution(id, None, 100).await?,
            grants: reader.grants_of_institution(id, None, 100).await?,
            institution,
        })
    }

    /// The audit trail, the newest event first, before `before`.
    pub async fn audit_trail(
        &self,
        of: AuditFilter<'_>,
        before: Option<&AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.audit_before(of, before, limit).await?)
    }
}

pub(crate) async fn institution_of(reader: &mut Reader, id: &InstitutionId) -> Result<Institution> {
    let found = reader.institution(id).await?;
    found.ok_or_else(|| internal("show a case", "its institution is gone"))
}

async fn applications(reader: &mut Reader, state: &str) -> Result<Waiting> {
    let number = reader.count_applications(state, COUNTED).await?;
    let number = usize::try_from(number).unwrap_or(0);
    let first = reader.list_applications(state, None, 1).await?;
    Ok(Waiting {
        number,
        more: i64::from(COUNTED) <= i64::try_from(number).unwrap_or(i64::MAX),
        oldest: first.first().map(|application| application.entered_at),
    })
}

fn waiting(times: impl Iterator<Item = Timestamp>) -> Waiting {
    let times: Vec<Timestamp> = times.collect();
    Waiting {
        number: times.len(),
        more: u32::try_from(times.len()).is_ok_and(|number| number >= COUNTED),
        oldest: times.into_iter().min(),
    }
}

/// Everything that happened to an application, its grants and their certificates, with the mails.
async fn story(
    reader: &mut Reader,
    id: &ApplicationId,
    grants: &[CaseGrant],
) -> Result<Vec<Happened>> {
    let mut objects = vec![format!("application:{id}")];
    let mut about = vec![id.to_string()];
    for own in grants {
        objects.push(format!("grant:{}", own.grant.id));
        let serial = own.certificate.as_ref().map(|record| record.serial);
        objects.extend(serial.map(|serial| format!("certificate:{serial}")));
        about.push(own.grant.request_id.to_string());
    }
    // The second of an event is the same for what one act did: its kind gives the order within it.
    let mut story: Vec<(Timestamp, u8, String, What)> = Vec::new();
    for object in &objects {
        for event in reader.newest_audit_of(object, EVENTS).await? {
            let id = event.id.to_string();
            story.push((event.at, 0, id, What::Event(event)));
        }
    }
    for case in &about {
        for (mail, fate) in reader.mails_about(case, EVENTS).await? {
            let id = mail.id.to_string();
            story.push((mail.at, 1, id, What::Mail { mail, fate }));
        }
    }
    story.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
    let entry = |(at, _, _, what)| Happened { at, what };
    Ok(story.into_iter().map(entry).collect())
}
