//! What a fresh demo begins with: operators, institutions and sample certificates.

use tegata_app::App;
use tegata_domain::announcement::{Notice, TypedNotice};
use tegata_domain::audit::Actor;
use tegata_domain::entropy::octets;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::register::TypedEntry;

use super::case::{Case, Cases, Life, SampleAnnouncement, Staff};
use super::folder::{DEMO_TOML, Folder, SampleOperator, State};
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
    for sample in &cases.announcement {
        announce(app, sample, &staff.administrator).await?;
    }
    let life = Life {
        app,
        folder,
        staff: &staff,
        applicant: &cases.applicant,
    };
    let mut samples = Vec::new();
    for case in &cases.sample {
        if !codes.contains(&case.code.as_str()) {
            codes.push(&case.code);
            add_institution(app, case, &staff.intake).await?;
        }
        samples.push(life.of(case).await?);
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
        administrator: of(Role::Administrator)?,
        intake: of(Role::Intake)?,
        examiner: of(Role::Examiner)?,
        approver: of(Role::Approver)?,
        dispatchers: [nth(Role::Dispatcher, 0)?, nth(Role::Dispatcher, 1)?],
    };
    Ok((staff, shown))
}

async fn announce(app: &App, sample: &SampleAnnouncement, by: &Operator) -> Outcome<()> {
    let now = app.clock_now();
    let today = now.japan_date();
    let day = |days: i64| Some(today.plus_days(days));
    let notice = Notice::check(&TypedNotice {
        kind: sample.kind.clone(),
        title: sample.title.clone(),
        body: sample.body.clone(),
        shown: [day(0), day(sample.shown_days)],
        affects: sample.affects_in_days.map(|days| [day(days), None]),
    });
    let notice =
        notice.map_err(|_| Failure::new("a sample announcement is wrong", "report this"))?;
    app.publish_announcement(notice, by, now).await?;
    Ok(())
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
