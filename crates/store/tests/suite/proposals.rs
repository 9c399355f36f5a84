//! What one operator proposes and another confirms (F8, T40), and the letters that are released so.

use std::collections::BTreeSet;

use tegata_domain::id::ProposalId;
use tegata_domain::operator::Role;
use tegata_domain::proposal::{Proposal, ProposalState, ProposedAct};
use tegata_domain::reference::ReferenceScope;
use tegata_domain::time::Timestamp;

use crate::databases::{Database, databases};
use crate::samples::{Case, NOW};

const LATER: Timestamp = Timestamp::from_unix(1_800_000_060);

fn proposal(case: &Case, act: ProposedAct) -> Proposal {
    Proposal {
        id: ProposalId::generate(NOW, &case.samples.0),
        act,
        reason: "電話で確認".to_owned(),
        proposed_by: case.operators[0].clone(),
        proposed_at: NOW,
        state: ProposalState::Proposed,
    }
}

fn reopen(case: &Case) -> ProposedAct {
    ProposedAct::Reopen {
        request: case.grant.request_id.clone(),
    }
}

fn object(case: &Case) -> String {
    format!("grant:{}", case.grant.id)
}

async fn insert(db: &Database, proposal: &Proposal, object: String) {
    let row = proposal.clone();
    db.write(|tx| Box::pin(async move { tx.insert_proposal(&row, &[object]).await }))
        .await;
}

#[tokio::test]
async fn a_proposal_is_read_back_and_listed_until_it_ends() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let first = proposal(&case, reopen(&case));
        let second = proposal(
            &case,
            ProposedAct::GiveRoles {
                operator: case.operators[2].clone(),
                roles: BTreeSet::from([Role::Auditor, Role::Intake]),
            },
        );
        insert(&db, &first, object(&case)).await;
        insert(&db, &second, "operator:x".to_owned()).await;
        let mut reader = db.reader().await;
        let read = reader.proposal(&first.id).await.unwrap();
        assert_eq!(read, Some(first.clone()));
        let mut open = vec![first.clone(), second.clone()];
        open.sort_by(|a, b| a.id.cmp(&b.id));
        let listed = reader.list_open_proposals(None, 9).await.unwrap();
        assert_eq!(listed, open);
        let rest = reader.list_open_proposals(Some(&open[0].id), 9).await;
        assert_eq!(rest.unwrap(), open[1..]);
        drop(reader);
        let ended = first.confirm(case.operators[1].clone(), LATER).unwrap();
        let row = ended.clone();
        let done = db
            .write(|tx| {
                Box::pin(
                    async move { Ok([tx.end_proposal(&row).await?, tx.end_proposal(&row).await?]) },
                )
            })
            .await;
        assert_eq!(done, [true, false]);
        let mut reader = db.reader().await;
        let open = reader.list_open_proposals(None, 9).await.unwrap();
        assert_eq!(open, [second]);
        assert_eq!(reader.list_proposals(None, 9).await.unwrap().len(), 2);
        let of_grant = reader.proposals_of(&object(&case), 9).await.unwrap();
        assert_eq!(of_grant, [ended]);
    }
}

#[tokio::test]
async fn an_act_is_proposed_once_for_each_object_until_it_ends() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let first = proposal(&case, reopen(&case));
        insert(&db, &first, object(&case)).await;
        let (again, about) = (proposal(&case, reopen(&case)), object(&case));
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_proposal(&again, &[about]).await }))
            .await;
        assert_eq!(rule, "proposal_object_open");
        let by = case.operators[0].clone();
        let withdrawn = first.withdraw(&by, LATER).unwrap();
        db.write(|tx| Box::pin(async move { tx.end_proposal(&withdrawn).await }))
            .await;
        insert(&db, &proposal(&case, reopen(&case)), object(&case)).await;
    }
}

/// T40: the rule is the database's, whoever writes to it.
#[tokio::test]
async fn nobody_confirms_the_own_proposal_by_sql_either() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let first = proposal(&case, reopen(&case));
        insert(&db, &first, object(&case)).await;
        let set = |state: &str, by: &str| {
            format!(
                "update proposal set state = '{state}', ended_by = {by}, ended_at = 1
                where id = '{}'",
                first.id
            )
        };
        let [a, b, _] = case.operators.clone().map(|id| format!("'{id}'"));
        let refused = [
            (set("confirmed", &a), "proposal_two_persons"),
            (set("refused", &a), "proposal_two_persons"),
            (set("withdrawn", &b), "proposal_withdrawn"),
            (set("confirmed", "null"), "proposal_"),
            (set("withdrawn", "null"), "proposal_"),
            (set("proposed", &b), "proposal_ended"),
            (set("done", &b), "proposal_"),
        ];
        for (sql, rule) in refused {
            let refusal = db.run_directly(&sql).await.unwrap_err().to_string();
            assert!(refusal.contains(rule), "{sql}: {refusal}");
        }
        db.run_directly(&set("confirmed", &b)).await.unwrap();
    }
}

