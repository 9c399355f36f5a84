//! One terminal, one server, one person, one clock, and a fuse that ends the program at a chosen point.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tegata_client::controller::{Controller, Event, Wake};
use tegata_client::ports::{CertificateStore, Ports, Program, StoredCertificate};
use tegata_client::settings::{Pack, Preferences, Settings};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::Fingerprint;
use tegata_domain::time::{ManualClock, Timestamp};

use crate::machine::{FakeFiles, FakeSecrets, FakeStore};
use crate::person::Person;
use crate::server::FakeServer;

/// The end of the sample certificate.
pub(crate) const END: &str = "2027-03-14T17:39:00+09:00";
/// 30 days before it, at noon.
pub(crate) const IN_WINDOW: &str = "2027-02-12T12:00:00+09:00";
const HOST: &str = "r.example";

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// Everything that outlives the program, and the person in front of it.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) fuse: Fuse,
    pub(crate) files: FakeFiles,
    pub(crate) person: Person,
    pub(crate) secrets: FakeSecrets,
    pub(crate) server: FakeServer,
    pub(crate) store: FakeStore,
    pub(crate) settings: Settings,
}

/// Ends the program at its n-th point; points are before and after everything that leaves a trace.
pub(crate) struct Fuse {
    left: AtomicI64,
    passed: Mutex<Vec<String>>,
}

struct Killed;

impl Fuse {
    pub(crate) const fn new() -> Self {
        Self {
            left: AtomicI64::new(i64::MAX),
            passed: Mutex::new(Vec::new()),
        }
    }

    /// A point where the program may end.
    pub(crate) fn point(&self, name: &str) {
        self.passed.lock().unwrap().push(name.to_owned());
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // No hook: the end is meant, and there are hundreds.
            resume_unwind(Box::new(Killed));
        }
    }
}

impl World {
    /// A terminal whose pack has the root, with one certificate that ends at [`END`].
    pub(crate) fn with_certificate() -> Self {
        let world = Self::empty(|_| {});
        world.add_certificate(END);
        world
    }

    /// A terminal without a certificate; `change` is what its pack says otherwise.
    pub(crate) fn empty(change: impl FnOnce(&mut Pack)) -> Self {
        let server = FakeServer::new();
        let mut pack: Pack = toml::from_str(&format!(
            "ca_name = '共通認証局'\nserver = '{HOST}'\n\
             help_desk = ['共通認証局ヘルプデスク', '電話 0000-00-0000', '平日 8時から18時まで']\n\
             [backup]\nmin_password = 4\niterations = 1000\n[key]\nalgorithm = 'p256'\n"
        ))
        .unwrap();
        pack.root = server.tls_root.pem();
        pack.issuers = server.issuer.pem();
        change(&mut pack);
        Self {
            clock: ManualClock::new(at(IN_WINDOW)),
            fuse: Fuse::new(),
            files: FakeFiles::default(),
            person: Person::default(),
            secrets: FakeSecrets,
            server,
            store: FakeStore::default(),
            settings: Settings::new(pack, Preferences::default()).unwrap(),
        }
    }

    /// Gives the terminal a certificate of the operator that ends then.
    pub(crate) fn add_certificate(&self, end: &str) -> Fingerprint {
        let (certificate, key) = self.server.give(at(end), "202312140000001");
        self.store.put(&certificate, key)
    }

    /// Starts the program, lets it do this, and ends it.
    pub(crate) fn run(&self, events: &[Event]) -> Wake {
        self.run_as(None, events)
    }

    /// The same for a program that can be replaced.
    pub(crate) fn run_as(&self, program: Option<Arc<dyn Program>>, events: &[Event]) -> Wake {
        let ports = self.ports();
        let machine = Machine { world: self };
        let ports = Ports {
            files: &machine,
            http: &machine,
            store: &machine,
            ui: &machine,
            ..ports
        };
        let mut controller = Controller::open(ports, self.settings.clone()).unwrap();
        if let Some(program) = program {
            controller = controller.with_program(program);
        }
        let mut wake = Wake(None);
        for event in events {
            wake = controller.on(event.clone());
        }
        wake
    }

