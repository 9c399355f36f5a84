//! Rules over the fields of a TBSCertificate (RFC 5280 §4.1.2).

use const_oid::ObjectIdentifier;

use super::{Rule, View};
use crate::{
    name::{self, UPPER_BOUND},
    signer::SignatureAlgorithm,
    tlv::{self, Element, Malformed, Reader},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "version_is_3",
        clause: "RFC 5280 §4.1.2.1",
        check: version_is_3,
    },
    Rule {
        name: "serial_is_positive",
        clause: "RFC 5280 §4.1.2.2",
        check: serial_is_positive,
    },
    Rule {
        name: "serial_has_at_most_20_octets",
        clause: "RFC 5280 §4.1.2.2",
        check: serial_has_at_most_20_octets,
    },
    Rule {
        name: "serial_has_64_bits",
        clause: "CA/Browser Forum Baseline Requirements §7.1",
        check: serial_has_64_bits,
    },
    Rule {
        name: "signature_algorithm_is_allowed",
        clause: "RFC 5280 §4.1.2.3, RFC 4055 §5, RFC 5758 §3.2",
        check: signature_algorithm_is_allowed,
    },
    Rule {
        name: "names_are_well_formed",
        clause: "RFC 5280 §4.1.2.4",
        check: names_are_well_formed,
    },
    Rule {
        name: "issuer_is_not_empty",
        clause: "RFC 5280 §4.1.2.4",
        check: issuer_is_not_empty,
    },
    Rule {
        name: "name_string_types",
        clause: "RFC 5280 §4.1.2.4",
        check: name_string_types,
    },
    Rule {
        name: "name_lengths",
        clause: "RFC 5280 appendix A.1",
        check: name_lengths,
    },
    Rule {
        name: "country_is_two_letters",
        clause: "RFC 5280 appendix A.1",
        check: country,
    },
    Rule {
        name: "validity_encoding",
        clause: "RFC 5280 §4.1.2.5",
        check: validity_encoding,
    },
    Rule {
        name: "validity_order",
        clause: "RFC 5280 §4.1.2.5",
        check: validity_order,
    },
    Rule {
        name: "subject_is_present",
        clause: "RFC 5280 §4.1.2.6",
        check: subject_is_present,
    },
    Rule {
        name: "ca_subject_is_not_empty",
        clause: "RFC 5280 §4.1.2.6",
        check: ca_subject,
    },
    Rule {
        name: "key_is_strong",
        clause: "RFC 5280 §4.1.2.7, RFC 8017 §3.1",
        check: key_is_strong,
    },
    Rule {
        name: "no_unique_identifiers",
        clause: "RFC 5280 §4.1.2.8",
        check: unique_identifiers,
    },
];

fn version_is_3(view: &View<'_>) -> Option<String> {
    (view.version != Some(&[tlv::INTEGER, 1, 2])).then(|| "the version is not 3".to_owned())
}

fn serial_is_positive(view: &View<'_>) -> Option<String> {
    let positive = tlv::magnitude(view.serial).is_ok_and(|magnitude| !magnitude.is_empty());
    (!positive).then(|| "the serial number is zero, negative or padded".to_owned())
}

fn serial_has_at_most_20_octets(view: &View<'_>) -> Option<String> {
    (view.serial.len() > 20).then(|| format!("{} octets", view.serial.len()))
}

fn serial_has_64_bits(view: &View<'_>) -> Option<String> {
    (view.serial.len() < 8).then(|| format!("{} octets", view.serial.len()))
}

fn signature_algorithm_is_allowed(view: &View<'_>) -> Option<String> {
    let allowed = SignatureAlgorithm::from_der(view.signature).is_some();
    (!allowed).then(|| "an algorithm or parameters that no signer here uses".to_owned())
}

fn names_are_well_formed(view: &View<'_>) -> Option<String> {
    [("issuer", view.issuer), ("subject", view.subject)]
        .into_iter()
        .find(|(_, name)| attributes(name).is_err())
        .map(|(field, _)| format!("the {field} is not a list of single attributes"))
}

