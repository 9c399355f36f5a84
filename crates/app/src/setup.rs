//! `tegata init`: CA keys, first certificates, first revocation lists (decisions K6 to K8).
//!
//! Two hierarchies always: the subscriber CA (one tier, or an offline root and an issuing CA) and the TLS CA.

use std::path::PathBuf;
use std::sync::Arc;

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::entropy::Entropy;
use tegata_domain::id::{AuditId, CaKeyId, SerialNumber};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_pki::connection_code::ConnectionCode;
use tegata_pki::crl::CrlWriter;
use tegata_pki::digest::sha256;
use tegata_pki::key::PrivateKey;
use tegata_pki::name::DistinguishedName;
use tegata_pki::profile::{CaPosition, CertificatePolicy, CertificateProfile, SubscriberCa, TlsCa};
use tegata_pki::signer::Signer;
use tegata_pki::soft::{SoftSigner, encrypt_key_file};
use tegata_pki::tbs::{TbsParameters, build_tbs, issue};
use tegata_store::{CaKeyPurpose, CaKeyRow, CaKeyState, FinishedList, SealedSecret, Store};
use zeroize::Zeroizing;

use crate::authority::key_algorithm;
use crate::authority_secret::AuthoritySecret;
use crate::base::{App, AppParts};
use crate::ca_key_file::{ca_key_file, ca_key_file_name, write_private};
use crate::error::{Error, Refusal, Result, internal};
use crate::publish::list_name;
use crate::seal::Keyring;

/// Days that an offline root's revocation list is valid.
const ROOT_LIST_DAYS: i64 = 365;
/// A list that no timer makes again.
const NEVER: Timestamp = Timestamp::from_unix(i64::MAX / 4);

/// How to initialise.
pub struct InitOptions {
    /// Where the offline root goes; demanded where the policy has two tiers.
    pub offline: Option<OfflineRoot>,
    /// Take a single-tier CA with its key on this machine (K7).
    pub accept_online_root: bool,
    /// Mark the database as a demo's, which `serve` refuses (S6).
    pub demo: bool,
}

/// Folder and passphrase of the offline root's key file.
pub struct OfflineRoot {
    /// A folder on a medium that leaves this machine.
    pub folder: PathBuf,
    /// Protects the key file.
    pub passphrase: Secret<String>,
}

/// What came into being.
#[derive(Debug)]
pub struct Initialised {
    /// Each CA certificate: its common name and SHA-256 fingerprint, hexadecimal.
    pub certificates: Vec<(String, String)>,
    /// 接続確認コード of the TLS CA (W6).
    pub connection_code: String,
    /// The offline root's key file, where there is one.
    pub offline_key_file: Option<PathBuf>,
}

/// A CA key that was just made.
struct Made {
    row: CaKeyRow,
    subject: DistinguishedName,
    signer: SoftSigner,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl Made {
    fn key(&self) -> Result<PrivateKey> {
        PrivateKey::from_pkcs8(&self.pkcs8).map_err(|error| internal("read a CA key", error))
    }
}

impl App {
    /// Whether `initialise` was completed on this database.
    pub async fn is_initialised(store: &Store) -> Result<bool> {
        Ok(store.reader().await?.fact("initialised").await?.is_some())
    }

    /// Whether this database belongs to a demo.
    pub async fn is_demo(store: &Store) -> Result<bool> {
        Ok(store.reader().await?.fact("demo").await?.is_some())
    }

