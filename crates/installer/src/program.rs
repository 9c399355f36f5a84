//! What stands in a Windows program file (PE format): for which processor it was built, its version, its icon.

use object::read::pe::{ImageNtHeaders, PeFile, PeFile32, PeFile64, ResourceDirectory};
use object::{LittleEndian as LE, pe};
use tegata_protocol::release::{Architecture, Version};

/// Why a file cannot be packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProgramError {
    /// The processor is neither x64 nor x86.
    #[error("the program was built for another processor than x64 or x86")]
    Architecture,
    /// No RT_GROUP_ICON resource.
    #[error("the program carries no icon")]
    Icon,
    /// Not a PE file, or a damaged one.
    #[error("this is no Windows program")]
    Malformed,
    /// No VERSIONINFO, or numbers that Windows Installer cannot compare.
    #[error("the program carries no version of the form MAJOR.MINOR.PATCH (at most 255.255.65535)")]
    Version,
}

impl From<object::Error> for ProgramError {
    fn from(_: object::Error) -> Self {
        Self::Malformed
    }
}

/// A Windows program with what the package must know about it.
#[derive(Clone)]
pub struct Program {
    octets: Vec<u8>,
    architecture: Architecture,
    version: Version,
    icon: Vec<u8>,
}

impl Program {
    /// Reads the octets of an `.exe` file.
    pub fn read(octets: Vec<u8>) -> Result<Self, ProgramError> {
        let (architecture, found) = match object::FileKind::parse(octets.as_slice())? {
            object::FileKind::Pe64 => (Architecture::X64, resources(&PeFile64::parse(&*octets)?)?),
            object::FileKind::Pe32 => (Architecture::X86, resources(&PeFile32::parse(&*octets)?)?),
            _ => return Err(ProgramError::Malformed),
        };
        Ok(Self {
            architecture,
            version: found.version,
            icon: found.icon,
            octets,
        })
    }

    /// A program that no linker made.
    #[cfg(test)]
    pub(crate) fn for_tests(octets: Vec<u8>, architecture: Architecture, version: Version) -> Self {
        Self {
            octets,
            architecture,
            version,
            icon: b"icon".to_vec(),
        }
    }

    /// The file itself.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// For which processor it was built.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The product version of its VERSIONINFO.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its icon in the form of an `.ico` file.
    pub fn icon(&self) -> &[u8] {
        &self.icon
    }
}

struct Resources {
    version: Version,
    icon: Vec<u8>,
}

fn resources<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Result<Resources, ProgramError> {
    let machine = file.nt_headers().file_header().machine.get(LE);
    let is_known = if file.nt_headers().is_type_64() {
        machine == pe::IMAGE_FILE_MACHINE_AMD64
    } else {
        machine == pe::IMAGE_FILE_MACHINE_I386
    };
    if !is_known {
        return Err(ProgramError::Architecture);
    }
    let sections = file.section_table();
    let directory = file
        .data_directories()
        .resource_directory(file.data(), &sections)?
        .ok_or(ProgramError::Version)?;
    let read = |kind: u16, id: Option<u16>| -> Result<Option<Vec<u8>>, ProgramError> {
        let Some(entry) = find(&directory, kind, id)? else {
            return Ok(None);
        };
        let address = entry.offset_to_data.get(LE);
        let size = usize::try_from(entry.size.get(LE)).map_err(|_| ProgramError::Malformed)?;
        let data = sections.pe_data_at(file.data(), address);
        let data = data.and_then(|data| data.get(..size));
        Ok(Some(data.ok_or(ProgramError::Malformed)?.to_vec()))
    };
    let version = read(pe::RT_VERSION, None)?.ok_or(ProgramError::Version)?;
    let group = read(pe::RT_GROUP_ICON, None)?.ok_or(ProgramError::Icon)?;
    Ok(Resources {
        version: fixed_version(&version).ok_or(ProgramError::Version)?,
        icon: icon_file(&group, |id| read(pe::RT_ICON, Some(id)).ok().flatten())
            .ok_or(ProgramError::Icon)?,
    })
}

