//! The sites as a browser and other programs meet them: requests in, answers out, with a real
//! application on SQLite.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod c;
mod cert;
#[cfg(test)]
mod clerk;
#[cfg(test)]
mod client_api;
#[cfg(test)]
mod client_own;
#[cfg(test)]
mod console_announcements;
mod console_cases;
#[cfg(test)]
mod console_login;
#[cfg(test)]
mod console_notices;
#[cfg(test)]
mod console_pages_doc;
#[cfg(test)]
mod console_routes_doc;
#[cfg(test)]
mod console_two_persons;
#[cfg(test)]
mod est;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod house;
#[cfg(test)]
mod markup;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod pages_doc;
#[cfg(test)]
mod rcd;
#[cfg(test)]
mod rcr;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod relying;
mod ru;
#[cfg(test)]
mod rx;
#[cfg(test)]
mod status;
#[cfg(test)]
mod unavailable;
#[cfg(test)]
mod visitor;
