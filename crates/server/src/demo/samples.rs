//! Sample operators and certificates, made through the same steps that persons take.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;
use tegata_app::{
    App, KeyFileForm, NewApplication, PasswordForm, RevocationForm, Source, TypedIds, Visit,
};
use tegata_domain::audit::Actor;
use tegata_domain::entropy::octets;
use tegata_domain::institution::ClassName;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::register::TypedEntry;
use tegata_domain::revocation::{Outcome as Ending, StatedReason};
use tegata_domain::secret::Secret;

use super::folder::{DEMO_TOML, Folder, SampleCertificate, SampleOperator, State};
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::system::{SystemEntropy, generated_password};

/// The persons: two for each part of two persons.
const PERSONS: [(&str, Role); 12] = [
    ("intake1", Role::Intake),
    ("intake2", Role::Intake),
    ("examiner1", Role::Examiner),
    ("examiner2", Role::Examiner),
    ("approver1", Role::Approver),
    ("approver2", Role::Approver),
    ("dispatcher1", Role::Dispatcher),
    ("dispatcher2", Role::Dispatcher),
    ("admin1", Role::Administrator),
    ("admin2", Role::Administrator),
    ("helpdesk1", Role::HelpDesk),
    ("auditor1", Role::Auditor),
];
/// Where the samples' requests come from.
const SOURCE: Source = Source(IpAddr::V4(Ipv4Addr::LOCALHOST));

/// A case of `demo.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    state: CaseState,
    class: String,
    code: String,
    name: String,
    kana: String,
    postal_code: String,
    address: String,
    telephone: String,
    terminal: String,
    mail: String,
}

/// How far a case goes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum CaseState {
    Posted,
    Collected,
    OnHold,
    Revoked,
}

impl CaseState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Collected => "collected",
            Self::OnHold => "on_hold",
            Self::Revoked => "revoked",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Cases {
    sample: Vec<Case>,
}

/// The operators of the parts that a case goes through.
struct Staff {
    intake: Operator,
    examiner: Operator,
    approver: Operator,
    dispatchers: [Operator; 2],
}

/// Makes everything that a fresh demo begins with.
pub(super) async fn make(instance: &Instance, folder: &Folder) -> Outcome<State> {
    let defect = |error: toml::de::Error| {
        Failure::machine("read demo.toml", error, "report this as a defect")
    };
    let cases: Cases = toml::from_str(DEMO_TOML).map_err(defect)?;
    let app = &instance.app;
    // Responders and first lists, so that the first sample can be asked about.
    app.run_due_jobs(app.clock_now()).await?;
    let (staff, operators) = staff(app).await?;
    let mut codes: Vec<&str> = Vec::new();
    let mut samples = Vec::new();
    for case in &cases.sample {
        if !codes.contains(&case.code.as_str()) {
            codes.push(&case.code);
            add_institution(app, case, &staff.intake).await?;
        }
        samples.push(sample(app, folder, case, &staff).await?);
    }
    let clock_token = hex::encode(octets::<16>(&SystemEntropy));
    Ok(State {
        clock_token,
        operators,
        samples,
    })
}

async fn staff(app: &App) -> Outcome<(Staff, Vec<SampleOperator>)> {
    let mut made = Vec::new();
    let mut shown = Vec::new();
    for (name, role) in PERSONS {
        let password = generated_password();
        let now = app.clock_now();
        let added = app
            .add_operator(name, &password, &[role], Actor::System, now)
            .await?;
        shown.push(SampleOperator {
            role: role.as_str().to_owned(),
            name: name.to_owned(),
            password: password.expose().clone(),
            totp_secret: added.totp_secret.expose().clone(),
        });
        made.push(added.operator);
    }
    let nth = |role: Role, n: usize| {
        let mut with_role = made.iter().filter(|one| one.roles.contains(&role));
        let found = with_role.nth(n).cloned();
        found.ok_or_else(|| Failure::new(format!("no sample has the role {role}"), "report this"))
    };
    let of = |role: Role| nth(role, 0);
    let staff = Staff {
        intake: of(Role::Intake)?,
        examiner: of(Role::Examiner)?,
        approver: of(Role::Approver)?,
        dispatchers: [nth(Role::Dispatcher, 0)?, nth(Role::Dispatcher, 1)?],
    };
    Ok((staff, shown))
}

async fn add_institution(app: &App, case: &Case, by: &Operator) -> Outcome<()> {
    let institution = TypedEntry {
        class: case.class.clone(),
        code: case.code.clone(),
        name: case.name.clone(),
        kana: case.kana.clone(),
        prefecture: String::new(),
        postal_code: case.postal_code.clone(),
        address: case.address.clone(),
        telephone: case.telephone.clone(),
    };
    let by = Actor::Operator(by.id.clone());
    app.add_institution(institution, by, app.clock_now())
        .await?;
    Ok(())
}

