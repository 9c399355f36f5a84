//! Licence expressions of manifests: SPDX 2.3 annex D, and the older `A/B` for `A OR B`.

/// Whether the expression can be met with these licences alone. What cannot be read is not met.
pub(crate) fn is_met(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = Words {
        words: spaced.split_whitespace().collect(),
        at: 0,
        allowed,
    };
    words.either() == Some(true) && words.at == words.words.len()
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a [String],
}

impl Words<'_> {
    fn either(&mut self) -> Option<bool> {
        let mut met = self.both()?;
        while self.takes("OR") {
            met |= self.both()?;
        }
        Some(met)
    }

    fn both(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.takes("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let met = self.either()?;
            return self.takes(")").then_some(met);
        }
        let mut name = (*self.words.get(self.at)?).to_owned();
        self.at += 1;
        if self.takes("WITH") {
            name = format!("{name} WITH {}", self.words.get(self.at)?);
            self.at += 1;
        }
        Some(self.allowed.contains(&name))
    }

    fn takes(&mut self, word: &str) -> bool {
        let there = self.words.get(self.at) == Some(&word);
        self.at += usize::from(there);
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> bool {
        is_met(expression, &["MIT".to_owned(), "ISC".to_owned()])
    }

    #[test]
    fn one_allowed_licence_of_several_is_enough() {
        assert!(met("MIT"));
        assert!(met("Apache-2.0 OR MIT"));
        assert!(met("Apache-2.0/MIT"));
        assert!(met("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
    }

    #[test]
    fn all_licences_of_a_conjunction_are_needed() {
        assert!(met("MIT AND ISC"));
        assert!(met("ISC AND (Apache-2.0 OR ISC)"));
        assert!(!met("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!met("MIT AND GPL-3.0-only OR Apache-2.0"));
    }

    #[test]
    fn an_exception_is_another_licence() {
        assert!(!met("MIT WITH some-exception"));
    }

    #[test]
    fn nonsense_is_not_met() {
        for expression in ["", "MIT MIT", "MIT OR", "(MIT", "MIT)", "OR MIT"] {
            assert!(!met(expression), "{expression}");
        }
    }
}
