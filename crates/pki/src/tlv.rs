//! Tag, length, value: the few DER building blocks (ITU-T X.690) that the writers and the hot
//! readers of this crate share.
//!
//! Values that are not on a hot path are read with the typed decoders of `x509-cert`. This module
//! knows no certificate, list or response; it only wraps, unwraps and checks lengths.

use const_oid::ObjectIdentifier;
use der::DateTime;
use time::OffsetDateTime;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("malformed DER")]
pub(crate) struct Malformed;

/// A moment that X.509 cannot say: before 1970 or after 9999.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} seconds since 1970 is outside the years that X.509 can say")]
pub struct TimeOutOfRange(pub i64);

/// The tag `[number]` of a constructed value.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The tag `[number]` of a primitive value.
pub(crate) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// Appends identifier and length octets; the caller appends `length` octets of content.
pub(crate) fn write_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        out.push(short);
        return;
    }
    let octets = length.to_be_bytes();
    let significant = octets.iter().skip_while(|octet| **octet == 0);
    let count = significant
        .clone()
        .fold(0_u8, |count, _| count.saturating_add(1));
    out.push(0x80 | count);
    out.extend(significant);
}

/// Wraps the concatenation of `parts`.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    write_header(&mut out, tag, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    wrap(SEQUENCE, parts)
}

pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    wrap(OCTET_STRING, &[content])
}

/// A BIT STRING of whole octets.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    wrap(BIT_STRING, &[&[0], content])
}

pub(crate) fn object_identifier(oid: &ObjectIdentifier) -> Vec<u8> {
    wrap(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

pub(crate) fn null() -> Vec<u8> {
    vec![NULL, 0]
}

/// The INTEGER with this unsigned big-endian magnitude, in as few octets as DER demands.
pub(crate) fn unsigned_integer(magnitude: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(magnitude.len() + 4);
    write_unsigned_integer(&mut out, magnitude);
    out
}

/// Appends what [`unsigned_integer`] returns.
pub(crate) fn write_unsigned_integer(out: &mut Vec<u8>, magnitude: &[u8]) {
    let start = magnitude
        .iter()
        .position(|octet| *octet != 0)
        .unwrap_or(magnitude.len());
    let significant = magnitude.get(start..).unwrap_or_default();
    let pad = significant.first().is_none_or(|octet| octet & 0x80 != 0);
    write_header(out, INTEGER, significant.len() + usize::from(pad));
    if pad {
        out.push(0);
    }
    out.extend_from_slice(significant);
}

/// UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub(crate) fn time(unix_seconds: i64) -> Result<Vec<u8>, TimeOutOfRange> {
    let mut out = Vec::with_capacity(17);
    write_time(&mut out, unix_seconds)?;
    Ok(out)
}

/// Appends what [`time`] returns.
pub(crate) fn write_time(out: &mut Vec<u8>, unix_seconds: i64) -> Result<(), TimeOutOfRange> {
    let [century, rest @ ..] = calendar(unix_seconds)?;
    if (century, rest[0]) < (20, 50) {
        write_header(out, UTC_TIME, 13);
    } else {
        write_header(out, GENERALIZED_TIME, 15);
        write_digits(out, &[century]);
    }
    write_digits(out, &rest);
    out.push(b'Z');
    Ok(())
}

/// GeneralizedTime without fraction, always in UTC (RFC 6960 §4.2.2.1).
pub(crate) fn generalized_time(unix_seconds: i64) -> Result<Vec<u8>, TimeOutOfRange> {
    let mut out = Vec::with_capacity(17);
    write_header(&mut out, GENERALIZED_TIME, 15);
    write_digits(&mut out, &calendar(unix_seconds)?);
    out.push(b'Z');
    Ok(out)
}

/// Century, year in it, month, day, hour, minute and second, in UTC.
fn calendar(unix_seconds: i64) -> Result<[u8; 7], TimeOutOfRange> {
    let out_of_range = TimeOutOfRange(unix_seconds);
    if unix_seconds < 0 {
        return Err(out_of_range);
    }
    let moment = OffsetDateTime::from_unix_timestamp(unix_seconds).map_err(|_| out_of_range)?;
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    let part = |number| u8::try_from(number).map_err(|_| out_of_range);
    let (century, year) = (part(year / 100)?, part(year % 100)?);
    Ok([century, year, u8::from(month), day, hour, minute, second])
}

/// Two digits for each number below 100.
fn write_digits(out: &mut Vec<u8>, numbers: &[u8]) {
    for number in numbers {
        out.extend([b'0' + number / 10, b'0' + number % 10]);
    }
}

/// Reads UTCTime or GeneralizedTime in the form RFC 5280 §4.1.2.5 allows, as unix seconds.
pub(crate) fn parse_time(element: &Element<'_>) -> Result<i64, Malformed> {
    let (year_digits, century_rule) = match (element.tag, element.content.len()) {
        (UTC_TIME, 13) => (2, true),
        (GENERALIZED_TIME, 15) => (4, false),
        _ => return Err(Malformed),
    };
    let (digits, zone) = element
        .content
        .split_at_checked(year_digits + 10)
        .ok_or(Malformed)?;
    if zone != b"Z" || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    let (year, rest) = digits.split_at_checked(year_digits).ok_or(Malformed)?;
    let number = |text: &[u8]| {
        text.iter()
            .fold(0_u16, |sum, c| sum * 10 + u16::from(c - b'0'))
    };
    let year = match (century_rule, number(year)) {
        (true, short @ 0..50) => 2000 + short,
        (true, short) => 1900 + short,
        (false, full) => full,
    };
    let mut parts = rest
        .chunks(2)
        .map(|pair| u8::try_from(number(pair)).unwrap_or(u8::MAX));
    let mut next = || parts.next().ok_or(Malformed);
    DateTime::new(year, next()?, next()?, next()?, next()?, next()?)
        .ok()
        .and_then(|moment| i64::try_from(moment.unix_duration().as_secs()).ok())
        .ok_or(Malformed)
}

/// One value: its tag, its content, and the whole encoding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) raw: &'a [u8],
}

