//! `bench letters`: released letters of a batch, drawn as one PDF.
//!
//! Measured: layout, QR code, the subset of the font, compression and the file (PDF/A-2u). The letters were released
//! before the clock starts. The reference is one RSA-2048 signature for each sheet: work of about the same size that
//! every machine can do.

use std::time::Instant;

use tegata_pki::key::KeyAlgorithm;

use super::measure::{Figure, Stopwatch, median, memory_kb, raw_cost, reset_peak};
use super::raw::{sign_once, signer};
use super::world::World;
use crate::failure::Outcome;

/// Draws `n` sheets in each round.
pub(crate) async fn run(n: usize, rounds: usize) -> Outcome<Figure> {
    let world = World::make("letters", "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n").await?;
    let letters = world.letters(n).await?;
    let reference = signer(KeyAlgorithm::Rsa2048)?;
    let mut figure = Figure {
        name: "letters".to_owned(),
        ops: 0,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: Vec::new(),
    };
    let mut ratios = Vec::new();
    let mut octets = 0;
    reset_peak();
    for _ in 0..rounds {
        let raw = raw_cost(n, || {
            std::hint::black_box(sign_once(&reference));
        });
        let started = Instant::now();
        let stopwatch = Stopwatch::start();
        octets = world.app.letters_pdf(&letters).await?.len();
        let (cpu, wall) = stopwatch.stop();
        ratios.push(raw * f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / cpu);
        figure.ops += n;
        figure.cpu_s += cpu;
        figure.wall_s += wall;
        let sheets = u128::try_from(n.max(1)).unwrap_or(1);
        let each = started.elapsed().as_micros() / sheets;
        figure
            .latencies_us
            .push(u64::try_from(each).unwrap_or(u64::MAX));
    }
    figure.latencies_us.sort_unstable();
    figure.rss_kb = memory_kb("self", "VmHWM");
    figure.ratio_to_raw = Some(median(ratios));
    figure.further.push(("octets", octets.into()));
    world.end().await?;
    Ok(figure)
}
