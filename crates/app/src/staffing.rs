//! What two administrators change in the accounts of operators (decision F8): roles, authenticators, closing.

use std::collections::BTreeSet;

use tegata_domain::id::OperatorId;
use tegata_domain::operator::{Operator, Role};
use tegata_store::Tx;

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::error::{Refusal, Result};
use crate::work::{Step, Work};

/// Administrators that must remain.
const LEFT: i64 = 2;
/// Counter of changes that may take an administrator away.
const CHANGES: &str = "administrators";

impl App {
    /// The roles become exactly these.
    pub(crate) async fn prepare_roles(
        &self,
        id: &OperatorId,
        roles: &BTreeSet<Role>,
    ) -> Result<Work> {
        let operator = self.active_operator(id).await?;
        if operator.roles == *roles {
            return Err(ActRefusal::SameRoles.into());
        }
        if !roles.contains(&Role::Administrator) {
            self.expect_administrators_without(&operator).await?;
        }
        let mut work = Work::default();
        let words: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let detail = format!("roles {}", words.join(" "));
        work.about(format!("operator:{id}"), "operator.roles", detail);
        let gives = roles.difference(&operator.roles);
        work.steps
            .extend(gives.map(|role| Step::GiveRole(id.clone(), *role)));
        let takes = operator.roles.difference(roles);
        work.steps
            .extend(takes.map(|role| Step::TakeRole(id.clone(), *role)));
        if operator.roles.contains(&Role::Administrator) && !roles.contains(&Role::Administrator) {
            work.steps.push(Step::ExpectAdministrators);
        }
        Ok(work)
    }

    /// The old secret of one-time codes dies, a new one is shown once.
    pub(crate) async fn prepare_reset(&self, id: &OperatorId) -> Result<Work> {
        self.active_operator(id).await?;
        let (secret, sealed) = self.new_totp_secret(id)?;
        let mut work = Work::default();
        let object = format!("operator:{id}");
        work.about(object, "operator.authenticator", String::new());
        work.steps.push(Step::Authenticator(id.clone(), sealed));
        work.totp_secret = Some(secret);
        Ok(work)
    }

    /// The account is closed; its roles stand in the trail of what was done with it.
    pub(crate) async fn prepare_disabling(&self, id: &OperatorId) -> Result<Work> {
        let operator = self.active_operator(id).await?;
        self.expect_administrators_without(&operator).await?;
        let mut work = Work::default();
        work.about(format!("operator:{id}"), "operator.disable", String::new());
        work.steps.push(Step::Disable(id.clone()));
        if operator.roles.contains(&Role::Administrator) {
            work.steps.push(Step::ExpectAdministrators);
        }
        Ok(work)
    }

    async fn active_operator(&self, id: &OperatorId) -> Result<Operator> {
        let operator = self.store().reader().await?.operator(id).await?;
        let operator = operator.ok_or(Refusal::NotFound)?;
        if operator.disabled_at.is_some() {
            return Err(ActRefusal::AccountClosed.into());
        }
        Ok(operator)
    }

    /// Two administrators must remain, or nobody could act as two again.
    async fn expect_administrators_without(&self, leaving: &Operator) -> Result<()> {
        if !leaving.roles.contains(&Role::Administrator) {
            return Ok(());
        }
        // Whoever leaves is counted still.
        if self.store().reader().await?.count_administrators().await? <= LEFT {
            return Err(ActRefusal::AdministratorsRemain.into());
        }
        Ok(())
    }
}

/// Whether enough administrators are left by what the transaction changed. Two transactions that change it wait for
/// each other here, so that each counts what the other left.
pub(crate) async fn expect_administrators(tx: &mut Tx) -> Result<bool> {
    tx.next_number(CHANGES).await?;
    Ok(tx.count_administrators().await? >= LEFT)
}
