//! The whole behaviour with fakes for the machine and the server: what the person sees, what the server gets, what is
//! left after an end at any point.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod enrolment;
mod killed;
mod machine;
mod newer;
mod notices;
mod own;
mod own_server;
mod person;
mod renewal;
mod screen;
mod server;
mod trouble;
mod trust;
mod world;
