//! The subscriber listener at the handshake and on every request (decisions W2 and W3, threats T25 and
//! T26): who is let in, who gets which page, and what TLS is spoken.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::{Answer, Curl};
use tegata_system_tests::openssl::{Holder, openssl, openssl_in};
use tegata_system_tests::page::Page;
use tegata_system_tests::procedure;
use tegata_system_tests::tools::{Ran, command, run_with_input};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

/// A TLS client that presents any certificate with any key, as an attacker's would.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesClientCert for Presents {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// An open connection to the subscriber listener.
struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    port: u16,
}

impl Connection {
    fn open(
        demo: &Demo,
        version: &'static SupportedProtocolVersion,
        certificate: &Holder,
        key: &Holder,
    ) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(demo.text("tls_ca_pem")?)?)?;
        let chain = vec![CertificateDer::from(certificate.der.clone())];
        let key = PrivateKeyDer::from_pem_file(&key.pem)?;
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        let presents = Presents(Arc::new(CertifiedKey::new(chain, key)));
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(presents));
        let port = demo.port_base() + 1;
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
        let stream = BufReader::new(StreamOwned::new(session, socket));
        Ok(Self { stream, port })
    }

    /// Asks for `/p/ru`; the connection stays open.
    fn ask(&mut self) -> Result<Page> {
        let port = self.port;
        let request = format!("GET /p/ru HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("no HTTP answer: {line:?}"))?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let html = String::from_utf8(body)?;
        Ok(Page {
            url: "/p/ru".to_owned(),
            status,
            html,
        })
    }
}

#[test]
fn the_right_certificate_with_a_wrong_key_fails() -> Result<()> {
    let demo = Demo::start(&[])?;
    let [victim, thief] = two_holders(&demo)?;
    for version in VERSIONS {
        let mut own = Connection::open(&demo, version, &victim, &victim)?;
        let page = own.ask()?;
        ensure!(
            page.status == 200,
            "with its own key: {} {}",
            page.status,
            page.text()
        );
        let mut stolen = Connection::open(&demo, version, &victim, &thief)?;
        let answer = stolen.ask();
        let error = match answer {
            Ok(page) => format!("answered with {}", page.status),
            Err(error) => format!("Err: {error:#}"),
        };
        eprintln!("{version:?}: the certificate with another key: {error}");
        ensure!(
            error.starts_with("Err"),
            "{version:?}: the wrong key was answered {error}"
        );
        let refused = error.contains("DecryptError") || error.contains("no HTTP answer");
        ensure!(
            refused,
            "{version:?}: not refused for its signature: {error}"
        );
    }
    Ok(())
}

fn two_holders(demo: &Demo) -> Result<[Holder; 2]> {
    let samples = demo.samples("collected")?;
    let holders = samples.iter().take(2).map(|sample| demo.holder(sample));
    let holders = holders.collect::<Result<Vec<_>>>()?;
    holders.try_into().ok().context("two collected samples")
}

#[test]
fn the_status_counts_on_every_request_of_an_open_connection() -> Result<()> {
    let demo = Demo::start(&[])?;
    for (version, sample) in VERSIONS.into_iter().zip(demo.samples("collected")?) {
        let holder = demo.holder(&sample)?;
        let mut open = Connection::open(&demo, version, &holder, &holder)?;
        ensure!(open.ask()?.status == 200);
        ensure!(open.ask()?.status == 200);
        procedure::hold(&demo.browser("hold")?, demo.text("public")?, &sample.letter)?;
        let page = open.ask()?;
        ensure!(
            page.status == 403 && page.says("一時停止中"),
            "{} {}",
            page.status,
            page.text()
        );
        eprintln!("{version:?}: refused on the connection that was open before");
    }
    Ok(())
}