/// The first resource of a kind, or the one with an id, in any language.
fn find(
    directory: &ResourceDirectory<'_>,
    kind: u16,
    id: Option<u16>,
) -> Result<Option<pe::ImageResourceDataEntry>, ProgramError> {
    let kinds = directory.root()?;
    let Some(kind) = kinds
        .entries
        .iter()
        .find(|entry| entry.name_or_id().id() == Some(kind))
    else {
        return Ok(None);
    };
    let Some(ids) = kind.data(*directory)?.table() else {
        return Err(ProgramError::Malformed);
    };
    let wanted =
        |entry: &&pe::ImageResourceDirectoryEntry| id.is_none() || entry.name_or_id().id() == id;
    let Some(entry) = ids.entries.iter().find(wanted) else {
        return Ok(None);
    };
    let languages = entry.data(*directory)?.table();
    let language = languages.as_ref().and_then(|table| table.entries.first());
    let Some(language) = language else {
        return Err(ProgramError::Malformed);
    };
    Ok(language.data(*directory)?.data().copied())
}

/// The product version in VS_FIXEDFILEINFO, which begins with a signature on a boundary of 32 bits.
fn fixed_version(resource: &[u8]) -> Option<Version> {
    const SIGNATURE: [u8; 4] = 0xFEEF_04BD_u32.to_le_bytes();
    let (words, _) = resource.as_chunks::<4>();
    let start = words.iter().position(|word| *word == SIGNATURE)?;
    let high = u32::from_le_bytes(*words.get(start + 4)?);
    let low = u32::from_le_bytes(*words.get(start + 5)?);
    Some(Version {
        major: u8::try_from(high >> 16).ok()?,
        minor: u8::try_from(high & 0xffff).ok()?,
        patch: u16::try_from(low >> 16).ok()?,
    })
}

/// Joins a group of icons to a file: the two forms differ in the last field of an entry alone, which is an id in
/// the resource (2 octets) and an offset in the file (4 octets).
fn icon_file(group: &[u8], image: impl Fn(u16) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    const HEAD: usize = 6;
    const SHARED: usize = 12;
    let (head, entries) = group.split_at_checked(HEAD)?;
    let (entries, _) = entries.as_chunks::<14>();
    let mut offset = HEAD + entries.len() * (SHARED + 4);
    let mut file = head.to_vec();
    let mut images = Vec::new();
    for entry in entries {
        let (shared, id) = entry.split_at_checked(SHARED)?;
        let data = image(u16::from_le_bytes(id.try_into().ok()?))?;
        file.extend_from_slice(shared);
        file.extend_from_slice(&u32::try_from(offset).ok()?.to_le_bytes());
        offset += data.len();
        images.push(data);
    }
    file.extend(images.into_iter().flatten());
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_file_points_at_its_images() {
        let mut group = vec![0, 0, 1, 0, 2, 0];
        for (id, length) in [(7_u8, 3_u8), (9, 2)] {
            group.extend([16, 16, 0, 0, 1, 0, 32, 0, length, 0, 0, 0, id, 0]);
        }
        let images = |id| match id {
            7 => Some(vec![1, 2, 3]),
            9 => Some(vec![4, 5]),
            _ => None,
        };
        let file = icon_file(&group, images).unwrap();
        assert_eq!(file.len(), 6 + 2 * 16 + 5);
        assert_eq!(file[18..22], [38, 0, 0, 0]);
        assert_eq!(file[34..38], [41, 0, 0, 0]);
        assert_eq!(file[38..], [1, 2, 3, 4, 5]);
        assert!(icon_file(&group, |_| None).is_none());
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for octets in [&b""[..], b"MZ", b"\x7fELF\x02\x01\x01"] {
            assert!(Program::read(octets.to_vec()).is_err());
        }
    }
}
