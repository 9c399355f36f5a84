//! Writes the Windows Installer package (`.msi`) of the MPKI client from finished values (manual 2.2, 6.3; R-071).
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`program`] | what stands in a Windows program file: processor, version, icon |
//! | [`inspection`] | what a finished package says of itself |
//! | [`package`] | the package as a whole: database, cabinet, summary |
//! | `identity` | the codes by which Windows knows product, package and components |
//! | `schema`, `database` | the tables and the rows in them |
//! | `layout` | folders, components, files, registry values, shortcut |
//! | `steps` | what is done in which order, and what runs the program itself |
//! | `wizard`, `messages` | the pages that a person clicks through, and every sentence of them |
//!
//! This crate knows no certificate, no server and no clock. The texts are stored in code page 932, which every
//! Japanese Windows has.

#![forbid(unsafe_code)]

pub mod inspection;
pub mod package;
pub mod program;

mod cabinet;
mod database;
mod identity;
mod layout;
mod messages;
mod schema;
mod steps;
mod verbs;
mod wizard;

pub use inspection::{Inspection, InspectionError, inspect};
pub use package::{Package, PackageError};
pub use program::{Program, ProgramError};
pub use verbs::{MACHINE_REMOVE, MACHINE_SETUP, QUIT, TRAY};
