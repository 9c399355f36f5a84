//! What operators do in a day, at the database.

use std::sync::Mutex;

use anyhow::Result;
use tegata_system_tests::ledger::Acknowledged;
use tegata_system_tests::served::{Letter, Served};

/// What operators do in a day: end a request to revoke, or bring an application to a posted letter. They work at the
/// database, whatever dies beside them.
pub(super) fn operate(
    served: &mut Served,
    round: usize,
    ended: Option<&(Letter, String)>,
    told: &Mutex<Vec<Acknowledged>>,
) -> Result<Option<Letter>> {
    if is_granting(round) {
        let posted = served.grant(CODE, &format!("診察{round}号機"))?;
        tell(told, Acknowledged::Granted(posted.request_id.clone()));
        return Ok(Some(posted));
    }
    if let Some((letter, number)) = ended {
        for role in ["examiner", "approver"] {
            let complete = ["revocation", "complete", number, "--note", "as asked"];
            served.act(role, &complete)?;
        }
        tell(told, Acknowledged::Revoked(letter.clone()));
    }
    Ok(None)
}

/// Operators grant on one day and end requests to revoke on the next.
pub(super) const fn is_granting(round: usize) -> bool {
    round.is_multiple_of(2)
}

pub(super) fn tell(told: &Mutex<Vec<Acknowledged>>, one: Acknowledged) {
    let mut told = told.lock().unwrap_or_else(|told| told.into_inner());
    told.push(one);
}

pub(super) const CODE: &str = "0110119153";
