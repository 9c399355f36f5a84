//! Distinguished names: string types, order, comparison (RFC 5280 §4.1.2.4, appendix A.1; printed
//! as RFC 4514 says).
//!
//! Each relative distinguished name has exactly one attribute. Two names are equal when their DER
//! is equal. Only a request may write a name of ours in another form: [`DistinguishedName::says_the_same`].

use std::fmt;

use const_oid::ObjectIdentifier;

use crate::tlv::{self, Element, Malformed, Reader};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// Upper bound of O, OU and CN in characters (RFC 5280 appendix A.1, `ub-common-name` …).
pub const UPPER_BOUND: usize = 64;

/// An ordered list of single-valued relative distinguished names, as in DER.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DistinguishedName {
    attributes: Vec<Attribute>,
}

/// One attribute as it stands in the certificate.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Attribute {
    kind: ObjectIdentifier,
    /// Tag of the string type.
    tag: u8,
    value: Vec<u8>,
}

/// Why a name cannot be built or read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// The country is not two letters.
    #[error("a country is two upper-case letters, not {0:?}")]
    Country(String),
    /// An attribute has no character.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The bytes are no Name.
    #[error("malformed name")]
    Malformed,
    /// A relative distinguished name holds several attributes.
    #[error("a relative distinguished name has more than one attribute")]
    MultiValued,
    /// An attribute holds a control character.
    #[error("{0} contains a control character")]
    ControlCharacter(&'static str),
    /// An attribute is longer than its upper bound.
    #[error("{attribute} has {length} characters, at most {UPPER_BOUND} are allowed")]
    TooLong {
        /// Short name of the attribute type.
        attribute: &'static str,
        /// Length in characters.
        length: usize,
    },
}

impl From<Malformed> for NameError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Collects attributes in DER order.
#[derive(Clone, Debug, Default)]
pub struct DistinguishedNameBuilder {
    attributes: Vec<(ObjectIdentifier, String)>,
}

impl DistinguishedNameBuilder {
    /// Appends C, two letters.
    #[must_use]
    pub fn country(self, value: impl Into<String>) -> Self {
        self.push(COUNTRY, value.into())
    }

    /// Appends O, 1 to 64 characters.
    #[must_use]
    pub fn organization(self, value: impl Into<String>) -> Self {
        self.push(ORGANIZATION, value.into())
    }

    /// Appends OU, 1 to 64 characters.
    #[must_use]
    pub fn organizational_unit(self, value: impl Into<String>) -> Self {
        self.push(ORGANIZATIONAL_UNIT, value.into())
    }

    /// Appends CN, 1 to 64 characters.
    #[must_use]
    pub fn common_name(self, value: impl Into<String>) -> Self {
        self.push(COMMON_NAME, value.into())
    }

    /// Checks every value and chooses its string type: PrintableString where the alphabet allows
    /// it, else UTF8String (RFC 5280 §4.1.2.4).
    pub fn build(self) -> Result<DistinguishedName, NameError> {
        let attributes = self
            .attributes
            .into_iter()
            .map(|(kind, value)| checked(kind, value))
            .collect::<Result<_, _>>()?;
        Ok(DistinguishedName { attributes })
    }

    fn push(mut self, kind: ObjectIdentifier, value: String) -> Self {
        self.attributes.push((kind, value));
        self
    }
}

impl DistinguishedName {
    /// Starts an empty name.
    pub fn builder() -> DistinguishedNameBuilder {
        DistinguishedNameBuilder::default()
    }

    /// Reads a DER `Name`. String types other than the usual ones are kept as they are.
    pub fn from_der(der: &[u8]) -> Result<Self, NameError> {
        let mut names = Reader::sequence_in(der)?;
        let mut attributes = Vec::new();
        while !names.is_empty() {
            let mut set = Reader::new(names.expect(tlv::SET)?);
            let mut pair = set.sequence()?;
            let kind = pair.object_identifier()?;
            let value = pair.any()?;
            pair.finish()?;
            set.finish().map_err(|_| NameError::MultiValued)?;
            attributes.push(Attribute::read(kind, value)?);
        }
        Ok(Self { attributes })
    }

