//! The pages of a key file: RCD-2 to RCD-7, RU-3 and RU-4, by where their procedure stands.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{CollectionPage, KeyFileForm};
use tegata_domain::flow::FlowStep;
use tegata_domain::time::Timestamp;

use super::super::ru;
use super::{refuse_visit, visit};
use crate::extract::Caller;
use crate::flow::{FlowPath, Procedure};
use crate::making;
use crate::messages::{self, FileScreens};
use crate::page::{Frame, Holder, Problems, page};
use crate::respond;
use crate::web::Web;

struct Earlier {
    at: String,
    source: String,
    refused: bool,
}

/// One of the two forms of the file, as a choice.
struct FormChoice {
    word: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "keyfile/password.html")]
struct PasswordPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    is_renewal: bool,
    version: i64,
    window_end: String,
    downloads: usize,
    earlier: Vec<Earlier>,
    hint: String,
    four_digits: bool,
    crack_time: &'static str,
    forms: [FormChoice; 2],
    form_name: &'static str,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "keyfile/other_form.html")]
struct OtherFormPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    downloaded_at: Option<String>,
    earlier_form: &'static str,
    form: &'static str,
    form_name: &'static str,
    is_old: bool,
    hint: String,
    four_digits: bool,
    crack_time: &'static str,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "keyfile/suggestion.html")]
struct SuggestionPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    form: &'static str,
    password: String,
}

#[derive(Template)]
#[template(path = "keyfile/weak.html")]
struct WeakPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    crack_time: &'static str,
    is_guessable: bool,
}

#[derive(Template)]
#[template(path = "keyfile/making.html")]
struct MakingPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    /// Name and `done`, nothing or `ahead`.
    stages: [(&'static str, &'static str); 3],
}

#[derive(Template)]
#[template(path = "keyfile/ready.html")]
struct ReadyPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    is_renewal: bool,
    version: i64,
    file_name: String,
    check: String,
    relying_systems: String,
}

#[derive(Template)]
#[template(path = "keyfile/erase.html")]
struct ErasePage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "keyfile/erased.html")]
struct ErasedPage {
    frame: Frame,
    certificate: Holder,
    erased_at: String,
}

#[derive(Template)]
#[template(path = "keyfile/on_terminal.html")]
struct OnTerminalPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    since: String,
}

/// Where a procedure about a file stands, for one request.
pub(super) struct Step<'a> {
    web: &'a Web,
    pub(super) state: CollectionPage,
    certificate: Holder,
    screens: &'static FileScreens,
    is_renewal: bool,
    /// Whether the file was being made when this request began to look.
    is_making: bool,
}

impl<'a> Step<'a> {
    pub(super) async fn begin(
        web: &'a Web,
        flow: &FlowPath,
        caller: &Caller,
    ) -> Result<Self, Response> {
        let now = web.now();
        // Asked first: what ends while the state is read must not bring the form back.
        let is_making = web.making().is_underway(&flow.id);
        let visit = visit(web, flow, caller).await?;
        let state = match web.app().collection_page(&flow.id, visit, now).await {
            Ok(state) => state,
            Err(error) => return Err(refuse_visit(web, flow, visit, error).await),
        };
        Ok(Self {
            web,
            certificate: Holder::new(state.certificate.clone(), web.app().policy(), now),
            state,
            screens: messages::file_screens(flow.procedure),
            is_renewal: flow.procedure == Procedure::Retrieve,
            is_making,
        })
    }

    fn frame(&self, screen: messages::Screen) -> Frame {
        self.web.frame(self.screens.site, screen)
    }

    /// Whether a password may be set now.
    pub(super) fn takes_password(&self) -> bool {
        matches!(self.state.step, FlowStep::Password | FlowStep::Confirm)
    }

    pub(super) fn page(self, flow: &FlowPath, caller: &Caller, problems: Problems) -> Response {
        match self.state.step {
            _ if self.state.on_terminal.is_some() && self.state.step != FlowStep::Done => {
                self.on_terminal_page(flow)
            }
            FlowStep::Ready => self.ready_page(flow),
            FlowStep::Password | FlowStep::Confirm if self.is_making => self.making_page(flow),
            FlowStep::Done => match self.state.erased_at {
                Some(at) => self.erased_page(at),
                None => respond::frozen(self.web, None, Some(self.certificate)),
            },
            FlowStep::Confirm => self.weak_page(flow),
            FlowStep::Code | FlowStep::Form | FlowStep::Password => {
                self.password_page(flow, caller, problems)
            }
        }
    }

