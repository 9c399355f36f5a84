//! What stands in a finished package, read back: for the announcement of a release.

use std::io::{self, Cursor, Read as _};

use msi::Select;
use tegata_protocol::release::{Architecture, Scope, Version};

use crate::layout::PRODUCT;

/// What a package says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Of the program in it.
    pub version: Version,
    /// For which processor.
    pub architecture: Architecture,
    /// For whom.
    pub scope: Scope,
    /// The Authenticode signature, a CMS ContentInfo; not verified here.
    pub signature: Option<Vec<u8>>,
}

/// Why a file is no package of ours.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// Not the database of a Windows package.
    #[error("not a Windows package: {0}")]
    Format(#[from] io::Error),
    /// A package of another product, or one that says too little.
    #[error("not a package of the MPKI client")]
    OtherProduct,
}

/// The stream in which Windows looks for the signature.
const SIGNATURE: &str = "\u{5}DigitalSignature";

/// Reads a finished package.
pub fn inspect(octets: &[u8]) -> Result<Inspection, InspectionError> {
    let mut package = msi::Package::open(Cursor::new(octets))?;
    let architecture = match package.summary_info().arch() {
        Some("x64") => Architecture::X64,
        Some("Intel") => Architecture::X86,
        _ => return Err(InspectionError::OtherProduct),
    };
    let is_signed = package.has_digital_signature();
    let rows = package.select_rows(Select::table("Property"))?;
    let properties: Vec<(String, String)> = rows
        .filter(|row| row.has_column("Property") && row.has_column("Value"))
        .filter_map(|row| {
            let name = row["Property"].as_str()?.to_owned();
            Some((name, row["Value"].as_str()?.to_owned()))
        })
        .collect();
    let property = |name: &str| {
        let found = properties.iter().find(|(property, _)| property == name);
        found.map(|(_, value)| value.as_str())
    };
    if property("ProductName") != Some(PRODUCT) {
        return Err(InspectionError::OtherProduct);
    }
    let version = property("ProductVersion").and_then(|text| text.parse().ok());
    let signature = match is_signed {
        true => Some(signature(octets)?),
        false => None,
    };
    Ok(Inspection {
        version: version.ok_or(InspectionError::OtherProduct)?,
        architecture,
        scope: match property("ALLUSERS") {
            Some(_) => Scope::Machine,
            None => Scope::User,
        },
        signature,
    })
}

fn signature(octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = cfb::CompoundFile::open(Cursor::new(octets))?;
    let mut signature = Vec::new();
    file.open_stream(SIGNATURE)?.read_to_end(&mut signature)?;
    Ok(signature)
}