    /// The DER `Name`.
    pub fn to_der(&self) -> Vec<u8> {
        let names: Vec<Vec<u8>> = self.attributes.iter().map(Attribute::to_der).collect();
        tlv::sequence(&names.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The last CN, if there is one in a readable string type.
    pub fn common_name(&self) -> Option<&str> {
        self.attributes
            .iter()
            .rev()
            .find(|attribute| attribute.kind == COMMON_NAME)
            .and_then(Attribute::text)
    }

    /// Whether `other` is the same name to a reader: the same attributes in the same order, whatever the string types,
    /// the case of letters and the number of blanks (RFC 5280 §7.1).
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.attributes.len() == other.attributes.len()
            && self
                .attributes
                .iter()
                .zip(&other.attributes)
                .all(|(one, other)| one.says_the_same(other))
    }

    /// True when the name has no attribute.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// The name as a certificate store shows it: last attribute first, types and values in lower
    /// case, for example `cn=0110119153, ou=medical, ou=hokkaido, o=receiptonline, c=jp`.
    pub fn friendly_name(&self) -> String {
        let parts: Vec<String> = self
            .attributes
            .iter()
            .rev()
            .map(|attribute| {
                let value = attribute
                    .text()
                    .map_or_else(|| attribute.hexadecimal(), |text| text.to_lowercase());
                format!("{}={value}", attribute.short_name().to_lowercase())
            })
            .collect();
        parts.join(", ")
    }
}

/// RFC 4514 §2: last attribute first, special characters escaped.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.attributes.iter().rev().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            write!(formatter, "{}=", attribute.short_name())?;
            match attribute.text() {
                Some(text) => write_escaped(formatter, text)?,
                None => formatter.write_str(&attribute.hexadecimal())?,
            }
        }
        Ok(())
    }
}

impl Attribute {
    fn read(kind: ObjectIdentifier, value: Element<'_>) -> Result<Self, NameError> {
        let valid = match value.tag {
            tlv::PRINTABLE_STRING => value.content.iter().all(|octet| is_printable(*octet)),
            tlv::IA5_STRING => value.content.is_ascii(),
            tlv::UTF8_STRING => std::str::from_utf8(value.content).is_ok(),
            _ => true,
        };
        if !valid {
            return Err(NameError::Malformed);
        }
        Ok(Self {
            kind,
            tag: value.tag,
            value: value.content.to_vec(),
        })
    }

    fn to_der(&self) -> Vec<u8> {
        let value = tlv::wrap(self.tag, &[&self.value]);
        tlv::wrap(
            tlv::SET,
            &[&tlv::sequence(&[
                &tlv::object_identifier(&self.kind),
                &value,
            ])],
        )
    }

    fn text(&self) -> Option<&str> {
        match self.tag {
            tlv::PRINTABLE_STRING | tlv::IA5_STRING | tlv::UTF8_STRING => {
                std::str::from_utf8(&self.value).ok()
            }
            _ => None,
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let folded = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
            words.join(" ")
        };
        self.kind == other.kind
            && match (self.text(), other.text()) {
                (Some(one), Some(other)) => folded(one) == folded(other),
                _ => self == other,
            }
    }

    fn short_name(&self) -> String {
        match known(&self.kind) {
            Some(name) => name.to_owned(),
            None => self.kind.to_string(),
        }
    }

    /// `#` and the DER of the value in hexadecimal (RFC 4514 §2.4).
    fn hexadecimal(&self) -> String {
        let der = tlv::wrap(self.tag, &[&self.value]);
        der.iter()
            .fold("#".to_owned(), |text, octet| text + &format!("{octet:02x}"))
    }
}

fn known(kind: &ObjectIdentifier) -> Option<&'static str> {
    match *kind {
        COMMON_NAME => Some("CN"),
        COUNTRY => Some("C"),
        ORGANIZATION => Some("O"),
        ORGANIZATIONAL_UNIT => Some("OU"),
        _ => None,
    }
}

fn checked(kind: ObjectIdentifier, value: String) -> Result<Attribute, NameError> {
    let attribute = known(&kind).unwrap_or("attribute");
    if kind == COUNTRY {
        let letters = value.len() == 2 && value.bytes().all(|octet| octet.is_ascii_uppercase());
        if !letters {
            return Err(NameError::Country(value));
        }
    }
    if value.is_empty() {
        return Err(NameError::Empty(attribute));
    }
    if value.chars().any(char::is_control) {
        return Err(NameError::ControlCharacter(attribute));
    }
    let length = value.chars().count();
    if length > UPPER_BOUND {
        return Err(NameError::TooLong { attribute, length });
    }
    let printable = value.bytes().all(is_printable);
    let tag = if printable {
        tlv::PRINTABLE_STRING
    } else {
        tlv::UTF8_STRING
    };
    Ok(Attribute {
        kind,
        tag,
        value: value.into_bytes(),
    })
}

/// The alphabet of PrintableString (ITU-T X.680 §41.4).
pub(crate) fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet)
}

