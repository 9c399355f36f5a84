//! MPKIクライアントのダウンロード (`/p/c`, manual 2.2 and 6.3, screens.md C.7).
//!
//! Also what terminals fetch: the announcement of a newer version, and the packages (F10). Nothing here is secret, and
//! nothing is believed because it comes from here: terminals verify the signatures of the announcement.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, USER_AGENT, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_protocol::release::{Architecture, FILE_PATH, ReleaseFile, Scope};

use super::cert::groups_of_eight;
use crate::messages::{self, CL_1, SITE_ENTRANCE};
use crate::page::{Frame, page};
use crate::releases::{Published, Releases};
use crate::respond;
use crate::web::Web;

const BITNESS: HeaderName = HeaderName::from_static("sec-ch-ua-bitness");
const PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
const ACCEPT_CH: HeaderName = HeaderName::from_static("accept-ch");

/// A package on the page.
struct File {
    /// 32bit, 64bit.
    bits: &'static str,
    /// For whom, where it is not for whoever installs it.
    scope: &'static str,
    name: String,
    address: String,
    size: String,
    sha256: Vec<String>,
    signer: String,
}

impl File {
    fn new(file: &ReleaseFile) -> Self {
        Self {
            bits: messages::architecture(file.architecture),
            scope: messages::scope(file.scope),
            address: format!("{FILE_PATH}{}", file.name),
            size: messages::size(file.size),
            sha256: groups_of_eight(&file.sha256.to_string()),
            signer: messages::signer(file.signer.as_deref()),
            name: file.name.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "c/client.html")]
struct ClientPage {
    frame: Frame,
    version: String,
    released: String,
    /// The best package for this machine.
    best: File,
    /// Whether that is known, or the one that most machines take.
    is_known: bool,
    others: Vec<File>,
    changes: Vec<String>,
}

#[derive(Template)]
#[template(path = "c/none.html")]
struct NonePage {
    frame: Frame,
}

/// GET /p/c
pub(crate) async fn show(
    State(web): State<Web>,
    Extension(releases): Extension<Releases>,
    headers: HeaderMap,
) -> Response {
    let published = releases.current();
    let machine = machine(&headers);
    let view = published
        .as_deref()
        .and_then(|published| client_page(&web, published, machine));
    let mut response = match view {
        Some(view) => page(StatusCode::OK, &view),
        None => {
            let frame = web.frame(SITE_ENTRANCE, CL_1);
            page(StatusCode::OK, &NonePage { frame })
        }
    };
    // Browsers of our days tell more only when they are asked.
    let asked = HeaderValue::from_static("Sec-CH-UA-Bitness");
    response.headers_mut().insert(ACCEPT_CH, asked);
    let vary = HeaderValue::from_static("User-Agent, Sec-CH-UA-Bitness, Sec-CH-UA-Platform");
    response.headers_mut().insert(VARY, vary);
    response
}

/// None where the release has no package that a person can install alone.
fn client_page(
    web: &Web,
    published: &Published,
    machine: Option<Architecture>,
) -> Option<ClientPage> {
    let release = &published.release;
    let wanted = machine.unwrap_or(Architecture::X64);
    let best = release
        .file(wanted, Scope::User)
        .or_else(|| release.file(Architecture::X86, Scope::User))?;
    let others = release.files.iter().filter(|file| file.name != best.name);
    Some(ClientPage {
        frame: web.frame(SITE_ENTRANCE, CL_1),
        version: release.version.to_string(),
        released: messages::day(release.released),
        is_known: machine == Some(best.architecture),
        best: File::new(best),
        others: others.map(File::new).collect(),
        changes: release.changes.clone(),
    })
}

/// GET /p/c/manifest.json
pub(crate) async fn manifest(
    State(web): State<Web>,
    Extension(releases): Extension<Releases>,
) -> Response {
    match releases.current() {
        Some(published) => {
            let kind = HeaderValue::from_static("application/json");
            ([(CONTENT_TYPE, kind)], published.manifest.clone()).into_response()
        }
        None => respond::unknown(&web),
    }
}

/// GET /p/c/file/{name}
pub(crate) async fn file(
    State(web): State<Web>,
    Extension(releases): Extension<Releases>,
    Path(name): Path<String>,
) -> Response {
    let published = releases.current();
    let Some((file, octets)) = published.as_deref().and_then(|all| all.file(&name)) else {
        return respond::unknown(&web);
    };
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let Ok(disposition) = HeaderValue::try_from(disposition) else {
        return respond::internal(&web, "the file's name is no header value");
    };
    let kind = HeaderValue::from_static("application/x-msi");
    (
        [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)],
        octets,
    )
        .into_response()
}

/// GET /p/c/ and /p/s, and /p/c at the subscribers' names: the page is at the public name.
pub(crate) async fn moved(State(web): State<Web>) -> Response {
    respond::see_other(&format!("{}/p/c", web.home()))
}

/// The processor of a Windows machine, as its browser tells it: by client hints where it sends them, else by the
/// User-Agent, in which a 32-bit browser on 64-bit Windows says `WOW64`.
fn machine(headers: &HeaderMap) -> Option<Architecture> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(PLATFORM) == Some("\"Windows\"") {
        match text(BITNESS) {
            Some("\"64\"") => return Some(Architecture::X64),
            Some("\"32\"") => return Some(Architecture::X86),
            _ => {}
        }
    }
    let agent = text(USER_AGENT)?;
    if !agent.contains("Windows NT") {
        return None;
    }
    let is_64 = ["Win64", "WOW64", "x64"]
        .iter()
        .any(|mark| agent.contains(mark));
    Some(if is_64 {
        Architecture::X64
    } else {
        Architecture::X86
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_what_its_browser_says() {
        let of = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().cloned();
            machine(
                &pairs
                    .map(|(name, value)| (name, HeaderValue::from_static(value)))
                    .collect(),
            )
        };
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36";
        let old = "Mozilla/5.0 (Windows NT 6.3; WOW64; Trident/7.0; rv:11.0) like Gecko";
        let small = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36";
        let linux = "Mozilla/5.0 (X11; Linux x86_64)";
        assert_eq!(of(&[(USER_AGENT, edge)]), Some(Architecture::X64));
        assert_eq!(of(&[(USER_AGENT, old)]), Some(Architecture::X64));
        assert_eq!(of(&[(USER_AGENT, small)]), Some(Architecture::X86));
        assert_eq!(of(&[(USER_AGENT, linux)]), None);
        assert_eq!(of(&[]), None);
        let hints = [
            (PLATFORM, "\"Windows\""),
            (BITNESS, "\"32\""),
            (USER_AGENT, edge),
        ];
        assert_eq!(of(&hints), Some(Architecture::X86));
        let hints = [(PLATFORM, "\"Linux\""), (BITNESS, "\"64\"")];
        assert_eq!(of(&hints), None);
    }
}
