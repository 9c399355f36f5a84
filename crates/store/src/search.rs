//! Finding institutions and applications by the words of [`tegata_domain::search`].

use std::collections::BTreeSet;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// An object under one of its words; both together are the key of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The word, folded, in UTF-8.
    pub word: Vec<u8>,
    /// `institution:…` or `application:…`.
    pub object: String,
}

impl Connection {
    /// What has a word that begins with `beginning`, in the order of words, after `after`. An object stands
    /// once for each of its words.
    pub async fn search(
        &mut self,
        beginning: &str,
        after: Option<&Found>,
        limit: u32,
    ) -> Result<Vec<Found>, StoreError> {
        let first = beginning.as_bytes();
        // No octet of UTF-8 is 0xff: everything with this beginning is before it.
        let end: Vec<u8> = first.iter().copied().chain([0xff]).collect();
        let rows = self
            .fetch_all(
                "select word, object from search_word
                where word >= $1 and word < $2 and (word, object) > ($3, $4)
                order by word, object limit $5",
                &[
                    first.into(),
                    end.as_slice().into(),
                    after.map_or(&[][..], |found| &found.word).into(),
                    after.map_or("", |found| found.object.as_str()).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        let read = |row: &crate::row::Row| {
            let fields = row.of("search_word");
            Ok(Found {
                word: fields.bytes(0)?,
                object: fields.text(1)?.to_owned(),
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Puts these words in place of an object's earlier ones.
    pub async fn set_search_words(
        &mut self,
        object: &str,
        words: Vec<String>,
    ) -> Result<(), StoreError> {
        self.execute(
            "delete from search_word where object = $1",
            &[object.into()],
        )
        .await?;
        self.add_search_words(object, words).await
    }

    /// Adds words to an object's earlier ones.
    pub async fn add_search_words(
        &mut self,
        object: &str,
        words: Vec<String>,
    ) -> Result<(), StoreError> {
        for word in words.into_iter().collect::<BTreeSet<_>>() {
            self.execute(
                "insert into search_word (word, object) values ($1, $2)
                on conflict (word, object) do nothing",
                &[word.as_bytes().into(), object.into()],
            )
            .await?;
        }
        Ok(())
    }
}
