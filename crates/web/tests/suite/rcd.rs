//! 電子証明書ダウンロードサイト.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::FORWARDED;
use tegata_domain::certificate::CertificateKind;
use tegata_domain::policy::Policy;
use tegata_domain::reference::RequestId;
use tegata_web::SiteOptions;
use tokio::task::JoinSet;

use crate::house::{House, PROXY};
use crate::pages_doc::Pages;
use crate::visitor::{Visitor, form_request, ids, send, send_from};

#[tokio::test]
async fn the_file_comes_under_the_name_of_its_request() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.collect(&letter).await;
    let form = format!("version={}", visitor.get(&here).await.version());
    let file = visitor.post(&format!("{here}/file"), &form).await;
    assert_eq!(file.header("content-type"), "application/x-pkcs12");
    assert_eq!(
        file.header("content-disposition"),
        format!("attachment; filename=\"{}.p12\"", letter.request_id)
    );
    assert_eq!(file.header("cache-control"), "no-store");
    assert_eq!(file.body.first(), Some(&0x30), "a DER SEQUENCE");
}

#[tokio::test]
async fn ids_are_put_right_before_they_are_checked() {
    let house = House::new().await;
    let letter = house.letter().await;
    let wide: String = letter
        .request_id
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
        .collect();
    let body = format!("request_id={wide}&reference_id=+{}+", letter.reference_id);
    let answer = Visitor::new(&house).post("/p/rcd", &body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn wrong_unknown_and_impossible_ids_get_one_answer() {
    let house = House::with(|policy| policy.guessing.free_per_minute = 100).await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let mut answers = Vec::new();
    for request_id in [
        letter.request_id.as_str(),
        "202601190099999",
        "0",
        "",
        "x%00",
    ] {
        if request_id == "x%00" {
            continue;
        }
        let body = format!("request_id={request_id}&reference_id=AbCdEfGh23");
        let answer = visitor.post("/p/rcd", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.header("set-cookie"), "");
        let page = answer
            .html()
            .replace(&format!("value=\"{request_id}\""), "value=\"\"");
        assert!(
            !page.contains("AbCdEfGh23\""),
            "the secret is not sent back"
        );
        answers.push(page);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn too_many_wrong_pairs_are_told_when_to_try_again() {
    let house = House::with(|policy| {
        policy.guessing.free_per_minute = 100;
        policy.guessing.budget_per_minute = 1;
    })
    .await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    visitor.post("/p/rcd", "request_id=1&reference_id=2").await;
    let answer = visitor.post("/p/rcd", "request_id=1&reference_id=2").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "60");
    assert!(answer.text().contains("60秒たってから"));
    let right = visitor.post("/p/rcd", &ids(&letter)).await;
    assert_eq!(
        right.status,
        StatusCode::SEE_OTHER,
        "a right pair is never refused"
    );
}

/// W3, T26: a header says who asks only where a configured proxy wrote it, and only its own part.
#[tokio::test]
async fn only_a_configured_proxy_says_for_whom_it_asks() {
    let house = House::with(|policy| {
        policy.guessing.free_per_minute = 100;
        policy.guessing.budget_per_minute = 1;
    })
    .await;
    let guess = async |peer: IpAddr, said: &str| {
        let mut request = form_request("/p/rcd", "request_id=1&reference_id=2");
        for name in ["x-forwarded-for", "x-real-ip", "true-client-ip"] {
            let number = said.len().to_string();
            let value = format!("198.51.100.{number}").parse().unwrap();
            request.headers_mut().insert(name, value);
        }
        let value = said.parse().unwrap();
        request.headers_mut().insert(FORWARDED, value);
        let answer = send_from(peer, &house.public, request, Some("localhost"), None).await;
        answer.status.as_u16()
    };
    let (anybody, v6) = ([192, 0, 2, 8].into(), "2001:db8::1".parse().unwrap());
    for (peer, said, status) in [
        (anybody, "for=198.51.100.1", 400),
        (anybody, "for=198.51.100.2", 429),
        (anybody, "for=203.0.113.1", 429),
        (v6, "for=198.51.100.1", 400),
        (v6, "for=198.51.100.22", 429),
        (PROXY, "for=198.51.100.1", 400),
        (PROXY, "for=198.51.100.1", 429),
        (PROXY, "for=198.51.100.2", 400),
        (PROXY, "for=198.51.100.3, for=198.51.100.1", 429),
        (PROXY, "for=198.51.100.1, for=198.51.100.3", 400),
        (PROXY, "for=unknown", 400),
        (PROXY, "for=198.51.100.1, for=unknown", 400),
    ] {
        assert_eq!(guess(peer, said).await, status, "{peer} {said}");
    }
}

#[tokio::test]
async fn a_flow_id_alone_shows_nothing() {
    let house = House::new().await;
    let letter = house.letter().await;
    let here = Visitor::new(&house).enter("/p/rcd", &letter).await;
    let mut stranger = Visitor::new(&house);
    for path in [here.clone(), here.replace("/p/rcd/", "/p/rx/")] {
        let answer = stranger.get(&path).await;
        assert_eq!(
            (answer.status, answer.screen().as_str()),
            (StatusCode::GONE, "E-03")
        );
        assert!(!answer.text().contains(&letter.request_id));
    }
    let taken = stranger.post(&format!("{here}/freeze"), "version=1").await;
    assert_eq!(taken.status, StatusCode::GONE);
}

/// RCD-3: whoever would wait longer than the site's patience sees how far it is, and the file is made all the same.
#[tokio::test]
async fn what_takes_long_says_so_and_goes_on_by_itself() {
    let options = SiteOptions {
        patience: Duration::ZERO,
        ..SiteOptions::default()
    };
    let slow = |policy: &mut Policy| policy.ca.subscriber_key = "rsa4096".to_owned();
    let house = House::with_options(slow, options).await;
    let (letter, mut pages) = (house.letter().await, Pages::default());
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    let version = visitor.get(&here).await.version();
    let form =
        format!("version={version}&password=Zt7!kappa&password_confirmation=Zt7!kappa&form=modern");
    let making = visitor.go(&format!("{here}/password"), &form).await;
    assert_eq!(making.header("refresh"), "2");
    pages.take("rcd-3", &making);
    let ready = loop {
        let page = visitor.get(&here).await;
        if page.screen() != "RCD-3" {
            break page;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (ready.screen().as_str(), ready.header("refresh")),
        ("RCD-4", "")
    );
    let file = visitor
        .post(
            &format!("{here}/file"),
            &format!("version={}", ready.version()),
        )
        .await;
    assert_eq!(file.header("content-type"), "application/x-pkcs12");
    pages.compare();
}

#[tokio::test]
async fn no_page_after_the_code_is_reached_without_it() {
    let house = House::with_codes().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    for page in [
        "",
        "/suggestion",
        "/other",
        "/erase",
        "/code",
        "/resend",
        "/password",
        "/file",
    ] {
        let mut answer = visitor.get(&format!("{here}{page}")).await;
        if answer.status == StatusCode::SEE_OTHER {
            assert_eq!(answer.header("location"), here, "{page}");
            answer = visitor.get(&here).await;
        }
        assert_eq!(answer.screen(), "RCD-1B", "{page}");
    }
    let password = "version=1&password=2580&password_confirmation=2580&form=modern&weak=accepted";
    for (step, form) in [
        ("password", password),
        ("weak", "version=1"),
        ("file", "version=1"),
        ("again", "version=1"),
        ("erase", "version=1&confirmed=yes"),
        ("freeze", "version=1"),
    ] {
        let answer = visitor.post(&format!("{here}/{step}"), form).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{step}");
        assert_eq!(answer.screen(), "E-04", "{step}");
        assert!(answer.text().contains("確認番号の入力"), "{step}");
    }
    let mut stranger = Visitor::new(&house);
    for step in ["code", "resend"] {
        let form = "version=1&code=12345678";
        let form = if step == "code" { form } else { "version=1" };
        let answer = stranger.post(&format!("{here}/{step}"), form).await;
        assert_eq!(answer.status, StatusCode::GONE, "{step}");
    }
    let request = RequestId::parse(&letter.request_id).unwrap();
    let story = house.app.grant_story(&request).await.unwrap();
    assert!(story.certificate.is_none());
}

#[tokio::test]
async fn the_code_comes_by_mail_and_is_never_sent_back() {
    let house = House::with_codes().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    let (code, mail) = house.mailed_code().await;
    for told in [
        "接続元        192.0.2.7",
        "10時15分まで",
        "ヘルプデスク",
        &letter.request_id,
    ] {
        assert!(mail.contains(told), "{mail}");
    }
    let last = if code.ends_with('1') { '2' } else { '1' };
    let wrong = format!("version=1&code={}{last}", &code[..7]);
    let answer = visitor.post(&format!("{here}/code"), &wrong).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        !answer.html().contains(&code[..7]),
        "what was typed is not sent back"
    );
    let early = visitor.post(&format!("{here}/resend"), "version=1").await;
    assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(early.header("retry-after"), "60");
    let wide: String = code
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
        .collect();
    let form = format!("version=1&code={}+{}", &wide[..12], &wide[12..]);
    for _ in 0..2 {
        let answer = visitor.post(&format!("{here}/code"), &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), here);
    }
    assert_eq!(visitor.get(&here).await.screen(), "RCD-2");
}

#[tokio::test]
async fn t05_a_repeated_password_form_gets_the_first_answer() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    let version = visitor.get(&here).await.version();
    let form = format!(
        "version={version}&password=2580&password_confirmation=2580&form=modern&weak=accepted"
    );
    let path = format!("{here}/password");
    for _ in 0..3 {
        let answer = visitor.post(&path, &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), here);
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains(&format!("Path={here}; Secure; HttpOnly; SameSite=Strict")));
    }
    let other = format!(
        "version={version}&password=2581&password_confirmation=2581&form=modern&weak=accepted"
    );
    let answer = visitor.post(&path, &other).await;
    assert_eq!(
        (answer.status, answer.screen().as_str()),
        (StatusCode::CONFLICT, "E-04")
    );
    assert!(answer.html().contains(&format!("href=\"{here}\"")));
}

