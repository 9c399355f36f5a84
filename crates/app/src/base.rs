//! What every procedure works with: store, keys, policy, clock and entropy, passed in and never global.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::entropy::Entropy;
use tegata_domain::grant::Grant;
use tegata_domain::id::AuditId;
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::{MailKind, OutboxMail, sealed_name, second_key};
use tegata_domain::policy::Policy;
use tegata_domain::secret::Secret;
use tegata_domain::time::{CalendarDate, Clock, Timestamp};
use tegata_store::Store;
use tokio::sync::{Notify, Semaphore};

use crate::authority::Authorities;
use crate::authority_secret::Digests;
use crate::budget::Budgets;
use crate::error::{Error, Result, internal};
use crate::failpoint::Failpoint;
use crate::feed::Feeds;
use crate::guessing::{Guessing, WrongCodes};
use crate::kek::KeySource;
use crate::keypool::KeyPool;
use crate::mail_text::MailTexts;
use crate::measures::MailCounts;
use crate::notice_figures::Counted;
use crate::reference::Peppers;
use crate::seal::{Keyring, Purpose};
use crate::session::PASSWORDS_AT_ONCE;
use crate::status::Lists;
use crate::statuses::Statuses;
use crate::watched_lease::WatchedLease;

/// How often a step looks again when another request was first.
pub(crate) const TRIES: usize = 8;
/// Seconds by which wall clock and elapsed time may differ inside one process (S7).
pub const CLOCK_JUMP: i64 = 3_600;
/// No reading of the clock was compared yet.
const NEVER: i64 = i64::MIN;

/// What the program hands in when it starts.
pub struct AppParts {
    /// The database, migrated.
    pub store: Store,
    /// The rules.
    pub policy: Policy,
    /// The clock of certificates, lists and days (in a demo: the time machine).
    pub clock: Arc<dyn Clock>,
    /// The clock of sessions, one-time codes and throttles: always the system's (S6).
    pub system_clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
    /// The key-encryption keys (K8).
    pub kek: Arc<dyn KeySource>,
    /// Folder of the encrypted CA key files.
    pub key_folder: PathBuf,
    /// Our own addresses.
    pub addresses: Addresses,
    /// Domains for which the TLS CA may certify (K7).
    pub tls_domains: Vec<String>,
    /// Proxies that stand before us: they say for whom they ask (W3), and no budget of guesses is theirs (I3).
    pub proxies: Vec<IpAddr>,
    /// The texts of mails.
    pub mail_texts: MailTexts,
    /// Which failpoint is armed; none outside tests.
    pub failpoint: Failpoint,
}

/// Our own addresses, each with its scheme and without a slash at the end.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The public listener.
    pub public: String,
    /// The subscriber listener's names: the main one first, then the further ones (W1).
    pub subscriber: Vec<String>,
    /// Plain HTTP: CRL, OCSP and CA certificates. Stands in certificates.
    pub plain: String,
}

/// The application: cheap to clone, one for each process.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    policy: Policy,
    clock: Arc<dyn Clock>,
    system_clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    addresses: Addresses,
    proxies: Vec<IpAddr>,
    mail_texts: MailTexts,
    #[cfg(debug_assertions)]
    failpoint: Failpoint,
    keyring: Keyring,
    key_folder: PathBuf,
    digests: Digests,
    peppers: Peppers,
    authorities: Authorities,
    guessing: Guessing,
    logins: Guessing,
    budgets: Budgets,
    wrong_codes: WrongCodes,
    passwords: Semaphore,
    keypool: KeyPool,
    wanted: Notify,
    statuses: Statuses,
    lists: Lists,
    feeds: Feeds,
    signing_paused: AtomicBool,
    /// The last reading of the system's clock that was compared with the time that passed.
    clock_believed: AtomicI64,
    swept_minute: AtomicI64,
    noticed_from: AtomicI64,
    notice_lease: WatchedLease,
    counted: Counted,
    mail_counts: MailCounts,
}

