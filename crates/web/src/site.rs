//! The sites of the manual, one file each.

pub(crate) mod c;
pub(crate) mod cert;
pub(crate) mod console;
pub(crate) mod guide;
pub(crate) mod keyfile;
pub(crate) mod mail_code;
pub(crate) mod news;
pub(crate) mod rcd;
pub(crate) mod rcr;
pub(crate) mod rcs;
pub(crate) mod ru;
pub(crate) mod rx;
pub(crate) mod top;
