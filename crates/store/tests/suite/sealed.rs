//! Sealed values, for the exchange of the key-encryption key.

use tegata_store::{SealedColumn, SealedSecret, SealedValue};

use crate::databases::databases;
use crate::samples::NOW;

const COLUMN: SealedColumn = SealedColumn::AuthoritySecret;

fn value(row: &str, sealed: &[u8]) -> SealedValue {
    SealedValue {
        row: row.to_owned(),
        sealed: sealed.to_vec(),
    }
}

#[tokio::test]
async fn sealed_values_are_read_by_pages_and_each_column_can_be_read() {
    for db in databases().await {
        db.write(|tx| {
            Box::pin(async move {
                for (purpose, number) in [("pepper", 2), ("pepper", 1), ("digest", 1)] {
                    let sealed = vec![1, 2, 3];
                    let secret = SealedSecret { number, sealed };
                    tx.insert_sealing_secret(purpose, &secret, NOW).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        let first = reader.sealed_values(COLUMN, "", 2).await.unwrap();
        let expected = ["digest/1", "pepper/1"].map(|row| value(row, &[1, 2, 3]));
        assert_eq!(first, expected);
        let rest = reader.sealed_values(COLUMN, "pepper/1", 2).await.unwrap();
        assert_eq!(rest, [value("pepper/2", &[1, 2, 3])]);
        for column in SealedColumn::ALL {
            assert_eq!(reader.sealed_values(column, "~", 2).await.unwrap(), []);
        }
    }
}

#[tokio::test]
async fn a_value_is_replaced_only_where_it_is_what_was_read() {
    for db in databases().await {
        let replaced = db
            .write(|tx| {
                Box::pin(async move {
                    let sealed = vec![1, 2, 3];
                    let secret = SealedSecret { number: 1, sealed };
                    tx.insert_sealing_secret("pepper", &secret, NOW).await?;
                    let read = value("pepper/1", &[1, 2, 3]);
                    let mut done = Vec::new();
                    for new in [[4, 5, 6], [7, 8, 9]] {
                        done.push(tx.replace_sealed(COLUMN, &read, &new).await?);
                    }
                    for column in SealedColumn::ALL {
                        let absent = value("nobody", &[1]);
                        done.push(tx.replace_sealed(column, &absent, &[2]).await?);
                    }
                    Ok(done)
                })
            })
            .await;
        assert_eq!(replaced, [true, false, false, false, false, false, false]);
        let now = db.reader().await.sealed_values(COLUMN, "", 9).await;
        assert_eq!(now.unwrap(), [value("pepper/1", &[4, 5, 6])]);
    }
}
