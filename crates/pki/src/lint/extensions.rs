//! Rules over the extensions of a TBSCertificate (RFC 5280 §4.2, RFC 6960 §4.2.2.2).

use const_oid::{
    ObjectIdentifier,
    db::{rfc5280, rfc6960},
};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};

use super::{Rule, View};
use crate::profile::ID_KP_DOCUMENT_SIGNING;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "extensions_are_unique",
        clause: "RFC 5280 §4.2",
        check: extensions_are_unique,
    },
    Rule {
        name: "no_unknown_critical",
        clause: "RFC 5280 §4.2",
        check: no_unknown_critical,
    },
    Rule {
        name: "values_decode",
        clause: "RFC 5280 §4.2.1, §4.2.2",
        check: values_decode,
    },
    Rule {
        name: "criticality",
        clause: "RFC 5280 §4.2.1, §4.2.2",
        check: criticality,
    },
    Rule {
        name: "authority_key_identifier",
        clause: "RFC 5280 §4.2.1.1",
        check: authority_key_identifier,
    },
    Rule {
        name: "subject_key_identifier",
        clause: "RFC 5280 §4.2.1.2",
        check: subject_key_identifier,
    },
    Rule {
        name: "key_usage_is_present",
        clause: "RFC 5280 §4.2.1.3",
        check: key_usage_is_present,
    },
    Rule {
        name: "key_usage_fits_key",
        clause: "RFC 5280 §4.2.1.3",
        check: key_usage_fits_key,
    },
    Rule {
        name: "ca_signs_certificates",
        clause: "RFC 5280 §4.2.1.3, §4.2.1.9",
        check: ca_signs,
    },
    Rule {
        name: "one_policy_each",
        clause: "RFC 5280 §4.2.1.4",
        check: one_policy_each,
    },
    Rule {
        name: "subscriber_has_a_policy",
        clause: "RFC 5280 §4.2.1.4",
        check: subscriber_policy,
    },
    Rule {
        name: "server_has_names",
        clause: "RFC 5280 §4.2.1.6, RFC 9525 §6",
        check: server_names,
    },
    Rule {
        name: "path_length_only_in_ca",
        clause: "RFC 5280 §4.2.1.9",
        check: path_length,
    },
    Rule {
        name: "name_constraints_only_in_ca",
        clause: "RFC 5280 §4.2.1.10",
        check: name_constraints_only_in_ca,
    },
    Rule {
        name: "one_purpose",
        clause: "RFC 5280 §4.2.1.12",
        check: one_purpose,
    },
    Rule {
        name: "key_usage_fits_purpose",
        clause: "RFC 5280 §4.2.1.12",
        check: key_usage_fits_purpose,
    },
    Rule {
        name: "subscriber_names_its_list",
        clause: "RFC 5280 §4.2.1.13",
        check: subscriber_names_its_list,
    },
    Rule {
        name: "distribution_point_is_http",
        clause: "RFC 5280 §4.2.1.13",
        check: point_is_http,
    },
    Rule {
        name: "access_location_is_http",
        clause: "RFC 5280 §4.2.2.1",
        check: access_is_http,
    },
    Rule {
        name: "responder_has_nocheck",
        clause: "RFC 6960 §4.2.2.2.1",
        check: responder_nocheck,
    },
];

fn extensions_are_unique(view: &View<'_>) -> Option<String> {
    view.extensions
        .iter()
        .enumerate()
        .find(|(index, extension)| {
            let mut before = view.extensions.iter().take(*index);
            before.any(|other| other.identifier == extension.identifier)
        })
        .map(|(_, extension)| format!("{} twice", extension.identifier))
}

fn no_unknown_critical(view: &View<'_>) -> Option<String> {
    view.extensions
        .iter()
        .find(|extension| extension.critical && view.typed.unknown.contains(&extension.identifier))
        .map(|extension| format!("{} is critical and unknown", extension.identifier))
}

fn values_decode(view: &View<'_>) -> Option<String> {
    view.typed
        .undecodable
        .first()
        .map(|identifier| format!("{identifier} does not decode"))
}

