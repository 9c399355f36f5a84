//! 入口 (manual 2.3): which procedure is the right one, and what is to be known today?

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::news::{Piece, piece};
use crate::messages::{SITE_ENTRANCE, TOP};
use crate::page::{Frame, page};
use crate::web::Web;

#[derive(Template)]
#[template(path = "top/entrance.html")]
struct EntrancePage<'a> {
    frame: Frame,
    network: &'a str,
    /// お知らせ, the newest first.
    news: Vec<Piece>,
    /// Why the service is not as usual today; none where it is not known.
    today: Option<Vec<Piece>>,
    /// Address of 発行等申請の手引き.
    guide: Option<&'a str>,
    /// Address of ユーザーマニュアル.
    manual: Option<&'a str>,
}

/// GET /
pub(crate) async fn entrance(State(web): State<Web>) -> Response {
    let names = &web.app().policy().names;
    // Whoever comes here needs the way on more than the news.
    let told = match web.app().news(web.now()).await {
        Ok(told) => Some(told),
        Err(error) => {
            tracing::warn!(%error, "the entrance page has no news");
            None
        }
    };
    let pieces = |all: &[tegata_domain::announcement::Announcement]| {
        all.iter().map(|one| piece(&one.notice)).collect::<Vec<_>>()
    };
    let view = EntrancePage {
        frame: web.frame(SITE_ENTRANCE, TOP),
        network: &names.network,
        news: told
            .as_ref()
            .map(|told| pieces(&told.announcements))
            .unwrap_or_default(),
        today: told.as_ref().map(|told| pieces(&told.affecting)),
        guide: names.application_guide.as_deref(),
        manual: names.user_manual.as_deref(),
    };
    page(StatusCode::OK, &view)
}
