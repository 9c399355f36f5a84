//! Grants, their reference IDs and the letter's secret (K2, I2).

use tegata_domain::grant::{Grant, GrantOrigin, GrantState, Persons};
use tegata_domain::id::{
    ApplicationId, GrantId, InstitutionId, OperatorId, ProposalId, ReferenceRowId, SerialNumber,
};
use tegata_domain::institution::{ClassName, InstitutionCode, MailAddress, TerminalName};
use tegata_domain::reference::{ReferenceScope, RequestId, StoredReference};
use tegata_domain::search;
use tegata_domain::time::Timestamp;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::institution::prefecture;
use crate::row::{Fields, Row};
use crate::sql::Connection;
use crate::store::Tx;

const TABLE: &str = "issue_grant";
/// Columns of a grant, after which those of its reference ID begin.
const WIDTH: usize = 24;

impl Connection {
    /// The grant with this id.
    pub async fn grant(&mut self, id: &GrantId) -> Result<Option<Grant>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, request_id, application_id, institution_id, institution_name, class,
                    code, prefecture, terminal, mail, approved_at, not_after, window_end,
                    entered_by, examined_by, approved_by,
                    state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                    second_mail
                from issue_grant where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| grant(&row)).transpose()
    }

    /// The grant with this request ID and its live reference ID. One statement, whether or not
    /// there is such a grant (decision I3).
    pub async fn grant_by_request(
        &mut self,
        request: &RequestId,
    ) -> Result<Option<(Grant, Option<(ReferenceRowId, StoredReference)>)>, StoreError> {
        let row = self
            .fetch_optional(
                "select g.id, g.request_id, g.application_id, g.institution_id,
                    g.institution_name, g.class, g.code, g.prefecture, g.terminal, g.mail,
                    g.approved_at, g.not_after, g.window_end,
                    g.entered_by, g.examined_by, g.approved_by,
                    g.state, g.serial, g.state_at, g.frozen_from, g.frozen_at, g.kind, g.predecessor,
                    g.second_mail,
                    r.id, r.hmac, r.pepper, r.salt, r.scope, r.created_at, r.posted_at, r.release_id
                from issue_grant g
                left join reference_id r on r.grant_id = g.id and r.ended_at is null
                where g.request_id = $1",
                &[request.as_str().into()],
            )
            .await?;
        row.map(|row| Ok((grant(&row)?, reference(&row)?)))
            .transpose()
    }

    /// Grants in the order of their ids, from the one after `after`.
    pub async fn list_grants(
        &mut self,
        after: Option<&GrantId>,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, request_id, application_id, institution_id, institution_name, class,
                    code, prefecture, terminal, mail, approved_at, not_after, window_end,
                    entered_by, examined_by, approved_by,
                    state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                    second_mail
                from issue_grant where id > $1 order by id limit $2",
                &[
                    after.map_or("", GrantId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(grant).collect()
    }

    /// When the letter went out, and the number to follow it by.
    pub async fn tracking(
        &mut self,
        id: &GrantId,
    ) -> Result<Option<(Timestamp, Option<String>)>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, posted_at, tracking from issue_grant
                where id = $1 and posted_at is not null",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of(TABLE);
            Ok((fields.time(1)?, fields.opt_text(2)?.map(str::to_owned)))
        })
        .transpose()
    }

    /// The sealed clear text of the letter's reference ID, as long as it is kept.
    pub async fn letter_secret(&mut self, id: &GrantId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self
            .fetch_optional(
                "select grant_id, sealed from letter_secret where grant_id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| row.of("letter_secret").bytes(1)).transpose()
    }
}

