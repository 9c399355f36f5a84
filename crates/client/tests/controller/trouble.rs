//! Bad input from the network, the store and the clock: the message, and that the old certificate still works.

use tegata_client::controller::Event;
use tegata_client::failure::{CodeProblem, Failure, ServerRefusal};
use tegata_client::messages::{Words, trouble};
use tegata_client::ports::{Answer, FileError, Files as _, HttpError, SecretError, StoreError};
use tegata_client::standing::Standing;
use tegata_client::update::UpdateError;
use tegata_protocol::Message;

use crate::screen;
use crate::server::Fault;
use crate::world::World;

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn every_failure_has_a_number_a_cause_a_next_step_and_the_help_desk() {
    let proxy = || text("proxy.example:8080");
    let refusal = |status: u16, code: &str| {
        Failure::Refused(Box::new(ServerRefusal {
            status,
            code: text(code),
            message: None,
            retry_after: None,
            incident: (status == 500).then(|| text("4711")),
        }))
    };
    let auth = |had_credentials| HttpError::ProxyAuthentication {
        proxy: proxy(),
        offered: text("Basic"),
        had_credentials,
    };
    let all: Vec<Failure> = vec![
        HttpError::Name {
            host: text("r.example"),
            detail: text(""),
        }
        .into(),
        HttpError::Unreachable {
            server: text("r.example:443"),
            detail: text(""),
        }
        .into(),
        HttpError::Timeout(text("")).into(),
        HttpError::Tls(text("")).into(),
        HttpError::UntrustedServer {
            detail: text(""),
            chain: Vec::new(),
        }
        .into(),
        Failure::NotOurs {
            status: 200,
            media_type: text("text/html"),
        },
        Failure::ClockOff(94_608_000),
        Failure::ClockOff(-7_200),
        HttpError::NotHttp(text("")).into(),
        Failure::NoServer,
        Failure::ConnectionCode(CodeProblem::Differs),
        Failure::ConnectionCode(CodeProblem::Form),
        Failure::ConnectionCode(CodeProblem::Missing),
        auth(false).into(),
        auth(true).into(),
        HttpError::ProxyUnreachable {
            proxy: proxy(),
            detail: text(""),
        }
        .into(),
        HttpError::ProxyRefused {
            proxy: proxy(),
            status: 403,
        }
        .into(),
        HttpError::ProxySettings(text("")).into(),
        StoreError::Declined.into(),
        StoreError::Denied(text("")).into(),
        StoreError::NoHardware(text("")).into(),
        StoreError::NotThere(text("")).into(),
        StoreError::Failed(text("")).into(),
        StoreError::Scheme.into(),
        Failure::NoBackup,
        Failure::Key(text("")),
        FileError::Full(text("")).into(),
        FileError::Denied(text("")).into(),
        FileError::NotThere(text("")).into(),
        FileError::Failed(text("")).into(),
        SecretError(text("")).into(),
        Failure::Settings(text("")),
        refusal(403, "certificate_missing"),
        refusal(403, "certificate_unknown"),
        refusal(403, "on_hold"),
        refusal(403, "revoked"),
        refusal(409, "renewed_before"),
        refusal(403, "expired"),
        refusal(403, "frozen"),
        refusal(410, "window_ended"),
        refusal(409, "key_fixed"),
        refusal(429, "throttled"),
        refusal(401, "ids_wrong"),
        Failure::Ids,
        Failure::Later(90),
        Failure::WrongCertificate(text("")),
        UpdateError::Expired.into(),
        UpdateError::File.into(),
        UpdateError::Signatures { valid: 1 }.into(),
        refusal(503, "unavailable"),
        refusal(500, "internal_error"),
        refusal(400, "request_malformed"),
        Failure::Standing(Standing::Replaced),
    ];
    let help_desk = [text("共通認証局ヘルプデスク")];
    let words = Words {
        ca_name: "共通認証局",
        help_desk: &help_desk,
    };
    let mut shown = Vec::new();
    for failure in &all {
        let message = trouble::of(failure, words, true);
        assert!(!message.next.is_empty(), "{failure}: no next step");
        assert_eq!(message.help_desk, help_desk);
        assert_eq!(message.code, failure.code());
        assert!(matches!(message.code.0, 2001..=2399), "{failure}");
        let mut lines = vec![format!("[{}] {}", message.code, message.text)];
        lines.extend(message.cause.iter().map(|line| format!("  原因: {line}")));
        lines.extend(message.next.iter().map(|line| format!("  ・{line}")));
        lines.push(format!(
            "  <{}>",
            if failure.may_pass() {
                "再試行"
            } else {
                "OK"
            }
        ));
        shown.push(lines.join("\n"));
    }
    screen::compare("catalogue", &shown.join("\n"));
}

