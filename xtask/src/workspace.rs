//! Where the workspace lies, which files it has, and how its tools are started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Folders that hold nothing written by us.
const NOT_OURS: &[&str] = &["target", "node_modules", ".git"];

/// The root of the workspace: the folder above `xtask`. Cargo says where that is at each run; what
/// it said at build time may be another checkout that shares the build folder.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().unwrap_or(&manifest).to_path_buf()
}

/// The folder that receives outside tools. It lies under `target`, so nothing of it is committed.
pub(crate) fn tools_folder() -> PathBuf {
    target_folder().join("tools")
}

/// The build folder, as cargo would choose it.
pub(crate) fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The cargo that started us, to be run in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a command and answers its standard output; its standard error passes through.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = format!("{command:?}");
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("start {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("read what {name} printed"))
}

/// The program of this name in the folders of `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// All files of ours with one of these extensions, relative to the root, in order.
pub(crate) fn files(root: &Path, extensions: &[&str]) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    collect(root, root, extensions, &mut found)?;
    Ok(found)
}

fn collect(
    root: &Path,
    folder: &Path,
    extensions: &[&str],
    found: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !NOT_OURS.contains(&name) {
                collect(root, &path, extensions, found)?;
            }
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension))
            && let Ok(relative) = path.strip_prefix(root)
        {
            found.insert(relative.to_path_buf());
        }
    }
    Ok(())
}
