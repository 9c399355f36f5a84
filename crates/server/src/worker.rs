//! The timer: runs what is due each second, makes lists at once after a change of status, renews our own TLS
//! certificates each hour, and watches the clock (decisions W4, S7).

use std::sync::Arc;
use std::time::Duration;

use tegata_app::CLOCK_JUMP;
use tegata_domain::time::{Clock as _, Timestamp};
use tegata_store::{Store, StoreError};
use tokio::sync::{Mutex, RwLock, watch};

use crate::failure::{Failure, Outcome};
use crate::instance::{Instance, database_failure};
use crate::running::Tls;
use crate::system::SystemClock;

/// Time between two runs without a change.
const TICK: Duration = Duration::from_secs(1);
/// Time between two looks at what other processes changed.
const STATUS_TICK: Duration = Duration::from_millis(500);
/// Seconds between two looks at our own TLS certificates.
const TLS_INTERVAL: i64 = 3_600;
/// Seconds between two notes of the time.
const NOTE_INTERVAL: i64 = 60;
/// Seconds by which the clock may have gone back at a start.
const BACKWARD: i64 = 60;
/// The latest time that was seen.
const LATEST: &str = "clock_latest";
/// Why the clock is in doubt, until an operator confirms it.
const DOUBT: &str = "clock_doubt";

/// Keeps jobs, which share it, apart from whoever moves the clock.
pub(crate) type JobLock = Arc<RwLock<()>>;

/// Runs the jobs until `stop` turns true, or the clock is in doubt. Lists are made beside the others: a stop is not seen
/// late because a day's notices are many (T28).
pub(crate) async fn run(
    instance: Arc<Instance>,
    tls: Arc<Tls>,
    lock: JobLock,
    mut stop: watch::Receiver<bool>,
) {
    let clock = Mutex::new(ClockWatch::begin(instance.app.system_now()));
    tokio::select! {
        () = run_jobs(&instance, &tls, &clock, &lock, &mut stop) => {}
        () = make_lists(&instance, &clock, &lock) => {}
    }
}