impl Tx {
    /// Adds a grant with its first reference ID and the sealed text for the letter, of a renewal
    /// that for its 更新申請受付票.
    ///
    /// `Conflict` on `issue_grant_three_persons` where a person has two parts (F8), on
    /// `issue_grant_application` where the application has a letter's grant, and on
    /// `issue_grant_successor` where the certificate was renewed before.
    pub async fn insert_grant(
        &mut self,
        grant: &Grant,
        reference_id: &ReferenceRowId,
        reference: &StoredReference,
        letter_sealed: &[u8],
    ) -> Result<(), StoreError> {
        let [state, serial, state_at, frozen_from, frozen_at] = state_columns(&grant.state);
        let predecessor = grant.origin.predecessor();
        let predecessor = predecessor.map(|serial| serial.to_string());
        let second_mail = grant.second_mail.as_ref().map(MailAddress::as_str);
        self.execute(
            "insert into issue_grant (id, request_id, application_id, institution_id,
                institution_name, class, code, prefecture, terminal, mail, approved_at, not_after,
                window_end, entered_by, examined_by, approved_by,
                state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                second_mail)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                $17, $18, $19, $20, $21, $22, $23, $24)",
            &[
                grant.id.as_str().into(),
                grant.request_id.as_str().into(),
                grant.application.as_str().into(),
                grant.institution.as_str().into(),
                grant.institution_name.as_str().into(),
                grant.class.as_str().into(),
                grant.code.as_str().into(),
                i64::from(grant.prefecture.number()).into(),
                grant.terminal.as_str().into(),
                grant.mail.as_str().into(),
                grant.approved_at.into(),
                grant.not_after.into(),
                grant.window_end.into(),
                grant.persons.entered_by.as_str().into(),
                grant.persons.examined_by.as_str().into(),
                grant.persons.approved_by.as_str().into(),
                state,
                serial,
                state_at,
                frozen_from,
                frozen_at,
                grant.origin.as_str().into(),
                predecessor.into(),
                second_mail.into(),
            ],
        )
        .await?;
        self.settle_grants_of(&grant.application).await?;
        if let Some(second) = second_mail {
            let object = format!("application:{}", grant.application);
            self.add_search_words(&object, search::mail_words(second))
                .await?;
        }
        self.insert_reference(&grant.id, reference_id, reference)
            .await?;
        self.keep_letter_secret(&grant.id, letter_sealed, reference.created_at)
            .await
    }

    /// Writes the state `to` where the grant is still exactly in `from`; `false` where it is not.
    pub async fn move_grant(
        &mut self,
        id: &GrantId,
        from: &GrantState,
        to: &GrantState,
    ) -> Result<bool, StoreError> {
        let [state, serial, state_at, frozen_from, frozen_at] = state_columns(to);
        let [was, was_serial, was_at, was_frozen_from, was_frozen_at] = state_columns(from);
        self.changes(
            "update issue_grant set state = $2, serial = $3, state_at = $4, frozen_from = $5,
                frozen_at = $6
            where id = $1 and state = $7 and serial is not distinct from $8
                and state_at is not distinct from $9 and frozen_from is not distinct from $10
                and frozen_at is not distinct from $11",
            &[
                id.as_str().into(),
                state,
                serial,
                state_at,
                frozen_from,
                frozen_at,
                was,
                was_serial,
                was_at,
                was_frozen_from,
                was_frozen_at,
            ],
        )
        .await
    }

    /// Records when the letter went out and the number to follow it by; `false` without the grant.
    pub async fn set_tracking(
        &mut self,
        id: &GrantId,
        posted_at: Timestamp,
        tracking: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update issue_grant set posted_at = $2, tracking = $3 where id = $1",
            &[id.as_str().into(), posted_at.into(), tracking.into()],
        )
        .await
    }

    /// Moves the end of the collection window where it is still `from`, and that of the kept key
    /// with it (D4). `false` where it is not.
    pub async fn extend_window(
        &mut self,
        id: &GrantId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<bool, StoreError> {
        let extended = self
            .changes(
                "update issue_grant set window_end = $3 where id = $1 and window_end = $2",
                &[id.as_str().into(), from.into(), to.into()],
            )
            .await?;
        if extended {
            self.execute(
                "update sealed_key set keep_until = $2
                where grant_id = $1 and sealed is not null and wrap = 'reference'",
                &[id.as_str().into(), to.into()],
            )
            .await?;
        }
        Ok(extended)
    }

    /// Ends the grant's live reference ID and puts another in its place (I2).
    pub async fn replace_reference(
        &mut self,
        grant: &GrantId,
        reference_id: &ReferenceRowId,
        reference: &StoredReference,
    ) -> Result<(), StoreError> {
        self.execute(
            "update reference_id set ended_at = $2 where grant_id = $1 and ended_at is null",
            &[grant.as_str().into(), reference.created_at.into()],
        )
        .await?;
        self.insert_reference(grant, reference_id, reference).await
    }

    /// Keeps the sealed clear text for the letter, in place of an earlier one.
    pub async fn keep_letter_secret(
        &mut self,
        grant: &GrantId,
        sealed: &[u8],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into letter_secret (grant_id, sealed, created_at) values ($1, $2, $3)
            on conflict (grant_id) do update
                set sealed = excluded.sealed, created_at = excluded.created_at",
            &[grant.as_str().into(), sealed.into(), at.into()],
        )
        .await
        .map(drop)
    }

    /// Drops the letter's clear text; `false` where it is gone already.
    pub async fn drop_letter_secret(&mut self, grant: &GrantId) -> Result<bool, StoreError> {
        self.owe_scrub();
        self.changes(
            "delete from letter_secret where grant_id = $1",
            &[grant.as_str().into()],
        )
        .await
    }

    /// Drops every letter's clear text made before `before`; answers whose (I2).
    pub async fn drop_letter_secrets_older_than(
        &mut self,
        before: Timestamp,
    ) -> Result<Vec<GrantId>, StoreError> {
        let rows = self
            .fetch_all(
                "delete from letter_secret where created_at < $1 returning grant_id",
                &[before.into()],
            )
            .await?;
        self.dropped_secrets(&rows)
    }

    /// The grants of deleted rows of `letter_secret`.
    pub(crate) fn dropped_secrets(&mut self, rows: &[Row]) -> Result<Vec<GrantId>, StoreError> {
        if !rows.is_empty() {
            self.owe_scrub();
        }
        rows.iter()
            .map(|row| row.of("letter_secret").id(0, GrantId::parse))
            .collect()
    }

    async fn insert_reference(
        &mut self,
        grant: &GrantId,
        id: &ReferenceRowId,
        reference: &StoredReference,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into reference_id (id, grant_id, hmac, pepper, salt, scope, created_at,
                posted_at, release_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                id.as_str().into(),
                grant.as_str().into(),
                reference.hmac.as_slice().into(),
                reference.pepper.into(),
                reference.salt.as_slice().into(),
                reference.scope.as_str().into(),
                reference.created_at.into(),
                reference.posted_at.into(),
                reference.release.as_ref().map(ProposalId::as_str).into(),
            ],
        )
        .await
        .map(drop)
    }
}

