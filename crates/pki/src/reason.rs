//! Reasons for a revocation (RFC 5280 §5.3.1), shared by CRL and OCSP.

use std::fmt;

/// Why a certificate was revoked. Order and numbers are the standard's; 7 is not used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ReasonCode {
    /// No reason given; never written, the absence of a reason says the same.
    Unspecified = 0,
    /// The subject's key is known to others.
    KeyCompromise = 1,
    /// The CA's key is known to others.
    CaCompromise = 2,
    /// The subject's name or other facts have changed.
    AffiliationChanged = 3,
    /// Another certificate took its place.
    Superseded = 4,
    /// The subject needs it no longer.
    CessationOfOperation = 5,
    /// Suspended; may become valid again.
    CertificateHold = 6,
    /// Only in delta CRLs: no longer on hold.
    RemoveFromCrl = 8,
    /// A privilege in the certificate was withdrawn.
    PrivilegeWithdrawn = 9,
    /// The attribute authority's key is known to others.
    AaCompromise = 10,
}

impl ReasonCode {
    const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The number in the standard.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The number to write, if one is to be written.
    pub(crate) fn written(reason: Option<Self>) -> Option<u8> {
        reason
            .filter(|reason| *reason != Self::Unspecified)
            .map(Self::code)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_7_is_no_reason() {
        assert_eq!(ReasonCode::from_code(6), Some(ReasonCode::CertificateHold));
        assert_eq!(ReasonCode::from_code(7), None);
        assert_eq!(ReasonCode::from_code(11), None);
    }

    #[test]
    fn unspecified_is_not_written() {
        assert_eq!(ReasonCode::written(Some(ReasonCode::Unspecified)), None);
        assert_eq!(ReasonCode::written(Some(ReasonCode::Superseded)), Some(4));
    }
}
