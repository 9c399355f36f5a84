//! C-6: letters that wait: two dispatchers release a batch, one prints it, and 「発送済み」 is recorded with the
//! numbers of the post (decisions F8, I2, K2). The reference IDs stand in the PDF alone.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{Error, Session, WaitingLetter};
use tegata_domain::access::Right;
use tegata_domain::id::ProposalId;
use tegata_domain::operator::Act;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;

use super::desk::{self, Desk, Posted, Signed};
use super::step_up::CodePosted;
use super::{fault, grant, proposals, step_up};
use crate::extract::{Caller, Form};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_LETTERS};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

/// Letters that the page lists, and that one batch proposes at first.
const PAGE: u32 = 200;

struct Row {
    address: String,
    request_id: String,
    institution: String,
    terminal: String,
    made_at: String,
    /// Where its release is, once two persons released it.
    release: Option<String>,
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Typed {
    requests: Option<String>,
    reason: String,
    posted: String,
    returned: String,
    /// The form's word and the sentences.
    problems: Vec<(&'static str, String)>,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "console/letters.html")]
struct LettersPage {
    desk: Desk,
    to_print: Vec<Row>,
    to_post: Vec<Row>,
    requests: String,
    may_release: bool,
    may_post: bool,
    typed: Typed,
}

/// GET /console/letters
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let mut fields = desk::asked(&uri, &["posted", "returned"]);
    let number = |text: String| text.parse::<u32>().ok().filter(|number| *number > 0);
    let posted = number(fields.take("posted")).map(messages::posted_letters);
    let returned = number(fields.take("returned")).map(messages::returned_letters);
    let typed = Typed {
        done: posted.or(returned),
        ..Typed::default()
    };
    show(&web, &session, typed).await
}

async fn show(web: &Web, session: &Session, typed: Typed) -> Response {
    let app = web.app();
    let (to_print, to_post) = match (
        app.letters_to_print(None, PAGE).await,
        app.letters_to_post(None, PAGE).await,
    ) {
        (Ok(to_print), Ok(to_post)) => (to_print, to_post),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(web, session, error),
    };
    let may = |act| Right::Do(act).is_held_by(&session.operator);
    let status = if typed.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let all: Vec<String> = to_print
        .iter()
        .map(|letter| letter.grant.request_id.to_string())
        .collect();
    let view = LettersPage {
        desk: Desk::new(web, session, C_LETTERS, "/console/letters"),
        to_print: to_print.iter().map(row).collect(),
        to_post: to_post.iter().map(row).collect(),
        requests: typed.requests.clone().unwrap_or_else(|| all.join("\n")),
        may_release: may(Act::ReleaseLetters),
        may_post: may(Act::Post),
        typed,
    };
    render(status, &view)
}

fn row(letter: &WaitingLetter) -> Row {
    let grant = &letter.grant;
    Row {
        address: grant::address(&grant.request_id),
        request_id: grant.request_id.to_string(),
        institution: grant.institution_name.clone(),
        terminal: grant.terminal.as_str().to_owned(),
        made_at: messages::moment(letter.made_at),
        release: letter.release.as_ref().map(proposals::address),
    }
}

/// A batch to release, as sent.
pub(crate) struct ReleaseForm {
    requests: String,
    reason: String,
    code: String,
}

impl Form for ReleaseForm {
    const FIELDS: &'static [&'static str] = &["requests", "reason", "code"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            requests: fields.take("requests"),
            reason: fields.take("reason"),
            code: half_width(&fields.take("code")),
        })
    }
}

/// POST /console/letters/propose
pub(crate) async fn propose(
    State(web): State<Web>,
    Signed(session): Signed,
    caller: Caller,
    Posted(form): Posted<ReleaseForm>,
) -> Response {
    let wrong = |told: String| Typed {
        requests: Some(form.requests.clone()),
        reason: form.reason.clone(),
        problems: vec![("requests", told)],
        ..Typed::default()
    };
    let requests: Option<BTreeSet<RequestId>> = lines(&form.requests)
        .map(|line| RequestId::parse(&half_width(line)))
        .collect();
    let Some(requests) = requests.filter(|requests| !requests.is_empty()) else {
        return show(&web, &session, wrong(messages::REQUESTS_WRONG.to_owned())).await;
    };
    match step_up::passed(&web, &session, caller.source, &form.code).await {
        Ok(None) => {}
        Ok(Some(told)) => return show(&web, &session, wrong(told)).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    let reason = match form.reason.trim() {
        "" => messages::REASON_PRINT,
        reason => reason,
    };
    let act = ProposedAct::ReleaseLetters { requests };
    let (by, now) = (&session.operator, web.now());
    match web.app().propose(act, reason, by, now).await {
        Ok(proposal) => see_other(&proposals::address(&proposal.id)),
        Err(error) => match step_up::sentence(error) {
            Ok(told) => show(&web, &session, wrong(told)).await,
            Err(error) => fault::refuse(&web, &session, error),
        },
    }
}

/// A list of request IDs, each with what belongs to it.
pub(crate) struct ListForm {
    list: String,
}

impl Form for ListForm {
    const FIELDS: &'static [&'static str] = &["list"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let list = fields.take("list");
        Ok(Self { list })
    }
}