fn write_escaped(formatter: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let edge =
            (index == 0 && matches!(character, ' ' | '#')) || (index == last && character == ' ');
        if edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            write!(formatter, "\\{character}")?;
        } else if character == '\0' {
            formatter.write_str("\\00")?;
        } else {
            write!(formatter, "{character}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> DistinguishedName {
        DistinguishedName::builder()
            .country("JP")
            .organization("ReceiptOnline")
            .organizational_unit("hokkaido")
            .organizational_unit("medical")
            .common_name("0110119153")
            .build()
            .unwrap()
    }

    #[test]
    fn both_organizational_units_keep_their_order() {
        assert_eq!(
            sample().to_string(),
            "CN=0110119153,OU=medical,OU=hokkaido,O=ReceiptOnline,C=JP"
        );
        assert_eq!(
            DistinguishedName::from_der(&sample().to_der()).unwrap(),
            sample()
        );
    }

    #[test]
    fn the_friendly_name_is_reversed_and_lower_case() {
        assert_eq!(
            sample().friendly_name(),
            "cn=0110119153, ou=medical, ou=hokkaido, o=receiptonline, c=jp"
        );
    }

    #[test]
    fn a_name_in_another_form_says_the_same_and_a_longer_one_does_not() {
        let build = |o: &str, cn: &str| {
            let builder = DistinguishedName::builder().country("JP").organization(o);
            builder.common_name(cn).build().unwrap()
        };
        let own = build("Receipt Online", "0110119153");
        // OpenSSL writes every value but the country as UTF8String.
        let mut utf8 = own.clone();
        for attribute in &mut utf8.attributes {
            attribute.tag = tlv::UTF8_STRING;
        }
        assert_ne!(utf8, own);
        for (other, same) in [
            (utf8, true),
            (build("receipt  online", "0110119153"), true),
            (build("Receipt Online", "0110119154"), false),
            (build("ReceiptOnline", "0110119153"), false),
            (
                DistinguishedName::builder().country("JP").build().unwrap(),
                false,
            ),
            (DistinguishedName::builder().build().unwrap(), false),
        ] {
            assert_eq!(own.says_the_same(&other), same, "{other}");
            assert_eq!(other.says_the_same(&own), same, "{other}");
        }
    }

    #[test]
    fn japanese_values_become_utf8_strings_and_the_country_stays_printable() {
        let name = DistinguishedName::builder()
            .country("JP")
            .common_name("さくら診療所");
        let der = name.build().unwrap().to_der();
        assert!(
            der.windows(4)
                .any(|w| w == [tlv::PRINTABLE_STRING, 2, b'J', b'P'])
        );
        assert!(der.windows(2).any(|w| w == [tlv::UTF8_STRING, 18]));
    }

    #[test]
    fn bounds_are_counted_in_characters() {
        let of = |length: usize| DistinguishedName::builder().common_name("あ".repeat(length));
        assert!(of(64).build().is_ok());
        assert_eq!(
            of(65).build().unwrap_err(),
            NameError::TooLong {
                attribute: "CN",
                length: 65
            }
        );
        assert_eq!(of(0).build().unwrap_err(), NameError::Empty("CN"));
    }

    #[test]
    fn a_country_is_two_upper_case_letters() {
        for wrong in ["J", "jp", "JPN", "", "日本"] {
            let built = DistinguishedName::builder().country(wrong).build();
            assert_eq!(built.unwrap_err(), NameError::Country(wrong.to_owned()));
        }
    }

    #[test]
    fn control_characters_are_refused() {
        let built = DistinguishedName::builder().common_name("a\0b").build();
        assert_eq!(built.unwrap_err(), NameError::ControlCharacter("CN"));
    }

    #[test]
    fn special_characters_are_escaped_as_in_rfc_4514() {
        let name = DistinguishedName::builder()
            .common_name("#a, b+c ")
            .build()
            .unwrap();
        assert_eq!(name.to_string(), "CN=\\#a\\, b\\+c\\ ");
    }

    #[test]
    fn several_attributes_in_one_set_are_refused() {
        let pair = tlv::sequence(&[
            &tlv::object_identifier(&COMMON_NAME),
            &tlv::wrap(tlv::UTF8_STRING, &[b"a"]),
        ]);
        let der = tlv::sequence(&[&tlv::wrap(tlv::SET, &[&pair, &pair])]);
        assert_eq!(
            DistinguishedName::from_der(&der).unwrap_err(),
            NameError::MultiValued
        );
    }

    proptest! {
        #[test]
        fn a_printed_name_reads_back(
            organization in "[^\\p{C}]{1,64}",
            unit in "[a-z-]{1,20}",
            common_name in "[^\\p{C}]{1,64}",
        ) {
            let name = DistinguishedName::builder()
                .country("JP")
                .organization(organization)
                .organizational_unit(unit)
                .common_name(common_name.clone())
                .build()
                .unwrap();
            let again = DistinguishedName::from_der(&name.to_der()).unwrap();
            prop_assert_eq!(&again, &name);
            prop_assert_eq!(again.common_name(), Some(common_name.as_str()));
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(name) = DistinguishedName::from_der(&tlv::sequence(&[&bytes])) {
                let _ = (name.to_string(), name.friendly_name(), name.common_name());
            }
        }
    }
}
