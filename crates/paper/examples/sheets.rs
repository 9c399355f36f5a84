//! Writes a sample of each sheet to the folder that is named, to look at them:
//! `cargo run -p tegata-paper --example sheets -- FOLDER`.

use std::path::PathBuf;

use tegata_paper::{LetterSheet, Reissued, letters, receipt};

#[path = "../tests/suite/sample.rs"]
mod sample;

use sample::{day, letter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    let first = letter();
    let again = LetterSheet {
        institution: "医療法人社団髙﨑記念会𠮷野川総合医療センター附属さくら訪問看護ステーション第二".to_owned(),
        address: "北海道札幌市中央区北十二条西二十五丁目一番地一 メディカルプラザ北十二条ビルディング 8階801号室".to_owned(),
        person: Some("医事課 見本 花子".to_owned()),
        terminal: "1階総合受付カウンター3番窓口オンライン資格確認用端末(予備機を含まない)2号".to_owned(),
        reference_id: "AbCdEfGh23JkMnPq".to_owned(),
        reissued: Some(Reissued {
            on: day(2026, 12, 9),
            number: 1,
            collected: false,
        }),
        sample: true,
        ..letter()
    };
    let stopped = LetterSheet {
        reissued: Some(Reissued {
            on: day(2026, 12, 9),
            number: 2,
            collected: true,
        }),
        ..letter()
    };
    std::fs::write(
        folder.join("letters.pdf"),
        letters(&[first, again, stopped])?,
    )?;
    std::fs::write(folder.join("receipt.pdf"), receipt(&sample::receipt())?)?;
    Ok(())
}
