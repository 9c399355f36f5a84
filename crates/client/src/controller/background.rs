//! What a start, a timer, a logon, another network or the end of a sleep leads to (R-030, P-11, P-32).
//!
//! In this order: procedures that were begun go on, the server is asked at its second, the person is told what is due,
//! and a certificate whose quiet hour it is renews itself. Nobody is waited for.

use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;
use tegata_protocol::{Notices, Status};

use super::progress::{Reached, check_clock};
use super::{Attempts, Controller, Presence};
use crate::api;
use crate::failure::Failure;
use crate::known::NextRequest;
use crate::messages::notice;
use crate::pending::{KeptKey, Pending, Step};
use crate::ports::{KeyPlace, Notification, StoredCertificate};
use crate::schedule::{self, Subject};
use crate::standing::{Standing, is_replaced};

const DAY: i64 = 86_400;
/// No timer goes off sooner than this, seconds.
const SHORTEST: i64 = 30;

impl Controller<'_> {
    pub(super) fn background(&mut self) {
        if let Err(failure) = self.background_steps() {
            self.log(&format!("{}: {failure}", failure.code()));
        }
    }

    /// When something is due next by itself.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let now = self.now();
        let soonest = now.plus_seconds(SHORTEST);
        let certificates = self.certificates().unwrap_or_default();
        let pending = self.pending().unwrap_or_default();
        let rules = &self.settings.pack.notices;
        let mut times: Vec<Timestamp> = Vec::new();
        for stored in &certificates {
            let fingerprint = stored.fingerprint();
            let remembered = self.known.of(&fingerprint);
            let subject = Subject {
                fingerprint: &fingerprint,
                not_after: stored.not_after(),
                remembered: &remembered,
                has_younger: has_younger(stored, &certificates, now),
            };
            let due = schedule::due(subject, rules, now);
            let is_protected = stored.place == KeyPlace::SoftwareProtected;
            times.extend(
                due.next
                    .filter(|_| !is_protected || due.tell.is_some() || !due.ask),
            );
            if due.ask && !is_protected {
                times.push(soonest);
            }
            times.extend(self.quiet_second(stored, &pending, now));
        }
        for one in pending.iter().filter(|one| !one.is_in_use()) {
            times.push(self.retry_at(one).unwrap_or(soonest));
        }
        for one in &pending {
            if let Step::InUse { since, .. } = &one.step {
                times.push(self.key_ends(*since));
            }
        }
        times.into_iter().map(|at| at.max(soonest)).min()
    }

    pub(super) fn forget_pauses(&mut self) {
        for attempts in self.attempts.values_mut() {
            attempts.failed = 0;
            attempts.last = None;
            attempts.after = None;
        }
        for stored in self.certificates().unwrap_or_default() {
            self.known.entry(&stored.fingerprint()).failed = None;
        }
    }

    fn background_steps(&mut self) -> Result<(), Failure> {
        for pending in self.pending()? {
            self.continue_alone(pending);
        }
        let certificates = self.certificates()?;
        for stored in &certificates {
            self.look_after(stored, &certificates);
        }
        let pending = self.pending()?;
        for stored in &certificates {
            let now = self.now();
            if self
                .quiet_second(stored, &pending, now)
                .is_some_and(|at| at <= now)
            {
                self.renew_alone(stored);
            }
        }
        Ok(())
    }

    fn continue_alone(&mut self, mut pending: Pending) {
        if let Step::InUse {
            key,
            certificate,
            request_id,
            since,
        } = &pending.step
        {
            let is_over = self.now() >= self.key_ends(*since);
            if matches!(key, KeptKey::Software(_)) && is_over {
                let fingerprint = Fingerprint(certificate.fingerprint_sha256());
                let step = Step::KeyErased {
                    certificate: certificate.clone(),
                    request_id: request_id.clone(),
                };
                match pending.advance(step, self.ports.files) {
                    Ok(()) => {
                        self.log("step: key erased, its backup was never made");
                        self.ports.ui.notify(&notice::backup_given_up(fingerprint));
                    }
                    Err(failure) => self.log(&format!("{}: {failure}", failure.code())),
                }
            }
            return;
        }
        if pending.is_in_use() || self.retry_at(&pending).is_some_and(|at| at > self.now()) {
            return;
        }
        let name = pending.name.clone();
        let old = pending.old();
        match self.bring_into_use(&mut pending, Presence::Nobody) {
            Ok(Reached::InUse) => {
                self.attempts.remove(&name);
                self.tell_renewed(&pending);
            }
            Ok(Reached::NeedsPerson) => self.note_failure(&name, None),
            Err(failure) => {
                self.log(&format!("{}: {failure}", failure.code()));
                let failure = self.give_up_if_final(pending, failure);
                self.note_failure(&name, failure.retry_after());
                let attempts = self.attempts.entry(name).or_default();
                if !failure.may_pass() && !attempts.was_told {
                    attempts.was_told = true;
                    self.ports.ui.notify(&notice::renewal_failed(old, &failure));
                }
            }
        }
    }

    fn renew_alone(&mut self, old: &StoredCertificate) {
        self.log(&format!("quiet hour of {}", old.fingerprint()));
        let begun = self.meet_server().and_then(|()| self.begin_renewal(old));
        match begun {
            Ok(pending) => self.continue_alone(pending),
            Err(failure) => {
                self.log(&format!("{}: {failure}", failure.code()));
                // The notices go on; the next quiet hour is tomorrow's.
                self.note_failure(&old.fingerprint().to_string(), Some(DAY.unsigned_abs()));
            }
        }
    }

    /// Asks the server, where it is time, and tells the person what is due.
    fn look_after(&mut self, stored: &StoredCertificate, all: &[StoredCertificate]) {
        let now = self.now();
        let fingerprint = stored.fingerprint();
        let rules = self.settings.pack.notices.clone();
        let has_younger = has_younger(stored, all, now);
        let due = |known: &crate::known::Known| {
            let remembered = known.of(&fingerprint);
            let subject = Subject {
                fingerprint: &fingerprint,
                not_after: stored.not_after(),
                remembered: &remembered,
                has_younger,
            };
            schedule::due(subject, &rules, now)
        };
        // A protected key would show a password window to somebody who asked for nothing.
        if due(&self.known).ask && stored.place != KeyPlace::SoftwareProtected {
            self.ask(&fingerprint);
        }
        if let Some(notice) = due(&self.known).tell {
            let subject = stored
                .certificate
                .subject()
                .common_name()
                .unwrap_or_default();
            let told = notice::expiry(
                fingerprint,
                subject,
                stored.not_after(),
                notice.days_left,
                now,
            );
            self.notify(&fingerprint, &told);
        }
        self.remember();
    }

    fn ask(&mut self, fingerprint: &Fingerprint) {
        let now = self.now();
        let asked = self
            .connection()
            .and_then(|connection| api::notices(&connection, self.presenting(fingerprint)?));
        match asked {
            Ok((answer, response)) => {
                self.take(fingerprint, &answer);
                self.look_for_newer();
                if self.known.of(fingerprint).request_id.is_none()
                    && let Err(failure) = self.learn_ids(fingerprint)
                {
                    self.log(&format!("{}: {failure}", failure.code()));
                }
                if let Err(Failure::ClockOff(seconds)) = check_clock(now, response.date) {
                    self.log(&format!("the clock is {seconds} seconds off"));
                    let today = now.japan_date().to_string();
                    if self.clock_was_told.as_ref() != Some(&today) {
                        self.clock_was_told = Some(today);
                        self.ports.ui.notify(&notice::clock_off());
                    }
                }
            }
            Err(failure) => {
                self.log(&format!("{}: {failure}", failure.code()));
                let entry = self.known.entry(fingerprint);
                let times = entry.failed.map_or(0, |(times, _)| times);
                entry.failed = Some((times.saturating_add(1), now));
                if !failure.may_pass() {
                    // Nothing will be different in a quarter of an hour.
                    entry.next_request = Some(NextRequest::At(now.plus_seconds(DAY)));
                }
            }
        }
    }

    fn take(&mut self, fingerprint: &Fingerprint, answer: &Notices) {
        if answer.certificate != *fingerprint {
            self.log("the server spoke of another certificate");
            return;
        }
        let next = answer.next_request_at;
        let entry = self.known.entry(fingerprint);
        entry.status = Some(answer.status);
        entry.renewal = answer.renewal;
        entry.schedule = Some(answer.schedule.clone());
        entry.failed = None;
        entry.next_request = Some(next.map_or(NextRequest::Never, NextRequest::At));
        let Some(message) = answer.message.as_ref().filter(|message| message.notify) else {
            return;
        };
        let told = entry.notified.as_ref();
        let is_said =
            told.is_some_and(|(day, code)| *day == answer.day.to_string() && *code == message.code);
        // What is final was said once and for all.
        let is_final = matches!(answer.status, Status::Revoked | Status::Superseded);
        let was_final = is_final && told.is_some_and(|(_, code)| *code == message.code);
        if !(is_said || was_final) {
            let notification = notice::from_server(*fingerprint, message);
            self.notify(fingerprint, &notification);
        }
    }

    fn notify(&mut self, fingerprint: &Fingerprint, notification: &Notification) {
        let today = self.now().japan_date().to_string();
        self.log(&format!(
            "notification {} of {fingerprint}",
            notification.code
        ));
        self.known.entry(fingerprint).notified = Some((today, notification.code));
        self.ports.ui.notify(notification);
    }

    fn tell_renewed(&self, pending: &Pending) {
        let Step::InUse {
            key, certificate, ..
        } = &pending.step
        else {
            return;
        };
        let fingerprint = Fingerprint(certificate.fingerprint_sha256());
        let waits = matches!(key, KeptKey::Software(_));
        let days = waits.then_some(self.settings.pack.backup.keep_days);
        self.ports
            .ui
            .notify(&notice::renewed_unattended(fingerprint, days));
    }

    /// The second in which this certificate renews itself; none where pack, person, key or standing are against it.
    fn quiet_second(
        &self,
        stored: &StoredCertificate,
        pending: &[Pending],
        now: Timestamp,
    ) -> Option<Timestamp> {
        let quiet = self.settings.unattended()?;
        let fingerprint = stored.fingerprint();
        let remembered = self.known.of(&fingerprint);
        let is_pending = pending.iter().any(|one| one.old() == Some(fingerprint));
        let is_in_force = matches!(
            self.standing(stored),
            Standing::Early { .. } | Standing::Open { .. }
        );
        if stored.place == KeyPlace::SoftwareProtected
            || is_pending
            || !is_in_force
            || is_replaced(&remembered)
            || self.trust.is_unproven()
        {
            return None;
        }
        let subject = Subject {
            fingerprint: &fingerprint,
            not_after: stored.not_after(),
            remembered: &remembered,
            has_younger: false,
        };
        let rules = &self.settings.pack.notices;
        let at = schedule::quiet_second(subject, &quiet, rules, now)?;
        let pause = self
            .attempts
            .get(&fingerprint.to_string())
            .and_then(retry_at);
        Some(pause.map_or(at, |pause| at.max(pause)))
    }

    fn note_failure(&mut self, name: &str, after: Option<u64>) {
        let now = self.now();
        let attempts = self.attempts.entry(name.to_owned()).or_default();
        attempts.failed = attempts.failed.saturating_add(1);
        attempts.last = Some(now);
        attempts.after = after;
    }

    fn retry_at(&self, pending: &Pending) -> Option<Timestamp> {
        self.attempts.get(&pending.name).and_then(retry_at)
    }

    /// When a key that waits for its backup is erased.
    fn key_ends(&self, since: Timestamp) -> Timestamp {
        since.plus_days(self.settings.pack.backup.keep_days)
    }
}

fn retry_at(attempts: &Attempts) -> Option<Timestamp> {
    let pause = match attempts.after {
        Some(seconds) => i64::try_from(seconds).unwrap_or(DAY).min(DAY),
        None => schedule::pause(attempts.failed),
    };
    attempts.last.map(|last| last.plus_seconds(pause))
}

/// Whether another certificate of the same subject is in force here and ends later.
fn has_younger(stored: &StoredCertificate, all: &[StoredCertificate], now: Timestamp) -> bool {
    all.iter().any(|other| {
        other.certificate.subject() == stored.certificate.subject()
            && other.not_after() > stored.not_after()
            && other.certificate.is_valid_at(now.unix())
    })
}