/// The columns `state, serial, state_at, frozen_from, frozen_at` of a state. While it is frozen,
/// `serial` and `state_at` are those of the state under it.
pub(crate) fn state_columns(state: &GrantState) -> [Arg<'static>; 5] {
    let (under, frozen_at) = match state {
        GrantState::Frozen { at, from } => (&**from, Some(*at)),
        other => (other, None),
    };
    let at = match under {
        GrantState::Collected { at, .. }
        | GrantState::LetterReturned { at }
        | GrantState::SeenInUse { at, .. }
        | GrantState::Voided { at } => Some(*at),
        _ => None,
    };
    [
        state.as_str().into(),
        under.serial().map(|serial| serial.to_string()).into(),
        at.into(),
        frozen_at.map(|_| under.as_str()).into(),
        frozen_at.into(),
    ]
}

pub(crate) fn grant(row: &Row) -> Result<Grant, StoreError> {
    of(row.of(TABLE))
}

/// The grant in these columns.
pub(crate) fn of(fields: Fields<'_>) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: fields.id(0, GrantId::parse)?,
        request_id: fields.word(1, RequestId::parse)?,
        application: fields.id(2, ApplicationId::parse)?,
        origin: origin(fields)?,
        institution: fields.id(3, InstitutionId::parse)?,
        institution_name: fields.text(4)?.to_owned(),
        class: ClassName::new(fields.text(5)?),
        code: InstitutionCode::from_stored(fields.text(6)?.to_owned()),
        prefecture: prefecture(fields, 7)?,
        terminal: fields.word(8, TerminalName::parse)?,
        mail: fields.word(9, MailAddress::parse)?,
        second_mail: fields.opt_word(23, MailAddress::parse)?,
        approved_at: fields.time(10)?,
        not_after: fields.time(11)?,
        window_end: fields.time(12)?,
        persons: Persons {
            entered_by: fields.text(13)?.to_owned(),
            examined_by: fields.id(14, OperatorId::parse)?,
            approved_by: fields.id(15, OperatorId::parse)?,
        },
        state: state(fields, 16)?,
    })
}

