//! A disk of a test's own: an ext4 file system in a file, whose power can be cut and which can be full.
//!
//! It is mounted by the kernel, so the test runs as root on a machine with loop devices; elsewhere it
//! fails.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::tools::{command, oracle, run};

/// Octets of a mebibyte.
const MEBIBYTE: u64 = 1 << 20;
/// Octets that the filler writes at once: much, a block, and one.
const PORTIONS: [usize; 3] = [1 << 20, 4_096, 1];
/// What takes the room of a full disk.
const FILLER: &str = "filler";

/// The disk. Dropping it takes it away.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
    _folder: TempDir,
}

impl Disk {
    /// An empty disk of this size.
    pub fn make(mebibytes: u64) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tegata-disk").tempdir()?;
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        File::create(&image)?.set_len(mebibytes * MEBIBYTE)?;
        fs::create_dir(&mount)?;
        let mut make = command("mkfs.ext4", ["-q", "-F", "-m", "0"]);
        run(make.arg(&image))?.good().context("mkfs.ext4")?;
        let disk = Self {
            image,
            mount,
            _folder: folder,
        };
        disk.plug_in()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        &self.mount
    }

    /// Cuts the power: what was not synced is lost, and every use fails until [`Disk::plug_in_again`].
    pub fn cut(&self) -> Result<()> {
        self.knife()?.cut()
    }

    /// What cuts the power, ready to do so at once.
    pub fn knife(&self) -> Result<Knife> {
        let script = oracle("cut.py");
        let mut python = command("python3", [&script, &self.mount]);
        let waiting = python.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Ok(Knife(waiting.context("start python3")?))
    }

    /// Takes a disk whose power was cut out and puts it in again; the kernel replays its journal. Nobody
    /// may have a file open on it.
    pub fn plug_in_again(&self) -> Result<()> {
        run(&mut command("umount", [&self.mount]))?
            .good()
            .context("umount")?;
        self.plug_in()
    }

    fn plug_in(&self) -> Result<()> {
        let mut mount = command("mount", ["-t", "ext4", "-o", "loop"]);
        run(mount.arg(&self.image).arg(&self.mount))?
            .good()
            .context("mount a file system of a test's own: this takes root and loop devices")?;
        Ok(())
    }

    /// Writes a file until not one octet more finds room. May be called again.
    pub fn fill(&self) -> Result<()> {
        let file = self.mount.join(FILLER);
        let mut file = OpenOptions::new().create(true).append(true).open(file)?;
        for portion in PORTIONS {
            let octets = vec![0x5a; portion];
            loop {
                match file.write(&octets) {
                    Ok(written) if written == portion => {}
                    Ok(_) => break,
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => bail!("fill the disk: {error}"),
                }
            }
        }
        match file.sync_all() {
            Err(error) if error.kind() != ErrorKind::StorageFull => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Gives the room back.
    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.mount.join(FILLER))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What a killed process still had open goes away with it.
        let _ = run(command("umount", ["--lazy"]).arg(&self.mount));
    }
}

/// A program that waits to cut the power of a disk.
#[derive(Debug)]
pub struct Knife(Child);

impl Knife {
    /// Cuts.
    pub fn cut(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        let ended = self.0.wait_with_output()?;
        let told = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "shut the file system down: {told}");
        Ok(())
    }
}
