//! The list of pairs in which a proxy describes itself (`AV_PAIR`, MS-NLMP §2.2.2.1).

use super::{NtlmError, u16_at, utf16};

/// The pairs as they came, without the end mark.
pub(super) struct TargetInfo(Vec<(u16, Vec<u8>)>);

impl TargetInfo {
    /// Reads pairs up to the end mark. Octets behind it are padding.
    pub(super) fn parse(mut octets: &[u8]) -> Result<Self, NtlmError> {
        let mut pairs = Vec::new();
        loop {
            let id = u16_at(octets, 0)?;
            let length = usize::from(u16_at(octets, 2)?);
            if id == END {
                return Ok(Self(pairs));
            }
            let rest = octets.get(4..).ok_or(NtlmError::Malformed)?;
            let (value, rest) = rest.split_at_checked(length).ok_or(NtlmError::Malformed)?;
            pairs.push((id, value.to_vec()));
            octets = rest;
        }
    }

    /// The proxy's time, in tenths of microseconds since 1601.
    pub(super) fn timestamp(&self) -> Option<u64> {
        let octets = self.value(TIMESTAMP)?.try_into().ok()?;
        Some(u64::from_le_bytes(octets))
    }

    /// The list as it goes back (MS-NLMP §3.1.5.1.2): that a code follows, that there is no channel
    /// to bind to (the way to a proxy is not TLS), and for which service the answer is meant.
    pub(super) fn answered(&self, service: &str) -> Result<Vec<u8>, NtlmError> {
        let mut octets = Vec::new();
        let mut add = |id: u16, value: &[u8]| {
            let length = u16::try_from(value.len()).map_err(|_| NtlmError::TooLong)?;
            octets.extend_from_slice(&id.to_le_bytes());
            octets.extend_from_slice(&length.to_le_bytes());
            octets.extend_from_slice(value);
            Ok(())
        };
        let ours = [FLAGS, CHANNEL_BINDINGS, TARGET_NAME];
        for (id, value) in self.0.iter().filter(|(id, _)| !ours.contains(id)) {
            add(*id, value)?;
        }
        let mut flags = self.flags();
        if self.timestamp().is_some() {
            flags |= HAS_INTEGRITY_CODE;
        }
        if flags != 0 {
            add(FLAGS, &flags.to_le_bytes())?;
        }
        add(CHANNEL_BINDINGS, &[0; 16])?;
        add(TARGET_NAME, &utf16(service))?;
        add(END, &[])?;
        Ok(octets)
    }

    fn flags(&self) -> u32 {
        let octets = self.value(FLAGS).and_then(|value| value.try_into().ok());
        octets.map_or(0, u32::from_le_bytes)
    }

    fn value(&self, wanted: u16) -> Option<&[u8]> {
        let mut pairs = self.0.iter();
        let (_, value) = pairs.find(|(id, _)| *id == wanted)?;
        Some(value)
    }
}

const END: u16 = 0;
const FLAGS: u16 = 6;
const TIMESTAMP: u16 = 7;
const TARGET_NAME: u16 = 9;
const CHANNEL_BINDINGS: u16 = 10;

const HAS_INTEGRITY_CODE: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_its_end_is_refused() {
        for octets in [&[] as &[u8], &[2, 0, 1, 0], &[2, 0, 1, 0, 9], &[0, 0]] {
            assert!(TargetInfo::parse(octets).is_err(), "{octets:?}");
        }
    }

    #[test]
    fn what_the_proxy_says_about_us_is_replaced_and_the_rest_kept() {
        let came = [
            &[1_u8, 0, 2, 0, 65, 0][..],
            &[6, 0, 4, 0, 1, 0, 0, 0],
            &[9, 0, 2, 0, 90, 0],
            &[7, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0],
        ];
        let target = TargetInfo::parse(&came.concat()).unwrap();
        assert_eq!(target.timestamp(), Some(1));
        let goes = [
            &[1_u8, 0, 2, 0, 65, 0][..],
            &[7, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            &[6, 0, 4, 0, 3, 0, 0, 0],
            &[10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[9, 0, 4, 0, 72, 0, 47, 0],
            &[0, 0, 0, 0],
        ];
        assert_eq!(target.answered("H/").unwrap(), goes.concat());
    }
}