#[test]
fn each_certificate_gets_its_page() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let url = format!("{}/p/ru", demo.text("subscriber")?);
    let page = |curl: Curl| -> Result<Page> {
        let answer: Answer = curl.get(&url)?;
        Ok(Page {
            url: url.clone(),
            status: answer.status,
            html: answer.text(),
        })
    };
    let expect = |name: &str, page: &Page, words: &[&str]| -> Result<()> {
        eprintln!("{name}: {}", page.status);
        for words in words {
            let seen = page.status == 403 && page.says(words);
            ensure!(seen, "{name}: {} {}", page.status, page.text());
        }
        Ok(())
    };
    let curl = demo.curl()?;
    expect(
        "none",
        &page(curl.clone())?,
        &["電子証明書が選択されていません", "選び直す"],
    )?;
    let foreign = foreign_certificate(&demo)?;
    let foreign_page = page(curl.clone().presenting(&foreign))?;
    expect(
        "foreign",
        &foreign_page,
        &[
            "選択された電子証明書では、手続きできません",
            "発行先 stranger",
        ],
    )?;
    for (state, words) in [
        ("on_hold", "一時停止中"),
        ("revoked", "失効しています"),
        ("expired", "有効期限が切れています"),
    ] {
        let holder = demo.holder(&demo.sample(state)?)?;
        expect(
            state,
            &page(curl.clone().presenting(&holder.pem))?,
            &[words],
        )?;
    }
    no_header_is_a_certificate(&demo, &url)?;

    let renewable = demo.holder(&demo.sample("renewable")?)?;
    let open = page(curl.clone().presenting(&renewable.pem))?;
    ensure!(open.status == 200, "{} {}", open.status, open.text());
    ensure!(
        open.says("更新できます。有効期限まであと45日です。"),
        "{}",
        open.text()
    );
    let holder = demo.holder(&demo.sample("collected")?)?;
    let own = page(curl.clone().presenting(&holder.pem))?;
    ensure!(own.status == 200, "{} {}", own.status, own.text());
    eprintln!("moving the demo's clock by 1200 days …");
    let token = demo.text("clock_token")?.to_owned();
    let moved = demo.move_clock(1_200, Some(&token))?;
    ensure!(moved.status == 200, "{} {}", moved.status, moved.text());
    let expired = page(curl.presenting(&holder.pem))?;
    expect(
        "expired",
        &expired,
        &["有効期限が切れています", "更新はできません"],
    )?;
    ensure!(demo.server().is_running()?);
    Ok(())
}

/// A client certificate whose issuer only has the name of our CA.
fn foreign_certificate(demo: &Demo) -> Result<PathBuf> {
    let path = |name: &str| demo.folder().join(name).display().to_string();
    let (key, ca, leaf, both) = (
        path("k.pem"),
        path("f.pem"),
        path("l.pem"),
        path("foreign.pem"),
    );
    let curve = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        &key,
    ];
    openssl(curve)?.good()?;
    let name = openssl_in(
        &[
            "x509",
            "-noout",
            "-subject",
            "-nameopt",
            "RFC2253,-esc_msb,utf8",
        ],
        &fs::read(demo.subscriber_ca()?)?,
    )?;
    let name = name.text();
    let mut parts: Vec<_> = name
        .trim()
        .trim_start_matches("subject=")
        .split(',')
        .collect();
    parts.reverse();
    let subject = format!("/{}", parts.join("/"));
    let make_ca = [
        "req", "-x509", "-utf8", "-new", "-key", &key, "-subj", &subject, "-days", "30", "-out",
        &ca,
    ];
    openssl(make_ca)?.good()?;
    let make_leaf = [
        "req",
        "-x509",
        "-new",
        "-key",
        &key,
        "-subj",
        "/CN=stranger",
        "-days",
        "30",
        "-CA",
        &ca,
        "-CAkey",
        &key,
        "-addext",
        "extendedKeyUsage=clientAuth",
        "-out",
        &leaf,
    ];
    openssl(make_leaf)?.good()?;
    fs::write(&both, [fs::read(&leaf)?, fs::read(&key)?].concat())?;
    Ok(PathBuf::from(both))
}

/// Header fields in which proxies of others put a certificate.
const CLAIMS: [&str; 25] = [
    "Client-Cert",
    "Client-Cert-Chain",
    "X-Client-Cert",
    "X-Client-Certificate",
    "X-SSL-Cert",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "X-SSL-Client-S-DN",
    "X-SSL-Client-Serial",
    "X-SSL-Client-SHA1",
    "SSL-Client-Cert",
    "SSL_CLIENT_CERT",
    "SSL_CLIENT_S_DN",
    "SSL-Client-Verify",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "X-ARR-ClientCert",
    "X-MS-Client-Certificate",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Mtls-Clientcert-Leaf",
    "X-Tls-Client-Cert",
    "Tls-Client-Certificate",
    "X-Cert",
    "Cert",
];

