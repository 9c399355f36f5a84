//! Damaged samples for every reader of octets from outside (docs/security.md): nothing panics, and what is still read
//! keeps its promises.
//!
//! The samples are made by the code itself, the damage by a generator with a seed. A failure names target, seed and
//! octets.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

#[path = "mutations/corpus.rs"]
mod corpus;
#[path = "mutations/damage.rs"]
mod damage;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tegata_fuzz::TARGETS;
use tegata_soak::Soak;

use self::corpus::Samples;
use self::damage::Damage;

/// Failures of one target after which the others go on.
const MOST_FAILURES: usize = 5;

#[test]
fn damaged_samples_break_no_reader() {
    let soak = Soak::named("fuzz");
    let each = soak.size(200, 100_000);
    let samples = corpus::all();
    let (mut count, mut failures) = (0, 0);
    for (number, (name, target)) in TARGETS.iter().enumerate() {
        let own = samples.of(name);
        let mut failed = 0;
        for sample in own {
            let is_read = catch_unwind(AssertUnwindSafe(|| target(sample)));
            if !is_read.unwrap_or(false) {
                failed += 1;
                eprintln!("{name} does not read its sample {}", hexadecimal(sample));
            }
        }
        for round in 0..each {
            // A number of the run and not of the machine: the same seed is the same damage to the same samples.
            let seed = u64::try_from(number * 1_000_000_007 + round).unwrap();
            let octets = Damage::new(seed).to(own, &samples);
            count += 1;
            if catch_unwind(AssertUnwindSafe(|| target(&octets))).is_err() {
                failed += 1;
                eprintln!("{name}, seed {seed}: {}", hexadecimal(&octets));
                if failed >= MOST_FAILURES {
                    break;
                }
            }
        }
        failures += failed;
    }
    let what = format!("damaged samples for {} readers", TARGETS.len());
    soak.report(count, &what, failures);
}

#[test]
fn each_reader_has_samples_and_a_target_of_libfuzzer() {
    let samples = corpus::all();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let names: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), TARGETS.len());
    assert_eq!(samples.names().collect::<BTreeSet<_>>(), names);
    for name in names {
        let source = folder.join("fuzz_targets").join(format!("{name}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("::{name}(octets)")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
}

#[test]
fn a_seed_is_always_the_same_damage() {
    let samples = Samples::from([("one", vec![b"0123456789".to_vec(), vec![0x30, 3, 2, 1, 5]])]);
    let damaged = |seed| Damage::new(seed).to(samples.of("one"), &samples);
    assert_eq!(damaged(7), damaged(7));
    let different: BTreeSet<Vec<u8>> = (0..1_000).map(damaged).collect();
    assert!(different.len() > 500, "{}", different.len());
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
