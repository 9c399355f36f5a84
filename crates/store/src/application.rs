//! Applications for certificates and their examination (F2, F8).

use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::id::{ApplicationId, GrantId, InstitutionId, OperatorId};
use tegata_domain::institution::{Institution, MailAddress, TerminalName};
use tegata_domain::search;
use tegata_domain::time::Timestamp;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::institution::institution;
use crate::row::{Fields, Row};
use crate::sql::Connection;
use crate::store::Tx;

const TABLE: &str = "application";

impl Connection {
    /// The application with this id.
    pub async fn application(
        &mut self,
        id: &ApplicationId,
    ) -> Result<Option<CertificateApplication>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, institution_id, terminal, mail, entered_by, entered_at,
                    state, examined_by, examined_at, decided_by, decided_at, reason, grant_id
                from application where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| application(row.of(TABLE))).transpose()
    }

    /// Applications in a state (its word), in the order of their ids, from the one after `after`.
    pub async fn list_applications(
        &mut self,
        state: &str,
        after: Option<&ApplicationId>,
        limit: u32,
    ) -> Result<Vec<CertificateApplication>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, institution_id, terminal, mail, entered_by, entered_at,
                    state, examined_by, examined_at, decided_by, decided_at, reason, grant_id
                from application where state = $1 and id > $2 order by id limit $3",
                &[
                    state.into(),
                    after.map_or("", ApplicationId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(|row| application(row.of(TABLE))).collect()
    }

    /// The same, each with its institution as the register has it now, in one statement.
    pub async fn queued_applications(
        &mut self,
        state: &str,
        after: Option<&ApplicationId>,
        limit: u32,
    ) -> Result<Vec<(CertificateApplication, Institution)>, StoreError> {
        let rows = self
            .fetch_all(
                "select a.id, a.institution_id, a.terminal, a.mail, a.entered_by, a.entered_at,
                    a.state, a.examined_by, a.examined_at, a.decided_by, a.decided_at, a.reason,
                    a.grant_id,
                    i.id, i.class, i.code, i.name, i.kana, i.prefecture, i.postal_code, i.address,
                    i.telephone, i.changed_at, i.closed_at
                from application a join institution i on i.id = a.institution_id
                where a.state = $1 and a.id > $2 order by a.id limit $3",
                &[
                    state.into(),
                    after.map_or("", ApplicationId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        let read = |row: &Row| {
            let application = application(row.of(TABLE))?;
            Ok((application, institution(row.part("institution", 13))?))
        };
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Adds an application.
    pub async fn insert_application(
        &mut self,
        application: &CertificateApplication,
    ) -> Result<(), StoreError> {
        let [
            state,
            examined_by,
            examined_at,
            decided_by,
            decided_at,
            reason,
            grant,
        ] = state_columns(None, &application.state);
        self.execute(
            "insert into application (id, institution_id, terminal, mail, entered_by, entered_at,
                state, examined_by, examined_at, decided_by, decided_at, reason, grant_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &[
                application.id.as_str().into(),
                application.institution.as_str().into(),
                application.terminal.as_str().into(),
                application.mail.as_str().into(),
                application.entered_by.as_text().into(),
                application.entered_at.into(),
                state,
                examined_by,
                examined_at,
                decided_by,
                decided_at,
                reason,
                grant,
            ],
        )
        .await?;
        let words = search_words(application);
        self.set_search_words(&object(&application.id), words).await
    }

    /// Writes the state of `new` where the row still has the state of `old`, and its
    /// institution, terminal and mail, which a resubmission may correct. `false` where somebody was first.
    pub async fn move_application(
        &mut self,
        old: &CertificateApplication,
        new: &CertificateApplication,
    ) -> Result<bool, StoreError> {
        let [
            state,
            examined_by,
            examined_at,
            decided_by,
            decided_at,
            reason,
            grant,
        ] = state_columns(Some(&old.state), &new.state);
        let [was, _, was_examined_at, was_decided_by, was_decided_at, ..] =
            state_columns(None, &old.state);
        let done = self
            .changes(
                "update application set terminal = $2, mail = $3, state = $4, examined_by = $5,
                examined_at = $6, decided_by = $7, decided_at = $8, reason = $9, grant_id = $10,
                institution_id = $15
            where id = $1 and state = $11 and decided_by is not distinct from $12
                and decided_at is not distinct from $13
                and (state <> 'examined' or examined_at is not distinct from $14)",
                &[
                    new.id.as_str().into(),
                    new.terminal.as_str().into(),
                    new.mail.as_str().into(),
                    state,
                    examined_by,
                    examined_at,
                    decided_by,
                    decided_at,
                    reason,
                    grant,
                    was,
                    was_decided_by,
                    was_decided_at,
                    was_examined_at,
                    new.institution.as_str().into(),
                ],
            )
            .await?;
        if done && (&old.terminal, &old.mail) != (&new.terminal, &new.mail) {
            self.set_search_words(&object(&new.id), search_words(new))
                .await?;
        }
        Ok(done)
    }
}

fn object(id: &ApplicationId) -> String {
    format!("application:{id}")
}

/// The words under which an application and its certificates are found.
fn search_words(application: &CertificateApplication) -> Vec<String> {
    let mut words = search::words(application.terminal.as_str());
    words.extend(search::mail_words(application.mail.as_str()));
    words
}

/// The columns `state, examined_by, examined_at, decided_by, decided_at, reason, grant_id` of a
/// state. What `before` says of the examination stays, except when the application begins anew.
fn state_columns<'a>(
    before: Option<&'a ApplicationState>,
    state: &'a ApplicationState,
) -> [Arg<'a>; 7] {
    type Person<'a> = Option<(&'a OperatorId, Timestamp)>;
    let earlier = match before {
        Some(ApplicationState::Examined { by, at }) => Some((by, *at)),
        _ => None,
    };
    let (examined, decided_by, decided_at, reason, grant): (Person<'a>, _, _, _, _) = match state {
        ApplicationState::Approved {
            examined_by,
            by,
            at,
            grant,
        } => {
            let examined_at = earlier.map_or(*at, |(_, examined_at)| examined_at);
            let examined = Some((examined_by, examined_at));
            (examined, Some(by), Some(*at), None, Some(grant.as_str()))
        }
        ApplicationState::Cancelled { at } => (earlier, None, Some(*at), None, None),
        ApplicationState::Examined { by, at } => (Some((by, *at)), None, None, None, None),
        ApplicationState::Rejected { by, at, reason }
        | ApplicationState::Returned { by, at, reason } => {
            (earlier, Some(by), Some(*at), Some(reason.as_str()), None)
        }
        ApplicationState::Submitted => (None, None, None, None, None),
    };
    [
        state.as_str().into(),
        examined.map(|(by, _)| by.as_str()).into(),
        examined.map(|(_, at)| at).into(),
        decided_by.map(OperatorId::as_str).into(),
        decided_at.into(),
        reason.into(),
        grant.into(),
    ]
}

pub(crate) fn application(fields: Fields<'_>) -> Result<CertificateApplication, StoreError> {
    Ok(CertificateApplication {
        id: fields.id(0, ApplicationId::parse)?,
        institution: fields.id(1, InstitutionId::parse)?,
        terminal: fields.word(2, TerminalName::parse)?,
        mail: fields.word(3, MailAddress::parse)?,
        entered_by: fields.word(4, EnteredBy::parse)?,
        entered_at: fields.time(5)?,
        state: state(fields)?,
    })
}

fn state(fields: Fields<'_>) -> Result<ApplicationState, StoreError> {
    Ok(match fields.text(6)? {
        "approved" => ApplicationState::Approved {
            examined_by: fields.id(7, OperatorId::parse)?,
            by: fields.id(9, OperatorId::parse)?,
            at: fields.time(10)?,
            grant: fields.id(12, GrantId::parse)?,
        },
        "cancelled" => ApplicationState::Cancelled {
            at: fields.time(10)?,
        },
        "examined" => ApplicationState::Examined {
            by: fields.id(7, OperatorId::parse)?,
            at: fields.time(8)?,
        },
        "rejected" => ApplicationState::Rejected {
            by: fields.id(9, OperatorId::parse)?,
            at: fields.time(10)?,
            reason: fields.text(11)?.to_owned(),
        },
        "returned" => ApplicationState::Returned {
            by: fields.id(9, OperatorId::parse)?,
            at: fields.time(10)?,
            reason: fields.text(11)?.to_owned(),
        },
        "submitted" => ApplicationState::Submitted,
        _ => return Err(fields.corrupt(6)),
    })
}
