//! Operators, their roles and their logins.

use tegata_domain::operator::Role;

use crate::databases::databases;
use crate::samples::{NOW, Samples};

#[tokio::test]
async fn an_operator_is_found_by_id_and_by_name() {
    for db in databases().await {
        let samples = Samples::new();
        let plain = samples.operator("plain", &[]);
        let busy = samples.operator("busy", &[Role::Intake, Role::Dispatcher]);
        let both = [plain.clone(), busy.clone()];
        db.write(|tx| {
            Box::pin(async move {
                for operator in &both {
                    tx.insert_operator(operator, "hash", b"sealed", NOW).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        assert_eq!(
            reader.operator(&plain.id).await.unwrap(),
            Some(plain.clone())
        );
        assert_eq!(reader.operator(&busy.id).await.unwrap(), Some(busy.clone()));
        let login = reader.operator_by_name("busy").await.unwrap().unwrap();
        assert_eq!(login.operator, busy);
        assert_eq!(login.password_hash, "hash");
        assert_eq!(login.totp_sealed, b"sealed");
        assert_eq!(login.totp_last_step, 0);
        assert_eq!(reader.operator_by_name("nobody").await.unwrap(), None);
        let absent = samples.operator("absent", &[]);
        assert_eq!(reader.operator(&absent.id).await.unwrap(), None);

        let mut sorted = vec![plain, busy];
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(reader.list_operators(None, 9).await.unwrap(), sorted);
        let first = reader.list_operators(None, 1).await.unwrap();
        assert_eq!(first, sorted[..1]);
        let rest = reader.list_operators(Some(&first[0].id), 9).await.unwrap();
        assert_eq!(rest, sorted[1..]);
    }
}

#[tokio::test]
async fn a_totp_step_is_used_once_and_never_an_earlier_one() {
    for db in databases().await {
        let operator = Samples::new().operator("a", &[]);
        let id = operator.id.clone();
        let used = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_operator(&operator, "hash", b"sealed", NOW)
                        .await?;
                    let mut used = Vec::new();
                    for step in [100, 100, 99, 101] {
                        used.push(tx.use_totp_step(&id, step, b"sealed").await?);
                    }
                    tx.replace_totp(&id, b"another").await?;
                    used.push(tx.use_totp_step(&id, 102, b"sealed").await?);
                    tx.disable_operator(&id, NOW).await?;
                    used.push(tx.use_totp_step(&id, 103, b"another").await?);
                    Ok(used)
                })
            })
            .await;
        assert_eq!(used, [true, false, false, true, false, false]);
        let login = db.reader().await.operator_by_name("a").await.unwrap();
        assert_eq!(login.unwrap().totp_last_step, 101);
    }
}

#[tokio::test]
async fn a_role_is_given_and_taken_once_and_an_account_closed_once() {
    for db in databases().await {
        let operator = Samples::new().operator("a", &[Role::Intake]);
        let id = operator.id.clone();
        let done = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_operator(&operator, "hash", b"sealed", NOW)
                        .await?;
                    let id = &operator.id;
                    Ok([
                        tx.grant_role(id, Role::Approver).await?,
                        tx.grant_role(id, Role::Approver).await?,
                        tx.withdraw_role(id, Role::Intake).await?,
                        tx.withdraw_role(id, Role::Intake).await?,
                        tx.disable_operator(id, NOW).await?,
                        tx.disable_operator(id, NOW.plus_seconds(1)).await?,
                    ])
                })
            })
            .await;
        assert_eq!(done, [true, false, true, false, true, false]);
        let read = db.reader().await.operator(&id).await.unwrap().unwrap();
        assert_eq!(read.roles.into_iter().collect::<Vec<_>>(), [Role::Approver]);
        assert_eq!(read.disabled_at, Some(NOW));
    }
}
