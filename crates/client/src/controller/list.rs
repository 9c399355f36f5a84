//! 証明書一覧.

use tegata_domain::id::Fingerprint;
use tegata_pki::name::DistinguishedName;

use super::Controller;
use crate::api;
use crate::failure::Failure;
use crate::messages::{date, trouble, window};
use crate::pending::{Pending, Step};
use crate::ports::{ListRow, ListView, StoredCertificate};
use crate::standing::Standing;

impl Controller<'_> {
    /// The list as it stands now.
    pub fn list(&self) -> ListView {
        match self.rows() {
            Ok((rows, waits)) => ListView {
                guide: window::LIST_GUIDE.to_owned(),
                hint: match (rows.is_empty(), waits) {
                    (true, true) => Some(window::WAITING_FIRST.to_owned()),
                    (true, false) => Some(window::empty_list(self.trust.is_unproven())),
                    (false, true) => Some(window::WAITING.to_owned()),
                    (false, false) => None,
                },
                rows,
            },
            Err(failure) => {
                let message = trouble::of(&failure, self.words(), false);
                let mut lines = vec![format!("{} {}", message.code, message.text)];
                lines.extend(message.cause);
                lines.extend(message.next);
                ListView {
                    guide: window::LIST_GUIDE.to_owned(),
                    rows: Vec::new(),
                    hint: Some(lines.join("\n")),
                }
            }
        }
    }

    /// Asks the server for the リクエストID of each certificate of this terminal; the list shows them.
    pub(super) fn identify(&mut self, certificate: &Fingerprint) {
        self.retried(|it| it.learn_ids(certificate));
    }

    /// The same, where nobody waits for it.
    pub(super) fn learn_ids(&mut self, certificate: &Fingerprint) -> Result<(), Failure> {
        let answer = api::certificates(&self.connection()?, self.presenting(certificate)?)?;
        let own = self.certificates()?;
        for one in answer.certificates {
            let Some(issued) = one.issued else { continue };
            if own
                .iter()
                .any(|stored| stored.fingerprint() == issued.fingerprint)
            {
                let entry = self.known.entry(&issued.fingerprint);
                entry.request_id = Some(one.request_id.to_string());
                entry.status = Some(issued.status);
            }
        }
        self.remember();
        Ok(())
    }

    pub(super) fn show_list(&self) {
        self.ports.ui.show_list(&self.list());
    }

    /// The list behind the messages of a procedure: without a hint at the very procedure that is under way.
    pub(super) fn show_list_behind(&self) {
        let view = ListView {
            hint: None,
            ..self.list()
        };
        self.ports.ui.show_list(&view);
    }

    pub(super) fn standing(&self, stored: &StoredCertificate) -> Standing {
        let remembered = self.known.of(&stored.fingerprint());
        let rules = &self.settings.pack.notices;
        Standing::of(stored.not_after(), &remembered, rules, self.now())
    }

    fn rows(&self) -> Result<(Vec<ListRow>, bool), Failure> {
        let pending = self.pending()?;
        let certificates = self.certificates()?;
        let rows = certificates.iter().map(|stored| self.row(stored, &pending));
        Ok((rows.collect(), !pending.is_empty()))
    }

    fn row(&self, stored: &StoredCertificate, pending: &[Pending]) -> ListRow {
        let fingerprint = stored.fingerprint();
        let remembered = self.known.of(&fingerprint);
        let standing = self.standing(stored);
        let standing = match standing {
            Standing::Revoked | Standing::OnHold => standing,
            _ => in_procedure(&fingerprint, pending).unwrap_or(standing),
        };
        ListRow {
            certificate: fingerprint,
            subject: common_name(stored.certificate.subject()),
            issuer: common_name(stored.certificate.issuer()),
            not_after: date::second(stored.not_after()),
            status: window::standing(&standing),
            key: window::key(stored.place, remembered.is_backed_up),
            request_id: remembered.request_id,
            can_renew: standing.can_renew(),
        }
    }
}

/// A list has room for this part of a name alone; one without it is shown whole.
fn common_name(name: &DistinguishedName) -> String {
    name.common_name()
        .map_or_else(|| name.to_string(), str::to_owned)
}

/// How it stands by the procedure that it takes part in.
fn in_procedure(certificate: &Fingerprint, pending: &[Pending]) -> Option<Standing> {
    pending.iter().find_map(|one| {
        let new = one
            .certificate()
            .map(|new| Fingerprint(new.fingerprint_sha256()));
        match &one.step {
            Step::InUse { .. } if new == Some(*certificate) => Some(Standing::WaitsForBackup),
            _ if new == Some(*certificate) || one.is_in_use() => None,
            _ if one.old() == Some(*certificate) => Some(Standing::Pending),
            _ => None,
        }
    })
}
