//! `tegata grant letter`: two dispatchers release a letter, then each of them prints it (F8, I2).

use serde_json::{Value, json};
use tegata_app::{ActRefusal, App, Error, Letter, Refusal};
use tegata_domain::operator::Operator;
use tegata_domain::proposal::{Proposal, ProposalState, ProposedAct};
use tegata_domain::reference::RequestId;

use super::grant::grant_view;
use super::output::with;
use super::proposal;
use crate::failure::{Failure, Outcome};

/// Proposals of one case that are looked through.
const NEWEST: u32 = 50;

/// Proposes the release, confirms it, or prints, by what stands. The clock is read once.
pub(super) async fn release_or_print(
    app: &App,
    request: &RequestId,
    by: &Operator,
) -> Outcome<Value> {
    let now = app.clock_now();
    let found = app.proposals_of(request, NEWEST).await?;
    let mut releases = found
        .into_iter()
        .filter(|found| matches!(found.act, ProposedAct::ReleaseLetters { .. }));
    match releases.next() {
        Some(open) if open.state == ProposalState::Proposed => {
            if open.act.requests().len() > 1 {
                let told = format!("the letter is part of a batch, proposal {}", open.id);
                return Err(Failure::new(
                    told,
                    "run `tegata proposal show` and `confirm`",
                ));
            }
            let confirmed = app.confirm_proposal(&open.id, by, now).await?;
            print(app, &confirmed.proposal, request, by).await
        }
        Some(done) if done.persons().is_some_and(|two| two.contains(&&by.id)) => {
            match app.released_letters(&done.id, by, now).await {
                // It was posted: a letter that came after it needs a release of its own.
                Err(Error::Refused(Refusal::Act(ActRefusal::LettersPosted))) => {
                    propose(app, request, by).await
                }
                Err(error) => Err(error.into()),
                Ok(letters) => shown(letters, request),
            }
        }
        _ => propose(app, request, by).await,
    }
}

async fn propose(app: &App, request: &RequestId, by: &Operator) -> Outcome<Value> {
    let requests = [request.clone()].into();
    let act = ProposedAct::ReleaseLetters { requests };
    let proposed = app
        .propose(act, "print the letter", by, app.clock_now())
        .await?;
    let next = "a second dispatcher runs the same command to confirm";
    Ok(with(proposal::shown(&proposed), [("next", json!(next))]))
}

async fn print(
    app: &App,
    release: &Proposal,
    request: &RequestId,
    by: &Operator,
) -> Outcome<Value> {
    let letters = app
        .released_letters(&release.id, by, app.clock_now())
        .await?;
    shown(letters, request)
}

fn shown(letters: Vec<Letter>, request: &RequestId) -> Outcome<Value> {
    let mut letters = letters.into_iter();
    let letter = letters.find(|letter| letter.grant.request_id == *request);
    let letter = letter.ok_or_else(|| {
        Failure::new(
            "the letter is posted",
            "give it a new reference ID if it is lost",
        )
    })?;
    let secret = [
        ("reference_id", json!(letter.reference_id.expose())),
        ("connection_code", json!(letter.connection_code)),
        ("class_label", json!(letter.class_label)),
        ("postal_code", json!(letter.postal_code)),
        ("address", json!(letter.address)),
        ("tls_root_sha1", json!(letter.tls_root.sha1)),
        ("tls_root_sha256", json!(letter.tls_root.sha256)),
        ("subscriber_root_sha1", json!(letter.subscriber_root.sha1)),
        (
            "subscriber_root_sha256",
            json!(letter.subscriber_root.sha256),
        ),
        (
            "reissue",
            json!(letter.reissue.map(|reissue| reissue.number)),
        ),
    ];
    Ok(with(grant_view(&letter.grant), secret))
}
