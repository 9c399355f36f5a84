//! Forms: `application/x-www-form-urlencoded`, read strictly.
//!
//! A field twice, a field that the form does not have, a broken percent sign or text that is not UTF-8
//! is refused; so no two readers can understand one body differently.

/// What is typed without blanks: codes, numbers and mail addresses.
pub(crate) use tegata_domain::institution::without_blanks as half_width;

/// A body that is no form of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The fields of a form as sent.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `body`, which may have fields of `known` only, each at most once.
    pub(crate) fn parse(body: &[u8], known: &[&str]) -> Result<Self, Malformed> {
        let mut fields: Vec<(String, String)> = Vec::with_capacity(known.len());
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|b| *b == b'=').ok_or(Malformed)?;
            let (name, value) = pair.split_at_checked(at).ok_or(Malformed)?;
            let name = decode(name)?;
            let value = decode(value.get(1..).unwrap_or_default())?;
            let is_new = fields.iter().all(|(other, _)| *other != name);
            if !is_new || !known.contains(&name.as_str()) || value.contains('\0') {
                return Err(Malformed);
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// What can be read of a body that is not acted upon: names and texts.
    pub(crate) fn lenient(body: &[u8]) -> Vec<(String, String)> {
        let pairs = body.split(|b| *b == b'&').filter_map(|pair| {
            let at = pair.iter().position(|b| *b == b'=')?;
            let (name, value) = pair.split_at_checked(at)?;
            Some((decode(name).ok()?, decode(value.get(1..)?).ok()?))
        });
        pairs.collect()
    }

    /// Takes a field's text out; a field that was not sent is empty.
    pub(crate) fn take(&mut self, name: &str) -> String {
        let field = self.0.iter_mut().find(|(other, _)| other == name);
        field
            .map(|(_, value)| std::mem::take(value))
            .unwrap_or_default()
    }

    /// The procedure's version, which every form of a procedure carries.
    pub(crate) fn version(&mut self) -> Result<i64, Malformed> {
        self.take("version").parse().map_err(|_| Malformed)
    }
}

/// Undoes the URL Standard's form encoding of one name or value.
fn decode(text: &[u8]) -> Result<String, Malformed> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    String::from_utf8(percent_decode(&spaced)?).map_err(|_| Malformed)
}

/// Undoes percent encoding (RFC 3986 §2.1); a `%` without two digits is an error.
pub(crate) fn percent_decode(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        if *octet != b'%' {
            decoded.push(*octet);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>().ok_or(Malformed)?;
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        let value = high.zip(low).map(|(high, low)| high * 16 + low);
        decoded.push(
            value
                .and_then(|value| u8::try_from(value).ok())
                .ok_or(Malformed)?,
        );
        rest = after;
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["a", "b"];

    fn parse(body: &str) -> Option<(String, String)> {
        let mut fields = Fields::parse(body.as_bytes(), &KNOWN).ok()?;
        Some((fields.take("a"), fields.take("b")))
    }

    fn pair(a: &str, b: &str) -> Option<(String, String)> {
        Some((a.to_owned(), b.to_owned()))
    }

    #[test]
    fn fields_are_decoded_once() {
        assert_eq!(parse("a=1&b=2"), pair("1", "2"));
        assert_eq!(parse("b=x%2By+z&a=%E5%80%A4"), pair("値", "x+y z"));
        assert_eq!(parse("a=%2525&b=c=d"), pair("%25", "c=d"));
        assert_eq!(parse(""), pair("", ""));
        assert_eq!(parse("&a=1&"), pair("1", ""));
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for body in [
            "a=1&a=1",
            "a=1&a=2",
            "a=1&%61=2",
            "a=1&c=2",
            "a",
            "a&b=1",
            "=1",
            "a=%",
            "a=%2",
            "a=%zz",
            "a=%ff",
            "a=%c3",
            "a=%00",
            "a=1&A=2",
            "a=1;b=2&b;=3",
        ] {
            assert_eq!(parse(body), None, "{body}");
        }
    }

    #[test]
    fn a_version_is_a_whole_number() {
        let version = |body: &str| {
            Fields::parse(body.as_bytes(), &["version"])
                .unwrap()
                .version()
        };
        assert_eq!(version("version=12"), Ok(12));
        for body in [
            "",
            "version=",
            "version=x",
            "version=1.0",
            "version=99999999999999999999",
        ] {
            assert_eq!(version(body), Err(Malformed), "{body}");
        }
    }
}
