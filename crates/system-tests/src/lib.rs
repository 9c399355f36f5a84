//! What the stories in `tests/` share: the real binary, started and stopped, and the programs of
//! others that play the browser, the relying party and the judge.
//!
//! Nothing here knows the crates of the product: the tests see what the world sees, which is the
//! command line, TLS, HTTP, files, and the tables of the database where a promise is about them.

pub mod browser;
pub mod chromium;
pub mod clerk;
pub mod clinic;
pub mod database;
pub mod demo;
pub mod dice;
pub mod disk;
pub mod door;
pub mod est;
pub mod holdings;
pub mod http;
pub mod json;
pub mod leaks;
pub mod ledger;
pub mod mail_server;
pub mod openssl;
pub mod page;
pub mod ports;
pub mod procedure;
pub mod process;
pub mod relying;
pub mod samba;
pub mod served;
pub mod squid;
pub mod staff;
pub mod stand_in;
pub mod steps;
pub mod tab_procedure;
pub mod tab_script;
pub mod terminal;
pub mod tools;
pub mod windows_client;
pub mod wine;
