//! The register of institutions (I5).

use tegata_domain::id::InstitutionId;
use tegata_domain::institution::{ClassName, Institution, InstitutionCode, Prefecture};
use tegata_domain::search;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::Fields;
use crate::sql::Connection;
use crate::store::Tx;

const TABLE: &str = "institution";

impl Connection {
    /// The institution with this id, closed ones included.
    pub async fn institution(
        &mut self,
        id: &InstitutionId,
    ) -> Result<Option<Institution>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, class, code, name, kana, prefecture, postal_code, address, telephone,
                    changed_at, closed_at
                from institution where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| institution(row.of(TABLE))).transpose()
    }

    /// The institution that has this code today.
    pub async fn institution_by_code(
        &mut self,
        class: &ClassName,
        code: &InstitutionCode,
    ) -> Result<Option<Institution>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, class, code, name, kana, prefecture, postal_code, address, telephone,
                    changed_at, closed_at
                from institution where class = $1 and code = $2 and closed_at is null",
                &[class.as_str().into(), code.as_str().into()],
            )
            .await?;
        row.map(|row| institution(row.of(TABLE))).transpose()
    }

    /// Institutions that are not closed, in the order of their ids, from the one after `after`.
    pub async fn list_institutions(
        &mut self,
        after: Option<&InstitutionId>,
        limit: u32,
    ) -> Result<Vec<Institution>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, class, code, name, kana, prefecture, postal_code, address, telephone,
                    changed_at, closed_at
                from institution where id > $1 and closed_at is null order by id limit $2",
                &[
                    after.map_or("", InstitutionId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(|row| institution(row.of(TABLE))).collect()
    }
}

impl Tx {
    /// Adds an institution; `Conflict` on `institution_live_code` where another one has the code.
    pub async fn insert_institution(
        &mut self,
        institution: &Institution,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into institution (id, class, code, name, kana, prefecture, postal_code,
                address, telephone, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                institution.id.as_str().into(),
                institution.class.as_str().into(),
                institution.code.as_str().into(),
                institution.name.as_str().into(),
                institution.kana.as_str().into(),
                i64::from(institution.prefecture.number()).into(),
                institution.postal_code.as_str().into(),
                institution.address.as_str().into(),
                institution.telephone.as_str().into(),
                at.into(),
            ],
        )
        .await?;
        self.set_search_words(&object(&institution.id), search_words(institution))
            .await
    }

    /// Writes the register's newer data, as of `at`; `false` where the institution is closed or not there.
    pub async fn update_institution(
        &mut self,
        institution: &Institution,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = self
            .changes(
                "update institution set class = $2, code = $3, name = $4, kana = $5,
                prefecture = $6, postal_code = $7, address = $8, telephone = $9,
                changed_at = $10
            where id = $1 and closed_at is null",
                &[
                    institution.id.as_str().into(),
                    institution.class.as_str().into(),
                    institution.code.as_str().into(),
                    institution.name.as_str().into(),
                    institution.kana.as_str().into(),
                    i64::from(institution.prefecture.number()).into(),
                    institution.postal_code.as_str().into(),
                    institution.address.as_str().into(),
                    institution.telephone.as_str().into(),
                    at.into(),
                ],
            )
            .await?;
        if done {
            self.set_search_words(&object(&institution.id), search_words(institution))
                .await?;
        }
        Ok(done)
    }

    /// Closes an institution: its code is free again. `false` where it is closed or not there.
    pub async fn close_institution(
        &mut self,
        id: &InstitutionId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update institution set closed_at = $2 where id = $1 and closed_at is null",
            &[id.as_str().into(), at.into()],
        )
        .await
    }
}

fn object(id: &InstitutionId) -> String {
    format!("institution:{id}")
}

/// The words under which an institution is found.
fn search_words(institution: &Institution) -> Vec<String> {
    let mut words = search::words(&institution.name);
    words.extend(search::words(&institution.kana));
    words.extend(search::code_words(institution.code.as_str()));
    words
}

pub(crate) fn institution(fields: Fields<'_>) -> Result<Institution, StoreError> {
    Ok(Institution {
        id: fields.id(0, InstitutionId::parse)?,
        class: ClassName::new(fields.text(1)?),
        code: InstitutionCode::from_stored(fields.text(2)?.to_owned()),
        name: fields.text(3)?.to_owned(),
        kana: fields.text(4)?.to_owned(),
        prefecture: prefecture(fields, 5)?,
        postal_code: fields.text(6)?.to_owned(),
        address: fields.text(7)?.to_owned(),
        telephone: fields.text(8)?.to_owned(),
        changed_at: fields.opt_time(9)?,
        closed_at: fields.opt_time(10)?,
    })
}

/// Reads the number of a prefecture.
pub(crate) fn prefecture(fields: Fields<'_>, index: usize) -> Result<Prefecture, StoreError> {
    u8::try_from(fields.int(index)?)
        .ok()
        .and_then(Prefecture::from_number)
        .ok_or_else(|| fields.corrupt(index))
}