    fn password_page(self, flow: &FlowPath, caller: &Caller, problems: Problems) -> Response {
        let chosen = self.form(caller);
        let status = status_of(&problems);
        let frame = self.frame(self.screens.password);
        let earlier = self.state.earlier.into_iter().map(|entry| Earlier {
            at: messages::date_and_time(entry.at),
            source: entry.source,
            refused: entry.refused,
        });
        let view = PasswordPage {
            frame,
            certificate: self.certificate,
            here: flow.page(),
            is_renewal: self.is_renewal,
            version: self.state.version,
            window_end: messages::date(self.state.window_end),
            downloads: self.state.downloads,
            earlier: earlier.collect(),
            hint: messages::password_hint(self.state.min_length),
            four_digits: self.state.min_length <= 4,
            crack_time: messages::CRACK_TIME,
            forms: [KeyFileForm::Modern, KeyFileForm::Old].map(|form| FormChoice {
                word: form.as_str(),
                name: messages::form_name(form),
                chosen: form == chosen,
            }),
            form_name: messages::form_name(chosen),
            problems,
        };
        page(status, &view)
    }

    pub(super) fn other_form_page(self, flow: &FlowPath, problems: Problems) -> Response {
        let earlier_form = self.state.form.unwrap_or(KeyFileForm::Modern);
        let form = earlier_form.other();
        let last = self.state.earlier.iter().rfind(|entry| !entry.refused);
        let view = OtherFormPage {
            frame: self.frame(self.screens.other_form),
            here: flow.page(),
            version: self.state.version,
            downloaded_at: last.map(|entry| messages::date_and_time(entry.at)),
            earlier_form: messages::form_name(earlier_form),
            form: form.as_str(),
            form_name: messages::form_name(form),
            is_old: form == KeyFileForm::Old,
            hint: messages::password_hint(self.state.min_length),
            four_digits: self.state.min_length <= 4,
            crack_time: messages::CRACK_TIME,
            certificate: self.certificate,
            problems,
        };
        page(status_of(&view.problems), &view)
    }

    pub(super) fn suggestion_page(self, flow: &FlowPath, caller: &Caller) -> Response {
        let view = SuggestionPage {
            frame: self.frame(self.screens.suggestion),
            here: flow.page(),
            version: self.state.version,
            form: self.form(caller).as_str(),
            password: self.web.app().suggest_password().expose().clone(),
            certificate: self.certificate,
        };
        page(StatusCode::OK, &view)
    }

    fn weak_page(self, flow: &FlowPath) -> Response {
        let view = WeakPage {
            frame: self.frame(self.screens.weak),
            here: flow.page(),
            version: self.state.version,
            crack_time: messages::CRACK_TIME,
            is_guessable: self.state.is_guessable,
            certificate: self.certificate,
        };
        page(StatusCode::OK, &view)
    }

    /// RCD-3: asks for itself again until the file is there.
    fn making_page(self, flow: &FlowPath) -> Response {
        let view = MakingPage {
            frame: self.frame(self.screens.making),
            here: flow.page(),
            stages: messages::stages(&self.state.status),
            certificate: self.certificate,
        };
        making::refreshing(page(StatusCode::OK, &view))
    }

    fn ready_page(self, flow: &FlowPath) -> Response {
        let app = self.web.app();
        let view = ReadyPage {
            frame: self.frame(self.screens.ready),
            here: flow.page(),
            is_renewal: self.is_renewal,
            version: self.state.version,
            check: ru::check_address(app.addresses(), flow.procedure),
            relying_systems: app.policy().names.relying_systems.clone(),
            certificate: self.certificate,
            file_name: self.state.file_name,
        };
        page(StatusCode::OK, &view)
    }

    pub(super) fn erase_page(self, flow: &FlowPath, problems: Problems) -> Response {
        let mut frame = self.frame(self.screens.erase);
        frame.title = messages::erase_title(&frame.ca_short);
        let view = ErasePage {
            frame,
            here: flow.page(),
            version: self.state.version,
            certificate: self.certificate,
            problems,
        };
        page(status_of(&view.problems), &view)
    }

    fn erased_page(self, at: Timestamp) -> Response {
        let view = ErasedPage {
            frame: self.frame(self.screens.erased),
            certificate: self.certificate,
            erased_at: messages::date_and_time(at),
        };
        page(StatusCode::OK, &view)
    }

    fn on_terminal_page(self, flow: &FlowPath) -> Response {
        let since = self.state.on_terminal.map(messages::date_and_time);
        let view = OnTerminalPage {
            frame: self.frame(messages::RCD_ON_TERMINAL),
            here: flow.page(),
            version: self.state.version,
            since: since.unwrap_or_default(),
            certificate: self.certificate,
        };
        page(StatusCode::OK, &view)
    }

    /// The form that was chosen, or the one for this system (K5).
    fn form(&self, caller: &Caller) -> KeyFileForm {
        let own = KeyFileForm::for_user_agent(&caller.user_agent);
        self.state.form.unwrap_or(own)
    }
}

fn status_of(problems: &Problems) -> StatusCode {
    if problems.0.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    }
}
