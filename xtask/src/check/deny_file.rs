//! Reads the lists of `deny.toml`, which cargo-deny reads too, so that they stand in one place.

use anyhow::{Result, bail};

/// What may not come in, and on which terms the rest may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DenyFile {
    /// `[bans] deny`: names of crates.
    pub(crate) banned: Vec<String>,
    /// `[licenses] allow`: SPDX identifiers.
    pub(crate) licences: Vec<String>,
}

impl DenyFile {
    /// Reads the two lists. They hold plain strings in double quotes and are never empty.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let banned = list(text, "[bans]", "deny");
        let licences = list(text, "[licenses]", "allow");
        if banned.is_empty() || licences.is_empty() {
            bail!("deny.toml lacks [bans] deny or [licenses] allow");
        }
        Ok(Self { banned, licences })
    }
}

/// The strings of an array, from its key to its closing bracket.
fn list(text: &str, section: &str, key: &str) -> Vec<String> {
    let mut in_section = false;
    let mut in_list = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') && !in_list {
            in_section = line == section;
        }
        let begins = line
            .split_once('=')
            .is_some_and(|(name, _)| name.trim() == key);
        in_list |= in_section && begins;
        if in_list {
            found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
            in_list = !line.ends_with(']');
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_are_read_from_their_sections() {
        let text = "[graph]\ndeny = [\"no\"]\n[bans]\nwildcards = \"deny\"\ndeny = [\n  \
                    \"ring\", # why\n  \"rsa\",\n]\n[licenses]\nallow = [\"MIT\", \"ISC\"]\n\
                    deny = [\"no\"]\n";
        let found = DenyFile::read(text).unwrap();
        assert_eq!(found.banned, ["ring", "rsa"]);
        assert_eq!(found.licences, ["MIT", "ISC"]);
    }

    #[test]
    fn a_file_without_a_list_is_refused() {
        assert!(DenyFile::read("[bans]\ndeny = []\n[licenses]\nallow = [\"MIT\"]\n").is_err());
        assert!(DenyFile::read("").is_err());
    }
}
