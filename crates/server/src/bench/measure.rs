//! Processor time, wall time, latencies and memory of this process.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// A measured operation (contract, "bench").
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Name of the bench.
    pub(crate) name: String,
    /// Operations measured.
    pub(crate) ops: usize,
    /// Seconds of processor time of the whole process.
    pub(crate) cpu_s: f64,
    /// Seconds by the clock on the wall.
    pub(crate) wall_s: f64,
    /// Latency of each operation, microseconds; sorted.
    pub(crate) latencies_us: Vec<u64>,
    /// Greatest resident memory since the measuring began, KiB.
    pub(crate) rss_kb: u64,
    /// Processor time of the raw reference by that of the product, per operation.
    pub(crate) ratio_to_raw: Option<f64>,
    /// Further values, by name.
    pub(crate) further: Vec<(&'static str, Value)>,
}

impl Figure {
    /// One JSON object on one line.
    pub(crate) fn json(&self) -> String {
        let mut object = json!({
            "name": self.name,
            "ops": self.ops,
            "cpu_s": rounded(self.cpu_s),
            "wall_s": rounded(self.wall_s),
            "p50_us": self.quantile(50),
            "p99_us": self.quantile(99),
            "rss_kb": self.rss_kb,
        });
        if let Some(fields) = object.as_object_mut() {
            if let Some(ratio) = self.ratio_to_raw {
                fields.insert("ratio_to_raw".to_owned(), rounded(ratio));
            }
            for (name, value) in &self.further {
                fields.insert((*name).to_owned(), value.clone());
            }
        }
        object.to_string()
    }

    /// The figure for a reader.
    pub(crate) fn sentence(&self) -> String {
        let per_wall = per_second(self.ops, self.wall_s);
        let per_cpu = match self.cpu_s {
            0.0 => String::new(),
            cpu => format!("{:.0} a processor second, ", per_second(self.ops, cpu)),
        };
        let ratio = self
            .ratio_to_raw
            .map(|ratio| format!(", {ratio:.2} of the raw reference"))
            .unwrap_or_default();
        let further: String = self
            .further
            .iter()
            .map(|(name, value)| format!(", {name}={value}"))
            .collect();
        format!(
            "{}: {per_cpu}{per_wall:.0} a second{ratio}, p50 {} us, p99 {} us, {} KiB{further}",
            self.name,
            self.quantile(50),
            self.quantile(99),
            self.rss_kb
        )
    }

    fn quantile(&self, percent: usize) -> u64 {
        let last = self.latencies_us.len().saturating_sub(1);
        self.latencies_us
            .get(last * percent / 100)
            .copied()
            .unwrap_or(0)
    }
}

/// Operations a second; 0 where no time passed.
pub(crate) fn per_second(ops: usize, seconds: f64) -> f64 {
    let ops = u32::try_from(ops).map_or(f64::MAX, f64::from);
    if seconds > 0.0 { ops / seconds } else { 0.0 }
}

/// A running measurement.
pub(crate) struct Stopwatch {
    cpu: f64,
    wall: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            cpu: cpu_seconds(),
            wall: Instant::now(),
        }
    }

    /// Processor and wall seconds since the start.
    pub(crate) fn stop(&self) -> (f64, f64) {
        (cpu_seconds() - self.cpu, self.wall.elapsed().as_secs_f64())
    }
}

/// Processor time that all threads of this process used so far, seconds.
fn cpu_seconds() -> f64 {
    seconds_of(ClockId::ProcessCPUTime)
}

/// Processor time that the calling thread used so far, seconds.
pub(super) fn thread_seconds() -> f64 {
    seconds_of(ClockId::ThreadCPUTime)
}

/// Processor time that the living threads of a process used so far, seconds (Linux); `who` is `self` or a process id,
/// `named` the name of the threads that count. A thread that runs at this moment may lack its last milliseconds.
pub(super) fn threads_seconds(who: &str, named: Option<&str>) -> f64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{who}/task")) else {
        return 0.0;
    };
    let nanoseconds = |folder: std::path::PathBuf| -> Option<f64> {
        let name = std::fs::read_to_string(folder.join("comm")).ok()?;
        if named.is_some_and(|named| named != name.trim()) {
            return None;
        }
        let text = std::fs::read_to_string(folder.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    let of_all: f64 = threads
        .filter_map(|thread| nanoseconds(thread.ok()?.path()))
        .sum();
    of_all / 1e9
}

fn seconds_of(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    let nanoseconds = u32::try_from(time.tv_nsec).map_or(0.0, f64::from);
    let seconds = u32::try_from(time.tv_sec).map_or(0.0, f64::from);
    seconds + nanoseconds / 1e9
}

/// Runs `operation` `ops` times on this thread: processor seconds per operation.
pub(crate) fn raw_cost(ops: usize, mut operation: impl FnMut()) -> f64 {
    let stopwatch = Stopwatch::start();
    for _ in 0..ops {
        operation();
    }
    let (cpu, _) = stopwatch.stop();
    let rate = per_second(ops, cpu);
    if rate > 0.0 { 1.0 / rate } else { 0.0 }
}

/// The middle one of some values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Whole microseconds since `start`.
pub(crate) fn microseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Forgets the greatest resident memory so far (Linux).
pub(crate) fn reset_peak() {
    // Without the right to write there, the peak of the whole life of the process is shown.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line such as `VmHWM` of a process's status, KiB; `who` is `self` or a process id.
pub(crate) fn memory_kb(who: &str, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{who}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0)
}

fn rounded(value: f64) -> Value {
    json!((value * 10_000.0).round() / 10_000.0)
}