/// One case from its application to the state that it shall show.
async fn sample(
    app: &App,
    folder: &Folder,
    case: &Case,
    staff: &Staff,
) -> Outcome<SampleCertificate> {
    let (request_id, reference_id) = posted(app, case, staff).await?;
    let mut made = SampleCertificate {
        request_id: request_id.to_string(),
        reference_id: reference_id.expose().to_owned(),
        institution_code: case.code.clone(),
        terminal: case.terminal.clone(),
        state: case.state.as_str().to_owned(),
        p12: None,
        p12_password: None,
    };
    let ids = || TypedIds {
        request: Some(request_id.clone()),
        reference: Some(reference_id.clone()),
    };
    if case.state >= CaseState::Collected {
        let password = generated_password();
        let file = collected(app, ids(), &password).await?;
        made.p12 = Some(folder.write(&format!("samples/{}", file.0), 0o600, &*file.1)?);
        made.p12_password = Some(password.expose().clone());
    }
    if case.state >= CaseState::OnHold {
        let number = on_hold(app, ids(), case).await?;
        if case.state == CaseState::Revoked {
            for by in [&staff.examiner, &staff.approver] {
                let now = app.clock_now();
                app.decide_revocation(&number, Ending::Complete, "sample", by, now)
                    .await?;
            }
        }
    }
    Ok(made)
}

/// Entered, examined, approved, printed and posted.
async fn posted(app: &App, case: &Case, staff: &Staff) -> Outcome<(RequestId, ReferenceId)> {
    let application = NewApplication {
        class: ClassName::new(&case.class),
        code: case.code.clone(),
        terminal: case.terminal.clone(),
        mail: case.mail.clone(),
    };
    let entered = app
        .enter_application(application, &staff.intake, app.clock_now())
        .await?;
    app.examine_application(&entered.id, &staff.examiner, app.clock_now())
        .await?;
    let grant = app
        .approve_application(&entered.id, &staff.approver, app.clock_now())
        .await?;
    let [first, second] = &staff.dispatchers;
    let requests = [grant.request_id.clone()].into();
    let act = ProposedAct::ReleaseLetters { requests };
    let proposal = app.propose(act, "sample", first, app.clock_now()).await?;
    app.confirm_proposal(&proposal.id, second, app.clock_now())
        .await?;
    let letters = app
        .released_letters(&proposal.id, first, app.clock_now())
        .await?;
    let letter = letters.into_iter().next();
    let letter = letter.ok_or_else(|| Failure::new("a sample has no letter", "report this"))?;
    app.post_letter(&grant.request_id, None, first, app.clock_now())
        .await?;
    Ok((grant.request_id, letter.reference_id))
}

fn by(cookie: &str) -> Visit<'_> {
    Visit {
        cookie: Some(cookie),
        presented: None,
        source: SOURCE,
    }
}

/// The `.p12` with its name.
async fn collected(
    app: &App,
    ids: TypedIds,
    password: &Secret<String>,
) -> Outcome<(String, zeroize::Zeroizing<Vec<u8>>)> {
    let now = app.clock_now();
    let opened = app.open_collection(ids, SOURCE, now).await?;
    let page = app
        .collection_page(&opened.flow, by(&opened.cookie), now)
        .await?;
    let form = PasswordForm {
        version: page.version,
        password: Secret::from(password.expose().as_str()),
        confirmation: Secret::from(password.expose().as_str()),
        form: KeyFileForm::Modern,
        weak_accepted: true,
    };
    let cookie = app
        .set_password(&opened.flow, by(&opened.cookie), form, now)
        .await?;
    let page = app.collection_page(&opened.flow, by(&cookie), now).await?;
    let file = app
        .download(&opened.flow, by(&cookie), page.version, now)
        .await?;
    Ok((file.name, file.der))
}

/// A request to revoke, which puts the certificate on hold; its number.
async fn on_hold(app: &App, ids: TypedIds, case: &Case) -> Outcome<String> {
    let now = app.clock_now();
    let opened = app.open_revocation(ids, SOURCE, now).await?;
    let (flow, cookie) = (&opened.flow, opened.cookie.as_str());
    let form = RevocationForm {
        version: app.revocation_page(flow, by(cookie)).await?.version,
        mail: case.mail.clone(),
        confirmation: case.mail.clone(),
        reason: StatedReason::Lost.as_str().to_owned(),
        newer: String::new(),
    };
    app.enter_revocation(flow, by(cookie), form).await?;
    let version = app.revocation_page(flow, by(cookie)).await?.version;
    app.submit_revocation(flow, by(cookie), version, true, now)
        .await?;
    let accepted = app.revocation_page(flow, by(cookie)).await?.accepted;
    accepted.map(|request| request.number).ok_or_else(|| {
        Failure::new(
            "the sample request to revoke was not accepted",
            "report this as a defect",
        )
    })
}
