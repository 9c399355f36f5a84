//! 「あなたの端末の手順」 (`/p/guide/…`): what happens in Windows and in the browser, outside our pages
//! (manual 2.4 to 2.6, 3.2.2, 3.2.3, 5, 6.2.1). Needs no IDs and knows nobody.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::messages::{
    GUIDE_BACKUP, GUIDE_CHOOSE, GUIDE_DELETE, GUIDE_INSTALL, SITE_ENTRANCE, Screen,
};
use crate::page::{Frame, page};
use crate::respond;
use crate::web::Web;

#[derive(Template)]
#[template(path = "guide/install.html")]
struct InstallPage<'a> {
    frame: Frame,
    ca_cn: &'a str,
}

#[derive(Template)]
#[template(path = "guide/backup.html")]
struct BackupPage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "guide/delete.html")]
struct DeletePage<'a> {
    frame: Frame,
    ca_cn: &'a str,
}

#[derive(Template)]
#[template(path = "guide/choose.html")]
struct ChoosePage<'a> {
    frame: Frame,
    ca_cn: &'a str,
}

/// GET /p/guide/{page}
pub(crate) async fn show(State(web): State<Web>, Path(name): Path<String>) -> Response {
    let ca_cn = super::ru::subscriber_ca(web.app().policy());
    let frame = |screen: Screen| web.frame(SITE_ENTRANCE, screen);
    let ok = StatusCode::OK;
    match name.as_str() {
        "install" => {
            let frame = frame(GUIDE_INSTALL);
            page(ok, &InstallPage { frame, ca_cn })
        }
        "backup" => {
            let frame = frame(GUIDE_BACKUP);
            page(ok, &BackupPage { frame })
        }
        "delete" => {
            let frame = frame(GUIDE_DELETE);
            page(ok, &DeletePage { frame, ca_cn })
        }
        "choose" => {
            let frame = frame(GUIDE_CHOOSE);
            page(ok, &ChoosePage { frame, ca_cn })
        }
        _ => respond::unknown(&web),
    }
}