/// POST /console/letters/posted
pub(crate) async fn posted(
    State(web): State<Web>,
    Signed(session): Signed,
    Posted(form): Posted<ListForm>,
) -> Response {
    let (mut done, mut left, mut problems) = (0, Vec::new(), Vec::new());
    let (by, now) = (&session.operator, web.now());
    for line in lines(&form.list) {
        let told = match read_line(line) {
            Some((request, tracking)) => {
                let tracking = tracking.as_deref();
                match web.app().post_letter(&request, tracking, by, now).await {
                    Ok(_) => {
                        done += 1;
                        continue;
                    }
                    Err(error) => match line_sentence(error) {
                        Ok(told) => told,
                        Err(error) => return fault::refuse(&web, &session, error),
                    },
                }
            }
            None => messages::REQUESTS_WRONG.to_owned(),
        };
        problems.push(("posted", format!("{}: {told}", line.trim())));
        left.push(line);
    }
    finish(&web, &session, ("posted", done), left.join("\n"), problems).await
}

/// POST /console/letters/returned
pub(crate) async fn returned(
    State(web): State<Web>,
    Signed(session): Signed,
    Posted(form): Posted<ListForm>,
) -> Response {
    let (mut done, mut left, mut problems) = (0, Vec::new(), Vec::new());
    let (by, now) = (&session.operator, web.now());
    for line in lines(&form.list) {
        let told = match read_line(line) {
            Some((request, None)) => match web.app().letter_returned(&request, by, now).await {
                Ok(_) => {
                    done += 1;
                    continue;
                }
                Err(error) => match line_sentence(error) {
                    Ok(told) => told,
                    Err(error) => return fault::refuse(&web, &session, error),
                },
            },
            _ => messages::REQUESTS_WRONG.to_owned(),
        };
        problems.push(("returned", format!("{}: {told}", line.trim())));
        left.push(line);
    }
    finish(
        &web,
        &session,
        ("returned", done),
        left.join("\n"),
        problems,
    )
    .await
}

/// POST /console/letters/{id}/pdf: one PDF, for the two who released it, until the letters are posted (I2).
pub(crate) async fn pdf(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): CodePosted,
) -> Response {
    let Ok(id) = ProposalId::parse(&id) else {
        return fault::unknown(&web, &session);
    };
    match step_up::passed(&web, &session, caller.source, &form.code).await {
        Ok(None) => {}
        Ok(told) => return proposals::show(&web, &session, &id, told).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    match print(&web, &session, &id).await {
        Ok(pdf) => {
            let name = format!("attachment; filename=\"letters-{id}.pdf\"");
            let headers = [
                (CONTENT_TYPE, "application/pdf".to_owned()),
                (CONTENT_DISPOSITION, name),
            ];
            (headers, pdf).into_response()
        }
        Err(error) => match step_up::sentence(error) {
            Ok(told) => proposals::show(&web, &session, &id, Some(told)).await,
            Err(error) => fault::refuse(&web, &session, error),
        },
    }
}

async fn print(web: &Web, session: &Session, id: &ProposalId) -> Result<Vec<u8>, Error> {
    let (app, by, now) = (web.app(), &session.operator, web.now());
    let letters = app.released_letters(id, by, now).await?;
    app.letters_pdf(&letters).await
}

/// To the page with the number of those done; where lines are left, the page keeps them.
async fn finish(
    web: &Web,
    session: &Session,
    (list, done): (&'static str, usize),
    left: String,
    mut problems: Vec<(&'static str, String)>,
) -> Response {
    if problems.is_empty() && done > 0 {
        return see_other(&format!("/console/letters?{list}={done}"));
    }
    if problems.is_empty() {
        problems.push((list, messages::REQUESTS_WRONG.to_owned()));
    }
    let told = (done > 0).then(|| messages::partly_done(done));
    let mut typed = Typed {
        problems,
        done: told,
        ..Typed::default()
    };
    if list == "posted" {
        typed.posted = left;
    } else {
        typed.returned = left;
    }
    show(web, session, typed).await
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

/// A request ID, and after a blank, a tab or a comma the number of the post.
fn read_line(line: &str) -> Option<(RequestId, Option<String>)> {
    let mut parts = line
        .split([' ', '\t', ',', '\u{3001}', '\u{3000}', '\u{ff0c}'])
        .map(half_width)
        .filter(|part| !part.is_empty());
    let request = RequestId::parse(&parts.next()?)?;
    let tracking = parts.next();
    parts.next().is_none().then_some((request, tracking))
}

/// The sentence for one line of a list; an error of the program ends the whole.
fn line_sentence(error: Error) -> Result<String, Error> {
    match error {
        Error::Refused(tegata_app::Refusal::NotFound) => Ok(messages::NO_SUCH_REQUEST.to_owned()),
        Error::Conflict => Ok(messages::OTHER_WAS_FIRST.to_owned()),
        error => step_up::sentence(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_request_id_and_perhaps_a_number_of_the_post() {
        for line in [
            "202601190000001 123-45-67890-1",
            "202601190000001,123-45-67890-1",
            "２０２６０１１９００００００１　123-45-67890-1",
            " 202601190000001\t123-45-67890-1 ",
        ] {
            let (request, tracking) = read_line(line).unwrap();
            assert_eq!(request.as_str(), "202601190000001");
            assert_eq!(tracking.as_deref(), Some("123-45-67890-1"), "{line}");
        }
        assert_eq!(read_line("202601190000001").unwrap().1, None);
        for line in ["", "x", "202601190000001 1 2"] {
            assert!(read_line(line).is_none(), "{line}");
        }
    }
}
