//! One suite, two databases: every function of the crate is run on SQLite, and on PostgreSQL where
//! `TEGATA_TEST_POSTGRES` names a server on which databases may be made.

mod certificates;
mod databases;
mod grants;
mod operators;
mod procedures;
mod publication;
mod register;
mod revocations;
mod rules;
mod samples;
mod writes;
