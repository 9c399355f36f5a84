//! What is published for terminals: the MPKI client's release, as the operator's folder holds it (F10).
//!
//! The server looks into the folder and hands over what it found whole; pages and downloads come from memory, so that
//! what was compared with the announcement is what goes out.

use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes;
use tegata_protocol::release::{Release, ReleaseFile};

/// A release whose files are those of its announcement.
#[derive(Debug)]
pub struct Published {
    /// The announcement, read.
    pub release: Release,
    /// The announcement with its signatures, octet for octet as it lies in the folder.
    pub manifest: Bytes,
    /// The packages, in the order of the announcement.
    pub files: Vec<Bytes>,
}

impl Published {
    /// A package by its name.
    pub(crate) fn file(&self, name: &str) -> Option<(&ReleaseFile, Bytes)> {
        let mut files = self.release.files.iter().zip(&self.files);
        let (file, octets) = files.find(|(file, _)| file.name == name)?;
        Some((file, octets.clone()))
    }
}

/// What is published now; every copy sees a change.
#[derive(Clone, Debug, Default)]
pub struct Releases(Arc<RwLock<Option<Arc<Published>>>>);

impl Releases {
    /// Publishes a release, or nothing.
    pub fn publish(&self, release: Option<Published>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = release.map(Arc::new);
    }

    /// What is published.
    pub fn current(&self) -> Option<Arc<Published>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
