//! What the console's pages count and list: queues, the history of an institution, the state of the house.

use tegata_domain::application::CertificateApplication;
use tegata_domain::grant::Grant;
use tegata_domain::id::{ApplicationId, GrantId, InstitutionId};
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::grant::grant;
use crate::sql::Connection;

impl Connection {
    /// How many applications are in a state, counted up to `most`.
    pub async fn count_applications(&mut self, state: &str, most: u32) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(count(*) as bigint) from
                    (select id from application where state = $1 limit $2) counted",
                &[state.into(), i64::from(most).into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("application").int(0))
    }

    /// Applications of an institution, the newest first, before `before`.
    pub async fn applications_of_institution(
        &mut self,
        institution: &InstitutionId,
        before: Option<&ApplicationId>,
        limit: u32,
    ) -> Result<Vec<CertificateApplication>, StoreError> {
        let ids = self
            .fetch_all(
                "select id from application where institution_id = $1 and id < $2
                order by id desc limit $3",
                &[
                    institution.as_str().into(),
                    before.map_or(LAST, ApplicationId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        let mut found = Vec::with_capacity(ids.len());
        for row in &ids {
            let id = row.of("application").id(0, ApplicationId::parse)?;
            found.extend(self.application(&id).await?);
        }
        Ok(found)
    }

    /// Grants of an institution, the newest first, before `before`.
    pub async fn grants_of_institution(
        &mut self,
        institution: &InstitutionId,
        before: Option<&GrantId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, request_id, application_id, institution_id, institution_name, class,
                    code, prefecture, terminal, mail, approved_at, not_after, window_end,
                    entered_by, examined_by, approved_by,
                    state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                    second_mail
                from issue_grant where institution_id = $1 and id < $2
                order by id desc limit $3",
                &[
                    institution.as_str().into(),
                    before.map_or(LAST, GrantId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(grant).collect()
    }

    /// When the revocation list that was made longest ago was made.
    pub async fn oldest_list(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let row = self
            .fetch_optional(
                "select min(this_update) from publication where made > 0",
                &[],
            )
            .await?;
        row.map_or(Ok(None), |row| row.of("publication").opt_time(0))
    }
}

/// Greater than every id: where listings from the newest one begin.
pub(crate) const LAST: &str = "g";