/// T26: whatever a header field claims, only the handshake counts.
fn no_header_is_a_certificate(demo: &Demo, url: &str) -> Result<()> {
    use base64::Engine as _;
    let holder = demo.holder(&demo.sample("collected")?)?;
    let base64 = base64::engine::general_purpose::STANDARD.encode(&holder.der);
    let pem = tegata_system_tests::http::percent(&fs::read_to_string(&holder.certificate)?);
    let mut all = demo.curl()?;
    for name in CLAIMS {
        for value in [
            format!(":{base64}:"),
            base64.clone(),
            pem.clone(),
            "SUCCESS".to_owned(),
        ] {
            all = all.header(&format!("{name}: {value}"));
        }
        let one = demo.curl()?.header(&format!("{name}: :{base64}:"));
        let answer = one
            .header(&format!("{}: {pem}", name.to_lowercase()))
            .get(url)?;
        ensure!(answer.status == 403, "{name}: {}", answer.status);
        let page = Page {
            url: url.to_owned(),
            status: 403,
            html: answer.text(),
        };
        ensure!(
            page.says("電子証明書が選択されていません"),
            "{name}: {}",
            page.text()
        );
    }
    let answer = all.attempt(url)?;
    ensure!(
        !answer.text().contains("登録できています"),
        "{}",
        answer.text()
    );
    eprintln!(
        "{} header names claim a certificate: none is believed",
        CLAIMS.len()
    );
    Ok(())
}

#[test]
fn nothing_is_resumed_on_the_subscriber_listener() -> Result<()> {
    let demo = Demo::start(&[])?;
    let holder = demo.holder(&demo.sample("collected")?)?;
    let pem = holder.pem.display().to_string();
    for (offset, name, resumes) in [
        (0, "public", true),
        (1, "subscriber", false),
        (7, "relying", false),
    ] {
        let port = demo.port_base() + offset;
        let reconnected = s_client(
            &demo,
            port,
            &["-tls1_2", "-reconnect", "-cert", &pem, "-key", &pem],
            "",
        )?;
        let all = reconnected.all();
        let count = |mark: &str| all.lines().filter(|line| line.starts_with(mark)).count();
        let (fresh, reused) = (count("New, TLSv1.2"), count("Reused, TLSv1.2"));
        eprintln!("{name}: TLS 1.2, 6 connections: {fresh} new, {reused} resumed");
        ensure!(fresh + reused >= 6, "{name}: {all}");
        ensure!((reused > 0) == resumes, "{name}: {reused} resumed");

        let file = demo.folder().join(format!("{name}.session"));
        let session = file.display().to_string();
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        let first = [
            "-tls1_3",
            "-ign_eof",
            "-sess_out",
            &session,
            "-cert",
            &pem,
            "-key",
            &pem,
        ];
        let said = s_client(&demo, port, &first, &request)?;
        ensure!(said.all().contains("HTTP/1.1 "), "{name}: {}", said.all());
        let tickets = said
            .all()
            .matches("Post-Handshake New Session Ticket arrived")
            .count();
        eprintln!("{name}: TLS 1.3: {tickets} tickets");
        ensure!((tickets > 0) == resumes, "{name}: {tickets} tickets");
        let early = said.all().contains("Max Early Data: 0") || tickets == 0;
        ensure!(early, "{name}: early data is offered");
    }
    Ok(())
}

/// `openssl s_client` to a port of the demo, by the name `localhost`.
fn s_client(demo: &Demo, port: u16, arguments: &[&str], input: &str) -> Result<Ran> {
    let to = format!("127.0.0.1:{port}");
    let mut client = command("openssl", ["s_client", "-connect", &to]);
    if !arguments.contains(&"-noservername") {
        client.args(["-servername", "localhost"]);
    }
    client
        .args(["-CAfile", demo.text("tls_ca_pem")?])
        .args(arguments);
    run_with_input(&mut client, input.as_bytes())
}