fn issuer_is_not_empty(view: &View<'_>) -> Option<String> {
    view.issuer
        .content
        .is_empty()
        .then(|| "the issuer is empty".to_owned())
}

fn name_string_types(view: &View<'_>) -> Option<String> {
    find_attribute(view, |_, value| match value.tag {
        tlv::PRINTABLE_STRING => !value.content.iter().all(|octet| name::is_printable(*octet)),
        tlv::UTF8_STRING => std::str::from_utf8(value.content).is_err(),
        _ => true,
    })
}

fn name_lengths(view: &View<'_>) -> Option<String> {
    find_attribute(view, |_, value| {
        let characters = String::from_utf8_lossy(value.content).chars().count();
        !(1..=UPPER_BOUND).contains(&characters)
    })
}

fn country(view: &View<'_>) -> Option<String> {
    find_attribute(view, |kind, value| {
        let letters = value.content.len() == 2 && value.content.iter().all(u8::is_ascii_uppercase);
        kind == COUNTRY && !(value.tag == tlv::PRINTABLE_STRING && letters)
    })
}

fn validity_encoding(view: &View<'_>) -> Option<String> {
    [view.not_before, view.not_after]
        .iter()
        .any(|element| {
            // The form is right exactly when writing the moment again gives the same octets.
            let again = tlv::parse_time(element)
                .ok()
                .and_then(|moment| tlv::time(moment).ok());
            again.as_deref() != Some(element.raw)
        })
        .then(|| "a time is not UTCTime through 2049 or GeneralizedTime from 2050".to_owned())
}

fn validity_order(view: &View<'_>) -> Option<String> {
    let not_before = tlv::parse_time(&view.not_before).ok()?;
    let not_after = tlv::parse_time(&view.not_after).ok()?;
    (not_after < not_before).then(|| "notAfter is before notBefore".to_owned())
}

fn subject_is_present(view: &View<'_>) -> Option<String> {
    let critical_name = view
        .extension(&const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME)
        .is_some_and(|extension| extension.critical);
    (view.subject.content.is_empty() && !view.is_ca() && !critical_name)
        .then(|| "the subject is empty and subjectAltName is not critical".to_owned())
}

fn ca_subject(view: &View<'_>) -> Option<String> {
    (view.is_ca() && view.subject.content.is_empty()).then(|| "a CA without a name".to_owned())
}

fn key_is_strong(view: &View<'_>) -> Option<String> {
    match &view.public_key {
        Err(error) => Some(error.to_string()),
        Ok(key) => key.check_size().err().map(|weakness| weakness.to_string()),
    }
}

fn unique_identifiers(view: &View<'_>) -> Option<String> {
    view.has_unique_identifier
        .then(|| "a unique identifier is present".to_owned())
}

/// Content octets of id-at-countryName.
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];

/// The first attribute of issuer or subject for which `is_wrong` holds.
fn find_attribute(view: &View<'_>, is_wrong: fn(&[u8], &Element<'_>) -> bool) -> Option<String> {
    for (field, name) in [("issuer", view.issuer), ("subject", view.subject)] {
        let found = attributes(&name)
            .ok()?
            .into_iter()
            .find(|(kind, value)| is_wrong(kind, value));
        if let Some((_, value)) = found {
            let text = String::from_utf8_lossy(value.content).into_owned();
            return Some(format!("{field}: {text:?} with tag {:#04x}", value.tag));
        }
    }
    None
}

/// Type and value of every attribute; each set must hold exactly one.
fn attributes<'a>(name: &Element<'a>) -> Result<Vec<(&'a [u8], Element<'a>)>, Malformed> {
    let mut sets = Reader::new(name.expect(tlv::SEQUENCE)?);
    let mut attributes = Vec::new();
    while !sets.is_empty() {
        let mut set = Reader::new(sets.expect(tlv::SET)?);
        let mut pair = set.sequence()?;
        set.finish()?;
        let kind = pair.expect(tlv::OBJECT_IDENTIFIER)?;
        ObjectIdentifier::from_bytes(kind).map_err(|_| Malformed)?;
        attributes.push((kind, pair.any()?));
        pair.finish()?;
    }
    Ok(attributes)
}
