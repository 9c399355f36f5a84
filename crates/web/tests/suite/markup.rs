//! T44: whatever somebody typed is text on every page that shows it, and in every mail.
//!
//! Each round fills the fields that people outside and operators type into with markup, and then opens every page that
//! a link leads to, from the entrance and from the console, with every role. What is counted are pages.

use std::collections::BTreeSet;

use tegata_domain::operator::Role;
use tegata_soak::Soak;

use crate::clerk::{Clerk, hidden};
use crate::house::House;
use crate::visitor::{Answer, Visitor, contact_form, form_request, institution_form};

/// What a browser would run or draw if it stood in a page as it is.
const MARKUP: [&str; 8] = [
    "<script>xss()</script>",
    "\"><img src=x onerror=xss()>",
    "' onmouseover='xss()",
    "</title><svg onload=xss()>",
    "</textarea><b>xss</b>",
    "javascript:xss()",
    "<!--<xss",
    "{{ 7 * 7 }}{% raw %}",
];
/// More pages than a round has.
const MOST_PAGES: usize = 400;

#[tokio::test]
async fn t44_what_was_typed_is_text_on_every_page() {
    let soak = Soak::named("markup");
    let rounds = soak.size(2, MARKUP.len());
    let mut pages = 0;
    for markup in MARKUP.iter().take(rounds) {
        pages += round(markup).await;
    }
    assert!(pages > rounds * 30, "{pages} pages in {rounds} rounds");
    soak.report(pages, "pages", 0);
}

async fn round(markup: &str) -> usize {
    let house = House::new().await;
    let typed = encoded(markup);
    let mut visitor = Visitor::new(&house);
    let mut seen = apply(&house, &mut visitor, markup, &typed).await;
    let clerk = Clerk::hire(&house, "sato", &Role::ALL).await;
    seen += act(&house, &clerk, markup, &typed).await;
    mails(&house, markup).await;
    seen + crawl(&house, &clerk, markup, &typed).await
}

/// 発行申請 with markup in each field, and a number of the case that nobody has.
async fn apply(house: &House, visitor: &mut Visitor<'_>, markup: &str, typed: &str) -> usize {
    let first = visitor.go("/p/rcr", "").await;
    let here = visitor.at();
    let mut answers = vec![
        visitor
            .post(
                &format!("{here}/institution"),
                &institution_form(&first, typed),
            )
            .await,
    ];
    let form = institution_form(&first, "1310123458");
    let contact = visitor.go(&format!("{here}/institution"), &form).await;
    for field in [
        "terminal_1",
        "person",
        "telephone",
        "mail",
        "mail_confirmation",
    ] {
        let form = replaced(&contact_form(&contact, ""), field, typed);
        answers.push(visitor.post(&format!("{here}/contact"), &form).await);
        let back = visitor.get(&here).await;
        answers.push(back);
    }
    let now = visitor.get(&here).await;
    let more = format!("&department={typed}");
    let form = replaced(&contact_form(&now, &more), "person", typed);
    let confirm = visitor.post(&format!("{here}/contact"), &form).await;
    let confirm = if confirm.status.is_redirection() {
        visitor.get(&here).await
    } else {
        answers.push(confirm);
        // This markup is no name of a person; somebody with a usual one applies.
        let now = visitor.get(&here).await;
        visitor
            .go(&format!("{here}/contact"), &contact_form(&now, ""))
            .await
    };
    let form = format!("version={}", confirm.version());
    answers.push(confirm);
    answers.push(visitor.go(&format!("{here}/submit"), &form).await);
    let guess = format!("application_no={typed}&inquiry_no={typed}");
    answers.push(visitor.post("/p/rcr/status", &guess).await);
    let guess = format!("request_id={typed}&reference_id={typed}");
    for site in ["/p/rcd", "/p/rx"] {
        answers.push(visitor.post(site, &guess).await);
    }
    for answer in &answers {
        judge(answer, markup, "an application");
    }
    drop(house.app.queue("submitted", None, 1).await.unwrap());
    answers.len()
}

