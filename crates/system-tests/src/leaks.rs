//! Looks for secrets where none may be: in what a server stores, says and receives (T13, T18).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::database::Database;
use crate::openssl::openssl;
use crate::served::Served;
use crate::tools::{command, run};

/// Of a long secret this many octets are looked for, from the eighth on: a piece betrays it as well as the whole.
const PIECE: usize = 48;
const BEGIN: usize = 8;

/// Whether the secret stands there: as it is, in hexadecimal of either case, or in base64 of either alphabet at any of its
/// three alignments.
pub fn finds(whole: &[u8], secret: &[u8]) -> bool {
    let piece = piece(secret, 0);
    let hex: String = piece.iter().map(|octet| format!("{octet:02x}")).collect();
    let mut forms = vec![
        piece.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    for skipped in 0..3 {
        let aligned = self::piece(secret, skipped);
        // What does not fill three octets depends on what follows.
        let full = aligned.get(..aligned.len() / 3 * 3).unwrap_or(aligned);
        forms.push(STANDARD.encode(full).into_bytes());
        forms.push(URL_SAFE.encode(full).into_bytes());
    }
    forms.iter().any(|form| {
        let mut windows = whole.windows(form.len());
        windows.any(|window| window == form.as_slice())
    })
}

fn piece(secret: &[u8], skipped: usize) -> &[u8] {
    let long = secret.get(BEGIN + skipped..BEGIN + skipped + PIECE);
    long.or(secret.get(skipped..)).unwrap_or(secret)
}

/// The secret numbers of an RSA key in PEM, as `openssl rsa` tells them: d, p and q.
pub fn numbers_of_key(pem: &Path) -> Result<[Vec<u8>; 3]> {
    let pem = pem.display().to_string();
    let text = openssl(["rsa", "-noout", "-text", "-in", &pem])?
        .good()?
        .text();
    let number = |name: &str| -> Result<Vec<u8>> {
        let (_, after) = text.split_once(name).context("a number of the key")?;
        let lines = after.lines().skip(1);
        let lines = lines.take_while(|line| line.starts_with(' '));
        let digits: String = lines.map(str::trim).collect();
        let octets = digits.split(':').filter(|octet| !octet.is_empty());
        let octets = octets.map(|octet| u8::from_str_radix(octet, 16));
        let octets = octets.collect::<Result<Vec<_>, _>>()?;
        // A zero before the number is no part of it.
        let number: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
        ensure!(number.len() > 100, "{name} {} octets", number.len());
        Ok(number)
    };
    Ok([
        number("privateExponent:")?,
        number("prime1:")?,
        number("prime2:")?,
    ])
}

/// Every file of the data folder, the database with its log, and what PostgreSQL holds as a dump.
pub fn stored(served: &Served) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    read_all(&served.folder().join("data"), &mut whole)?;
    match &served.database {
        Database::Sqlite(file) => {
            for ending in ["", "-wal"] {
                whole.extend(fs::read(format!("{}{ending}", file.display()))?);
            }
        }
        Database::Postgres { .. } => {
            let url = served.database.url()?;
            whole.extend(run(&mut command("pg_dump", ["-d", &url]))?.good()?.stdout);
        }
    }
    Ok(whole)
}

/// Appends every file below a folder.
pub fn read_all(folder: &Path, whole: &mut Vec<u8>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(&path, whole)?;
        } else {
            whole.extend(fs::read(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_each_form_and_at_each_alignment() {
        let long: Vec<u8> = (0..128_u8).map(|n| n.wrapping_mul(37)).collect();
        for secret in [long.as_slice(), b"k53pBvrBQd"] {
            let hex: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
            let mut planted = vec![
                secret.to_vec(),
                hex.to_uppercase().into_bytes(),
                hex.into_bytes(),
            ];
            for before in 0..3 {
                let with = [&[0xa5; 3][..before], secret, &[0x5a; 4]].concat();
                planted.push(STANDARD.encode(&with).into_bytes());
                planted.push(URL_SAFE.encode(&with).into_bytes());
            }
            for planted in planted {
                let whole = [b"before ".as_slice(), &planted, b" after"].concat();
                assert!(finds(&whole, secret), "{planted:?}");
            }
            assert!(!finds(
                b"nothing of the kind, though long enough for it to stand in",
                secret
            ));
        }
    }
}
