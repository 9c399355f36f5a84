//! An NSS database (`cert9.db`, `key4.db`): where Firefox and Chromium on Linux look for client certificates. The
//! tools of NSS, `certutil` and `pk12util`, do the work.
//!
//! NSS gives all certificates of one subject the same nickname, and its tools delete by nickname. So a key is deleted
//! by its id; of the certificates under the nickname all are taken out and the others put back. A file beside the
//! database holds those others meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use der::asn1::UintRef;
use der::{Decode as _, Sequence};
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PublicKey;

use super::files::{UnixFiles, replace, store_error};
use super::mirror::{Installed, Mirror};
use crate::pem;
use crate::ports::StoreError;

const CERTIFICATES: &str = "cert9.db";
/// The certificates that are put back, should the program end between taking out and putting back.
const KEPT: &str = "tegata-kept.pem";
/// A user's own certificate needs no trust of its own; NSS shows `u` where it has the key.
const NO_TRUST: &str = ",,";
/// A root that vouches for servers.
const SERVER_ROOT: &str = "C,,";

/// The database.
pub struct NssDatabase {
    folder: PathBuf,
    password_file: Option<PathBuf>,
}

impl NssDatabase {
    /// Opens the database in this folder; makes one without a password where there is none. `password_file` holds the
    /// password of a database that has one.
    ///
    /// # Errors
    ///
    /// Where NSS's tools are not there, or the password is not the right one.
    pub fn open(folder: PathBuf, password_file: Option<PathBuf>) -> Result<Self, StoreError> {
        UnixFiles::open(folder.clone()).map_err(store_error)?;
        let database = Self {
            folder,
            password_file,
        };
        if !database.folder.join(CERTIFICATES).exists() {
            let arguments = match &database.password_file {
                Some(_) => ["-N"].as_slice(),
                None => &["-N", "--empty-password"],
            };
            database.certutil(arguments)?;
        }
        // A listing of keys needs the password: a wrong one is told now, not when a renewal is to be installed.
        database.keys()?;
        database.put_back()?;
        Ok(database)
    }

    /// Nicknames, each once for all certificates that have it.
    fn nicknames(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.certutil(&["-L"])?;
        let mut names: Vec<String> = listed
            .lines()
            .filter_map(|line| line.trim_end().rsplit_once(' '))
            .filter(|(_, trust)| trust.matches(',').count() == 2 && !trust.contains('/'))
            .map(|(name, _)| name.trim_end().to_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The certificates under a nickname.
    fn under(&self, nickname: &str) -> Result<Vec<Certificate>, StoreError> {
        let text = self.certutil(&["-L", "-a", "-n", nickname])?;
        pem::certificates(&text).map_err(|error| failed(&error))
    }

    /// The nickname of this certificate and all that share it; `None` where the certificate is not here.
    fn find(
        &self,
        certificate: &Certificate,
    ) -> Result<Option<(String, Vec<Certificate>)>, StoreError> {
        for nickname in self.nicknames()? {
            let found = self.under(&nickname)?;
            if found.iter().any(|one| one.der() == certificate.der()) {
                return Ok(Some((nickname, found)));
            }
        }
        Ok(None)
    }

    /// The ids of all private keys, in hexadecimal digits.
    fn keys(&self) -> Result<Vec<String>, StoreError> {
        let is_id = |word: &&str| word.len() == 40 && word.chars().all(|c| c.is_ascii_hexdigit());
        let listed = match self.certutil(&["-K"]) {
            Err(StoreError::Failed(detail)) if detail.contains("no keys found") => String::new(),
            other => other?,
        };
        let ids = listed.lines().filter_map(|line| {
            let id = line.split_whitespace().find(is_id);
            id.map(str::to_owned)
        });
        Ok(ids.collect())
    }

    fn add(
        &self,
        nickname: &str,
        trust: &str,
        certificate: &Certificate,
    ) -> Result<(), StoreError> {
        let file = self.folder.join(format!("{KEPT}.one"));
        replace(&file, certificate.pem().as_bytes()).map_err(store_error)?;
        let path = file.display().to_string();
        let added = self.certutil(&["-A", "-n", nickname, "-t", trust, "-a", "-i", &path]);
        fs::remove_file(&file).map_err(|error| failed(&error))?;
        added.map(|_| ())
    }

    /// Puts back what an earlier run took out and did not put back: the nickname, then the certificates.
    fn put_back(&self) -> Result<(), StoreError> {
        let kept = self.folder.join(KEPT);
        let text = match fs::read_to_string(&kept) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(&error)),
        };
        let (nickname, blocks) = text.split_once('\n').unwrap_or((&text, ""));
        for certificate in pem::certificates(blocks).map_err(|error| failed(&error))? {
            if self.find(&certificate)?.is_none() {
                self.add(nickname, NO_TRUST, &certificate)?;
            }
        }
        fs::remove_file(&kept).map_err(|error| failed(&error))
    }

