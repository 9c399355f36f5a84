//! Our sheets, read and drawn by Poppler and judged by qpdf; runs only when `TEGATA_ORACLES=1` is set and their
//! programs are there.
#![expect(clippy::print_stdout, reason = "a skipped oracle says so")]

use std::{io::ErrorKind, path::Path, process::Command};

use tegata_paper::{LetterSheet, Reissued, letters, receipt, unprintable};
use tempfile::TempDir;

use crate::sample;

/// Characters that names are made of: everyday ones, those that fonts lack, and pairs that share a glyph.
const NAME_CHARACTERS: &str = "髙﨑𠮷医療法人社団見本診療所調剤薬局訪問看護ステーション第二附属葛飾祇園ヴァー・々ヶ〜~(株)①AaBb09-_&.,ﾊﾟ";

const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the oracle was asked for and its programs start.
fn is_present() -> bool {
    let asked = std::env::var_os("TEGATA_ORACLES").is_some_and(|value| value == "1");
    let starts = |program: &str| {
        let output = Command::new(program).arg("-h").output();
        !output.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    let present = asked && ["pdftotext", "pdftoppm", "qpdf"].into_iter().all(starts);
    if !present {
        println!("skipped by name: pdf");
    }
    present
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}\n{told}");
    output.stdout
}

/// Writes the file, lets qpdf judge it, and reads the text of each page.
fn pages(folder: &Path, pdf: &[u8]) -> Vec<String> {
    std::fs::write(folder.join("sheet.pdf"), pdf).unwrap();
    run(folder, "qpdf", &["--check", "sheet.pdf"]);
    let text = run(folder, "pdftotext", &["-raw", "sheet.pdf", "-"]);
    let text = String::from_utf8(text).unwrap();
    let mut pages: Vec<String> = text.split('\u{c}').map(without_blanks).collect();
    assert_eq!(pages.pop().unwrap(), "");
    pages
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A sequence of numbers that looks like chance and is always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % end
    }

    fn name(&mut self, longest: usize) -> String {
        let characters: Vec<char> = NAME_CHARACTERS.chars().collect();
        let length = 1 + self.below(longest);
        let mut pick = || characters[self.below(characters.len())];
        std::iter::repeat_with(&mut pick).take(length).collect()
    }

    fn id(&mut self, length: usize) -> String {
        let mut pick = || char::from(ALPHANUMERIC[self.below(ALPHANUMERIC.len())]);
        std::iter::repeat_with(&mut pick).take(length).collect()
    }
}

#[test]
fn a_thousand_letters_read_back_as_they_were_given() {
    if !is_present() {
        return;
    }
    let mut numbers = Numbers(3);
    let sheets: Vec<LetterSheet> = (0..1_000)
        .map(|n| LetterSheet {
            postal_code: format!("{:03}-{:04}", numbers.below(1_000), numbers.below(10_000)),
            address: numbers.name(60),
            institution: numbers.name(40),
            terminal: numbers.name(40),
            request_id: format!("20261125{n:07}"),
            reference_id: numbers.id(if n % 2 == 0 { 10 } else { 16 }),
            connection_code: format!("ABCD-{:04}-WXYZ-2345", numbers.below(10_000)),
            ..sample::letter()
        })
        .collect();
    let folder = TempDir::new().unwrap();
    let pages = pages(folder.path(), &letters(&sheets).unwrap());
    assert_eq!(pages.len(), sheets.len());
    let mut of_ids = std::collections::BTreeSet::new();
    for (sheet, page) in sheets.iter().zip(&pages) {
        of_ids.extend(sheet.reference_id.chars());
        for text in [
            &format!("〒{}", sheet.postal_code),
            &sheet.address,
            &format!("{}御中", sheet.institution),
            &sheet.terminal,
            &sheet.request_id,
            &sheet.reference_id,
            &sheet.connection_code.replace('-', ""),
            "2026/11/25~2030/02/2514時29分",
            "電子証明書ダウンロードサイト有効期限2027/05/24",
            "C989E3ECFF7E7F33AA604E488E0635D2EE3EF5E5",
        ] {
            assert_eq!(unprintable(text), None);
            assert!(page.contains(&without_blanks(text)), "{text}\n{page}");
        }
    }
    assert_eq!(of_ids.len(), ALPHANUMERIC.len());
}

#[test]
fn a_reissue_says_which_it_is_and_a_sample_carries_its_mark() {
    if !is_present() {
        return;
    }
    let sheet = LetterSheet {
        reissued: Some(Reissued {
            on: sample::day(2026, 12, 9),
            number: 2,
            collected: false,
        }),
        sample: true,
        ..sample::letter()
    };
    let folder = TempDir::new().unwrap();
    let both = [sheet, sample::letter()];
    let pages = pages(folder.path(), &letters(&both).unwrap());
    let note = "再発行(2026年12月9日第2回)前の通知書のIDは使えません。";
    let kept = "この通知書は、失効申請のときにも使用します。電子証明書の有効期限まで、大切に保管してください。";
    for text in [note, "見本・使用禁止"] {
        assert!(pages[0].contains(text), "{}", pages[0]);
        assert!(!pages[1].contains(text), "{}", pages[1]);
    }
    assert!(pages.iter().all(|page| page.contains(kept)));
}

