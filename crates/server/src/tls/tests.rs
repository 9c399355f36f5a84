//! Real handshakes over a pipe: names, proof of possession, no resumption.

use rustls::client::{ClientConfig, Resumption};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tegata_pki::ObjectIdentifier;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName as Name;
use tegata_pki::profile::{
    CaPosition, CertificatePolicy, CertificateProfile, Subscriber, SubscriberCa, TlsServer,
};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;
use tegata_pki::tbs::{TbsParameters, assemble, build_tbs, sign_tbs};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];
/// 2020-01-01 and 2049-01-01.
const VALID: (i64, i64) = (1_577_836_800, 2_493_072_000);
/// Two days in 2020.
const EXPIRED: (i64, i64) = (1_577_836_800, 1_578_009_600);

/// A CA for tests, and what it issues.
struct Authority {
    name: Name,
    signer: SoftSigner,
    certificate: Vec<u8>,
}

/// A certificate and its key, both DER.
#[derive(Clone)]
struct Member {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

fn name(common_name: &str) -> Name {
    Name::builder()
        .country("JP")
        .organization("Sample")
        .common_name(common_name)
        .build()
        .unwrap()
}

impl Authority {
    fn new(common_name: &str) -> Self {
        let signer =
            SoftSigner::from_private_key(PrivateKey::generate(KeyAlgorithm::P256).unwrap());
        let name = name(common_name);
        let position = CaPosition::Root;
        let profile = CertificateProfile::SubscriberCa(SubscriberCa {
            position,
            path_length: None,
        });
        let mut made = Self {
            name,
            signer,
            certificate: Vec::new(),
        };
        made.certificate = made.sign(&made.name, made.signer.public_key(), &profile, VALID);
        made
    }

    fn issue(&self, common_name: &str, profile: &CertificateProfile, valid: (i64, i64)) -> Member {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let certificate = self.sign(&name(common_name), key.public_key(), profile, valid);
        Member {
            certificate,
            key: key.to_pkcs8().unwrap().to_vec(),
        }
    }

    fn server(&self, host: &str) -> Member {
        let profile = CertificateProfile::TlsServer(TlsServer {
            dns_names: vec![host.to_owned()],
            ip_addresses: Vec::new(),
            crl_uri: None,
        });
        self.issue(host, &profile, VALID)
    }

    fn subscriber(&self, valid: (i64, i64)) -> Member {
        let profile = CertificateProfile::Subscriber(Subscriber {
            policy: CertificatePolicy {
                identifier: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"),
                cps_uri: None,
            },
            crl_uri: "http://pki.example/0.crl".to_owned(),
            ocsp_uri: None,
            ca_issuers_uri: None,
        });
        self.issue("0110119153", &profile, valid)
    }

    fn sign(
        &self,
        subject: &Name,
        subject_key: &tegata_pki::key::PublicKey,
        profile: &CertificateProfile,
        (not_before, not_after): (i64, i64),
    ) -> Vec<u8> {
        let tbs = build_tbs(&TbsParameters {
            serial: [0x42; 16],
            issuer: &self.name,
            issuer_key: self.signer.public_key(),
            signature_algorithm: self.signer.signature_algorithm(),
            subject,
            subject_key,
            not_before,
            not_after,
            profile,
        })
        .unwrap();
        let signature = sign_tbs(&tbs, &self.signer).unwrap();
        assemble(&tbs, self.signer.signature_algorithm(), &signature)
    }
}

/// Our names `localhost` (the main one) and `r1.localhost`, and who trusts them.
struct World {
    authority: Authority,
    certificates: Arc<ServerCertificates>,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("Sample CA");
        let certificates = Arc::new(ServerCertificates::new("localhost"));
        for host in ["localhost", "r1.localhost"] {
            let member = authority.server(host);
            certificates
                .insert(host, vec![member.certificate], &member.key)
                .unwrap();
        }
        Self {
            authority,
            certificates,
        }
    }

    fn listener(&self, client: ClientCertificate) -> Arc<ServerConfig> {
        let hints = vec![self.authority.name.to_der()];
        server_config(Arc::clone(&self.certificates), client, hints).unwrap()
    }

    fn browser(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        self.browser_with(version, None)
    }

    /// A browser that presents a certificate and signs with a key, which may not belong together.
    fn browser_with(
        &self,
        version: &'static SupportedProtocolVersion,
        presented: Option<(&Member, &[u8])>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(self.authority.certificate.clone()))
            .unwrap();
        let builder = ClientConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let Some((member, key)) = presented else {
            return builder.with_no_client_auth();
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
        let key = crypto_provider()
            .key_provider
            .load_private_key(key)
            .unwrap();
        let chain = vec![CertificateDer::from(member.certificate.clone())];
        let both = SingleCertAndKey::from(CertifiedKey::new(chain, key));
        builder.with_client_cert_resolver(Arc::new(both))
    }
}

/// What the server saw of a connection that came about.
#[derive(Debug)]
struct Seen {
    client_certificate: Option<Vec<u8>>,
    kind: HandshakeKind,
    protocol: Option<Vec<u8>>,
}