impl<'a> Element<'a> {
    /// The only value in `bytes`.
    pub(crate) fn only(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let element = reader.any()?;
        reader.finish()?;
        Ok(element)
    }

    /// The content, if the tag is this one.
    pub(crate) fn expect(&self, tag: u8) -> Result<&'a [u8], Malformed> {
        if self.tag == tag {
            Ok(self.content)
        } else {
            Err(Malformed)
        }
    }
}

/// Walks over neighbouring DER values without copying. Only definite, shortest lengths and
/// one-octet tags are read; anything else is [`Malformed`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A reader over the content of the only SEQUENCE in `bytes`.
    pub(crate) fn sequence_in(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Element::only(bytes)?.expect(SEQUENCE).map(Self::new)
    }

    /// Takes the next value whatever its tag.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(Malformed)?;
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (&first, after_first) = after_tag.split_first().ok_or(Malformed)?;
        let (length, body) = if first < 0x80 {
            (usize::from(first), after_first)
        } else {
            long_length(first & 0x7f, after_first)?
        };
        let (content, rest) = body.split_at_checked(length).ok_or(Malformed)?;
        let raw_length = self.rest.len() - rest.len();
        let raw = self.rest.get(..raw_length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(Element { tag, content, raw })
    }

    /// Takes the next value, which must have this tag; returns its content.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        self.any()?.expect(tag)
    }

    /// Takes the next value if it has this tag; returns its content.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek_tag() == Some(tag) {
            self.expect(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Takes a SEQUENCE; returns a reader over its content.
    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>, Malformed> {
        self.expect(SEQUENCE).map(Reader::new)
    }

    pub(crate) fn object_identifier(&mut self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.expect(OBJECT_IDENTIFIER)?).map_err(|_| Malformed)
    }

    /// Takes a non-negative INTEGER; returns its magnitude without leading zeros.
    pub(crate) fn unsigned_integer(&mut self) -> Result<&'a [u8], Malformed> {
        magnitude(self.expect(INTEGER)?)
    }

    /// Takes a BIT STRING of whole octets.
    pub(crate) fn bit_string(&mut self) -> Result<&'a [u8], Malformed> {
        match self.expect(BIT_STRING)?.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(Malformed),
        }
    }

    /// Takes a BOOLEAN if one is next; DER knows only 0x00 and 0xff.
    pub(crate) fn optional_boolean(&mut self) -> Result<Option<bool>, Malformed> {
        match self.optional(BOOLEAN)? {
            None => Ok(None),
            Some([0x00]) => Ok(Some(false)),
            Some([0xff]) => Ok(Some(true)),
            Some(_) => Err(Malformed),
        }
    }

    /// Takes a NULL if one is next; it has no content (ITU-T X.690 §8.8.2).
    pub(crate) fn optional_null(&mut self) -> Result<bool, Malformed> {
        match self.optional(NULL)? {
            None => Ok(false),
            Some([]) => Ok(true),
            Some(_) => Err(Malformed),
        }
    }

    pub(crate) fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Says that nothing may follow.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