#[test]
fn a_receipt_reads_back_as_it_was_given() {
    if !is_present() {
        return;
    }
    let sheet = sample::receipt();
    let folder = TempDir::new().unwrap();
    let pages = pages(folder.path(), &receipt(&sheet).unwrap());
    for text in [
        "更新申請受付票",
        &sheet.request_id,
        &sheet.reference_id,
        &format!("{}({})", sheet.institution, sheet.code),
        &sheet.terminal,
        "受付日時2029年12月1日10時05分",
        "新しい電子証明書の有効期限2033年3月1日10時04分",
        "取得できる期限2030年3月27日14時29分",
        &sheet.download_page,
    ] {
        assert!(
            pages[0].contains(&without_blanks(text)),
            "{text}\n{}",
            pages[0]
        );
    }
}

#[test]
fn no_sheet_holds_a_script_a_link_or_an_action() {
    if !is_present() {
        return;
    }
    let folder = TempDir::new().unwrap();
    for pdf in [
        letters(&[sample::letter()]).unwrap(),
        receipt(&sample::receipt()).unwrap(),
    ] {
        std::fs::write(folder.path().join("sheet.pdf"), pdf).unwrap();
        let plain = run(
            folder.path(),
            "qpdf",
            &["--qdf", "--object-streams=disable", "sheet.pdf", "-"],
        );
        let plain = String::from_utf8_lossy(&plain);
        assert!(plain.contains("/FontFile2"), "the file is not laid open");
        for word in [
            "/JS",
            "/JavaScript",
            "/OpenAction",
            "/AA",
            "/URI",
            "/Annots",
            "/EmbeddedFile",
        ] {
            assert!(!plain.contains(word), "{word}");
        }
    }
}

/// Pixels in a millimetre of the drawn page.
const FINE: usize = 5;

/// A page as grey values.
struct Picture {
    width: usize,
    grey: Vec<u8>,
}

impl Picture {
    fn of(pdf: &[u8]) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("sheet.pdf"), pdf).unwrap();
        let arguments = ["-gray", "-r", "127", "-singlefile", "sheet.pdf", "sheet"];
        run(folder.path(), "pdftoppm", &arguments);
        let file = std::fs::read(folder.path().join("sheet.pgm")).unwrap();
        let mut fields = file.splitn(4, |octet| octet.is_ascii_whitespace());
        assert_eq!(fields.next().unwrap(), b"P5");
        let width = std::str::from_utf8(fields.next().unwrap()).unwrap();
        let width: usize = width.parse().unwrap();
        let _height = fields.next().unwrap();
        let rest = fields.next().unwrap();
        let grey = rest[rest.iter().position(|octet| *octet == b'\n').unwrap() + 1..].to_vec();
        Self { width, grey }
    }

    /// Whether a pixel of the area (millimetres: left, top, right, bottom) is dark.
    fn has_ink(&self, [left, top, right, bottom]: [usize; 4]) -> bool {
        let mut rows = self.grey.chunks(self.width);
        let rows = rows.by_ref().skip(top * FINE).take((bottom - top) * FINE);
        rows.into_iter().any(|row| {
            row[left * FINE..right * FINE]
                .iter()
                .any(|grey| *grey < 128)
        })
    }
}

/// Longest values that a letter can have in its address.
fn crowded() -> LetterSheet {
    LetterSheet {
        address: "髙".repeat(60),
        institution: "﨑".repeat(40),
        ..sample::letter()
    }
}

#[test]
fn the_address_stays_in_the_window_and_nothing_else_comes_into_it() {
    if !is_present() {
        return;
    }
    for sheet in [sample::letter(), crowded()] {
        let picture = Picture::of(&letters(&[sheet]).unwrap());
        assert!(picture.has_ink([20, 12, 88, 41]));
        // As far as the window of 90 × 45 mm can reach when the sheet slides in the envelope.
        for around in [
            [0, 0, 115, 12],
            [0, 0, 20, 60],
            [88, 0, 115, 60],
            [0, 41, 115, 60],
        ] {
            assert!(!picture.has_ink(around), "{around:?}");
        }
    }
}

#[test]
fn fold_marks_stand_at_both_thirds_and_no_text_is_folded() {
    if !is_present() {
        return;
    }
    let picture = Picture::of(&letters(&[crowded()]).unwrap());
    for fold in [99, 198] {
        for [left, right] in [[1, 6], [204, 209]] {
            assert!(picture.has_ink([left, fold - 1, right, fold + 1]));
            assert!(!picture.has_ink([left, fold - 5, right, fold - 1]));
        }
        assert!(!picture.has_ink([8, fold - 1, 202, fold + 1]));
    }
}
