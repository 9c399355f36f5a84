//! Reads a delivery report (RFC 3464) out of a message (RFC 5322, RFC 2045, RFC 6522).
//!
//! Whoever wrote it is unknown: any octets give a report or none, in bounded time and memory.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders as _};
use tegata_domain::bounce::{DeliveryFate, DeliveryReport, RecipientReport, one_line_of};
use tegata_domain::institution::MailAddress;

/// Octets of a message that are read: the report stands before the mail that it returns.
pub(crate) const LONGEST: usize = 1 << 20;
/// Parts of a message that are looked at; a report has three.
const MOST_PARTS: usize = 16;
/// Recipients of one report.
const MOST_RECIPIENTS: usize = 100;
/// Message-IDs of one report.
const MOST_IDS: usize = 16;

/// What a message reports; `None` where it is no delivery report.
///
/// Only the outermost parts are looked at, by their headers alone: whatever is nested in them, and however deep, is
/// never taken apart.
pub(crate) fn read_report(octets: &[u8]) -> Option<DeliveryReport> {
    let octets = octets.get(..LONGEST).unwrap_or(octets);
    let message = Part::read(octets)?;
    let boundary = message.head.content_type()?.attribute("boundary")?;
    if !message.is_of("multipart", "report") {
        return None;
    }
    let (mut recipients, mut message_ids) = (Vec::new(), Vec::new());
    for part in parts(message.body, boundary).filter_map(Part::read) {
        if part.is_of("message", "delivery-status") {
            let text = part.decoded();
            recipients.extend(read_recipients(&String::from_utf8_lossy(&text)));
        } else if part.is_returned() {
            message_ids.extend(message_id(&part.decoded()));
        }
    }
    if recipients.is_empty() {
        return None;
    }
    recipients.truncate(MOST_RECIPIENTS);
    message_ids.extend(referred(&message.head));
    message_ids.truncate(MOST_IDS);
    Some(DeliveryReport {
        message_ids,
        recipients,
    })
}

/// A message, or a part of one: its headers read, its body as it came.
struct Part<'x> {
    head: Message<'x>,
    body: &'x [u8],
}

impl<'x> Part<'x> {
    fn read(octets: &'x [u8]) -> Option<Self> {
        let (head, body) = octets.split_at_checked(end_of_headers(octets))?;
        let head = MessageParser::default().parse_headers(head)?;
        Some(Self { head, body })
    }

    fn is_of(&self, kind: &str, subtype: &str) -> bool {
        self.head.content_type().is_some_and(|found| {
            let found_subtype = found.subtype().unwrap_or_default();
            found.ctype().eq_ignore_ascii_case(kind) && found_subtype.eq_ignore_ascii_case(subtype)
        })
    }

    /// Whether it gives the mail back, whole or as its headers (RFC 6522 §3).
    fn is_returned(&self) -> bool {
        self.is_of("message", "rfc822")
            || self.is_of("text", "rfc822-headers")
            || self.is_of("message", "rfc822-headers")
    }

    /// Its body without the transfer encoding (RFC 2045 §6); as it came where that cannot be undone.
    fn decoded(&self) -> Cow<'x, [u8]> {
        let encoding = self.head.content_transfer_encoding().unwrap_or_default();
        let decoded = match encoding.to_ascii_lowercase().as_str() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }
}

/// Where the headers end: behind the first empty line, or with the octets.
fn end_of_headers(octets: &[u8]) -> usize {
    let mut end = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        end += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    end
}

/// What stands between the lines of a boundary (RFC 2046 §5.1.1), up to the end where the last one is missing.
fn parts<'x>(body: &'x [u8], boundary: &str) -> impl Iterator<Item = &'x [u8]> {
    let delimiter = format!("--{boundary}");
    let (mut found, mut begin, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|octet| *octet == b'\n') {
        let end_of_line = at + line.len();
        if let Some(rest) = line.strip_prefix(delimiter.as_bytes())
            && rest
                .iter()
                .all(|octet| octet.is_ascii_whitespace() || *octet == b'-')
        {
            found.extend(begin.and_then(|begin| body.get(begin..at)));
            begin = (!rest.starts_with(b"--")).then_some(end_of_line);
            if found.len() >= MOST_PARTS {
                begin = None;
                break;
            }
        }
        at = end_of_line;
    }
    found.extend(begin.and_then(|begin| body.get(begin..)));
    found.into_iter()
}

fn message_id(headers: &[u8]) -> Option<String> {
    let part = Part::read(headers)?;
    part.head.message_id().map(str::to_owned)
}

/// Message-IDs that the report itself refers to.
fn referred(message: &Message<'_>) -> Vec<String> {
    let ids = |value: &HeaderValue<'_>| match value {
        HeaderValue::Text(id) => vec![id.to_string()],
        HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let mut found = ids(message.in_reply_to());
    found.extend(ids(message.references()));
    found
}