/// One connection; the server sends one octet, so that the client reads tickets where there are some.
async fn connect(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    host: &str,
) -> Result<(Seen, Vec<u8>), std::io::Error> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let acceptor = TlsAcceptor::from(Arc::clone(server));
    let serving = tokio::spawn(async move {
        let mut stream = acceptor.accept(near).await?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        let session = stream.get_ref().1;
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        Ok::<_, std::io::Error>(Seen {
            client_certificate: leaf.map(|leaf| leaf.to_vec()),
            kind: session.handshake_kind().unwrap(),
            protocol: session.alpn_protocol().map(<[u8]>::to_vec),
        })
    });
    let host = ServerName::try_from(host.to_owned()).unwrap();
    let connected = TlsConnector::from(Arc::clone(client))
        .connect(host, far)
        .await;
    let mut shown = Vec::new();
    if let Ok(mut stream) = connected {
        let mut octet = [0; 1];
        let _ = stream.read_exact(&mut octet).await;
        shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    }
    serving.await.unwrap().map(|seen| (seen, shown))
}

#[tokio::test]
async fn each_name_has_its_own_certificate_and_the_main_one_stands_in() {
    let world = World::new();
    let shown = |name| world.certificates.find(name).unwrap().cert[0].to_vec();
    let main = shown(Some("localhost"));
    let further = shown(Some("r1.localhost"));
    assert_ne!(main, further);
    assert_eq!(shown(Some("R1.LocalHost")), further);
    assert_eq!(shown(Some("elsewhere.example")), main);
    assert_eq!(shown(None), main);
    for version in VERSIONS {
        let client = Arc::new(world.browser(version));
        let server = world.listener(ClientCertificate::No);
        assert_eq!(
            connect(&server, &client, "r1.localhost").await.unwrap().1,
            further
        );
        assert_eq!(
            connect(&server, &client, "localhost").await.unwrap().1,
            main
        );
    }
}

#[tokio::test]
async fn the_right_certificate_with_its_key_comes_through() {
    let world = World::new();
    let member = world.authority.subscriber(VALID);
    for version in VERSIONS {
        let client = Arc::new(world.browser_with(version, Some((&member, &member.key))));
        let server = world.listener(ClientCertificate::Optional);
        let (seen, _) = connect(&server, &client, "localhost").await.unwrap();
        assert_eq!(seen.client_certificate.as_ref(), Some(&member.certificate));
    }
}

#[tokio::test]
async fn the_right_certificate_with_a_wrong_key_fails_in_both_versions() {
    let world = World::new();
    let member = world.authority.subscriber(VALID);
    let stranger = world.authority.subscriber(VALID);
    for version in VERSIONS {
        let client = Arc::new(world.browser_with(version, Some((&member, &stranger.key))));
        let server = world.listener(ClientCertificate::Optional);
        assert!(
            connect(&server, &client, "localhost").await.is_err(),
            "{version:?}"
        );
    }
}

#[tokio::test]
async fn missing_expired_and_foreign_certificates_are_left_to_the_handler() {
    let world = World::new();
    let expired = world.authority.subscriber(EXPIRED);
    let foreign = Authority::new("Other CA").subscriber(VALID);
    for version in VERSIONS {
        let server = world.listener(ClientCertificate::Optional);
        let client = Arc::new(world.browser(version));
        let (seen, _) = connect(&server, &client, "localhost").await.unwrap();
        assert_eq!(seen.client_certificate, None);
        for member in [&expired, &foreign] {
            let client = Arc::new(world.browser_with(version, Some((member, &member.key))));
            let (seen, _) = connect(&server, &client, "localhost").await.unwrap();
            assert_eq!(seen.client_certificate.as_ref(), Some(&member.certificate));
        }
    }
}

#[tokio::test]
async fn only_the_listener_without_client_certificates_resumes() {
    let world = World::new();
    let member = world.authority.subscriber(VALID);
    for version in VERSIONS {
        for (listener, expected) in [
            (ClientCertificate::No, HandshakeKind::Resumed),
            (ClientCertificate::Optional, HandshakeKind::Full),
        ] {
            let mut client = world.browser_with(version, Some((&member, &member.key)));
            client.resumption = Resumption::in_memory_sessions(8);
            let (client, server) = (Arc::new(client), world.listener(listener));
            connect(&server, &client, "localhost").await.unwrap();
            let (seen, _) = connect(&server, &client, "localhost").await.unwrap();
            assert_eq!(seen.kind, expected, "{version:?} {listener:?}");
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_only_where_no_client_certificate_is_asked_for() {
    let world = World::new();
    for (listener, expected) in [
        (ClientCertificate::No, &b"h2"[..]),
        (ClientCertificate::Optional, b"http/1.1"),
    ] {
        let mut client = world.browser(&rustls::version::TLS13);
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let server = world.listener(listener);
        let (seen, _) = connect(&server, &Arc::new(client), "localhost")
            .await
            .unwrap();
        assert_eq!(seen.protocol.as_deref(), Some(expected));
    }
}

#[test]
fn only_suites_with_forward_secrecy_and_authenticated_encryption_are_offered() {
    for suite in &crypto_provider().cipher_suites {
        let name = format!("{:?}", suite.suite());
        let modern = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_ECDSA_");
        assert!(modern && !name.contains("CBC"), "{name}");
    }
}
