//! What a proxy offers in `Proxy-Authenticate` (RFC 9110 §11.6.1, §11.7.1).

use super::Head;

/// A way to sign in that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Scheme {
    Basic,
    Ntlm,
}

impl Scheme {
    pub(in crate::net) const fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Ntlm => "NTLM",
        }
    }
}

/// The names of all schemes offered, as they came, without their parameters.
pub(in crate::net) fn offered(head: &Head) -> Vec<&str> {
    let values = head.all("Proxy-Authenticate").flat_map(split);
    values.filter_map(scheme_name).collect()
}

/// The one to use: NTLM keeps the password off the wire. There is no second try with the other.
pub(in crate::net) fn best(offered: &[&str]) -> Option<Scheme> {
    [Scheme::Ntlm, Scheme::Basic].into_iter().find(|known| {
        let mut offered = offered.iter();
        offered.any(|name| name.eq_ignore_ascii_case(known.name()))
    })
}

/// The base64 text of an NTLM challenge.
pub(in crate::net) fn ntlm_token(head: &Head) -> Option<&str> {
    head.all("Proxy-Authenticate").find_map(|value| {
        let (name, token) = value.split_once(' ')?;
        let token = token.trim();
        (name.eq_ignore_ascii_case("NTLM") && !token.is_empty()).then_some(token)
    })
}

/// Parts a value at the commas outside quotes.
fn split(value: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    value.split(move |character| {
        let escaped = std::mem::take(&mut is_escaped);
        match character {
            '\\' if is_quoted && !escaped => is_escaped = true,
            '"' if !escaped => is_quoted = !is_quoted,
            ',' => return !is_quoted,
            _ => {}
        }
        false
    })
}

/// The scheme that begins in this part; `None` where the part is one more parameter of the scheme
/// before it.
fn scheme_name(part: &str) -> Option<&str> {
    let part = part.trim();
    let name = part.split_whitespace().next()?;
    (!name.contains('=')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(values: &[&str]) -> Head {
        let mut octets = "HTTP/1.1 407 x\r\n".to_owned();
        for value in values {
            octets.push_str(&format!("Proxy-Authenticate: {value}\r\n"));
        }
        octets.push_str("\r\n");
        super::super::Reader::new(octets.as_bytes()).head().unwrap()
    }

    #[test]
    fn schemes_are_found_in_one_header_or_many_and_the_password_stays_off_the_wire_if_it_can() {
        for (values, names, chosen) in [
            (
                &["Basic realm=\"a, NTLM b\""][..],
                &["Basic"][..],
                Some(Scheme::Basic),
            ),
            (
                &["Negotiate", "ntlm", "BASIC realm=x"],
                &["Negotiate", "ntlm", "BASIC"],
                Some(Scheme::Ntlm),
            ),
            (
                &["Digest realm=\"q\\\", x\", nonce=\"1\", Basic realm=\"a\", charset=\"UTF-8\""],
                &["Digest", "Basic"],
                Some(Scheme::Basic),
            ),
            (&["Negotiate"], &["Negotiate"], None),
            (&[], &[], None),
        ] {
            let head = head(values);
            assert_eq!(offered(&head), names);
            assert_eq!(best(&offered(&head)), chosen);
        }
    }

    #[test]
    fn an_ntlm_challenge_is_told_from_the_bare_offer() {
        assert_eq!(ntlm_token(&head(&["NTLM", "Basic realm=x"])), None);
        assert_eq!(
            ntlm_token(&head(&["Negotiate abcd", "NTLM TlRM="])),
            Some("TlRM=")
        );
    }
}