/// The groups of fields about recipients; the first group is about the message (RFC 3464 §2.1).
fn read_recipients(text: &str) -> Vec<RecipientReport> {
    groups(text)
        .iter()
        .take(MOST_RECIPIENTS)
        .filter_map(|fields| recipient(fields))
        .collect()
}

type Field = (String, String);

fn recipient(fields: &[Field]) -> Option<RecipientReport> {
    let value = |name: &str| {
        let (_, value) = fields.iter().find(|(found, _)| found == name)?;
        Some(value.as_str())
    };
    let addresses: Vec<MailAddress> = ["final-recipient", "original-recipient"]
        .into_iter()
        .filter_map(|name| address(value(name)?))
        .collect();
    let fate = DeliveryFate::read(value("action")?.trim(), value("status").unwrap_or_default())?;
    let said = value("diagnostic-code").unwrap_or_default();
    let said = said.split_once(';').map_or(said, |(_, said)| said);
    (!addresses.is_empty()).then(|| RecipientReport {
        addresses,
        fate,
        said: one_line_of(said),
    })
}

/// An address behind its type (RFC 3464 §2.3.1): `rfc822; clinic@clinic.example`.
fn address(value: &str) -> Option<MailAddress> {
    let (kind, address) = value.split_once(';')?;
    let is_mail = ["rfc822", "utf-8"].contains(&kind.trim().to_ascii_lowercase().as_str());
    let address = address.trim().trim_start_matches('<').trim_end_matches('>');
    is_mail.then(|| MailAddress::parse(address)).flatten()
}

