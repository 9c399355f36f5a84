//! Puts the dialogs, the menu, the icon and the manifest of the Windows program into it.

#![expect(
    clippy::disallowed_methods,
    reason = "Cargo tells a build script what to do by variables"
)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for name in ["client.rc", "client.manifest", "client.ico", "resource.h"] {
        println!("cargo::rerun-if-changed=windows/{name}");
    }
    if env::var("CARGO_CFG_TARGET_OS")? != "windows" {
        return Ok(());
    }
    let compiler = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86" => "i686-w64-mingw32-windres",
        _ => "x86_64-w64-mingw32-windres",
    };
    let object = PathBuf::from(env::var("OUT_DIR")?).join("client.res.o");
    let version = env::var("CARGO_PKG_VERSION")?;
    let numbers = format!("{},0", version.replace('.', ","));
    let status = Command::new(compiler)
        .args(["--codepage=65001", "--include-dir=windows"])
        .arg(format!("-DCLIENT_VERSION={numbers}"))
        .arg(format!("-DCLIENT_VERSION_TEXT=\\\"{version}\\\""))
        .args(["windows/client.rc", "--output-format=coff", "--output"])
        .arg(&object)
        .status()?;
    if !status.success() {
        return Err(format!("{compiler}: {status}").into());
    }
    println!("cargo::rustc-link-arg-bins={}", object.display());
    Ok(())
}