    /// Makes peppers, CA keys, CA certificates and their list rows; refuses where that was done.
    pub async fn initialise(
        parts: &AppParts,
        options: InitOptions,
        now: Timestamp,
    ) -> Result<Initialised> {
        if Self::is_initialised(&parts.store).await? {
            return Err(refuse(
                "this database is initialised already; nothing was changed",
            ));
        }
        let keyring = Keyring::new(Arc::clone(&parts.kek), Arc::clone(&parts.entropy));
        let maker = Maker {
            parts,
            keyring: &keyring,
            now,
        };
        let (mut made, offline_key_file) = maker.subscriber_hierarchy(&options)?;
        let tls = maker.tls_ca()?;
        let code = ConnectionCode::of(tls.signer.public_key()).to_string();
        made.push(tls);
        let certificates = made.iter().map(shown).collect();
        let secrets = AuthoritySecret::ALL
            .iter()
            .map(|secret| secret.first(&keyring, parts.entropy.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        let root_list = maker.root_lists(&made)?;
        write(parts, options.demo, made, secrets, root_list, now).await?;
        Ok(Initialised {
            certificates,
            connection_code: code,
            offline_key_file,
        })
    }
}

struct Maker<'a> {
    parts: &'a AppParts,
    keyring: &'a Keyring,
    now: Timestamp,
}

impl Maker<'_> {
    /// One tier, or the offline root and the issuing CA.
    fn subscriber_hierarchy(&self, options: &InitOptions) -> Result<(Vec<Made>, Option<PathBuf>)> {
        let policy = &self.parts.policy.ca;
        if policy.tiers == 1 {
            if !options.accept_online_root {
                return Err(refuse(
                    "this profile has a single-tier CA; run init with --accept-online-root, or set policy.ca.tiers = 2",
                ));
            }
            let profile = CertificateProfile::SubscriberCa(SubscriberCa {
                position: CaPosition::Root,
                path_length: Some(0),
            });
            let subject = self.name(&policy.common_name)?;
            let mut root = self.make(CaKeyPurpose::Subscriber, subject, &profile, None)?;
            self.keep_key(&mut root)?;
            return Ok((vec![root], None));
        }
        let offline = options.offline.as_ref().ok_or_else(|| {
            refuse("this profile has an offline root; run init with --offline-dir FOLDER on a removable medium")
        })?;
        let profile = CertificateProfile::SubscriberCa(SubscriberCa {
            position: CaPosition::Root,
            path_length: Some(1),
        });
        let root = self.make(
            CaKeyPurpose::Root,
            self.name(&policy.common_name)?,
            &profile,
            None,
        )?;
        let file = self.write_offline(&root, offline)?;
        let plain = &self.parts.addresses.plain;
        let profile = CertificateProfile::SubscriberCa(SubscriberCa {
            position: CaPosition::Subordinate {
                policies: vec![CertificatePolicy::any()],
                crl_uri: Some(format!("{plain}/crl/{}/0.crl", root.row.id)),
                ca_issuers_uri: Some(format!("{plain}/ca/{}.cer", root.row.id)),
            },
            path_length: Some(0),
        });
        let subject = self.name(&policy.issuing_common_name)?;
        let mut issuing = self.make(CaKeyPurpose::Subscriber, subject, &profile, Some(&root))?;
        self.keep_key(&mut issuing)?;
        Ok((vec![root, issuing], Some(file)))
    }

    fn tls_ca(&self) -> Result<Made> {
        let profile = CertificateProfile::TlsCa(TlsCa {
            permitted_dns: self.parts.tls_domains.clone(),
            permitted_ips: Vec::new(),
            path_length: Some(0),
        });
        let subject = self.name(&self.parts.policy.ca.tls_common_name)?;
        let mut made = self.make(CaKeyPurpose::Tls, subject, &profile, None)?;
        self.keep_key(&mut made)?;
        Ok(made)
    }

    /// A key and its certificate, signed by `superior` or by itself.
    fn make(
        &self,
        purpose: CaKeyPurpose,
        subject: DistinguishedName,
        profile: &CertificateProfile,
        superior: Option<&Made>,
    ) -> Result<Made> {
        let policy = &self.parts.policy;
        let key = PrivateKey::generate(key_algorithm(&policy.ca.key)?)
            .map_err(|error| internal("make a CA key", error))?;
        let pkcs8 = key
            .to_pkcs8()
            .map_err(|error| internal("encode a CA key", error))?;
        let signer = SoftSigner::from_private_key(key);
        let (issuer, by) = match superior {
            Some(superior) => (&superior.subject, &superior.signer),
            None => (&subject, &signer),
        };
        let end = self.now.plus_months(policy.ca.years * 12).plus_seconds(-1);
        let not_after = superior.map_or(end, |superior| end.min(superior.row.not_after));
        let serial = SerialNumber::generate(self.parts.entropy.as_ref());
        let tbs = build_tbs(&TbsParameters {
            serial: *serial.octets(),
            issuer,
            issuer_key: by.public_key(),
            signature_algorithm: by.signature_algorithm(),
            subject: &subject,
            subject_key: signer.public_key(),
            not_before: self
                .now
                .plus_seconds(-policy.periods.backdate_seconds)
                .unix(),
            not_after: not_after.unix(),
            profile,
        })
        .map_err(|error| internal("build a CA certificate", error))?;
        let certificate =
            issue(&tbs, by).map_err(|error| internal("sign a CA certificate", error))?;
        let row = CaKeyRow {
            id: CaKeyId::generate(self.now, self.parts.entropy.as_ref()),
            purpose,
            state: CaKeyState::Active,
            certificate,
            chain: superior.map(|superior| superior.row.certificate.clone()),
            key_file: None,
            shards: shards_of(purpose, policy.crl.shards),
            not_after,
            created_at: self.now,
        };
        Ok(Made {
            row,
            subject,
            signer,
            pkcs8,
        })
    }