/// The magnitude of a non-negative INTEGER's content octets.
pub(crate) fn magnitude(content: &[u8]) -> Result<&[u8], Malformed> {
    match content {
        [] => Err(Malformed),
        [0] => Ok(&[]),
        [0, rest @ ..] if rest.first().is_some_and(|octet| octet & 0x80 != 0) => Ok(rest),
        [first, ..] if *first != 0 && first & 0x80 == 0 => Ok(content),
        _ => Err(Malformed),
    }
}

fn long_length(count: u8, bytes: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    if !(1..=4).contains(&count) {
        return Err(Malformed);
    }
    let (octets, body) = bytes
        .split_at_checked(usize::from(count))
        .ok_or(Malformed)?;
    if octets.first() == Some(&0) {
        return Err(Malformed);
    }
    let length = octets
        .iter()
        .fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    if length < 0x80 {
        Err(Malformed)
    } else {
        Ok((length, body))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_change_form_at_128_256_and_65536() {
        for (length, header) in [
            (127, vec![4, 127]),
            (128, vec![4, 0x81, 128]),
            (256, vec![4, 0x82, 1, 0]),
            (65_536, vec![4, 0x83, 1, 0, 0]),
        ] {
            let encoded = octet_string(&vec![7; length]);
            assert_eq!(encoded[..header.len()], header);
            assert_eq!(Element::only(&encoded).unwrap().content.len(), length);
        }
    }

    #[test]
    fn integers_are_positive_and_shortest() {
        assert_eq!(unsigned_integer(&[]), [2, 1, 0]);
        assert_eq!(unsigned_integer(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned_integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(magnitude(&[0, 0x7f]), Err(Malformed));
        assert_eq!(magnitude(&[0x80]), Err(Malformed));
    }

    #[test]
    fn times_change_form_between_2049_and_2050() {
        assert_eq!(time(2_524_607_999).unwrap(), b"\x17\x0d491231235959Z");
        assert_eq!(time(2_524_608_000).unwrap(), b"\x18\x0f20500101000000Z");
        assert_eq!(time(-1), Err(TimeOutOfRange(-1)));
        assert_eq!(time(i64::MAX), Err(TimeOutOfRange(i64::MAX)));
    }

    #[test]
    fn longer_lengths_than_needed_are_refused() {
        for bytes in [
            &[4, 0x81, 1, 9][..],
            &[4, 0x80],
            &[4, 0x82, 0, 128],
            &[4, 2, 1],
            &[0x1f, 1],
        ] {
            assert_eq!(Element::only(bytes), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn a_printed_time_reads_back(seconds in 0_i64..253_402_300_800) {
            let encoded = time(seconds).unwrap();
            prop_assert_eq!(parse_time(&Element::only(&encoded).unwrap()), Ok(seconds));
            let encoded = generalized_time(seconds).unwrap();
            prop_assert_eq!(parse_time(&Element::only(&encoded).unwrap()), Ok(seconds));
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(element) = reader.any() {
                let _ = parse_time(&element);
            }
        }
    }
}