#[test]
fn the_words_of_the_server_go_before_our_own() {
    let refusal = Failure::Refused(Box::new(ServerRefusal {
        status: 403,
        code: text("on_hold"),
        message: Some(Message {
            code: tegata_protocol::MessageCode::ON_HOLD,
            notify: false,
            title: text("この電子証明書は、一時停止中です"),
            text: text("失効申請を受け付けたため、使えなくなっています。"),
            link: text("https://r.example/p/ru"),
            link_text: text("状況を確認する"),
        }),
        retry_after: None,
        incident: None,
    }));
    let words = Words {
        ca_name: "",
        help_desk: &[],
    };
    let message = trouble::of(&refusal, words, true);
    assert_eq!(message.code.0, 2303);
    assert_eq!(message.text, "この電子証明書は、一時停止中です");
    assert_eq!(message.next, ["状況を確認する https://r.example/p/ru"]);
}

/// Every way in which a renewal can meet trouble, where, and the number that is shown.
fn troubles() -> Vec<(&'static str, Fault, &'static str)> {
    let proxy = HttpError::ProxyAuthentication {
        proxy: text("proxy.example:8080"),
        offered: text("NTLM"),
        had_credentials: true,
    };
    let unreachable = || HttpError::Unreachable {
        server: text("r.example:443"),
        detail: text("refused"),
    };
    let captive = "<html>ご利用開始</html>";
    vec![
        ("cacerts", Fault::Error(unreachable()), "2002"),
        ("cacerts", Fault::Error(proxy), "2102"),
        ("cacerts", Fault::Other(200, "text/html", captive), "2006"),
        ("cacerts", Fault::Other(302, "text/html", captive), "2006"),
        ("csrattrs", Fault::Error(unreachable()), "2002"),
        ("simplereenroll", Fault::Error(unreachable()), "2002"),
        (
            "simplereenroll",
            Fault::Other(200, "text/html", captive),
            "2006",
        ),
        (
            "simplereenroll",
            Fault::Other(200, "application/pkcs7-mime", "!!"),
            "2006",
        ),
        ("simplereenroll", Fault::WrongKey, "2361"),
        ("simplereenroll", Fault::WrongAuthority, "2361"),
        ("simplereenroll", Fault::No(403, "on_hold"), "2303"),
        ("simplereenroll", Fault::No(403, "expired"), "2306"),
        ("simplereenroll", Fault::No(503, "unavailable"), "2390"),
        ("simplereenroll", Fault::Later(60), "2360"),
        ("in-use", Fault::Error(unreachable()), "2002"),
        ("in-use", Fault::Other(200, "text/html", captive), "2006"),
        ("in-use", Fault::No(503, "unavailable"), "2390"),
        (
            "in-use",
            Fault::Other(502, "text/html", "Bad Gateway"),
            "2390",
        ),
    ]
}

