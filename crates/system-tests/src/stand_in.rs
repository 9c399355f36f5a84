//! Windows programs in the place of the client, small and of any version; and a tool that signs what is packed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::openssl::openssl;
use crate::tools::{Ran, command, oracle, run, server_binary};

/// A processor that MinGW compiles for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// 64 bits.
    X64,
    /// 32 bits.
    X86,
}

impl Processor {
    const fn mingw(self) -> &'static str {
        match self {
            Self::X64 => "x86_64-w64-mingw32",
            Self::X86 => "i686-w64-mingw32",
        }
    }
}

/// Compiles a stand-in of this version into `folder`.
pub fn compile(folder: &Path, processor: Processor, version: &str) -> Result<PathBuf> {
    fs::copy(oracle("stand_in.rc"), folder.join("stand_in.rc"))?;
    fs::write(folder.join("stand_in.ico"), icon())?;
    let mingw = processor.mingw();
    let numbers: Vec<&str> = version.split('.').collect();
    let resource = folder.join("stand_in.o");
    let mut windres = command(format!("{mingw}-windres"), ["stand_in.rc", "-O", "coff"]);
    windres.current_dir(folder).arg("-o").arg(&resource);
    for (name, number) in ["MAJOR", "MINOR", "PATCH"].iter().zip(numbers) {
        windres.arg(format!("-D{name}={number}"));
    }
    run(&mut windres)?.good()?;
    let program = folder.join(format!("stand-in-{version}-{mingw}.exe"));
    let flags = ["-municode", "-mwindows", "-Os", "-s", "-o"];
    let mut compiler = command(format!("{mingw}-gcc"), flags);
    compiler
        .arg(&program)
        .arg(oracle("stand_in.c"))
        .arg(&resource);
    run(&mut compiler)?.good()?;
    Ok(program)
}

/// An icon of 16 by 16 points in one colour.
fn icon() -> Vec<u8> {
    const SIDE: u32 = 16;
    let mut image = Vec::new();
    for word in [40, SIDE, SIDE * 2, 0x20_0001, 0, 0, 0, 0, 0, 0] {
        image.extend_from_slice(&word.to_le_bytes());
    }
    image.extend([0xc1, 0x17, 0x00, 0xff].repeat(256));
    image.extend([0; 64]);
    let length = u32::try_from(image.len()).unwrap_or_default();
    let mut file = vec![0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 32, 0];
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&22_u32.to_le_bytes());
    file.extend(image);
    file
}

/// An operator who signs programs and packages with a certificate of its own.
#[derive(Clone, Debug)]
pub struct CodeSigner {
    /// What `--sign-with` names.
    pub tool: PathBuf,
    certificate: PathBuf,
}

impl CodeSigner {
    /// The common name of its certificate.
    pub const NAME: &str = "Sample Operator Code Signing";

    /// Makes key, certificate and tool in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let (key, certificate) = (folder.join("code.key"), folder.join("code.pem"));
        let (key_text, pem_text) = (key.display().to_string(), certificate.display().to_string());
        let subject = format!("/CN={}", Self::NAME);
        openssl([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            &subject,
            "-addext",
            "extendedKeyUsage=codeSigning",
            "-addext",
            "keyUsage=digitalSignature",
            "-keyout",
            &key_text,
            "-out",
            &pem_text,
        ])?
        .good()?;
        let tool = folder.join("sign.sh");
        let script = format!(
            "#!/bin/sh\nexec osslsigncode sign -h sha256 -certs {pem_text} -key {key_text} -in \"$1\" -out \"$2\"\n"
        );
        fs::write(&tool, script)?;
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755))?;
        Ok(Self { tool, certificate })
    }

    /// Whether osslsigncode finds this operator's signature over the whole file.
    pub fn verify(&self, file: &Path) -> Result<Ran> {
        let mut verify = command("osslsigncode", ["verify", "-CAfile"]);
        run(verify.arg(&self.certificate).arg("-in").arg(file))?.good()
    }
}

/// Runs `tegata client …`, however it ends.
pub fn client(arguments: &[&str]) -> Result<Ran> {
    let mut all = vec!["client"];
    all.extend_from_slice(arguments);
    run(&mut command(server_binary()?, all))
}