/// What operators type: a reason, a message, an announcement, a name at the entrance.
async fn act(house: &House, clerk: &Clerk<'_>, markup: &str, typed: &str) -> usize {
    let id = house.waiting().await;
    let case = format!("/console/applications/{id}");
    let seen = hidden(&clerk.get(&case).await, "seen");
    let form = format!("seen={seen}&reason={typed}&due=2026-02-02");
    let news = format!(
        "version=0&kind=maintenance&title={typed}&body={typed}&shown_from=2026-01-01\
         &shown_until=2026/12/31&affects_from=2026-01-19&affects_until=&step=publish"
    );
    let letter = house.letter().await;
    let grant = format!("/console/grants/{}", letter.request_id);
    let mail = format!("mail={typed}&mail_confirmation={typed}&reason={typed}");
    let answers = [
        clerk.post(&format!("{case}/return"), &form).await,
        clerk.post("/console/announcements", &news).await,
        clerk
            .post(
                &format!("{grant}/extend"),
                &format!("reason={typed}&days=7"),
            )
            .await,
        clerk.post(&format!("{grant}/mail"), &mail).await,
        clerk
            .post(
                &format!("{grant}/hold"),
                &format!("reason={typed}&said={typed}"),
            )
            .await,
        clerk
            .send(form_request(
                "/console/login",
                &format!("name={typed}&password=x&code=1"),
            ))
            .await,
        clerk.get(&format!("/console/search?q={typed}")).await,
        clerk
            .get(&format!("/console/audit?actor={typed}&action={typed}"))
            .await,
        clerk.get(&format!("/console/queue?class={typed}")).await,
    ];
    for answer in &answers {
        judge(answer, markup, "an act");
    }
    answers.len()
}

/// A mail is plain text; its head must hold one line each.
async fn mails(house: &House, markup: &str) {
    for mail in house.app.claim_mails(100).await.unwrap() {
        let subject = &mail.text.subject;
        assert!(!subject.contains(['\r', '\n']), "{markup}: {subject}");
        house.app.mail_sent(&mail).await.unwrap();
    }
}

/// Every page that a link leads to.
async fn crawl(house: &House, clerk: &Clerk<'_>, markup: &str, typed: &str) -> usize {
    let mut visitor = Visitor::new(house);
    let mut waiting = vec!["/".to_owned(), "/console".to_owned()];
    waiting.extend(["/p/rcd", "/p/rx", "/p/rcr", "/p/cert", "/p/c"].map(str::to_owned));
    waiting.push(format!("/console/search?q={typed}"));
    let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut pages = 0;
    while let Some(path) = waiting.pop() {
        assert!(known.len() < MOST_PAGES, "the links have no end: {path}");
        let answer = if path.starts_with("/console") {
            clerk.get(&path).await
        } else {
            visitor.get(&path).await
        };
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        judge(&answer, markup, &path);
        pages += 1;
        for link in links(answer.html()) {
            if !link.contains("logout") && known.insert(link.clone()) {
                waiting.push(link);
            }
        }
    }
    pages
}

/// Addresses of this site that a page links to.
fn links(html: &str) -> Vec<String> {
    let ends = html.split("href=\"").skip(1);
    ends.filter_map(|rest| rest.split_once('"'))
        .map(|(link, _)| link.replace("&amp;", "&").replace("&#x2f;", "/"))
        .filter(|link| link.starts_with('/') && !link.starts_with("//"))
        .collect()
}

fn judge(answer: &Answer, markup: &str, at: &str) {
    assert!(
        !answer.status.is_server_error(),
        "{at}, {markup}: {}",
        answer.status
    );
    let Ok(html) = std::str::from_utf8(&answer.body) else {
        return;
    };
    let is_raw = markup.contains(['<', '\'', '"']) && html.contains(markup);
    assert!(!is_raw, "{at}: {markup} stands as it is");
    for part in [
        "<xss",
        "<img",
        "<svg onload",
        "<script>xss",
        "href=\"javascript:",
        "49{%",
    ] {
        assert!(!html.contains(part), "{at}, {markup}: {part}");
    }
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{at}: {policy}");
}

/// As a form sends it.
fn encoded(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

/// The form with another value in this field.
fn replaced(form: &str, field: &str, value: &str) -> String {
    let parts = form.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if name == field => format!("{name}={value}"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}
