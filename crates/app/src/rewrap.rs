//! Sealing anew under another key-encryption key (K8), while the program runs.
//!
//! Each value is exchanged only where it still is what was read, so nothing that was replaced or destroyed meanwhile
//! comes back. A run that ends half-way has done no harm: the next one goes on.

use std::collections::BTreeMap;

use tegata_domain::audit::Actor;
use tegata_domain::id::CaKeyId;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::outbox::{OutboxMail, sealed_name};
use tegata_pki::key::PrivateKey;
use tegata_store::{SealedColumn, SealedValue};

use crate::authority_secret::AuthoritySecret;
use crate::base::App;
use crate::ca_key_file::{ca_key_file, ca_key_file_name, open_ca_key_file, remove, write_private};
use crate::error::{Error, Refusal, Result, internal};
use crate::keyfile::{number_of_kept_key, reseal_kept_key};
use crate::letter::letter_place_of;
use crate::operators::totp_place;
use crate::seal::Purpose;
use crate::service::service_key_place;

/// Values that are read and exchanged in one go.
const PAGE: u32 = 200;

/// How many values stand under a key-encryption key, by its number.
pub type SealedCounts = BTreeMap<u8, u64>;

/// What one run sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Values in the database.
    pub values: u64,
    /// Files of CA keys.
    pub files: u64,
}

impl App {
    /// How many sealed values and CA key files there are under each key-encryption key. What a procedure's cookie
    /// carries is not counted: it is nowhere here, and ends with its procedure.
    pub async fn sealed_counts(&self) -> Result<SealedCounts> {
        let mut counts = SealedCounts::new();
        let mut count = |number: Option<u8>| {
            *counts.entry(number.unwrap_or_default()).or_default() += 1;
        };
        for column in SealedColumn::ALL {
            let mut after = String::new();
            loop {
                let page = self.sealed_page(column, &after).await?;
                let Some(last) = page.last() else { break };
                after.clone_from(&last.row);
                page.iter()
                    .for_each(|value| count(number_of(column, &value.sealed)));
            }
        }
        let mut after = None;
        while let Some((page, last)) = self.mail_page(after.as_ref()).await? {
            for mail in &page {
                if let Some((_, sealed)) = sealed_of_mail(mail)? {
                    count(sealed.first().copied());
                }
            }
            after = Some(last);
        }
        for (_, _, (_, number)) in self.open_key_files().await? {
            count(Some(number));
        }
        Ok(counts)
    }

    /// Seals everything anew that an older key-encryption key than the sealing one sealed.
    ///
    /// # Errors
    ///
    /// `NotAllowed` where `by` is no administrator. A value that no known key opens ends the run.
    pub async fn rewrap(&self, by: &Operator) -> Result<Rewrapped> {
        if !by.roles.contains(&Role::Administrator) {
            return Err(Refusal::NotAllowed.into());
        }
        let mut done = Rewrapped {
            files: self.rewrap_key_files().await?,
            ..Rewrapped::default()
        };
        for column in SealedColumn::ALL {
            done.values += self.rewrap_column(column).await?;
        }
        done.values += self.rewrap_mails().await?;
        let number = self.keyring().sealing_number();
        let detail = format!("values {}, files of CA keys {}", done.values, done.files);
        self.record_key(by, "key.rewrap", number, detail).await?;
        Ok(done)
    }

    /// Records that an administrator changes which key-encryption keys there are: `key.prepare`, `key.rotate` or
    /// `key.retire`. Call it before the change, so that none is without its event.
    ///
    /// # Errors
    ///
    /// `NotAllowed` where `by` is no administrator.
    pub async fn record_key_change(
        &self,
        by: &Operator,
        action: &'static str,
        number: u8,
    ) -> Result<()> {
        if !by.roles.contains(&Role::Administrator) {
            return Err(Refusal::NotAllowed.into());
        }
        self.record_key(by, action, number, String::new()).await
    }

