//! Opening PKCS#12 files of the forms that [`super::write`] makes.

use aws_lc_rs::hmac;
use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use super::{
    CERT_BAG, DATA, ENCRYPTED_DATA, FRIENDLY_NAME, LOCAL_KEY_ID, PROVIDER_NAME, Pkcs12Error,
    SHROUDED_KEY_BAG, VERSION_3, X509_CERTIFICATE, kdf::Digest, mac_key, triple_des,
};
use crate::{
    key::PrivateKey,
    pbes2::{self, DecryptError},
    tlv::{self, Element, Malformed, Reader},
};

/// The contents of a file.
pub struct Opened {
    /// The key.
    pub key: PrivateKey,
    /// DER certificates in the order of the file, the key's own first.
    pub chain: Vec<Vec<u8>>,
    /// friendlyName of the key's bag.
    pub key_friendly_name: Option<String>,
    /// friendlyName of the first certificate's bag.
    pub certificate_friendly_name: Option<String>,
    /// localKeyId, if both bags have the same.
    pub local_key_id: Option<Vec<u8>>,
    /// The provider that Windows is to keep the key with.
    pub provider_name: Option<String>,
}

#[derive(Default)]
struct Attributes {
    friendly_name: Option<String>,
    local_key_id: Option<Vec<u8>>,
    provider_name: Option<String>,
}

#[derive(Default)]
struct Bags {
    key: Option<(PrivateKey, Attributes)>,
    certificates: Vec<(Vec<u8>, Attributes)>,
}

impl From<DecryptError> for Pkcs12Error {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::Parameters => Self::Malformed,
            DecryptError::Password => Self::Password,
        }
    }
}

/// Opens a file: checks the MAC first, then decrypts. Each layer names its own algorithms, so both
/// forms open, and a mixture of them too. Iteration counts above ten million are refused before
/// anything is computed.
pub fn open(der: &[u8], password: &str) -> Result<Opened, Pkcs12Error> {
    let mut file = Reader::sequence_in(der)?;
    if file.expect(tlv::INTEGER)? != [VERSION_3] {
        return Err(Pkcs12Error::Malformed);
    }
    let (kind, content) = read_content_info(file.sequence()?)?;
    if kind != DATA {
        return Err(Pkcs12Error::Malformed);
    }
    let safe = Element::only(content)?.expect(tlv::OCTET_STRING)?;
    check_mac(file.sequence()?, password, safe)?;
    file.finish()?;

    let mut bags = Bags::default();
    let mut contents = Reader::sequence_in(safe)?;
    while !contents.is_empty() {
        let (kind, content) = read_content_info(contents.sequence()?)?;
        match kind {
            DATA => bags.read(Element::only(content)?.expect(tlv::OCTET_STRING)?, password)?,
            ENCRYPTED_DATA => bags.read(&decrypt_content(content, password)?, password)?,
            _ => return Err(Pkcs12Error::Malformed),
        }
    }
    bags.into_opened()
}

fn read_content_info(mut info: Reader<'_>) -> Result<(ObjectIdentifier, &[u8]), Malformed> {
    let kind = info.object_identifier()?;
    let content = info.expect(tlv::context(0))?;
    info.finish()?;
    Ok((kind, content))
}

fn check_mac(mut data: Reader<'_>, password: &str, message: &[u8]) -> Result<(), Pkcs12Error> {
    let mut digest_info = data.sequence()?;
    let digest = Digest::from_oid(digest_info.sequence()?.object_identifier()?)
        .ok_or(Pkcs12Error::Malformed)?;
    let tag = digest_info.expect(tlv::OCTET_STRING)?;
    let salt = data.expect(tlv::OCTET_STRING)?;
    let iterations = pbes2::iteration_count(data.unsigned_integer()?)?;
    data.finish()?;
    let key = mac_key(digest, password, salt, iterations);
    hmac::verify(&key, message, tag).map_err(|_| Pkcs12Error::Password)
}

