//! The operators of one installation, with their passwords and authenticators.
//!
//! A one-time code works once, and no test waits for the next one: whoever has used up the codes of
//! this half minute gets a colleague with the same role.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use serde_json::Value;

use crate::json::text;
use crate::tools::unix_now;

/// Seconds of one step of a one-time code (RFC 6238 §4.1).
const STEP: u64 = 30;
/// The password of every operator of the tests.
const PASSWORD: &str = "a long password of the tests";

/// One operator.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name to log in with.
    pub name: String,
    /// The role.
    pub role: String,
    /// A file with the password.
    pub password_file: PathBuf,
    secret: Vec<u8>,
    last_step: u64,
    /// Seconds by which the clock of the authenticator is ahead of the machine's.
    ahead: u64,
}

impl Person {
    /// An operator with this password and this secret of one-time codes (base32).
    pub fn new(
        folder: &Path,
        name: &str,
        role: &str,
        password: &str,
        secret: &str,
    ) -> Result<Self> {
        let password_file = folder.join(format!("password-{name}"));
        fs::write(&password_file, format!("{password}\n"))?;
        let secret = secret.trim_end_matches('=').as_bytes();
        let secret = BASE32_NOPAD.decode(secret).context("a secret in base32")?;
        Ok(Self {
            name: name.to_owned(),
            role: role.to_owned(),
            password_file,
            secret,
            last_step: 0,
            ahead: 0,
        })
    }

    /// A code that was not used before, if one is valid now.
    pub fn code(&mut self) -> Option<String> {
        let present = (unix_now() + self.ahead) / STEP;
        let step = present.max(self.last_step + 1);
        if step > present + 1 {
            return None;
        }
        self.last_step = step;
        Some(one_time_code(&self.secret, step))
    }

    /// The password, as typed at the console.
    pub fn password(&self) -> Result<String> {
        let written = fs::read_to_string(&self.password_file)?;
        Ok(written.trim_end().to_owned())
    }

    /// The arguments that prove who acts, `--operator` included.
    pub fn proof(&mut self) -> Option<Vec<String>> {
        let code = self.code()?;
        Some(vec![
            "--operator".to_owned(),
            self.name.clone(),
            "--password-file".to_owned(),
            self.password_file.display().to_string(),
            "--totp".to_owned(),
            code,
        ])
    }
}

/// Everybody.
#[derive(Debug)]
pub struct Staff {
    folder: PathBuf,
    people: Vec<Person>,
    ahead: u64,
}

impl Staff {
    /// Nobody yet; password files go to `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            people: Vec::new(),
            ahead: 0,
        }
    }

    /// Sets everybody's authenticator so many seconds ahead of the machine's clock.
    pub fn set_clock_by(&mut self, ahead: u64) {
        self.ahead = ahead;
        for person in &mut self.people {
            person.ahead = ahead;
        }
    }

    /// Somebody who is there already.
    pub fn join(&mut self, mut person: Person) {
        person.ahead = self.ahead;
        self.people.push(person);
    }

    /// The proof of somebody with this role; `add` runs `tegata` to make a new colleague where all
    /// have used up their codes.
    pub fn proof(
        &mut self,
        role: &str,
        add: impl FnOnce(&[&str]) -> Result<Value>,
    ) -> Result<Vec<String>> {
        Ok(self.proof_of_other(role, "", add)?.1)
    }

    /// The same of somebody who is not called `except`: the second of two persons. The name comes first.
    pub fn proof_of_other(
        &mut self,
        role: &str,
        except: &str,
        add: impl FnOnce(&[&str]) -> Result<Value>,
    ) -> Result<(String, Vec<String>)> {
        let others = self.people.iter_mut();
        let mut colleagues = others.filter(|person| person.role == role && person.name != except);
        let found = colleagues.find_map(|one| one.proof().map(|proof| (one.name.clone(), proof)));
        if let Some(found) = found {
            return Ok(found);
        }
        let name = self.hire(role, add)?;
        let proof = self.proof_of(&name)?;
        Ok((name, proof))
    }

    /// Makes a new operator with this role (or several, separated by blanks) and returns the name.
    pub fn hire(
        &mut self,
        role: &str,
        add: impl FnOnce(&[&str]) -> Result<Value>,
    ) -> Result<String> {
        let (first, _) = role.split_once(' ').unwrap_or((role, ""));
        let name = format!("{}{}", first.replace('_', "-"), self.people.len());
        let file = self.folder.join("new-password");
        fs::write(&file, format!("{PASSWORD}\n"))?;
        let file = file.display().to_string();
        let mut arguments = vec![
            "operator",
            "add",
            &name,
            "--new-password-file",
            &file,
            "--json",
        ];
        for role in role.split(' ') {
            arguments.extend(["--role", role]);
        }
        let added = add(&arguments)?;
        let secret = text(&added, "totp_secret")?;
        let person = Person::new(&self.folder, &name, role, PASSWORD, secret)?;
        self.join(person);
        Ok(name)
    }

    /// This very person.
    pub fn person(&mut self, name: &str) -> Result<&mut Person> {
        let mut people = self.people.iter_mut();
        let person = people.find(|person| person.name == name);
        person.with_context(|| format!("nobody is called {name}"))
    }

    /// The proof of this very person.
    pub fn proof_of(&mut self, name: &str) -> Result<Vec<String>> {
        self.person(name)?
            .proof()
            .with_context(|| format!("{name} has no code left in this half minute"))
    }
}

/// RFC 6238 with SHA-1 and six digits.
fn one_time_code(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let octets = tag.as_ref();
    let offset = usize::from(octets.last().copied().unwrap_or(0) & 0x0f);
    let number = octets
        .iter()
        .skip(offset)
        .take(4)
        .fold(0_u32, |number, octet| (number << 8) | u32::from(*octet));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        let secret = b"12345678901234567890";
        assert_eq!(one_time_code(secret, 59 / STEP), "287082");
        assert_eq!(one_time_code(secret, 1_111_111_109 / STEP), "081804");
        assert_eq!(one_time_code(secret, 20_000_000_000 / STEP), "353130");
    }

    #[test]
    fn a_person_has_two_codes_in_a_half_minute_and_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let mut person =
            Person::new(folder.path(), "eve", "intake", "x", "GEZDGNBVGY3TQOJQ").unwrap();
        let codes: Vec<_> = (0..4).map(|_| person.code()).collect();
        let given: Vec<_> = codes.iter().flatten().collect();
        assert!((2..=3).contains(&given.len()), "{codes:?}");
        assert!(codes.last().unwrap().is_none());
    }
}
