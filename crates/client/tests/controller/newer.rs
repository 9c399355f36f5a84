//! A newer version of the program: told, taken on a click, refused where anything about it is wrong (F10).

use std::sync::{Arc, Mutex};

use tegata_client::controller::Event;
use tegata_client::ports::{Answer, FileError, HttpError, Program, Request};
use tegata_client::settings::UpdateSettings;
use tegata_domain::id::Fingerprint;
use tegata_domain::time::CalendarDate;
use tegata_pki::certificate::Certificate;
use tegata_pki::digest::sha256;
use tegata_pki::ed25519::SigningKey;
use tegata_protocol::release::{
    Architecture, Envelope, Release, ReleaseFile, Scope, Signature, Version,
};

use crate::world::{END, IN_WINDOW, World, at};

const MANIFEST: &str = "/p/c/manifest.json";
const PACKAGE: &[u8] = b"a package";

/// What runs; it notes what it is asked to install.
struct Installed {
    served: Vec<u8>,
    installed: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Program for Installed {
    fn version(&self) -> Version {
        version("1.0.0")
    }

    fn kind(&self) -> (Architecture, Scope) {
        (Architecture::X64, Scope::User)
    }

    fn download(&self, request: &Request, _: &Certificate, _: u64) -> Result<Vec<u8>, HttpError> {
        assert_eq!(request.path, "/p/c/file/a.msi");
        Ok(self.served.clone())
    }

    fn install(&self, name: &str, package: &[u8]) -> Result<(), FileError> {
        let mut installed = self.installed.lock().unwrap();
        installed.push((name.to_owned(), package.to_vec()));
        Ok(())
    }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// An announcement of this version, signed by so many of the two pinned keys, and a terminal that pins them.
fn world(announced: &str, signers: usize) -> World {
    let keys: [SigningKey; 2] = std::array::from_fn(|_| SigningKey::generate().unwrap());
    let name = |key: &SigningKey| hex::encode(key.verifying_key().as_octets());
    let release = Release {
        format: 1,
        version: version(announced),
        released: CalendarDate::from_ymd(2027, 2, 11).unwrap(),
        expires_at: at(IN_WINDOW).plus_days(20),
        changes: vec!["通知の文章を改めました。".to_owned()],
        files: vec![ReleaseFile {
            architecture: Architecture::X64,
            scope: Scope::User,
            name: "a.msi".to_owned(),
            size: PACKAGE.len() as u64,
            sha256: Fingerprint(sha256(PACKAGE)),
            signer: None,
        }],
    };
    let mut envelope = Envelope::unsigned(serde_json::to_vec(&release).unwrap());
    let signed = envelope.signed_octets();
    for key in keys.iter().take(signers) {
        envelope.signatures.push(Signature {
            keyid: name(key),
            sig: key.sign(&signed),
        });
    }
    let world = World::empty(|pack| {
        pack.update = Some(UpdateSettings {
            manifest: MANIFEST.to_owned(),
            keys: keys.iter().map(name).collect(),
        });
    });
    *world.server.manifest.lock().unwrap() = Some(serde_json::to_vec(&envelope).unwrap());
    world
}

/// Presses 新しいバージョンを確認する; answers what was installed.
fn click(world: &World, served: &[u8]) -> Vec<(String, Vec<u8>)> {
    let program = Arc::new(Installed {
        served: served.to_vec(),
        installed: Mutex::default(),
    });
    world.run_as(Some(program.clone()), &[Event::Update]);
    program.installed.lock().unwrap().clone()
}

#[test]
fn a_newer_version_is_installed_when_the_person_says_yes() {
    let world = world("1.1.0", 2);
    world.person.will_answer(1013, Answer::No);
    assert!(click(&world, PACKAGE).is_empty());
    world.person.will_answer(1013, Answer::Yes);
    assert_eq!(
        click(&world, PACKAGE),
        [("a.msi".to_owned(), PACKAGE.to_vec())]
    );
    let shown = world.person.take();
    assert!(shown.contains("通知の文章を改めました。"), "{shown}");
}

#[test]
fn the_same_version_is_said_to_be_the_newest() {
    let world = world("1.0.0", 2);
    assert!(click(&world, PACKAGE).is_empty());
    assert!(world.person.take().contains("[1014]"));
}

#[test]
fn another_file_one_signature_an_old_announcement_and_a_lower_version_are_refused() {
    let exchanged = world("1.1.0", 2);
    exchanged.person.will_answer(1013, Answer::Yes);
    assert!(click(&exchanged, b"a packagf").is_empty());
    assert!(exchanged.person.take().contains("[2362]"));

    let once = world("1.1.0", 1);
    assert!(click(&once, PACKAGE).is_empty());
    assert!(once.person.take().contains("[2362]"));

    let old = world("1.1.0", 2);
    old.clock.set(at(IN_WINDOW).plus_days(20));
    assert!(click(&old, PACKAGE).is_empty());
    assert!(old.person.take().contains("[2362]"));

    let lower = world("0.9.9", 2);
    assert!(click(&lower, PACKAGE).is_empty());
    assert!(lower.person.take().contains("[2362]"));
}

#[test]
fn it_is_told_once_where_the_server_is_asked_anyway_and_never_outside_of_the_window() {
    let world = world("1.1.0", 2);
    world.add_certificate(END);
    let program: Arc<dyn Program> = Arc::new(Installed {
        served: Vec::new(),
        installed: Mutex::default(),
    });
    let asked = || {
        let requests = world.server.requests.lock().unwrap();
        requests
            .iter()
            .filter(|line| line.ends_with(MANIFEST))
            .count()
    };
    world.clock.set(at("2026-06-01T12:00:00+09:00"));
    world.run_as(Some(program.clone()), &[Event::Started, Event::LoggedOn]);
    assert_eq!(asked(), 0);
    world.clock.set(at("2027-02-12T18:00:00+09:00"));
    for _ in 0..2 {
        world.run_as(Some(program.clone()), &[Event::Started]);
    }
    assert_eq!(asked(), 1);
    let told = world.person.take_codes();
    assert_eq!(
        told.iter().filter(|code| *code == "1013").count(),
        1,
        "{told:?}"
    );
}