#[tokio::test]
async fn a_letter_waits_to_be_released_then_to_be_posted() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let id = case.grant.id.clone();
        let release = proposal(
            &case,
            ProposedAct::ReleaseLetters {
                requests: BTreeSet::from([case.grant.request_id.clone()]),
            },
        );
        let mut reader = db.reader().await;
        let waiting = reader.letters_to_print(None, 9).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].grant, case.grant);
        assert_eq!(waiting[0].id, case.reference_id);
        let after = reader.letters_to_print(Some(&waiting[0].id), 9).await;
        assert!(after.unwrap().is_empty());
        assert!(reader.letters_to_post(None, 9).await.unwrap().is_empty());
        drop(reader);
        insert(&db, &release, object(&case)).await;
        let (grant, by) = (id.clone(), release.id.clone());
        let done = db
            .write(|tx| {
                Box::pin(async move {
                    let early = tx.post_reference(&grant, LATER).await?;
                    Ok([early, tx.release_letter(&grant, &by).await?])
                })
            })
            .await;
        assert_eq!(done, [false, true]);
        let mut reader = db.reader().await;
        assert!(reader.letters_to_print(None, 9).await.unwrap().is_empty());
        let released = reader.letters_to_post(None, 9).await.unwrap();
        assert_eq!(released[0].reference.release, Some(release.id.clone()));
        let by_proposal = reader.letters_released_by(&release.id).await.unwrap();
        assert_eq!(by_proposal.len(), 1);
        drop(reader);
        let (grant, by) = (id.clone(), release.id.clone());
        let done = db
            .write(|tx| {
                Box::pin(async move {
                    let posted = tx.post_reference(&grant, LATER).await?;
                    let again = tx.post_reference(&grant, LATER).await?;
                    Ok([posted, again, tx.release_letter(&grant, &by).await?])
                })
            })
            .await;
        assert_eq!(done, [true, false, false]);
        let mut reader = db.reader().await;
        assert!(reader.letters_to_post(None, 9).await.unwrap().is_empty());
        let by_proposal = reader.letters_released_by(&release.id).await.unwrap();
        assert!(by_proposal.is_empty());
        assert_eq!(reader.earlier_letters_of(&id).await.unwrap(), 0);
        let found = reader.grant_by_request(&case.grant.request_id).await;
        let (_, stored) = found.unwrap().unwrap();
        assert_eq!(stored.unwrap().1.posted_at, Some(LATER));
        drop(reader);

        let (row, stored) = case.samples.reference(LATER);
        let (grant, scope) = (id.clone(), stored.scope);
        db.write(|tx| Box::pin(async move { tx.replace_reference(&grant, &row, &stored).await }))
            .await;
        assert_eq!(scope, ReferenceScope::Letter);
        let mut reader = db.reader().await;
        assert_eq!(reader.earlier_letters_of(&id).await.unwrap(), 1);
        assert_eq!(reader.letters_to_print(None, 9).await.unwrap().len(), 1);
    }
}

/// F8: nothing is posted that two persons did not release.
#[tokio::test]
async fn a_letter_that_was_not_released_is_not_posted_by_sql_either() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let post = format!(
            "update reference_id set posted_at = 1 where grant_id = '{}'",
            case.grant.id
        );
        let refusal = db.run_directly(&post).await.unwrap_err().to_string();
        assert!(refusal.contains("reference_id_posted"), "{refusal}");
    }
}

#[tokio::test]
async fn another_authenticator_takes_the_place_of_the_old_one() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let id = case.operators[0].clone();
        let done = db
            .write(|tx| Box::pin(async move { tx.replace_totp(&id, b"other").await }))
            .await;
        assert!(done);
        let operator = db.reader().await.operator(&case.operators[0]).await;
        let name = operator.unwrap().unwrap().name;
        let login = db.reader().await.operator_by_name(&name).await.unwrap();
        assert_eq!(login.unwrap().totp_sealed, b"other");
    }
}