/// Fields in groups that empty lines part; a line that begins with a blank goes on with the one before.
fn groups(text: &str) -> Vec<Vec<Field>> {
    let mut groups: Vec<Vec<Field>> = vec![Vec::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            groups.push(Vec::new());
            continue;
        }
        let Some(group) = groups.last_mut() else {
            continue;
        };
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            group.push((name, value.trim().to_owned()));
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use tegata_domain::bounce::DeliveryStatus;

    use super::*;

    const HEAD: &str = "Date: Fri, 20 Nov 2026 10:00:00 +0900\r\n\
        From: MAILER-DAEMON@mail.example\r\nTo: no-reply@ca.example\r\n\
        Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n";
    const STATUS: &str = "Reporting-MTA: dns; mail.example\r\nX-Queue-ID: 4711\r\n\r\n\
        Final-Recipient: rfc822; clinic@clinic.example\r\n\
        Original-Recipient: rfc822;Clinic@clinic.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        Diagnostic-Code: smtp; 550 5.1.1 <clinic@clinic.example>: Recipient\r\n    address rejected\r\n";
    const RETURNED: &str = "Message-ID: <00aa@ca.example>\r\nTo: clinic@clinic.example\r\n\
        Subject: =?utf-8?b?44GK55+l44KJ44Gb?=\r\n";

    fn bounce(status: &str, returned_type: &str, returned: &str) -> String {
        format!(
            "{HEAD}Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n\
             --b\r\nContent-Type: {returned_type}\r\n\r\n{returned}\r\n--b--\r\n"
        )
    }

    fn read(text: &str) -> Option<DeliveryReport> {
        read_report(text.as_bytes())
    }

    fn failed(code: &str) -> DeliveryFate {
        DeliveryFate::Failed(DeliveryStatus::parse(code).unwrap())
    }

    #[test]
    fn a_report_names_its_mail_the_recipient_and_the_servers_words() {
        let whole = format!("{RETURNED}\r\nbody\r\n");
        for (kind, returned) in [
            ("message/rfc822", whole.as_str()),
            ("text/rfc822-headers", RETURNED),
            ("text/rfc822-headers; charset=nonsense", RETURNED),
        ] {
            let report = read(&bounce(STATUS, kind, returned)).unwrap();
            assert_eq!(report.message_ids, ["00aa@ca.example"], "{kind}");
            let [recipient] = report.recipients.as_slice() else {
                panic!("{report:?}");
            };
            let addresses: Vec<_> = recipient
                .addresses
                .iter()
                .map(MailAddress::as_str)
                .collect();
            assert_eq!(
                addresses,
                ["clinic@clinic.example", "Clinic@clinic.example"]
            );
            assert_eq!(recipient.fate, failed("5.1.1"));
            let said = "550 5.1.1 <clinic@clinic.example>: Recipient address rejected";
            assert_eq!(recipient.said, said);
        }
    }

    #[test]
    fn a_delay_and_several_recipients_are_told_apart() {
        let status = "Reporting-MTA: dns; m\n\nFinal-Recipient: RFC822; a@b.example\nAction: delayed\n\
            Status: 4.4.1\n\nFinal-Recipient: rfc822; c@d.example\nAction: Failed\nStatus: 5.2.2\n";
        let report = read(&bounce(status, "text/rfc822-headers", RETURNED)).unwrap();
        let fates: Vec<_> = report.recipients.iter().map(|r| r.fate.clone()).collect();
        assert_eq!(fates, [DeliveryFate::Underway, failed("5.2.2")]);
    }

    #[test]
    fn the_message_that_a_report_answers_counts_where_nothing_is_returned() {
        let text = bounce(STATUS, "text/plain", "nothing");
        let text = text.replace(
            "MIME-Version",
            "In-Reply-To: <00aa@ca.example>\r\nMIME-Version",
        );
        assert_eq!(read(&text).unwrap().message_ids, ["00aa@ca.example"]);
        let text = bounce(STATUS, "text/plain", "nothing");
        assert!(read(&text).unwrap().message_ids.is_empty());
    }

    #[test]
    fn what_is_no_report_is_none() {
        let quoted = bounce(STATUS, "text/rfc822-headers", RETURNED);
        let nested = format!("{HEAD}Content-Type: message/rfc822\r\n\r\n{quoted}");
        for text in [
            "",
            "\r\n\r\n",
            "hello",
            &format!("{HEAD}\r\n{STATUS}"),
            &format!("{HEAD}Content-Type: text/plain\r\n\r\n{quoted}"),
            &nested,
            &bounce("", "text/plain", ""),
            &bounce(
                "Final-Recipient: clinic@clinic.example\nAction: failed",
                "text/plain",
                "",
            ),
            &bounce(
                "Final-Recipient: x400; a@b.example\nAction: failed",
                "text/plain",
                "",
            ),
            &bounce(
                "Final-Recipient: rfc822; a@b.example\nAction: lost",
                "text/plain",
                "",
            ),
            &bounce(
                "Final-Recipient: rfc822; a@b\rBcc: c@d\nAction: \n",
                "text/plain",
                "",
            ),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn every_beginning_of_a_report_is_read_without_harm() {
        let text = bounce(STATUS, "message/rfc822", RETURNED);
        for end in 0..text.len() {
            let report = read(&text[..end]);
            let ids = report.map_or_else(Vec::new, |report| report.message_ids);
            assert!(
                ids.iter()
                    .all(|id| "00aa@ca.example".starts_with(id.as_str())),
                "{ids:?}"
            );
        }
    }

    #[test]
    fn twenty_megabytes_are_read_up_to_the_limit() {
        let big = "あ\r\n".repeat(4_200_000);
        let text = bounce(STATUS, "message/rfc822", &format!("{RETURNED}\r\n{big}"));
        assert!(text.len() > 20_000_000);
        let report = read(&text).unwrap();
        assert_eq!(report.message_ids, ["00aa@ca.example"]);
        let late = format!("{HEAD}{}", text.replace("--b\r\nContent-Type: text", &big));
        assert_eq!(read(&late), None);
    }

    #[test]
    fn thousands_of_levels_and_parts_are_never_taken_apart() {
        let mut nested = String::new();
        for level in 0..20_000 {
            nested.push_str(&format!(
                "Content-Type: multipart/mixed; boundary=\"{level}\"\r\n\r\n--{level}\r\n"
            ));
        }
        let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(20_000);
        let parts = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(20_000);
        for text in [format!("{HEAD}{nested}"), format!("{HEAD}{messages}")] {
            assert_eq!(read(&text), None);
        }
        assert!(read(&bounce(STATUS, "text/plain", &parts)).is_some());
        let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(20_000);
        let report = read(&bounce(STATUS, "message/rfc822", &messages)).unwrap();
        assert!(report.message_ids.is_empty());
        // The same headers three times, in Base64.
        let encoded = "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMg0KDQpDb250ZW50LVR5cGU6IG1lc3NhZ2UvcmZjODIyDQoNCkNvbnRlbnQtVHlwZTogbWVzc2FnZS9yZmM4MjINCg0K\r\n".repeat(7_000);
        let kind = "message/rfc822\r\nContent-Transfer-Encoding: base64";
        assert!(read(&bounce(STATUS, kind, &encoded)).is_some());
    }

    #[test]
    fn nonsense_in_charsets_encodings_and_octets_does_no_harm() {
        for kind in [
            "message/delivery-status; charset=\"\u{0}\"",
            "message/delivery-status; charset=iso-2022-kr-nonsense",
            "message/delivery-status\r\nContent-Transfer-Encoding: base64",
            "message/delivery-status\r\nContent-Transfer-Encoding: x-uuencode",
            "message/delivery-status; boundary=\"b",
            ";;;=;",
        ] {
            let text = bounce(STATUS, "text/rfc822-headers", RETURNED);
            let text = text.replace("message/delivery-status", kind);
            let _ = read(&text);
        }
        let octets: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        assert_eq!(read_report(&octets), None);
        let mut text = bounce(STATUS, "text/rfc822-headers", RETURNED).into_bytes();
        text.extend(octets);
        assert!(read_report(&text).is_some());
    }
}