    fn certutil(&self, arguments: &[&str]) -> Result<String, StoreError> {
        let mut command = Command::new("certutil");
        command.args(arguments);
        self.run(command, "-f")
    }

    fn run(&self, mut command: Command, password_option: &str) -> Result<String, StoreError> {
        let mut place = OsString::from("sql:");
        place.push(&self.folder);
        command.arg("-d").arg(place);
        if let Some(file) = &self.password_file {
            command.arg(password_option).arg(file);
        }
        let program = command.get_program().to_os_string();
        let ran = command.stdin(std::process::Stdio::null()).output();
        let ran = ran.map_err(|error| not_started(&program, &error))?;
        if ran.status.success() {
            return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
        }
        // Some things are said on standard output.
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let said = said.trim().lines().last().unwrap_or_default();
        let program = program.to_string_lossy();
        Err(StoreError::Failed(format!(
            "{program} on {}: {said}",
            self.folder.display()
        )))
    }
}

impl Mirror for NssDatabase {
    fn has(&self, certificate: &Certificate) -> Result<bool, StoreError> {
        let id = key_id(certificate.public_key())?;
        Ok(self.keys()?.contains(&id) && self.find(certificate)?.is_some())
    }

    fn publish(&self, installed: &Installed<'_>) -> Result<(), StoreError> {
        if self.has(installed.certificate)? {
            return Ok(());
        }
        let mut command = Command::new("pk12util");
        command.arg("-i").arg(installed.file);
        command.arg("-w").arg(installed.password_file);
        self.run(command, "-k").map(|_| ())
    }

    fn withdraw(&self, certificate: &Certificate) -> Result<(), StoreError> {
        let id = key_id(certificate.public_key())?;
        if self.keys()?.contains(&id) {
            self.certutil(&["-F", "-k", &id])?;
        }
        let Some((nickname, found)) = self.find(certificate)? else {
            return Ok(());
        };
        let others: Vec<Certificate> = found
            .iter()
            .filter(|one| one.der() != certificate.der())
            .cloned()
            .collect();
        let text = format!("{nickname}\n{}", pem::text(&others));
        replace(&self.folder.join(KEPT), text.as_bytes()).map_err(store_error)?;
        for _ in &found {
            self.certutil(&["-D", "-n", &nickname])?;
        }
        self.put_back()
    }

    fn trust(&self, root: &Certificate) -> Result<(), StoreError> {
        let name = root.subject().to_string();
        let nickname = root.subject().common_name().unwrap_or(&name);
        self.add(nickname, SERVER_ROOT, root)
    }
}

/// The id by which NSS knows a key: SHA-1 of an RSA key's modulus, or of the point of one on a curve.
fn key_id(key: &PublicKey) -> Result<String, StoreError> {
    #[derive(Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        public_exponent: UintRef<'a>,
    }
    if !key.algorithm().is_rsa() {
        return Ok(hex::encode(key.key_identifier()));
    }
    let rsa = RsaPublicKey::from_der(key.key_octets()).map_err(|error| failed(&error))?;
    let id = digest(&SHA1_FOR_LEGACY_USE_ONLY, rsa.modulus.as_bytes());
    Ok(hex::encode(id))
}

fn not_started(program: &OsStr, error: &std::io::Error) -> StoreError {
    let program = Path::new(program).display();
    StoreError::Failed(format!(
        "{program} cannot be started ({error}): install the tools of NSS (Debian: libnss3-tools)"
    ))
}

fn failed(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}