fn origin(fields: Fields<'_>) -> Result<GrantOrigin, StoreError> {
    Ok(match fields.text(21)? {
        "letter" => GrantOrigin::Letter,
        "renewal" => GrantOrigin::Renewal {
            predecessor: fields.id(22, SerialNumber::parse)?,
        },
        _ => return Err(fields.corrupt(21)),
    })
}

/// The state in the columns `state, serial, state_at, frozen_from, frozen_at`, the first of which is `first`.
pub(crate) fn state(fields: Fields<'_>, first: usize) -> Result<GrantState, StoreError> {
    let columns = StateColumns {
        word: fields.text(first)?,
        serial: fields.opt_text(first + 1)?,
        at: fields.opt_time(first + 2)?,
        frozen_from: fields.opt_text(first + 3)?,
        frozen_at: fields.opt_time(first + 4)?,
    };
    columns
        .state()
        .map_err(|column| fields.corrupt(first + column))
}

/// The columns of a state as they were read.
pub(crate) struct StateColumns<'a> {
    pub(crate) word: &'a str,
    pub(crate) serial: Option<&'a str>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) frozen_from: Option<&'a str>,
    pub(crate) frozen_at: Option<Timestamp>,
}

impl StateColumns<'_> {
    /// The state; else the number of the first column that does not fit.
    pub(crate) fn state(&self) -> Result<GrantState, usize> {
        if self.word != "frozen" {
            return self.named(self.word, 0);
        }
        Ok(GrantState::Frozen {
            at: self.frozen_at.ok_or(4_usize)?,
            from: Box::new(self.named(self.frozen_from.ok_or(3_usize)?, 3)?),
        })
    }

    /// The state of this name, which stands in column `place`.
    fn named(&self, word: &str, place: usize) -> Result<GrantState, usize> {
        let serial = || {
            let parsed = self.serial.map(SerialNumber::parse);
            parsed.and_then(Result::ok).ok_or(1_usize)
        };
        let at = || self.at.ok_or(2_usize);
        Ok(match word {
            "approved" => GrantState::Approved,
            "collected" => GrantState::Collected {
                serial: serial()?,
                at: at()?,
            },
            "key_fixed" => GrantState::KeyFixed { serial: serial()? },
            "letter_returned" => GrantState::LetterReturned { at: at()? },
            "posted" => GrantState::Posted,
            "seen_in_use" => GrantState::SeenInUse {
                serial: serial()?,
                at: at()?,
            },
            "voided" => GrantState::Voided { at: at()? },
            _ => return Err(place),
        })
    }
}

pub(crate) fn reference(
    row: &Row,
) -> Result<Option<(ReferenceRowId, StoredReference)>, StoreError> {
    let fields = row.part("reference_id", WIDTH);
    let Some(id) = fields.opt_id(0, ReferenceRowId::parse)? else {
        return Ok(None);
    };
    let stored = StoredReference {
        hmac: fields.bytes(1)?,
        pepper: fields.int(2)?,
        salt: fields.bytes(3)?,
        scope: fields.word(4, ReferenceScope::parse)?,
        created_at: fields.time(5)?,
        posted_at: fields.opt_time(6)?,
        release: fields.opt_id(7, ProposalId::parse)?,
    };
    Ok(Some((id, stored)))
}
