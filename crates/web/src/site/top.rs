//! 入口 (manual 2.3): which procedure is the right one?

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::messages::{SITE_ENTRANCE, TOP};
use crate::page::{Frame, page};
use crate::web::Web;

#[derive(Template)]
#[template(path = "top/entrance.html")]
struct EntrancePage<'a> {
    frame: Frame,
    network: &'a str,
}

/// GET /
pub(crate) async fn entrance(State(web): State<Web>) -> Response {
    let network = &web.app().policy().names.network;
    let frame = web.frame(SITE_ENTRANCE, TOP);
    page(StatusCode::OK, &EntrancePage { frame, network })
}
