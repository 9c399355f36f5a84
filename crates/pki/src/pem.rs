//! Textual encodings (RFC 7468): one labelled block, lines of 64 characters.

use der::pem::LineEnding;
use zeroize::Zeroizing;

/// Why a text is not the PEM block that was expected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PemError {
    /// The block carries another label.
    #[error("the PEM label is {found:?}, expected {expected:?}")]
    Label {
        /// The label in the text.
        found: String,
        /// The label asked for.
        expected: &'static str,
    },
    /// The text is no PEM block, or more than one.
    #[error("malformed PEM")]
    Malformed,
}

/// Writes `der` as one block with this label, lines ended by LF.
///
/// The only refusal is a label that RFC 7468 does not allow.
pub fn encode(label: &'static str, der: &[u8]) -> Result<String, PemError> {
    der::pem::encode_string(label, LineEnding::LF, der).map_err(|_| PemError::Malformed)
}

/// Reads the one block of `text`, which must have this label. The buffer is wiped when dropped,
/// since the block may be a private key.
pub fn decode(label: &'static str, text: &str) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let (found, der) =
        der::pem::decode_vec(text.trim().as_bytes()).map_err(|_| PemError::Malformed)?;
    let der = Zeroizing::new(der);
    if found == label {
        Ok(der)
    } else {
        Err(PemError::Label {
            found: found.to_owned(),
            expected: label,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_reads_back_under_its_own_label_only() {
        let text = encode("CERTIFICATE", &[0x30, 0x00]).unwrap();
        assert_eq!(
            decode("CERTIFICATE", &text).unwrap().as_slice(),
            [0x30, 0x00]
        );
        assert!(matches!(
            decode("X509 CRL", &text),
            Err(PemError::Label { .. })
        ));
        assert_eq!(
            decode("CERTIFICATE", "no block").unwrap_err(),
            PemError::Malformed
        );
    }
}