#[test]
fn whatever_goes_wrong_the_old_certificate_works_and_another_try_comes_to_the_end() {
    for (path, fault, code) in troubles() {
        let name = format!("{path} {code}");
        let world = World::with_certificate();
        let old = world.certificates().first().unwrap().fingerprint();
        let is_wrong = matches!(fault, Fault::WrongKey);
        world.server.fail(path, fault);
        world.run(&[Event::Renew(old)]);
        assert_eq!(world.person.take_codes(), ["1003", code], "{name}");
        assert!(world.working().contains(&old), "{name}");
        assert!(world.files.text("client.log").contains(code), "{name}");
        if is_wrong {
            // A certificate for a key that nobody has stands between until it is seen that this one is used.
            continue;
        }
        world.clock.advance(60);
        world.run(&[Event::Renew(old)]);
        let working = world.working();
        if code == "2361" {
            continue;
        }
        assert_eq!(working.len(), 1, "{name}");
        assert_eq!(world.server.live_successors(&old), working, "{name}");
        assert_eq!(world.left_over(), [""; 0], "{name}");
    }
}

#[test]
fn another_try_at_once_goes_on_where_it_stopped() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    let error = HttpError::Timeout(text("slow"));
    world.server.fail("simplereenroll", Fault::Error(error));
    world.person.will_answer(2003, Answer::Retry);
    world.run(&[Event::Renew(old)]);
    assert_eq!(
        world.person.take_codes(),
        ["1003", "2003", "1004", "1005", "1006", "1007"],
        "1003 is asked once"
    );
}

#[test]
fn a_clock_three_years_off_stops_before_anything_about_the_terminal_is_sent() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    *world.server.clock_ahead.lock().unwrap() = -3 * 365 * 86_400;
    world.run(&[Event::Renew(old)]);
    screen::compare("clock_off", &world.person.take());
    assert_eq!(
        *world.server.requests.lock().unwrap(),
        ["GET /.well-known/est/cacerts"]
    );
    assert_eq!(world.left_over(), [""; 0]);
}

#[test]
fn a_store_that_refuses_keeps_the_certificate_for_the_next_try() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    world
        .store
        .install_fails
        .lock()
        .unwrap()
        .push(StoreError::Denied(text("locked")));
    world.run(&[Event::Renew(old)]);
    assert_eq!(world.person.take_codes(), ["1003", "2202"]);
    world.run(&[Event::Started]);
    assert_eq!(world.person.take_codes(), ["1004"]);
    assert_eq!(world.server.live_successors(&old).len(), 1);
}

#[test]
fn the_log_is_turned_over_before_it_grows_and_no_line_is_long() {
    let world = World::with_certificate();
    let old = world.certificates().first().unwrap().fingerprint();
    let long = HttpError::NotHttp("x\n".repeat(20_000));
    world.server.fail("cacerts", Fault::Error(long));
    world.run(&[Event::Renew(old)]);
    let log = world.files.text("client.log");
    assert!(log.lines().all(|line| line.chars().count() < 1_100));
    assert!(log.lines().all(|line| line.starts_with("2027-")));
    world
        .files
        .append("client.log", &"y".repeat(512 * 1024))
        .unwrap();
    world.run(&[Event::Started]);
    assert!(world.files.text("client.log").len() < 2_000);
    assert!(world.files.text("client.1.log").len() > 512 * 1024);
}

#[test]
fn nothing_on_the_disk_holds_the_secret_of_the_letter_the_number_or_the_password() {
    let world = World::empty(|_| {});
    *world.server.mail_code.lock().unwrap() = Some("12345678");
    world
        .person
        .lines
        .lock()
        .unwrap()
        .push_back("12345678".to_owned());
    let mut passwords = world.person.passwords.lock().unwrap();
    passwords.push_back(Some(("Kennwort#9", "Kennwort#9")));
    drop(passwords);
    let ids = ("202702010000042", "AbCdEfGh23", String::new());
    world.person.forms.lock().unwrap().push_back(ids);
    world.run(&[Event::Enrol, Event::Started]);
    assert_eq!(world.working().len(), 1);
    let everything = String::from_utf8_lossy(&world.files.all()).into_owned();
    assert!(everything.contains("step: in use, request 202702010000042"));
    for secret in ["AbCdEfGh23", "12345678", "Kennwort#9"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}
