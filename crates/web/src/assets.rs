//! The style sheet, the one script and the icon, carried in the binary.
//!
//! Their names hold a digest of their content, so that a browser may keep them for a year.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::respond;
use crate::tag::digest;
use crate::web::Web;

const STYLE: &str = include_str!("../assets/tegata.css");
const CONSOLE_STYLE: &str = include_str!("../assets/console.css");
const SCRIPT: &str = include_str!("../assets/tegata.js");
const ICON: &str = include_str!("../assets/tegata.svg");

/// File names of the assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssetNames {
    pub(crate) style: String,
    pub(crate) console_style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
}

impl AssetNames {
    pub(crate) fn new() -> Self {
        Self {
            style: format!("tegata-{}.css", digest(STYLE.as_bytes())),
            console_style: format!("console-{}.css", digest(CONSOLE_STYLE.as_bytes())),
            script: format!("tegata-{}.js", digest(SCRIPT.as_bytes())),
            icon: format!("tegata-{}.svg", digest(ICON.as_bytes())),
        }
    }
}

/// GET /assets/{file}
pub(crate) async fn asset(State(web): State<Web>, Path(file): Path<String>) -> Response {
    let names = web.assets();
    let (kind, content) = if file == names.style {
        ("text/css; charset=utf-8", STYLE)
    } else if file == names.console_style {
        ("text/css; charset=utf-8", CONSOLE_STYLE)
    } else if file == names.script {
        ("text/javascript; charset=utf-8", SCRIPT)
    } else if file == names.icon {
        ("image/svg+xml", ICON)
    } else {
        return respond::unknown(&web);
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