async fn run_jobs(
    instance: &Instance,
    tls: &Tls,
    clock: &Mutex<ClockWatch>,
    lock: &JobLock,
    stop: &mut watch::Receiver<bool>,
) {
    let mut tls_due = instance.app.system_now().plus_seconds(TLS_INTERVAL);
    loop {
        if !clock.lock().await.is_believed(instance).await {
            return;
        }
        {
            let _still = lock.read().await;
            let now = instance.app.clock_now();
            match instance.app.run_jobs_beside_lists(now).await {
                Ok(report) if report != tegata_app::JobReport::default() => {
                    tracing::debug!(?report, "jobs were run");
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a job failed; it will be tried again"),
            }
        }
        // Without a lease, as all certificates of ours: two processes at once make two good ones (S1).
        let system_now = instance.app.system_now();
        if system_now >= tls_due {
            tls_due = system_now.plus_seconds(TLS_INTERVAL);
            if let Err(failure) = tls.refresh(instance).await {
                tracing::error!(
                    reason = failure.reason(),
                    "TLS certificates were not renewed"
                );
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Makes what lists are due, until the clock is in doubt; one that is left half made is made again. It compares the clock
/// itself, since a run of the other jobs may last for hours.
async fn make_lists(instance: &Instance, clock: &Mutex<ClockWatch>, lock: &JobLock) {
    loop {
        if !clock.lock().await.is_believed(instance).await {
            return;
        }
        {
            let _still = lock.read().await;
            if let Err(error) = instance.app.publish_due(instance.app.clock_now()).await {
                tracing::error!(%error, "a list was not made; it will be tried again");
            }
        }
        tokio::select! {
            () = instance.app.publication_wanted() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Watches for changes of status by other processes until `stop` turns true, so that OCSP need not ask the
/// database for each answer.
pub(crate) async fn watch_statuses(instance: Arc<Instance>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = instance.app.refresh_statuses().await {
            tracing::warn!(%error, "changes of status could not be counted; each is read again");
        }
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(STATUS_TICK) => {}
        }
    }
}

/// Compares the wall clock with the time that really passed.
struct ClockWatch {
    wall: Timestamp,
    elapsed: i64,
    noted: Timestamp,
}

impl ClockWatch {
    fn begin(now: Timestamp) -> Self {
        Self {
            wall: now,
            elapsed: SystemClock.uptime(),
            noted: Timestamp::from_unix(0),
        }
    }

    /// Whether signing and jobs may go on by the system's clock; a demo's is moved on purpose.
    async fn is_believed(&mut self, instance: &Instance) -> bool {
        if instance.demo.is_some() {
            return true;
        }
        let now = instance.app.system_now();
        let is_sound = self.is_sound(&instance.store, now).await;
        if is_sound {
            instance.app.believe_clock(now);
        } else {
            instance.app.pause_signing();
        }
        is_sound
    }

    /// Whether the clock may be believed. A jump is recorded, and nothing is made any more until an
    /// operator confirms the clock.
    async fn is_sound(&mut self, store: &Store, now: Timestamp) -> bool {
        let passed = SystemClock.uptime() - self.elapsed;
        let shown = now.seconds_since(self.wall);
        if is_jump(shown, passed) {
            let doubt = format!("the clock moved by {shown} s while {passed} s passed");
            tracing::error!(
                doubt,
                "signing and notices stop; run `tegata doctor --confirm-clock`"
            );
            if let Err(error) = note(store, DOUBT, doubt).await {
                tracing::error!(%error, "the doubt about the clock could not be recorded");
            }
            return false;
        }
        if now.seconds_since(self.noted) >= NOTE_INTERVAL {
            self.noted = now;
            if let Err(error) = note(store, LATEST, now.unix().to_string()).await {
                tracing::warn!(%error, "the time could not be noted");
            }
        }
        true
    }
}

fn is_jump(shown: i64, passed: i64) -> bool {
    shown.abs_diff(passed) > CLOCK_JUMP.unsigned_abs()
}

/// Refuses to begin where the clock is behind what an earlier process saw, or where a doubt stands.
pub(crate) async fn check_clock_at_start(store: &Store, now: Timestamp) -> Outcome<()> {
    let remedy = "set the clock right, then run `tegata doctor --confirm-clock`";
    if let Some(doubt) = clock_doubt(store, now).await? {
        return Err(Failure::new(doubt, remedy));
    }
    Ok(())
}

/// Why the clock cannot be believed, where it cannot.
pub(crate) async fn clock_doubt(store: &Store, now: Timestamp) -> Outcome<Option<String>> {
    let failed = |error: StoreError| database_failure("read the time that was noted", &error);
    let mut reader = store.reader().await.map_err(failed)?;
    if let Some(doubt) = reader
        .fact(DOUBT)
        .await
        .map_err(failed)?
        .filter(|doubt| !doubt.is_empty())
    {
        return Ok(Some(doubt));
    }
    let latest = reader
        .fact(LATEST)
        .await
        .map_err(failed)?
        .and_then(|text| text.parse().ok());
    let Some(latest) = latest.map(Timestamp::from_unix) else {
        return Ok(None);
    };
    let behind = latest.seconds_since(now);
    Ok((behind > BACKWARD)
        .then(|| format!("the clock shows {now}, but this system already ran at {latest}")))
}

/// An operator says that the clock is right: what was put off while it was ahead is due.
pub(crate) async fn confirm_clock(store: &Store, now: Timestamp) -> Outcome<()> {
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.set_fact(DOUBT, "").await?;
                tx.set_fact(LATEST, &now.unix().to_string()).await?;
                tx.forget_what_is_to_come(now).await
            })
        })
        .await
        .map_err(|error: StoreError| database_failure("confirm the clock", &error))
}

async fn note(store: &Store, name: &'static str, value: String) -> Result<(), StoreError> {
    store
        .write(move |tx| Box::pin(async move { tx.set_fact(name, &value).await }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_more_or_less_than_passed_is_a_jump() {
        assert!(!is_jump(10, 10));
        assert!(!is_jump(3_610, 10));
        assert!(is_jump(3_611, 10));
        assert!(!is_jump(10 - 3_600, 10));
        assert!(is_jump(9 - 3_600, 10));
        // A weekend in which the machine slept: both clocks went on.
        assert!(!is_jump(200_000, 200_000));
    }

    #[tokio::test]
    async fn a_start_behind_the_noted_time_is_refused_until_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("t.db").display());
        let store = Store::open(&tegata_store::StoreConfig { url, readers: 1 })
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let noted = Timestamp::from_unix(1_800_000_000);
        check_clock_at_start(&store, noted).await.unwrap();
        confirm_clock(&store, noted).await.unwrap();
        check_clock_at_start(&store, noted.plus_seconds(-60))
            .await
            .unwrap();
        let behind = noted.plus_seconds(-61);
        assert!(check_clock_at_start(&store, behind).await.is_err());
        confirm_clock(&store, behind).await.unwrap();
        check_clock_at_start(&store, behind).await.unwrap();
        note(&store, DOUBT, "it jumped".to_owned()).await.unwrap();
        assert!(check_clock_at_start(&store, noted).await.is_err());
    }
}