#[tokio::test]
async fn t05_ten_forms_at_once_make_one_certificate() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    let version = visitor.get(&here).await.version();
    let form = format!(
        "version={version}&password=2580&password_confirmation=2580&form=modern&weak=accepted"
    );
    let mut posts = JoinSet::new();
    for _ in 0..10 {
        let router = house.public.clone();
        let request = visitor.with_cookies(form_request(&format!("{here}/password"), &form));
        posts.spawn(async move { send(&router, request, Some("localhost"), None).await });
    }
    for answer in posts.join_all().await {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(answer.header("location"), here);
    }
    let certificates = house.app.list_certificates(None, 100).await.unwrap();
    let kind = CertificateKind::Subscriber;
    assert_eq!(
        certificates.iter().filter(|row| row.kind == kind).count(),
        1
    );
}

#[tokio::test]
async fn t01_two_procedures_in_two_tabs_do_not_mix() {
    let house = House::new().await;
    let (first, second) = (house.letter().await, house.letter().await);
    let mut visitor = Visitor::new(&house);
    let a = visitor.enter("/p/rcd", &first).await;
    let b = visitor.enter("/p/rcd", &second).await;
    for (here, letter) in [(&a, &first), (&b, &second), (&a, &first)] {
        assert!(visitor.get(here).await.text().contains(&letter.request_id));
    }
}

#[tokio::test]
async fn the_address_of_a_step_leads_back_to_the_page() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    for step in ["password", "file", "again", "freeze"] {
        let answer = visitor.get(&format!("{here}/{step}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), here);
    }
}

#[tokio::test]
async fn passwords_are_never_sent_back() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    let version = visitor.get(&here).await.version();
    let form = format!(
        "version={version}&password=Geheim99&password_confirmation=Geheim98&form=modern&weak=accepted"
    );
    let answer = visitor.post(&format!("{here}/password"), &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(!answer.html().contains("Geheim"));
}