    /// The same, ended at the n-th point; whether it came so far.
    pub(crate) fn run_until(&self, point: i64, events: &[Event]) -> bool {
        self.fuse.left.store(point, Ordering::SeqCst);
        let ended = catch_unwind(AssertUnwindSafe(|| self.run(events)));
        self.fuse.left.store(i64::MAX, Ordering::SeqCst);
        match ended {
            Ok(_) => false,
            Err(payload) if payload.is::<Killed>() => true,
            Err(other) => resume_unwind(other),
        }
    }

    /// The name of the last point.
    pub(crate) fn last_point(&self) -> String {
        self.fuse
            .passed
            .lock()
            .unwrap()
            .last()
            .cloned()
            .unwrap_or_default()
    }

    /// The last points, to see where it hangs.
    pub(crate) fn last_points(&self) -> Vec<String> {
        let passed = self.fuse.passed.lock().unwrap();
        passed.iter().rev().take(40).cloned().collect()
    }

    /// All points of a run, each name once.
    pub(crate) fn points(&self) -> BTreeSet<String> {
        self.fuse.passed.lock().unwrap().iter().cloned().collect()
    }

    /// The certificates of the operator in the store, the one that ends first on top.
    pub(crate) fn certificates(&self) -> Vec<StoredCertificate> {
        let mut all = self.store.list().unwrap();
        all.sort_by_key(|one| (one.not_after(), one.fingerprint()));
        all
    }

    /// Those that the server takes now, with the key that lies beside them.
    pub(crate) fn working(&self) -> Vec<Fingerprint> {
        let now = self.clock_now();
        let certificates = self.certificates().into_iter();
        let works = certificates.filter(|one| {
            let key = self.store.key(&one.fingerprint()).unwrap().unwrap();
            self.server.accepts(&one.certificate, key.as_ref(), now)
        });
        works.map(|one| one.fingerprint()).collect()
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        tegata_domain::time::Clock::now(&self.clock)
    }

    /// What lies in the client's folder, but for log and memory.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let mut names = self.files.names();
        names.retain(|name| name.starts_with("pending-"));
        names
    }

    fn ports(&self) -> Ports<'_> {
        Ports {
            clock: &self.clock,
            entropy: Box::leak(Box::new(SeededEntropy::new(7))),
            files: &self.files,
            http: &self.server,
            secrets: &self.secrets,
            store: &self.store,
            ui: &self.person,
        }
    }
}

/// The machine as the program meets it: each call that leaves a trace is between two points.
struct Machine<'a> {
    world: &'a World,
}

mod between {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use tegata_client::ports::*;
    use tegata_domain::id::Fingerprint;
    use tegata_domain::secret::Secret;
    use tegata_pki::certificate::Certificate;
    use tegata_pki::key::{KeyAlgorithm, PrivateKey};

    use super::Machine;

