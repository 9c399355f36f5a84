//! A newer version of the program (F10): looked for where the server was asked anyway, or when the person wants to know;
//! taken on a click, and only as two of the three pinned keys announced it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tegata_protocol::release::{FILE_PATH, LARGEST_FILE, Release, Version};

use super::Controller;
use crate::exchange;
use crate::failure::Failure;
use crate::messages::{notice, procedure};
use crate::ports::{Answer, Files, Program};
use crate::state;
use crate::update::{self, ReleaseKeys, UpdateError};

/// The file of what was announced.
const ANNOUNCED: &str = "release.json";

/// What is remembered of announcements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Announced {
    /// The highest version that was ever believed; none lower is believed again.
    highest: Option<Version>,
    /// The day in Japan on which was last looked, as in the file.
    asked: Option<String>,
}

impl Controller<'_> {
    /// Lets this program be replaced by newer versions.
    #[must_use]
    pub fn with_program(mut self, program: Arc<dyn Program>) -> Self {
        self.program = Some(program);
        self
    }

    /// Once a day, after the server answered something else: outside of the window nothing is asked (PERF17).
    pub(super) fn look_for_newer(&mut self) {
        let Some(program) = self.program.clone() else {
            return;
        };
        let today = self.now().japan_date().to_string();
        let announced = announced(self.ports.files);
        if self.settings.pack.update.is_none() || announced.asked.as_ref() == Some(&today) {
            return;
        }
        match self.announced_release(&program) {
            Ok(Some(release)) if Some(release.version) != announced.highest => {
                self.log(&format!("version {} is announced", release.version));
                self.ports.ui.notify(&notice::newer(release.version));
            }
            Ok(_) => {}
            Err(failure) => self.log(&format!("{}: {failure}", failure.code())),
        }
    }

    /// 新しいバージョンの確認.
    pub(super) fn update(&mut self) {
        loop {
            match self.update_once() {
                Ok(()) => return,
                Err(failure) if self.tell(&failure, true) => {}
                Err(_) => return,
            }
        }
    }

    fn update_once(&mut self) -> Result<(), Failure> {
        let program = self.program.clone();
        let Some(program) = program.filter(|_| self.settings.pack.update.is_some()) else {
            self.ports.ui.show(&procedure::no_updates());
            return Ok(());
        };
        let installed = program.version();
        let Some(release) = self.announced_release(&program)? else {
            self.ports.ui.show(&procedure::is_newest(installed));
            return Ok(());
        };
        let question = procedure::confirm_update(release.version, &release.changes);
        if self.ports.ui.show(&question) != Answer::Yes {
            return Ok(());
        }
        self.bring_in(&program, &release)
    }

    /// The announcement, where it is of a newer version than the one that runs.
    fn announced_release(
        &mut self,
        program: &Arc<dyn Program>,
    ) -> Result<Option<Release>, Failure> {
        let Some(pinned) = self.settings.pack.update.clone() else {
            return Ok(None);
        };
        let keys = ReleaseKeys::from_hex(&pinned.keys)?;
        let connection = self.connection()?;
        let response = connection.send(connection.get(&pinned.manifest))?;
        let mut seen = announced(self.ports.files);
        seen.asked = Some(self.now().japan_date().to_string());
        if response.status == 404 {
            // Nothing was published yet.
            state::save(self.ports.files, ANNOUNCED, &seen)?;
            return Ok(None);
        }
        exchange::success(&response)?;
        let installed = program.version();
        let known = seen.highest.map_or(installed, |seen| seen.max(installed));
        let release = update::verify(&response.body, &keys, self.now(), known)?;
        seen.highest = Some(release.version);
        state::save(self.ports.files, ANNOUNCED, &seen)?;
        Ok(Some(release).filter(|release| release.version > installed))
    }

    fn bring_in(&mut self, program: &Arc<dyn Program>, release: &Release) -> Result<(), Failure> {
        let (architecture, scope) = program.kind();
        let file = release
            .file(architecture, scope)
            .ok_or(UpdateError::Malformed)?;
        let most = file.size.min(LARGEST_FILE);
        let connection = self.connection()?;
        let request = connection.get(&format!("{FILE_PATH}{}", file.name));
        let package = program.download(&request, connection.root, most)?;
        update::verify_file(file, &package)?;
        self.log(&format!("install version {}", release.version));
        program.install(&file.name, &package)?;
        Ok(())
    }
}

/// What cannot be read is asked for again.
fn announced(files: &dyn Files) -> Announced {
    state::load(files, ANNOUNCED)
        .ok()
        .flatten()
        .unwrap_or_default()
}
