//! What holds for this crate as a whole: dates against another language, states move by move, the
//! two profiles, and facts about arbitrary input.

#[cfg(test)]
mod issue_days;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod request_times;
#[cfg(test)]
mod states_doc;
