//! The JSON as it is on the wire: one file of `golden` for each case, written and read. A terminal of any version must
//! be able to read them for ever, so a file changes only when a field is added.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod description;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod own;
#[cfg(test)]
mod refusals;
