//! One request to the proven server, and how it says no.

use tegata_pki::certificate::Certificate;
use tegata_protocol::Refusal;

use crate::failure::{Failure, ServerRefusal};
use crate::ports::{Http, Method, Request, Response, Server};

/// The word for a problem, where the body cannot carry it.
pub(crate) const ERROR_WORD: &str = "tegata-error";
const PROBLEM: &str = "application/problem+json";
/// What a client of ours understands as a refusal, whatever it asked for.
const ACCEPT: &str = "application/problem+json, */*;q=0.1";

/// The server and the root by which it is known.
pub(crate) struct Connection<'a> {
    pub(crate) http: &'a dyn Http,
    pub(crate) server: &'a Server,
    pub(crate) root: &'a Certificate,
}

impl Connection<'_> {
    /// A bare GET, to be completed.
    pub(crate) fn get(&self, path: &str) -> Request {
        Request {
            server: self.server.clone(),
            method: Method::Get,
            path: path.to_owned(),
            headers: vec![("accept", ACCEPT.to_owned())],
            body: None,
            basic: None,
            identity: None,
        }
    }

    pub(crate) fn send(&self, request: Request) -> Result<Response, Failure> {
        Ok(self.http.send(&request, self.root)?)
    }
}

/// Whether it is a 200; else what it says.
pub(crate) fn success(response: &Response) -> Result<(), Failure> {
    match response.status {
        200 => Ok(()),
        status if status >= 400 => Err(refused(response)),
        _ => Err(not_ours(response)),
    }
}

/// An answer that this server does not give: somebody stands between.
pub(crate) fn not_ours(response: &Response) -> Failure {
    Failure::NotOurs {
        status: response.status,
        media_type: response.media_type(),
    }
}

fn refused(response: &Response) -> Failure {
    let word = response.header(ERROR_WORD).map(str::to_owned);
    let is_problem = response.media_type() == PROBLEM;
    let refusal: Option<Refusal> = if is_problem {
        serde_json::from_slice(&response.body).ok()
    } else {
        None
    };
    let retry_after = response.retry_after;
    match (refusal, word) {
        (Some(refusal), _) => Failure::Refused(Box::new(ServerRefusal {
            status: response.status,
            code: refusal.code,
            message: refusal.message,
            retry_after,
            incident: refusal.incident,
        })),
        (None, Some(code)) => Failure::Refused(Box::new(ServerRefusal {
            status: response.status,
            code,
            message: None,
            retry_after,
            incident: None,
        })),
        // A gateway before the server may answer for it while it is away.
        (None, None) if matches!(response.status, 502..=504) => {
            Failure::Refused(Box::new(ServerRefusal {
                status: response.status,
                code: "unavailable".to_owned(),
                message: None,
                retry_after,
                incident: None,
            }))
        }
        (None, None) => not_ours(response),
    }
}
