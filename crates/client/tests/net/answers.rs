//! What a server may say, and how it may keep us waiting.

use std::io::Write as _;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use tegata_client::net::DownloadError;
use tegata_client::ports::{Body, Http as _, HttpError, Method, Request, Server};
use tegata_domain::time::Timestamp;

use super::origin::Origin;
use super::pki::{Authority, VALID};
use super::proxy::{Part, Proxy};
use super::terminal::{direct, get, hasty, through};

#[test]
fn a_request_goes_out_once_and_its_answer_comes_back_whole() {
    let ca = Authority::new("Sample");
    let answer = b"HTTP/1.1 202 Accepted\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\
        Retry-After: Fri, 15 Jan 2027 08:01:30 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n\
        X-Note: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlater\r\n0\r\n\r\n";
    let origin = Origin::start(&ca.server("localhost", VALID), answer);
    let request = Request {
        method: Method::Post,
        path: "/p/x?y=1".to_owned(),
        headers: vec![("accept", "application/json".to_owned())],
        body: Some(Body {
            content_type: "application/pkcs10",
            is_base64: true,
            octets: b"TUlJ".to_vec(),
        }),
        basic: Some(("202711010000001".to_owned(), "abc".into())),
        ..get(origin.server())
    };
    let answer = direct().send(&request, &ca.root).unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice(), answer.retry_after),
        (202, b"later".as_slice(), Some(90))
    );
    assert_eq!(answer.header("x-note"), Some("a"));
    assert_eq!(answer.media_type(), "text/plain");
    assert_eq!(
        answer.date,
        Timestamp::parse_rfc3339("2027-01-15T08:00:00Z").ok()
    );

    let seen = origin.seen();
    assert_eq!(seen.len(), 1);
    let port = origin.server().port;
    assert_eq!(
        seen[0].asked,
        format!(
            "POST /p/x?y=1 HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: tegata-client/{}\r\n\
             Connection: close\r\naccept: application/json\r\n\
             Authorization: Basic MjAyNzExMDEwMDAwMDAxOmFiYw==\r\n\
             Content-Type: application/pkcs10\r\nContent-Length: 4\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        )
    );
}

#[test]
fn a_redirection_is_an_answer_and_nobody_follows_it() {
    let ca = Authority::new("Sample");
    let member = ca.server("localhost", VALID);
    let elsewhere = Origin::start(&member, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: https://{}/login\r\nContent-Length: 0\r\n\r\n",
        elsewhere.server()
    );
    let origin = Origin::start(&member, answer.as_bytes());
    let answer = direct().send(&get(origin.server()), &ca.root).unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.header("location").unwrap().ends_with("/login"));
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn answers_that_are_too_long_or_cut_off_are_errors() {
    let ca = Authority::new("Sample");
    let member = ca.server("localhost", VALID);
    let send = |answer: &str| {
        let origin = Origin::start(&member, answer.as_bytes());
        direct().send(&get(origin.server()), &ca.root).unwrap_err()
    };
    assert_eq!(
        send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
        HttpError::TooLong(1000)
    );
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5000));
    assert_eq!(send(&long), HttpError::TooLong(1000));
    let cut = send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(cut, HttpError::NotHttp("the body is cut off".to_owned()));
    let none = send("220 mail.example ESMTP\r\n\r\n");
    assert!(matches!(none, HttpError::NotHttp(_)), "{none}");
}

#[test]
fn a_body_without_a_length_counts_only_if_tls_says_that_it_ended() {
    let ca = Authority::new("Sample");
    let member = ca.server("localhost", VALID);
    let origin = Origin::with(&member, |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhel").unwrap();
        stream.flush().unwrap();
        stream.sock.shutdown(std::net::Shutdown::Both).unwrap();
    });
    let error = direct().send(&get(origin.server()), &ca.root).unwrap_err();
    assert!(matches!(error, HttpError::NotHttp(_)), "{error}");
}

#[test]
fn a_server_that_drips_keeps_nobody_longer_than_the_limit() {
    let ca = Authority::new("Sample");
    let origin = Origin::with(&ca.server("localhost", VALID), |stream| {
        let (_hold, wait) = std::sync::mpsc::channel::<()>();
        for octet in b"HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
            if stream
                .write_all(&[*octet])
                .and_then(|()| stream.flush())
                .is_err()
            {
                return;
            }
            assert!(wait.recv_timeout(Duration::from_millis(200)).is_err());
        }
    });
    let start = Instant::now();
    let error = hasty().send(&get(origin.server()), &ca.root).unwrap_err();
    assert!(matches!(error, HttpError::Timeout(_)), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_server_that_says_nothing_or_no_tls_or_is_not_there_is_told_apart() {
    let ca = Authority::new("Sample");
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = |host: &str, port| Server {
        host: host.to_owned(),
        port,
    };
    let send = |server| hasty().send(&get(server), &ca.root).unwrap_err();

    // The kernel takes the connection, nobody reads it.
    let error = send(server("localhost", port));
    assert!(matches!(error, HttpError::Timeout(_)), "{error}");

    let plain = thread::spawn(move || {
        for socket in listener.incoming().take(2) {
            drop(
                socket
                    .unwrap()
                    .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            );
        }
    });
    let error = send(server("localhost", port));
    let expected = HttpError::NotHttp("the server does not speak TLS".to_owned());
    assert_eq!(error, expected);
    plain.join().unwrap();

    let error = send(server("localhost", port));
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
    let error = send(server("nowhere.invalid", port));
    assert!(matches!(error, HttpError::Name { .. }), "{error}");
}

#[test]
fn texts_that_would_end_a_line_never_leave() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), b"HTTP/1.1 200 OK\r\n\r\n");
    for path in ["/a b", "/a\r\nX: y", "a", "/\u{3042}"] {
        let request = Request {
            path: path.to_owned(),
            ..get(origin.server())
        };
        assert!(direct().send(&request, &ca.root).is_err(), "{path:?}");
    }
    let request = Request {
        headers: vec![("accept", "a\r\nX: y".to_owned())],
        ..get(origin.server())
    };
    assert!(direct().send(&request, &ca.root).is_err());
    let proxy = Proxy::start(|_| Part::Through);
    let terminal = through(&proxy.address(), None);
    for host in ["local host", "localhost\r\nX: y", ""] {
        let host = host.to_owned();
        let server = Server { host, port: 443 };
        assert!(terminal.shown_chain(&server).is_err());
    }
    assert!(proxy.heads().is_empty());
    assert!(origin.seen().is_empty());
}

#[test]
fn a_download_goes_to_its_place_and_a_full_disk_is_no_fault_of_the_network() {
    let ca = Authority::new("Sample");
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    answer.extend(std::iter::repeat_n(7, 100_000));
    let origin = Origin::start(&ca.server("localhost", VALID), &answer);
    let download = |most, sink: &mut dyn std::io::Write| {
        let wait = Duration::from_secs(20);
        direct().download(&get(origin.server()), &ca.root, most, wait, sink)
    };

    let mut file = Vec::new();
    assert_eq!(download(100_000, &mut file).unwrap().status, 200);
    assert_eq!(file, vec![7; 100_000]);

    let error = download(99_999, &mut Vec::new()).unwrap_err();
    let DownloadError::Http(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error, HttpError::TooLong(99_999));

    let mut full = [0; 50_000];
    let error = download(100_000, &mut full.as_mut_slice()).unwrap_err();
    assert!(matches!(error, DownloadError::Keep(_)), "{error}");
}
