//! Ways through proxies, and whom their passwords reach (T71). NTLM against somebody else's checker
//! is in `system-tests`.

use std::net::TcpListener;

use tegata_client::net::{Outcome, Question, StepKind, Transport};
use tegata_client::ports::{Http as _, HttpError};

use super::origin::Origin;
use super::pki::{Authority, VALID};
use super::proxy::{Part, Proxy, wants};
use super::terminal::{get, through};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\
    Content-Length: 0\r\n\r\n";
/// `clerk:secret`
const RIGHT: &str = "Basic Y2xlcms6c2VjcmV0";

/// Lets through who brings the right password by Basic.
fn basic() -> Proxy {
    Proxy::start(|head| {
        if head.contains(RIGHT) {
            Part::Through
        } else {
            Part::Say(wants(&["Basic realm=\"proxy\""]))
        }
    })
}

fn passwords(proxy: &Proxy) -> usize {
    let heads = proxy.heads();
    let with = |head: &&String| head.contains("Proxy-Authorization");
    heads.iter().filter(with).count()
}

#[test]
fn a_password_goes_only_to_a_proxy_that_asks_for_it() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let open = Proxy::start(|_| Part::Through);
    for (proxy, expected) in [(&open, 0), (&basic(), 1)] {
        let terminal = through(&proxy.address(), Some(("clerk", "secret")));
        let answer = terminal.send(&get(origin.server()), &ca.root).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(passwords(proxy), expected);
    }
    for seen in origin.seen() {
        assert!(!seen.asked.contains("Authorization"), "{}", seen.asked);
    }
}

#[test]
fn a_server_that_asks_for_the_proxys_password_gets_an_end_and_no_password() {
    let ca = Authority::new("Sample");
    let member = ca.server("localhost", VALID);
    let proxy = basic();
    let terminal = through(&proxy.address(), Some(("clerk", "secret")));
    for (status, header) in [
        (401, "WWW-Authenticate: NTLM"),
        (401, "WWW-Authenticate: Basic realm=\"proxy\""),
        (401, "WWW-Authenticate: Negotiate"),
        (407, "Proxy-Authenticate: NTLM"),
        (407, "Proxy-Authenticate: Basic realm=\"proxy\""),
    ] {
        let answer = format!("HTTP/1.1 {status} No\r\n{header}\r\nContent-Length: 0\r\n\r\n");
        let origin = Origin::start(&member, answer.as_bytes());
        let answer = terminal.send(&get(origin.server()), &ca.root).unwrap();
        assert_eq!(answer.status, status);
        let seen = origin.seen();
        assert_eq!(seen.len(), 1, "asked once");
        assert!(!seen[0].asked.contains("uthorization"), "{}", seen[0].asked);
    }
}

#[test]
fn a_wrong_password_is_sent_once_until_a_person_asks_for_another_try() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let proxy = basic();
    let wrong = |terminal: &Transport| {
        let error = terminal.send(&get(origin.server()), &ca.root).unwrap_err();
        assert_eq!(
            error,
            HttpError::ProxyAuthentication {
                proxy: proxy.address(),
                offered: "Basic".to_owned(),
                had_credentials: true,
            }
        );
    };
    let terminal = through(&proxy.address(), Some(("clerk", "wrong")));
    for _ in 0..10 {
        wrong(&terminal);
    }
    assert_eq!(passwords(&proxy), 1);
    terminal.forget_refusals();
    wrong(&terminal);
    wrong(&terminal);
    assert_eq!(passwords(&proxy), 2);
    assert!(origin.seen().is_empty());
}

#[test]
fn a_proxy_that_wants_what_we_have_not_says_what_it_wants() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let proxy = Proxy::start(|_| Part::Say(wants(&["Negotiate", "NTLM"])));
    let send = |credentials| {
        let terminal = through(&proxy.address(), credentials);
        terminal.send(&get(origin.server()), &ca.root).unwrap_err()
    };
    let expected = |offered: &str, proxy: &Proxy| HttpError::ProxyAuthentication {
        proxy: proxy.address(),
        offered: offered.to_owned(),
        had_credentials: false,
    };
    assert_eq!(send(None), expected("Negotiate, NTLM", &proxy));
    let unknown =
        Proxy::start(|_| Part::Say(wants(&["Negotiate", "Digest realm=\"a\", qop=\"b\""])));
    let terminal = through(&unknown.address(), Some(("clerk", "secret")));
    let error = terminal.send(&get(origin.server()), &ca.root).unwrap_err();
    assert_eq!(error, expected("Negotiate, Digest", &unknown));
    assert_eq!(passwords(&unknown), 0);
}