#[test]
fn a_request_stays_on_the_name_of_its_handshake() -> Result<()> {
    let demo = Demo::start(&[])?;
    let base = demo.port_base();
    for port in [base, base + 1] {
        let url = format!("https://localhost:{port}/healthz");
        let own = demo.curl()?.get(&url)?;
        ensure!(own.status == 200, "{url}: {}", own.status);
        for host in [
            format!("r1.localhost:{port}"),
            "other.example".to_owned(),
            "127.0.0.1".to_owned(),
        ] {
            let answer = demo.curl()?.header(&format!("Host: {host}")).get(&url)?;
            ensure!(
                answer.status == 421,
                "Host: {host} on {url}: {}",
                answer.status
            );
        }
        let by_number = Curl::default().flag("--insecure");
        let answer = by_number.get(&format!("https://127.0.0.1:{port}/healthz"))?;
        ensure!(answer.status == 421, "without SNI: {}", answer.status);
        ensure!(answer.text().contains("host name"), "{}", answer.text());
    }
    let further = demo
        .curl()?
        .get(&format!("https://r3.localhost:{}/p/ru", base + 1))?;
    ensure!(further.status == 403, "a further name: {}", further.status);
    Ok(())
}

#[test]
fn only_the_suites_of_the_guideline_are_spoken() -> Result<()> {
    let demo = Demo::start(&[])?;
    let base = demo.port_base();
    for port in [base, base + 1, base + 3, base + 7] {
        for old in ["-ssl3", "-tls1", "-tls1_1"] {
            let flags = [old, "-cipher", "ALL:@SECLEVEL=0"];
            let ran = s_client(&demo, port, &flags, "")?;
            ensure!(
                !ran.all().contains("Cipher is ECDHE"),
                "{old} on {port}: {}",
                ran.all()
            );
            ensure!(!ran.status.success(), "{old} on {port} is spoken");
        }
        let mut spoken =
            accepted_suites(&demo, port, "-tls1_2", "-cipher", &all_suites("-tls1_2")?)?;
        spoken.sort();
        let wanted = [
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ];
        ensure!(spoken == wanted, "TLS 1.2 on {port}: {spoken:?}");
        let all = [
            "TLS_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_AES_128_CCM_SHA256",
            "TLS_AES_128_CCM_8_SHA256",
        ]
        .map(str::to_owned);
        let spoken = accepted_suites(&demo, port, "-tls1_3", "-ciphersuites", &all)?;
        ensure!(
            spoken.len() == 3 && !spoken.iter().any(|s| s.contains("CCM")),
            "{spoken:?}"
        );
    }
    Ok(())
}

fn all_suites(version: &str) -> Result<Vec<String>> {
    let wanted = "ALL:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0";
    let listed = openssl(["ciphers", version, "-s", "-ciphersuites", "", wanted])?
        .good()?
        .text();
    Ok(listed.trim().split(':').map(str::to_owned).collect())
}

/// What the listener chooses while everything that it chose before is left out.
fn accepted_suites(
    demo: &Demo,
    port: u16,
    version: &str,
    option: &str,
    all: &[String],
) -> Result<Vec<String>> {
    let mut spoken: Vec<String> = Vec::new();
    loop {
        let left: Vec<&str> = all
            .iter()
            .filter(|suite| !spoken.contains(suite))
            .map(String::as_str)
            .collect();
        let level = if version == "-tls1_2" {
            ":@SECLEVEL=0"
        } else {
            ""
        };
        let ran = s_client(
            demo,
            port,
            &[version, option, &format!("{}{level}", left.join(":"))],
            "",
        )?;
        let all = ran.all();
        let chosen = all
            .lines()
            .find_map(|line| line.split_once("Cipher is ").map(|(_, name)| name));
        match chosen {
            Some(name) if name != "(NONE)" => spoken.push(name.to_owned()),
            _ => return Ok(spoken),
        }
        ensure!(spoken.len() < 20, "{spoken:?}");
    }
}

#[test]
fn server_certificates_hold_for_their_name_only() -> Result<()> {
    let demo = Demo::start(&[])?;
    for name in ["localhost", "r1.localhost", "r8.localhost"] {
        let to = format!("127.0.0.1:{}", demo.port_base() + 1);
        let mut client = command(
            "openssl",
            ["s_client", "-connect", &to, "-servername", name],
        );
        client.args(["-verify_hostname", name, "-verify_return_error", "-CAfile"]);
        let ran = run_with_input(client.arg(demo.text("tls_ca_pem")?), b"")?;
        ensure!(
            ran.all().contains("Verify return code: 0 (ok)"),
            "{name}: {}",
            ran.all()
        );
        ensure!(
            ran.all().contains("id-ecPublicKey") || ran.all().contains("prime256v1"),
            "{name}"
        );
    }
    Ok(())
}
