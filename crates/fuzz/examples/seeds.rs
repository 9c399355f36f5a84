//! Writes the samples as the first inputs of libFuzzer: `seeds FOLDER` makes a folder of each target in it.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "an example that cannot go on ends"
)]

#[path = "../tests/mutations/corpus.rs"]
mod corpus;

use std::fs;
use std::path::Path;

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let samples = corpus::all();
    for name in samples.names() {
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, sample) in samples.of(name).iter().enumerate() {
            fs::write(folder.join(format!("sample-{number}")), sample).unwrap();
        }
    }
}