#[test]
fn a_proxy_that_closes_after_each_page_is_reached_again() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    for ending in [
        "HTTP/1.0 407 x\r\nProxy-Authenticate: Basic realm=x\r\n\r\n<html>",
        "HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\nConnection: close\r\n\r\n",
    ] {
        let proxy = Proxy::start(move |head| {
            if head.contains(RIGHT) {
                Part::Through
            } else {
                Part::SayAndClose(ending.to_owned())
            }
        });
        let terminal = through(&proxy.address(), Some(("clerk", "secret")));
        let answer = terminal.send(&get(origin.server()), &ca.root).unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(proxy.heads().len(), 2);
    }
}

#[test]
fn ways_are_tried_in_their_order_and_a_proxy_that_answers_is_not_passed_by() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let gone = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let open = Proxy::start(|_| Part::Through);
    let no = Proxy::start(|_| Part::Say("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_owned()));

    let send = |list: &str| through(list, None).send(&get(origin.server()), &ca.root);
    assert_eq!(
        send(&format!("PROXY {gone}; PROXY {}", open.address()))
            .unwrap()
            .status,
        200
    );
    assert_eq!(open.heads().len(), 1);
    assert_eq!(send(&format!("PROXY {gone}; DIRECT")).unwrap().status, 200);
    assert_eq!(
        send(&format!("PROXY {}; DIRECT", no.address())).unwrap_err(),
        HttpError::ProxyRefused {
            proxy: no.address(),
            status: 403,
        }
    );
    let error = send(&gone).unwrap_err();
    assert!(
        matches!(&error, HttpError::ProxyUnreachable { proxy, .. } if *proxy == gone),
        "{error}"
    );
}

#[test]
fn a_proxy_with_a_broken_ntlm_challenge_is_an_error_and_hears_no_password() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    for (offer, rounds) in [("NTLM", 2), ("NTLM !!!", 2), ("NTLM TlRMTVNTUAACAAAA", 2)] {
        let proxy = Proxy::start(move |head| {
            let is_first = !head.contains("Proxy-Authorization");
            Part::Say(wants(&[if is_first { "NTLM" } else { offer }]))
        });
        let terminal = through(&proxy.address(), Some(("clerk", "secret")));
        let error = terminal.send(&get(origin.server()), &ca.root).unwrap_err();
        assert!(
            matches!(
                error,
                HttpError::NotHttp(_) | HttpError::ProxyAuthentication { .. }
            ),
            "{error}"
        );
        assert_eq!(proxy.heads().len(), rounds);
    }
}

#[test]
fn the_diagnostics_tell_each_step_by_itself() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let outcomes = |proxies: &str, root| {
        let steps = through(proxies, None).diagnose(&Question {
            server: &origin.server(),
            path: "/",
            root,
            crls: &["http://nowhere.invalid/0.crl".to_owned()],
        });
        let outcome = |step: &tegata_client::net::Step| (step.kind, step.outcome);
        (steps.iter().map(outcome).collect::<Vec<_>>(), steps)
    };
    let open = Proxy::start(|_| Part::Through);
    let (all, steps) = outcomes(&open.address(), Some(&ca.root));
    assert_eq!(
        all,
        [
            (StepKind::Proxy, Outcome::Good),
            (StepKind::Name, Outcome::Good),
            (StepKind::Connection, Outcome::Good),
            (StepKind::Chain, Outcome::Good),
            (StepKind::Tls, Outcome::Good),
            (StepKind::Answer, Outcome::Good),
            (StepKind::Clock, Outcome::Good),
            (StepKind::Crl, Outcome::Bad),
        ],
        "{steps:#?}"
    );
    let other = Authority::new("Other");
    let (all, _) = outcomes("", Some(&other.root));
    assert_eq!(
        all,
        [
            (StepKind::Proxy, Outcome::Good),
            (StepKind::Name, Outcome::Good),
            (StepKind::Connection, Outcome::Good),
            (StepKind::Chain, Outcome::Good),
            (StepKind::Tls, Outcome::Bad),
            (StepKind::Answer, Outcome::Skipped),
            (StepKind::Clock, Outcome::Skipped),
            (StepKind::Crl, Outcome::Bad),
        ]
    );
    let closed = Proxy::start(|_| Part::Say(wants(&["NTLM"])));
    let (all, steps) = outcomes(&closed.address(), None);
    assert_eq!(all[2], (StepKind::Connection, Outcome::Bad));
    assert_eq!(all[3], (StepKind::Chain, Outcome::Skipped));
    assert!(steps[2].detail.contains("NTLM"), "{}", steps[2].detail);
}
