//! Operators, their roles and what they log in with (F8).

use std::collections::BTreeSet;

use tegata_domain::id::OperatorId;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::time::Timestamp;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::row::{Fields, Row};
use crate::sql::Connection;
use crate::store::Tx;

/// An operator with the means of logging in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorLogin {
    /// The operator.
    pub operator: Operator,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// The TOTP secret, sealed.
    pub totp_sealed: Vec<u8>,
    /// The last TOTP step that was used (RFC 6238); 0 before the first.
    pub totp_last_step: i64,
}

impl Connection {
    /// The operator with this id.
    pub async fn operator(&mut self, id: &OperatorId) -> Result<Option<Operator>, StoreError> {
        let login = self
            .operator_login(
                "select o.id, o.name, o.disabled_at, r.role,
                    o.password_hash, o.totp_sealed, o.totp_last_step
                from operator o left join operator_role r on r.operator_id = o.id
                where o.id = $1",
                id.as_str().into(),
            )
            .await?;
        Ok(login.map(|login| login.operator))
    }

    /// The operator who logs in with this name, disabled ones included.
    pub async fn operator_by_name(
        &mut self,
        name: &str,
    ) -> Result<Option<OperatorLogin>, StoreError> {
        self.operator_login(
            "select o.id, o.name, o.disabled_at, r.role,
                o.password_hash, o.totp_sealed, o.totp_last_step
            from operator o left join operator_role r on r.operator_id = o.id
            where o.name = $1",
            name.into(),
        )
        .await
    }

    /// Operators in the order of their ids, from the one after `after`.
    pub async fn list_operators(
        &mut self,
        after: Option<&OperatorId>,
        limit: u32,
    ) -> Result<Vec<Operator>, StoreError> {
        let rows = self
            .fetch_all(
                "select o.id, o.name, o.disabled_at, r.role
                from (select id, name, disabled_at from operator where id > $1
                    order by id limit $2) o
                left join operator_role r on r.operator_id = o.id
                order by o.id",
                &[
                    after.map_or("", OperatorId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        operators(&rows)
    }

    /// Administrators whose accounts are open.
    pub async fn count_administrators(&mut self) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(count(*) as bigint) from operator o
                join operator_role r on r.operator_id = o.id
                where r.role = $1 and o.disabled_at is null",
                &[Role::Administrator.as_str().into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("operator").int(0))
    }

    async fn operator_login(
        &mut self,
        sql: &'static str,
        arg: Arg<'_>,
    ) -> Result<Option<OperatorLogin>, StoreError> {
        let rows = self.fetch_all(sql, &[arg]).await?;
        let (Some(operator), Some(row)) = (operators(&rows)?.pop(), rows.first()) else {
            return Ok(None);
        };
        let fields = row.of("operator");
        Ok(Some(OperatorLogin {
            operator,
            password_hash: fields.text(4)?.to_owned(),
            totp_sealed: fields.bytes(5)?,
            totp_last_step: fields.int(6)?,
        }))
    }
}

impl Tx {
    /// Adds an operator with the roles given; `Conflict` on `operator_name` where the name is
    /// taken.
    pub async fn insert_operator(
        &mut self,
        operator: &Operator,
        password_hash: &str,
        totp_sealed: &[u8],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into operator (id, name, password_hash, totp_sealed, totp_last_step,
                created_at, disabled_at)
            values ($1, $2, $3, $4, 0, $5, $6)",
            &[
                operator.id.as_str().into(),
                operator.name.as_str().into(),
                password_hash.into(),
                totp_sealed.into(),
                at.into(),
                operator.disabled_at.into(),
            ],
        )
        .await?;
        for role in &operator.roles {
            self.grant_role(&operator.id, *role).await?;
        }
        Ok(())
    }

    /// Uses a TOTP step up; `false` where that step or a later one was used before, where the secret is not
    /// `totp_sealed` any more, or where the account was closed.
    pub async fn use_totp_step(
        &mut self,
        id: &OperatorId,
        step: i64,
        totp_sealed: &[u8],
    ) -> Result<bool, StoreError> {
        self.changes(
            "update operator set totp_last_step = $2
            where id = $1 and totp_last_step < $2 and totp_sealed = $3 and disabled_at is null",
            &[id.as_str().into(), step.into(), totp_sealed.into()],
        )
        .await
    }

    /// Gives a role; `false` where the operator has it.
    pub async fn grant_role(&mut self, id: &OperatorId, role: Role) -> Result<bool, StoreError> {
        self.changes(
            "insert into operator_role (operator_id, role) values ($1, $2)
            on conflict (operator_id, role) do nothing",
            &[id.as_str().into(), role.as_str().into()],
        )
        .await
    }

    /// Takes a role away; `false` where the operator does not have it.
    pub async fn withdraw_role(&mut self, id: &OperatorId, role: Role) -> Result<bool, StoreError> {
        self.changes(
            "delete from operator_role where operator_id = $1 and role = $2",
            &[id.as_str().into(), role.as_str().into()],
        )
        .await
    }

    /// Puts another secret of one-time codes in place of the old one; `false` without the operator.
    pub async fn replace_totp(
        &mut self,
        id: &OperatorId,
        totp_sealed: &[u8],
    ) -> Result<bool, StoreError> {
        self.changes(
            "update operator set totp_sealed = $2 where id = $1",
            &[id.as_str().into(), totp_sealed.into()],
        )
        .await
    }

    /// Closes an account; `false` where it is closed or not there.
    pub async fn disable_operator(
        &mut self,
        id: &OperatorId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update operator set disabled_at = $2 where id = $1 and disabled_at is null",
            &[id.as_str().into(), at.into()],
        )
        .await
    }
}

/// Joins the rows of each operator, one for each role, into one value.
pub(crate) fn operators(rows: &[Row]) -> Result<Vec<Operator>, StoreError> {
    let mut list: Vec<Operator> = Vec::new();
    for row in rows {
        let fields = row.of("operator");
        let id = fields.id(0, OperatorId::parse)?;
        let role = role(fields)?;
        match list.last_mut() {
            Some(last) if last.id == id => last.roles.extend(role),
            _ => list.push(Operator {
                id,
                name: fields.text(1)?.to_owned(),
                roles: role.into_iter().collect::<BTreeSet<_>>(),
                disabled_at: fields.opt_time(2)?,
            }),
        }
    }
    Ok(list)
}

fn role(fields: Fields<'_>) -> Result<Option<Role>, StoreError> {
    fields.opt_id(3, |word| Role::parse(word).ok_or(()))
}