fn criticality(view: &View<'_>) -> Option<String> {
    view.extensions
        .iter()
        .find(|extension| {
            let expected = match extension.identifier {
                rfc5280::ID_CE_BASIC_CONSTRAINTS
                | rfc5280::ID_CE_KEY_USAGE
                | rfc5280::ID_CE_NAME_CONSTRAINTS => true,
                // An empty subject without a critical name is a finding of its own.
                rfc5280::ID_CE_SUBJECT_ALT_NAME if view.subject.content.is_empty() => return false,
                identifier if view.typed.unknown.contains(&identifier) => return false,
                _ => false,
            };
            extension.critical != expected
        })
        .map(|extension| {
            let word = if extension.critical {
                "must not"
            } else {
                "must"
            };
            format!("{} {word} be critical", extension.identifier)
        })
}

fn authority_key_identifier(view: &View<'_>) -> Option<String> {
    match &view.typed.authority_key_identifier {
        None => (!view.is_self_issued()).then(|| "absent".to_owned()),
        Some(identifier) if identifier.key_identifier.is_none() => {
            Some("no keyIdentifier".to_owned())
        }
        Some(_) => None,
    }
}

fn subject_key_identifier(view: &View<'_>) -> Option<String> {
    let Ok(key) = &view.public_key else {
        return None;
    };
    match &view.typed.subject_key_identifier {
        None => Some("absent".to_owned()),
        Some(identifier) => (identifier.0.as_bytes() != key.key_identifier())
            .then(|| "not the SHA-1 of the subject's key".to_owned()),
    }
}

fn key_usage_is_present(view: &View<'_>) -> Option<String> {
    match &view.typed.key_usage {
        None => Some("absent".to_owned()),
        Some(usage) => usage.0.is_empty().then(|| "no bit is set".to_owned()),
    }
}

fn key_usage_fits_key(view: &View<'_>) -> Option<String> {
    let (Ok(key), Some(usage)) = (&view.public_key, &view.typed.key_usage) else {
        return None;
    };
    let rsa = key.algorithm().is_rsa();
    if !rsa && (usage.key_encipherment() || usage.data_encipherment()) {
        return Some("an elliptic-curve key does not encipher".to_owned());
    }
    (rsa && usage.key_agreement()).then(|| "an RSA key does not agree on keys".to_owned())
}

fn ca_signs(view: &View<'_>) -> Option<String> {
    let usage = view.typed.key_usage.as_ref()?;
    match (view.is_ca(), usage.key_cert_sign()) {
        (true, false) => Some("a CA without keyCertSign".to_owned()),
        (false, true) => Some("keyCertSign without being a CA".to_owned()),
        _ => None,
    }
}

fn one_policy_each(view: &View<'_>) -> Option<String> {
    let policies = &view.typed.certificate_policies.as_ref()?.0;
    policies
        .iter()
        .enumerate()
        .find(|(index, policy)| {
            let mut before = policies.iter().take(*index);
            before.any(|other| other.policy_identifier == policy.policy_identifier)
        })
        .map(|(_, policy)| format!("{} twice", policy.policy_identifier))
}

fn subscriber_policy(view: &View<'_>) -> Option<String> {
    let policies = view
        .typed
        .certificate_policies
        .as_ref()
        .map_or(0, |policies| policies.0.len());
    (is_subscriber(view) && policies != 1).then(|| format!("{policies} policies instead of one"))
}

fn server_names(view: &View<'_>) -> Option<String> {
    if view.is_ca() || !view.has_purpose(&rfc5280::ID_KP_SERVER_AUTH) {
        return None;
    }
    let names = view
        .typed
        .subject_alt_name
        .as_ref()
        .map(|names| names.0.as_slice());
    let names = names.unwrap_or_default();
    if names.is_empty() {
        return Some("a server without a name".to_owned());
    }
    names
        .iter()
        .find(|name| !is_server_name(name))
        .map(|name| format!("{name:?}"))
}

