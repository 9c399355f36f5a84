//! Trust first (W6): one root, one name, and a clock that may be wrong.

use tegata_client::ports::{Http as _, HttpError};
use tegata_domain::time::Timestamp;

use super::origin::Origin;
use super::pki::{Authority, NOW, VALID};
use super::terminal::{direct, direct_at, get};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\
    Content-Length: 0\r\n\r\n";
const YEAR: i64 = 365 * 86_400;

#[test]
fn a_server_of_another_ca_or_of_another_name_hears_nothing() {
    let ours = Authority::new("Ours");
    let theirs = Authority::new("Ours"); // the same name, another key
    for member in [
        theirs.server("localhost", VALID),
        ours.server("a.localhost", VALID),
    ] {
        let origin = Origin::start(&member, ANSWER);
        let error = direct()
            .send(&get(origin.server()), &ours.root)
            .unwrap_err();
        let HttpError::UntrustedServer { chain, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(chain, [member.certificate]);
        assert!(origin.seen().iter().all(|seen| seen.asked.is_empty()));
    }
}

#[test]
fn a_wrong_clock_is_told_from_a_wrong_ca_and_the_server_is_asked_for_its_time() {
    let ours = Authority::new("Ours");
    let theirs = Authority::new("Theirs");
    let member = ours.server("localhost", VALID);
    let origin = Origin::start(&member, ANSWER);
    for clock in [NOW - 10 * YEAR, VALID.0 - 1, VALID.1 + 1, NOW + 10 * YEAR] {
        let terminal = direct_at(clock);
        assert_eq!(
            terminal
                .send(&get(origin.server()), &ours.root)
                .unwrap_err(),
            HttpError::ServerTime {
                not_before: Timestamp::from_unix(VALID.0),
                not_after: Timestamp::from_unix(VALID.1),
                server_date: Timestamp::parse_rfc3339("2027-01-15T08:00:00Z").ok(),
            }
        );
        let error = terminal.send(&get(origin.server()), &theirs.root);
        assert!(matches!(error, Err(HttpError::UntrustedServer { .. })));
    }
    for clock in [VALID.0, VALID.1] {
        let answer = direct_at(clock).send(&get(origin.server()), &ours.root);
        assert_eq!(answer.unwrap().status, 200);
    }
    // All that a server heard whose time did not fit is the question for its time.
    let seen = origin.seen();
    let asked = seen.iter().filter(|seen| !seen.asked.is_empty());
    let asked: Vec<&str> = asked.filter_map(|seen| seen.asked.lines().next()).collect();
    let date = "HEAD / HTTP/1.1";
    let page = "GET /p/news HTTP/1.1";
    assert_eq!(asked, [date, date, date, date, page, page]);
}

#[test]
fn an_unproven_server_shows_its_chain_and_hears_nothing() {
    let ca = Authority::new("Unknown");
    // Out of time as well: nothing of it is judged.
    let member = ca.server("other.localhost", (VALID.0, VALID.0 + 1));
    let origin = Origin::start(&member, ANSWER);
    let chain = direct().shown_chain(&origin.server()).unwrap();
    assert_eq!(chain, [member.certificate]);
    assert!(origin.seen().iter().all(|seen| seen.asked.is_empty()));
}