impl App {
    /// Puts the parts together: reads peppers and CA keys. The store must be initialised.
    pub async fn open(parts: AppParts) -> Result<Self> {
        let keyring = Keyring::new(parts.kek, Arc::clone(&parts.entropy));
        let digests = Digests::load(&parts.store, &keyring).await?;
        let peppers = Peppers::load(&parts.store, &keyring).await?;
        let authorities = Authorities::load(&parts.store, &keyring, &parts.key_folder).await?;
        let keypool = KeyPool::new(
            crate::authority::key_algorithm(&parts.policy.ca.subscriber_key)?,
            parts.policy.ca.key_pool,
        );
        Ok(Self(Arc::new(Inner {
            store: parts.store,
            policy: parts.policy,
            clock: parts.clock,
            system_clock: parts.system_clock,
            entropy: parts.entropy,
            addresses: parts.addresses,
            proxies: parts.proxies,
            mail_texts: parts.mail_texts,
            #[cfg(debug_assertions)]
            failpoint: parts.failpoint,
            keyring,
            key_folder: parts.key_folder,
            digests,
            peppers,
            authorities,
            guessing: Guessing::default(),
            logins: Guessing::default(),
            budgets: Budgets::default(),
            wrong_codes: WrongCodes::default(),
            passwords: Semaphore::new(PASSWORDS_AT_ONCE.get().into()),
            keypool,
            wanted: Notify::new(),
            statuses: Statuses::default(),
            lists: Lists::default(),
            feeds: Feeds::default(),
            signing_paused: AtomicBool::new(false),
            clock_believed: AtomicI64::new(NEVER),
            swept_minute: AtomicI64::new(0),
            noticed_from: AtomicI64::new(i64::MIN),
            notice_lease: WatchedLease::default(),
            counted: Counted::default(),
            mail_counts: MailCounts::default(),
        })))
    }

    /// The present instant for certificates, lists and days. Read it once per request and hand it down.
    pub fn clock_now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The present instant for procedures' ends, one-time codes and throttles.
    pub fn system_now(&self) -> Timestamp {
        self.0.system_clock.now()
    }

    /// Seconds that passed since the machine started, whatever its clock was set to meanwhile.
    pub(crate) fn uptime(&self) -> i64 {
        self.0.system_clock.uptime()
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Our own addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.0.addresses
    }

