//! What this processor does at best: the references of the other benches.

use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;

use super::measure::{Figure, Stopwatch, memory_kb, microseconds};
use crate::failure::{Failure, Outcome};

/// About the size of a TBSCertificate, octets.
const MESSAGE: [u8; 900] = [7; 900];

/// Signatures and keys of each algorithm.
pub(crate) fn run() -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, algorithm, ops) in [
        ("raw sign rsa2048", KeyAlgorithm::Rsa2048, 2_000),
        ("raw sign rsa3072", KeyAlgorithm::Rsa3072, 1_000),
        ("raw sign p256", KeyAlgorithm::P256, 20_000),
    ] {
        let signer = signer(algorithm)?;
        figures.push(measured(name, ops, || signer.sign(&MESSAGE).is_ok()));
    }
    for (name, algorithm, ops) in [
        ("raw key rsa2048", KeyAlgorithm::Rsa2048, 20),
        ("raw key p256", KeyAlgorithm::P256, 10_000),
    ] {
        figures.push(measured(name, ops, || {
            PrivateKey::generate(algorithm).is_ok()
        }));
    }
    Ok(figures)
}

/// A new key that signs.
pub(crate) fn signer(algorithm: KeyAlgorithm) -> Outcome<SoftSigner> {
    PrivateKey::generate(algorithm)
        .map(SoftSigner::from_private_key)
        .map_err(|error| Failure::machine("make a key", error, "run the bench again"))
}

/// One signature over a message of usual size; `false` where it failed.
pub(crate) fn sign_once(signer: &SoftSigner) -> bool {
    signer.sign(&MESSAGE).is_ok()
}

fn measured(name: &str, ops: usize, mut operation: impl FnMut() -> bool) -> Figure {
    let stopwatch = Stopwatch::start();
    let mut latencies_us = Vec::with_capacity(ops);
    for _ in 0..ops {
        let start = std::time::Instant::now();
        std::hint::black_box(operation());
        latencies_us.push(microseconds(start));
    }
    let (cpu_s, wall_s) = stopwatch.stop();
    latencies_us.sort_unstable();
    Figure {
        name: name.to_owned(),
        ops,
        cpu_s,
        wall_s,
        latencies_us,
        rss_kb: memory_kb("self", "VmHWM"),
        ratio_to_raw: None,
        further: Vec::new(),
    }
}