    impl Machine<'_> {
        fn point<T>(&self, name: &str, act: impl FnOnce() -> T) -> T {
            self.world.fuse.point(&format!("before {name}"));
            let done = act();
            self.world.fuse.point(&format!("after {name}"));
            done
        }
    }

    impl Files for Machine<'_> {
        fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
            self.world.files.read(name)
        }
        fn write(&self, name: &str, octets: &[u8]) -> Result<(), FileError> {
            let kind = name.split('-').next().unwrap();
            self.point(&format!("write {kind}"), || {
                self.world.files.write(name, octets)
            })
        }
        fn remove(&self, name: &str) -> Result<(), FileError> {
            self.point("remove file", || self.world.files.remove(name))
        }
        fn list(&self) -> Result<Vec<String>, FileError> {
            self.world.files.list()
        }
        fn append(&self, name: &str, line: &str) -> Result<(), FileError> {
            self.world.files.append(name, line)
        }
        fn size(&self, name: &str) -> Result<u64, FileError> {
            self.world.files.size(name)
        }
        fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
            self.world.files.rename(from, to)
        }
        fn save(&self, place: &Path, octets: &[u8]) -> Result<(), FileError> {
            self.point("save backup", || self.world.files.save(place, octets))
        }
    }

    impl Http for Machine<'_> {
        fn send(&self, request: &Request, root: &Certificate) -> Result<Response, HttpError> {
            let path = request.path.rsplit('/').next().unwrap();
            let now = self.world.clock_now();
            self.point(&format!("send {path}"), || {
                self.world.server.answer(request, root, now)
            })
        }
        fn shown_chain(&self, server: &Server) -> Result<Vec<Vec<u8>>, HttpError> {
            self.point("handshake", || self.world.server.shown_chain(server))
        }
    }

    impl CertificateStore for Machine<'_> {
        fn list(&self) -> Result<Vec<StoredCertificate>, StoreError> {
            self.world.store.list()
        }
        fn key(&self, one: &Fingerprint) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
            self.world.store.key(one)
        }
        fn reads_modern_p12(&self) -> bool {
            self.world.store.reads_modern_p12()
        }
        fn has_hardware(&self) -> bool {
            self.world.store.has_hardware()
        }
        fn make_hardware_key(
            &self,
            name: &str,
            algorithm: KeyAlgorithm,
        ) -> Result<Arc<dyn TerminalKey>, StoreError> {
            self.point("make key", || {
                self.world.store.make_hardware_key(name, algorithm)
            })
        }
        fn hardware_key(&self, name: &str) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
            self.world.store.hardware_key(name)
        }
        fn delete_hardware_key(&self, name: &str) -> Result<(), StoreError> {
            self.point("delete key", || self.world.store.delete_hardware_key(name))
        }
        fn install(
            &self,
            one: &Certificate,
            chain: &[Certificate],
            key: &PrivateKey,
            name: &str,
        ) -> Result<(), StoreError> {
            self.point("install", || {
                self.world.store.install(one, chain, key, name)
            })
        }
        fn install_hardware(
            &self,
            one: &Certificate,
            chain: &[Certificate],
            key: &str,
            name: &str,
        ) -> Result<(), StoreError> {
            self.point("install", || {
                self.world.store.install_hardware(one, chain, key, name)
            })
        }
        fn delete(&self, one: &Fingerprint) -> Result<(), StoreError> {
            self.point("delete certificate", || self.world.store.delete(one))
        }
        fn has_root(&self, root: &Certificate) -> Result<bool, StoreError> {
            self.world.store.has_root(root)
        }
        fn install_root(&self, root: &Certificate) -> Result<(), StoreError> {
            self.point("install root", || self.world.store.install_root(root))
        }
    }

    impl Ui for Machine<'_> {
        fn show(&self, message: &UserMessage) -> Answer {
            let code = message.code;
            self.point(&format!("message {code}"), || {
                self.world.person.show(message)
            })
        }
        fn ask_enrolment(&self, prompt: &EnrolmentPrompt) -> Option<EnrolmentForm> {
            self.point("ask IDs", || self.world.person.ask_enrolment(prompt))
        }
        fn ask_line(&self, prompt: &LinePrompt) -> Option<Secret<String>> {
            self.point("ask line", || self.world.person.ask_line(prompt))
        }
        fn ask_backup_password(&self, prompt: &BackupPrompt) -> Option<BackupPassword> {
            self.point("ask password", || {
                self.world.person.ask_backup_password(prompt)
            })
        }
        fn ask_save_place(&self, prompt: &SavePrompt) -> Option<PathBuf> {
            self.point("ask place", || self.world.person.ask_save_place(prompt))
        }
        fn ask_addresses(&self, prompt: &AddressPrompt) -> Option<AddressForm> {
            self.point("ask addresses", || self.world.person.ask_addresses(prompt))
        }
        fn show_ids(&self, shown: &ShownIds) {
            self.point("show IDs", || self.world.person.show_ids(shown));
        }
        fn progress(&self, progress: Option<&Progress>) {
            self.world.person.progress(progress);
        }
        fn show_list(&self, view: &ListView) {
            self.world.person.show_list(view);
        }
        fn notify(&self, notification: &Notification) {
            self.point("notify", || self.world.person.notify(notification));
        }
    }
}
