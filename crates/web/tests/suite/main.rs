//! The sites as a browser and other programs meet them: requests in, answers out, with a real
//! application on SQLite.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cert;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod house;
#[cfg(test)]
mod pages_doc;
#[cfg(test)]
mod rcd;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod ru;
#[cfg(test)]
mod rx;
#[cfg(test)]
mod status;
#[cfg(test)]
mod visitor;