    async fn record_key(
        &self,
        by: &Operator,
        action: &'static str,
        number: u8,
        detail: String,
    ) -> Result<()> {
        let actor = Actor::Operator(by.id.clone());
        let object = format!("kek:{number}");
        let event = self.event(actor, action, object, detail, self.clock_now());
        self.store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.insert_audit(&event).await?) })
            })
            .await
    }

    async fn sealed_page(&self, column: SealedColumn, after: &str) -> Result<Vec<SealedValue>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.sealed_values(column, after, PAGE).await?)
    }

    async fn mail_page(
        &self,
        after: Option<&OutboxMail>,
    ) -> Result<Option<(Vec<OutboxMail>, OutboxMail)>> {
        let mut reader = self.store().reader().await?;
        let page = reader.waiting_mails_after(after, PAGE).await?;
        let last = page.last().cloned();
        Ok(last.map(|last| (page, last)))
    }

    async fn rewrap_column(&self, column: SealedColumn) -> Result<u64> {
        let (mut after, mut done) = (String::new(), 0);
        loop {
            let page = self.sealed_page(column, &after).await?;
            let Some(last) = page.last() else {
                return Ok(done);
            };
            after.clone_from(&last.row);
            let mut changes = Vec::new();
            for old in page {
                if let Some(new) = self.resealed(column, &old)? {
                    changes.push((old, new));
                }
            }
            if changes.is_empty() {
                continue;
            }
            done += self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        let mut replaced = 0;
                        for (old, new) in &changes {
                            replaced += u64::from(tx.replace_sealed(column, old, new).await?);
                        }
                        Ok::<_, Error>(replaced)
                    })
                })
                .await?;
        }
    }

    fn resealed(&self, column: SealedColumn, old: &SealedValue) -> Result<Option<Vec<u8>>> {
        let row = old.row.as_str();
        let (purpose, place) = match column {
            SealedColumn::AuthoritySecret => authority_secret_place(row)?,
            SealedColumn::LetterSecret => (Purpose::Letter, letter_place_of(row)),
            SealedColumn::OneTimeCode => (Purpose::Totp, totp_place(row)),
            SealedColumn::ServiceKey => (Purpose::ServiceKey, service_key_place(row)),
            SealedColumn::SubscriberKey => {
                return reseal_kept_key(self.keyring(), row, &old.sealed);
            }
        };
        self.keyring().reseal(purpose, &place, &old.sealed)
    }

    async fn rewrap_mails(&self) -> Result<u64> {
        let (mut after, mut done) = (None, 0);
        while let Some((page, last)) = self.mail_page(after.as_ref()).await? {
            for mail in page {
                done += u64::from(self.rewrap_mail(mail).await?);
            }
            after = Some(last);
        }
        Ok(done)
    }

    async fn rewrap_mail(&self, mail: OutboxMail) -> Result<bool> {
        let Some((name, sealed)) = sealed_of_mail(&mail)? else {
            return Ok(false);
        };
        let place = format!("outbox/{}/{name}", mail.id);
        let Some(resealed) = self.keyring().reseal(Purpose::Mail, &place, &sealed)? else {
            return Ok(false);
        };
        let mut values = mail.values.clone();
        let text = data_encoding::BASE64.encode(&resealed);
        values.insert(sealed_name(name), text);
        self.store()
            .write(move |tx| {
                Box::pin(
                    async move { Ok::<_, Error>(tx.replace_mail_values(&mail, &values).await?) },
                )
            })
            .await
    }

    /// The files of CA keys that are here, each with its key and the number of the key-encryption key that opened it.
    async fn open_key_files(&self) -> Result<Vec<(CaKeyId, String, (PrivateKey, u8))>> {
        let mut found = Vec::new();
        for row in self.store().reader().await?.list_ca_keys().await? {
            let Some(name) = row.key_file.clone() else {
                continue;
            };
            let opened = open_ca_key_file(self.key_folder(), &name, &row.id, self.keyring())?;
            found.push((row.id, name, opened));
        }
        Ok(found)
    }

    async fn rewrap_key_files(&self) -> Result<u64> {
        let mut done = 0;
        for (id, old, (key, number)) in self.open_key_files().await? {
            let passphrase = self.keyring().passphrase(id.as_str())?;
            if number == passphrase.number {
                continue;
            }
            let new = ca_key_file_name(&id, passphrase.number);
            // An earlier run may have ended between this file and its row.
            remove(self.key_folder(), &new)?;
            let text = ca_key_file(&key, &passphrase)?;
            write_private(self.key_folder(), &new, text.as_bytes())?;
            let (from, to) = (old.clone(), new);
            self.store()
                .write(move |tx| {
                    Box::pin(async move {
                        let moved = tx.move_ca_key_file(&id, &from, &to).await?;
                        if moved { Ok(()) } else { Err(Error::Conflict) }
                    })
                })
                .await?;
            remove(self.key_folder(), &old)?;
            done += 1;
        }
        Ok(done)
    }
}

fn number_of(column: SealedColumn, sealed: &[u8]) -> Option<u8> {
    match column {
        SealedColumn::SubscriberKey => number_of_kept_key(sealed),
        _ => sealed.first().copied(),
    }
}

/// Purpose and place of a row `PURPOSE/NUMBER`.
fn authority_secret_place(row: &str) -> Result<(Purpose, String)> {
    let unknown = || {
        internal(
            "seal a secret of the authority anew",
            format!("what is {row}?"),
        )
    };
    let (word, number) = row.split_once('/').ok_or_else(unknown)?;
    let secret = AuthoritySecret::ALL
        .into_iter()
        .find(|secret| secret.word() == word)
        .ok_or_else(unknown)?;
    let number = number.parse().map_err(|_| unknown())?;
    Ok((secret.purpose(), secret.place(number)))
}

/// The name and the sealed octets of the secret that a mail carries.
fn sealed_of_mail(mail: &OutboxMail) -> Result<Option<(&'static str, Vec<u8>)>> {
    let Some(name) = mail.kind.secret() else {
        return Ok(None);
    };
    let Some(text) = mail.values.get(&sealed_name(name)) else {
        return Ok(None);
    };
    let sealed = data_encoding::BASE64
        .decode(text.as_bytes())
        .map_err(|error| internal("read a mail's secret", error))?;
    Ok(Some((name, sealed)))
}
