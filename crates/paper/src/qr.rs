//! The QR code of a request ID. Nothing else is ever put into one: a camera that sees it learns no secret.

use fast_qr::{ECL, QRBuilder};

use crate::error::PaperError;

/// The dark modules of `text`, row by row.
pub(crate) fn modules(text: &str) -> Result<Vec<Vec<bool>>, PaperError> {
    let code = QRBuilder::new(text).ecl(ECL::Q).build();
    let code = code.map_err(|_| PaperError::TooLong("the QR code"))?;
    let rows = code.data.chunks(code.size).take(code.size);
    let dark = |row: &[fast_qr::Module]| row.iter().map(|module| module.value()).collect();
    Ok(rows.map(dark).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_takes_the_smallest_code_and_has_the_three_finders() {
        let code = modules("202611250000001").unwrap();
        assert_eq!(code.len(), 21);
        assert!(code.iter().all(|row| row.len() == 21));
        for (x, y) in [(0, 0), (20, 0), (0, 20), (6, 6), (14, 6), (6, 14)] {
            assert!(code[y][x], "{x} {y}");
        }
        assert!(!code[1][1] && !code[7][7]);
    }
}