fn decrypt_content(content: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut data = Reader::sequence_in(content)?;
    data.expect(tlv::INTEGER)?;
    let mut info = data.sequence()?;
    data.finish()?;
    if info.object_identifier()? != DATA {
        return Err(Pkcs12Error::Malformed);
    }
    let algorithm = info.any()?.raw;
    let ciphertext = info.expect(tlv::context_primitive(0))?;
    info.finish()?;
    decrypt(algorithm, ciphertext, password)
}

fn decrypt(
    algorithm: &[u8],
    ciphertext: &[u8],
    password: &str,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let kind = Reader::sequence_in(algorithm)?.object_identifier()?;
    Ok(if kind == triple_des::PBE_WITH_SHA1_AND_3_KEY_TRIPLE_DES {
        triple_des::decrypt(algorithm, ciphertext, password)?
    } else {
        pbes2::decrypt(algorithm, ciphertext, password.as_bytes())?
    })
}

impl Bags {
    fn read(&mut self, safe_contents: &[u8], password: &str) -> Result<(), Pkcs12Error> {
        let mut bags = Reader::sequence_in(safe_contents)?;
        while !bags.is_empty() {
            let mut bag = bags.sequence()?;
            let kind = bag.object_identifier()?;
            let value = bag.expect(tlv::context(0))?;
            let attributes = read_attributes(bag.optional(tlv::SET)?.unwrap_or_default())?;
            bag.finish()?;
            match kind {
                SHROUDED_KEY_BAG if self.key.is_none() => {
                    let mut info = Reader::sequence_in(value)?;
                    let algorithm = info.any()?.raw;
                    let ciphertext = info.expect(tlv::OCTET_STRING)?;
                    let plain = decrypt(algorithm, ciphertext, password)?;
                    self.key = Some((PrivateKey::from_pkcs8(&plain)?, attributes));
                }
                CERT_BAG => {
                    let mut info = Reader::sequence_in(value)?;
                    if info.object_identifier()? != X509_CERTIFICATE {
                        return Err(Pkcs12Error::Malformed);
                    }
                    let der = Element::only(info.expect(tlv::context(0))?)?;
                    self.certificates
                        .push((der.expect(tlv::OCTET_STRING)?.to_vec(), attributes));
                }
                _ => return Err(Pkcs12Error::Malformed),
            }
        }
        Ok(())
    }

    fn into_opened(self) -> Result<Opened, Pkcs12Error> {
        let (key, key_attributes) = self.key.ok_or(Pkcs12Error::Malformed)?;
        let leaf = self.certificates.first().ok_or(Pkcs12Error::EmptyChain)?;
        let certificate_friendly_name = leaf.1.friendly_name.clone();
        let local_key_id = key_attributes
            .local_key_id
            .filter(|id| leaf.1.local_key_id.as_ref() == Some(id));
        Ok(Opened {
            key,
            key_friendly_name: key_attributes.friendly_name,
            certificate_friendly_name,
            local_key_id,
            provider_name: key_attributes.provider_name,
            chain: self.certificates.into_iter().map(|(der, _)| der).collect(),
        })
    }
}

fn read_attributes(set: &[u8]) -> Result<Attributes, Malformed> {
    let mut attributes = Attributes::default();
    let mut list = Reader::new(set);
    while !list.is_empty() {
        let mut attribute = list.sequence()?;
        let kind = attribute.object_identifier()?;
        let value = Element::only(attribute.expect(tlv::SET)?)?;
        match kind {
            FRIENDLY_NAME => attributes.friendly_name = Some(read_bmp_string(value)?),
            PROVIDER_NAME => attributes.provider_name = Some(read_bmp_string(value)?),
            LOCAL_KEY_ID => {
                attributes.local_key_id = Some(value.expect(tlv::OCTET_STRING)?.to_vec());
            }
            _ => {}
        }
    }
    Ok(attributes)
}

fn read_bmp_string(value: Element<'_>) -> Result<String, Malformed> {
    let units = value
        .expect(tlv::BMP_STRING)?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Ok(u16::from_be_bytes([*high, *low])),
            _ => Err(Malformed),
        });
    String::from_utf16(&units.collect::<Result<Vec<_>, _>>()?).map_err(|_| Malformed)
}