fn path_length(view: &View<'_>) -> Option<String> {
    let constraints = view.typed.basic_constraints.as_ref()?;
    (!constraints.ca && constraints.path_len_constraint.is_some())
        .then(|| "a path length without being a CA".to_owned())
}

fn name_constraints_only_in_ca(view: &View<'_>) -> Option<String> {
    let present = view.extension(&rfc5280::ID_CE_NAME_CONSTRAINTS).is_some();
    (present && !view.is_ca()).then(|| "name constraints without being a CA".to_owned())
}

fn one_purpose(view: &View<'_>) -> Option<String> {
    let purposes = view
        .typed
        .extended_key_usage
        .as_ref()
        .map(|usage| usage.0.as_slice());
    match purposes {
        None => (!view.is_ca()).then(|| "no purpose".to_owned()),
        Some([purpose]) if PURPOSES.contains(purpose) => None,
        Some(purposes) => Some(format!("purposes {purposes:?}")),
    }
}

fn key_usage_fits_purpose(view: &View<'_>) -> Option<String> {
    let usage = view.typed.key_usage.as_ref()?;
    if view.is_ca() || usage.0.is_empty() || usage.key_cert_sign() {
        return None;
    }
    if !usage.digital_signature() {
        return Some("every purpose here needs digitalSignature".to_owned());
    }
    let enciphers = usage.key_encipherment() && !view.has_purpose(&rfc5280::ID_KP_SERVER_AUTH);
    enciphers.then(|| "only a server may have keyEncipherment".to_owned())
}

fn subscriber_names_its_list(view: &View<'_>) -> Option<String> {
    let absent = view.typed.crl_distribution_points.is_none();
    (is_subscriber(view) && absent).then(|| "no distribution point".to_owned())
}

fn point_is_http(view: &View<'_>) -> Option<String> {
    let points = &view.typed.crl_distribution_points.as_ref()?.0;
    let is_http = |name: &Option<DistributionPointName>| match name {
        Some(DistributionPointName::FullName(names)) => {
            !names.is_empty() && names.iter().all(is_http_uri)
        }
        _ => false,
    };
    points
        .iter()
        .find(|point| !is_http(&point.distribution_point))
        .map(|point| format!("{:?}", point.distribution_point))
}

fn access_is_http(view: &View<'_>) -> Option<String> {
    let descriptions = &view.typed.authority_info_access.as_ref()?.0;
    descriptions
        .iter()
        .find(|description| !is_http_uri(&description.access_location))
        .map(|description| format!("{:?}", description.access_location))
}

fn responder_nocheck(view: &View<'_>) -> Option<String> {
    let responder = view.has_purpose(&rfc5280::ID_KP_OCSP_SIGNING);
    let nocheck = view.extension(&rfc6960::ID_PKIX_OCSP_NOCHECK).is_some();
    (responder != nocheck).then(|| "OCSPSigning and ocsp-nocheck go together".to_owned())
}

const PURPOSES: [ObjectIdentifier; 4] = [
    ID_KP_DOCUMENT_SIGNING,
    rfc5280::ID_KP_CLIENT_AUTH,
    rfc5280::ID_KP_OCSP_SIGNING,
    rfc5280::ID_KP_SERVER_AUTH,
];

fn is_subscriber(view: &View<'_>) -> bool {
    !view.is_ca() && view.has_purpose(&rfc5280::ID_KP_CLIENT_AUTH)
}

fn is_http_uri(name: &GeneralName) -> bool {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => uri.as_str().starts_with("http://"),
        _ => false,
    }
}

/// A DNS name of lower-case letters, digits and hyphens, or an IP address.
fn is_server_name(name: &GeneralName) -> bool {
    match name {
        GeneralName::DnsName(name) => name.as_str().split('.').all(is_label),
        GeneralName::IpAddress(address) => matches!(address.as_bytes().len(), 4 | 16),
        _ => false,
    }
}

fn is_label(label: &str) -> bool {
    let inner = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
