//! What is drawn and what is refused.

use tegata_paper::{LetterSheet, PaperError, ReceiptSheet, letters, receipt, unprintable};

use crate::sample;

#[test]
fn the_same_values_give_the_same_octets() {
    let batch = [sample::letter(), sample::letter()];
    assert_eq!(letters(&batch).unwrap(), letters(&batch).unwrap());
    let sheet = sample::receipt();
    assert_eq!(receipt(&sheet).unwrap(), receipt(&sheet).unwrap());
}

#[test]
fn a_batch_embeds_the_font_once() {
    let one = letters(&[sample::letter()]).unwrap().len();
    let many: Vec<LetterSheet> = std::iter::repeat_with(sample::letter).take(20).collect();
    let twenty = letters(&many).unwrap().len();
    assert!(twenty < one * 5, "{one} {twenty}");
}

#[test]
fn names_of_forty_characters_fit_and_of_five_hundred_are_refused() {
    let named = |text: &str| LetterSheet {
        institution: text.to_owned(),
        terminal: text.to_owned(),
        ..sample::letter()
    };
    letters(&[named(&"髙".repeat(40))]).unwrap();
    let refused = letters(&[named(&"髙".repeat(500))]);
    assert!(
        matches!(refused, Err(PaperError::TooLong(_))),
        "{refused:?}"
    );
    let receipt_of = |text: &str| ReceiptSheet {
        institution: text.to_owned(),
        terminal: text.to_owned(),
        ..sample::receipt()
    };
    receipt(&receipt_of(&"髙".repeat(40))).unwrap();
    let refused = receipt(&receipt_of(&"髙".repeat(500)));
    assert!(
        matches!(refused, Err(PaperError::TooLong(_))),
        "{refused:?}"
    );
}

#[test]
fn what_intake_would_refuse_is_never_drawn_as_a_blank_box() {
    for name in ["山\u{E001}医院", "葛\u{E0100}城", "診療所😀", "医\n院"] {
        let sheet = LetterSheet {
            terminal: name.to_owned(),
            ..sample::letter()
        };
        let refused = letters(&[sheet]);
        let Err(PaperError::NoGlyph(c)) = refused else {
            unreachable!("{name:?} was drawn");
        };
        assert_eq!(Some(c), unprintable(name));
    }
}

#[test]
fn reference_ids_of_both_profiles_and_long_request_ids_fit() {
    for (request, reference) in [
        ("202611250000001", "AbCdEfGh23"),
        ("202611250000001", "AbCdEfGh23JkMnPq"),
        ("20261125123456789", "WWWWWWWWWWWWWWWW"),
    ] {
        letters(&[LetterSheet {
            request_id: request.to_owned(),
            reference_id: reference.to_owned(),
            ..sample::letter()
        }])
        .unwrap();
    }
}

#[test]
fn an_empty_batch_is_refused() {
    assert!(matches!(letters(&[]), Err(PaperError::Empty)));
}