    /// Writes the key file that `serve` opens with the key-encryption key.
    fn keep_key(&self, made: &mut Made) -> Result<()> {
        let passphrase = self.keyring.passphrase(made.row.id.as_str())?;
        let text = ca_key_file(&made.key()?, &passphrase)?;
        let name = ca_key_file_name(&made.row.id, passphrase.number);
        write_private(&self.parts.key_folder, &name, text.as_bytes())?;
        made.row.key_file = Some(name);
        Ok(())
    }

    fn write_offline(&self, root: &Made, offline: &OfflineRoot) -> Result<PathBuf> {
        let passphrase = offline.passphrase.expose().as_bytes();
        let text = encrypt_key_file(&root.key()?, passphrase)
            .map_err(|error| internal("encrypt the root's key", error))?;
        write_private(&offline.folder, "root.key", text.as_bytes())?;
        write_private(&offline.folder, "root.cer", &root.row.certificate)?;
        Ok(offline.folder.join("root.key"))
    }

    /// The first lists of a key that goes offline; the others are made by the publisher.
    fn root_lists(&self, made: &[Made]) -> Result<Vec<FinishedList>> {
        let mut lists = Vec::new();
        for root in made
            .iter()
            .filter(|key| key.row.purpose == CaKeyPurpose::Root)
        {
            for list in [list_name(Some(0)), list_name(None)] {
                lists.push(self.root_list(root, &list)?);
            }
        }
        Ok(lists)
    }

    fn root_list(&self, root: &Made, list: &str) -> Result<FinishedList> {
        let number = self.now.unix();
        let next_update = self.now.plus_days(ROOT_LIST_DAYS);
        let uri = format!(
            "{}/crl/{}/{list}.crl",
            self.parts.addresses.plain, root.row.id
        );
        let point = (list != list_name(None)).then_some(uri.as_str());
        let der = CrlWriter::new(
            &root.subject,
            root.signer.public_key(),
            number.unsigned_abs(),
            self.now.unix(),
            next_update.unix(),
            point,
        )
        .map_err(|error| internal("begin the root's list", error))?
        .finish(&root.signer)
        .map_err(|error| internal("sign the root's list", error))?;
        Ok(FinishedList {
            ca_key: root.row.id.clone(),
            list: list.to_owned(),
            wanted: 1,
            number,
            this_update: self.now,
            next_update,
            due_at: NEVER,
            der,
        })
    }

    fn name(&self, common_name: &str) -> Result<DistinguishedName> {
        DistinguishedName::builder()
            .country(&self.parts.policy.subject.country)
            .organization(&self.parts.policy.ca.organization)
            .common_name(common_name)
            .build()
            .map_err(|error| internal("name a CA", error))
    }
}

/// Everything in one transaction, so that a half-made authority is never found.
async fn write(
    parts: &AppParts,
    demo: bool,
    made: Vec<Made>,
    secrets: Vec<(&'static str, SealedSecret)>,
    root_lists: Vec<FinishedList>,
    now: Timestamp,
) -> Result<()> {
    let rows: Vec<CaKeyRow> = made.into_iter().map(|key| key.row).collect();
    let event = created(parts.entropy.as_ref(), now);
    parts
        .store
        .write(move |tx| {
            Box::pin(async move {
                for row in &rows {
                    tx.insert_ca_key(row).await?;
                    for shard in 0..row.shards {
                        tx.ensure_publication(&row.id, &list_name(Some(shard)), now)
                            .await?;
                    }
                    tx.ensure_publication(&row.id, &list_name(None), now)
                        .await?;
                }
                for finished in root_lists {
                    tx.finish_publication(finished).await?;
                }
                for (purpose, secret) in &secrets {
                    tx.insert_sealing_secret(purpose, secret, now).await?;
                }
                if demo {
                    tx.set_fact("demo", "1").await?;
                }
                tx.set_fact("initialised", &now.unix().to_string()).await?;
                tx.insert_audit(&event).await?;
                Ok::<_, Error>(())
            })
        })
        .await
}

fn created(entropy: &dyn Entropy, now: Timestamp) -> AuditEvent {
    AuditEvent {
        id: AuditId::generate(now, entropy),
        at: now,
        actor: Actor::System,
        action: "authority.create",
        object: "program".to_owned(),
        detail: String::new(),
    }
}

/// TLS and root certificates are few: one shard.
fn shards_of(purpose: CaKeyPurpose, subscriber_shards: i64) -> i64 {
    match purpose {
        CaKeyPurpose::Subscriber => subscriber_shards,
        CaKeyPurpose::Root | CaKeyPurpose::Tls => 1,
    }
}

fn shown(made: &Made) -> (String, String) {
    let fingerprint = data_encoding::HEXUPPER.encode(&sha256(&made.row.certificate));
    (
        made.subject.common_name().unwrap_or_default().to_owned(),
        fingerprint,
    )
}

pub(crate) fn refuse(told: &str) -> Error {
    Refusal::State(told.to_owned()).into()
}