    /// Whether a configured proxy has this address.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0
            .proxies
            .iter()
            .any(|proxy| proxy.to_canonical() == address)
    }

    /// Resolves when this process changed what a revocation list says.
    pub async fn publication_wanted(&self) {
        self.0.wanted.notified().await;
    }

    /// Stops every signature and every notice of this process: the clock cannot be believed (S7). Only a new start ends it.
    pub fn pause_signing(&self) {
        self.0.signing_paused.store(true, Ordering::Release);
    }

    /// This reading of the system's clock fits the time that passed (S7).
    pub fn believe_clock(&self, system_now: Timestamp) {
        let seconds = system_now.unix();
        self.0.clock_believed.store(seconds, Ordering::Release);
    }

    /// Refuses while signing is paused, and where the clock jumped since it was compared with the time that passed: nothing
    /// is signed by a wrong clock in the second before that is seen.
    pub(crate) fn may_sign(&self) -> Result<()> {
        let believed = self.0.clock_believed.load(Ordering::Acquire);
        let moved = self.system_now().unix().abs_diff(believed);
        let has_jumped = believed != NEVER && moved > CLOCK_JUMP.unsigned_abs();
        if has_jumped || self.0.signing_paused.load(Ordering::Acquire) {
            return Err(Error::Unavailable);
        }
        Ok(())
    }

    /// A status changed: what was read before is forgotten, and the lists are made again.
    pub(crate) fn want_publication(&self) {
        self.0.statuses.forget();
        self.0.wanted.notify_one();
    }

    pub(crate) fn mail_texts(&self) -> &MailTexts {
        &self.0.mail_texts
    }

    pub(crate) fn feeds(&self) -> &Feeds {
        &self.0.feeds
    }

    pub(crate) fn lists(&self) -> &Lists {
        &self.0.lists
    }

    /// What was counted about notices a while ago.
    pub(crate) fn counted(&self) -> &Counted {
        &self.0.counted
    }

    /// What this process did with mails.
    pub(crate) fn mail_counts(&self) -> &MailCounts {
        &self.0.mail_counts
    }

    pub(crate) fn statuses(&self) -> &Statuses {
        &self.0.statuses
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.0.entropy.as_ref()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// Folder of the encrypted CA key files.
    pub(crate) fn key_folder(&self) -> &Path {
        &self.0.key_folder
    }

    pub(crate) fn digests(&self) -> &Digests {
        &self.0.digests
    }

    pub(crate) fn peppers(&self) -> &Peppers {
        &self.0.peppers
    }

    pub(crate) fn authorities(&self) -> &Authorities {
        &self.0.authorities
    }

    pub(crate) fn guessing(&self) -> &Guessing {
        &self.0.guessing
    }

    /// Wrong one-time codes of operators.
    pub(crate) fn wrong_codes(&self) -> &WrongCodes {
        &self.0.wrong_codes
    }

    /// Wrong logins at the console.
    pub(crate) fn logins(&self) -> &Guessing {
        &self.0.logins
    }

    /// What sources did at the application site in this hour.
    pub(crate) fn budgets(&self) -> &Budgets {
        &self.0.budgets
    }

    /// Room for checking a password.
    pub(crate) fn passwords(&self) -> &Semaphore {
        &self.0.passwords
    }

    pub(crate) fn keypool(&self) -> &KeyPool {
        &self.0.keypool
    }

    /// Whether this is the first call in this minute of the system's clock.
    pub(crate) fn is_new_minute(&self) -> bool {
        let minute = self.system_now().unix().div_euclid(60);
        self.0.swept_minute.swap(minute, Ordering::Relaxed) != minute
    }

    /// Whether the notices of `day` are known to be queued.
    pub(crate) fn is_noticed(&self, day: CalendarDate) -> bool {
        self.0.noticed_from.load(Ordering::Relaxed) >= day.start().unix()
    }

    /// The notices of `day` are queued.
    pub(crate) fn note_noticed(&self, day: CalendarDate) {
        let begin = day.start().unix();
        self.0.noticed_from.fetch_max(begin, Ordering::Relaxed);
    }

    /// The lease of the run of notices, as this process sees it.
    pub(crate) fn notice_lease(&self) -> &WatchedLease {
        &self.0.notice_lease
    }

    #[cfg(debug_assertions)]
    pub(crate) fn failpoint(&self) -> &Failpoint {
        &self.0.failpoint
    }

    /// An audit event, to be inserted in the transaction of the change.
    pub(crate) fn event(
        &self,
        actor: Actor,
        action: &'static str,
        object: String,
        detail: String,
        now: Timestamp,
    ) -> AuditEvent {
        let id = AuditId::generate(now, self.entropy());
        AuditEvent {
            id,
            at: now,
            actor,
            action,
            object,
            detail,
        }
    }

    /// A mail, to be inserted in the transaction that makes it due. `key` makes it unique.
    pub(crate) fn mail(
        &self,
        kind: MailKind,
        to: &MailAddress,
        key: String,
        values: &[(&str, String)],
        now: Timestamp,
    ) -> OutboxMail {
        self.mail_with(kind, to, key, named(values.to_vec()), now)
    }

    fn mail_with(
        &self,
        kind: MailKind,
        to: &MailAddress,
        key: String,
        values: BTreeMap<String, String>,
        now: Timestamp,
    ) -> OutboxMail {
        OutboxMail {
            id: tegata_domain::id::OutboxId::generate(now, self.entropy()),
            at: now,
            kind,
            to: to.clone(),
            key,
            values,
        }
    }

    /// A mail to the holder of a grant: one for each registered address that its kind goes to
    /// ([`MailKind::goes_to_second`]), each with a key and a Message-ID of its own.
    ///
    /// Both addresses stand in the grant's own row (`issue_grant.mail`, `issue_grant.second_mail`), the same for every
    /// grant of an application: a query that joins the grant by its id has them without another look.
    pub(crate) fn holder_mails(
        &self,
        kind: MailKind,
        grant: &Grant,
        key: &str,
        values: &[(&str, String)],
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let addresses = (&grant.mail, grant.second_mail.as_ref());
        self.mails_to(kind, addresses, key, values.to_vec(), now)
    }

    /// The same, where the two registered addresses are at hand and the grant is not.
    pub(crate) fn mails_to(
        &self,
        kind: MailKind,
        (first, second): (&MailAddress, Option<&MailAddress>),
        key: &str,
        values: Vec<(&str, String)>,
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let values = named(values);
        let second = second.filter(|_| kind.goes_to_second());
        let second =
            second.map(|to| self.mail_with(kind, to, second_key(key), values.clone(), now));
        let first = self.mail_with(kind, first, key.to_owned(), values, now);
        std::iter::once(first).chain(second).collect()
    }

    /// A mail of a kind that carries a secret ([`MailKind::secret`]): the row has it sealed, and only the
    /// text that goes out has it in clear.
    pub(crate) fn secret_mail(
        &self,
        kind: MailKind,
        to: &MailAddress,
        key: String,
        values: &[(&str, String)],
        secret: &Secret<String>,
        now: Timestamp,
    ) -> Result<OutboxMail> {
        let mut mail = self.mail(kind, to, key, values, now);
        let name = kind
            .secret()
            .ok_or_else(|| internal("seal a mail's secret", "its kind has none"))?;
        let place = format!("outbox/{}/{name}", mail.id);
        let sealed = self
            .keyring()
            .seal(Purpose::Mail, &place, secret.expose().as_bytes())?;
        let text = data_encoding::BASE64.encode(&sealed);
        mail.values.insert(sealed_name(name), text);
        Ok(mail)
    }
}

/// The values of a mail by their names.
fn named(values: Vec<(&str, String)>) -> BTreeMap<String, String> {
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
