//! Somebody at the console: logs in, keeps the cookie, sends what the pages' forms send.

use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Request, StatusCode};
use tegata_app::one_time_code;
use tegata_domain::audit::Actor;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::secret::Secret;

use crate::house::House;
use crate::visitor::{Answer, form_request, get_request, send};

pub(crate) const PASSWORD: &str = "long enough for a test";

pub(crate) struct Clerk<'a> {
    house: &'a House,
    pub(crate) operator: Operator,
    pub(crate) secret: Secret<String>,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl<'a> Clerk<'a> {
    /// A new operator with these roles, logged in.
    pub(crate) async fn hire(house: &'a House, name: &str, roles: &[Role]) -> Self {
        let mut clerk = Self::hire_outside(house, name, roles).await;
        let answer = clerk.log_in(PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        clerk
    }

    /// A new operator who did not log in yet.
    pub(crate) async fn hire_outside(house: &'a House, name: &str, roles: &[Role]) -> Self {
        let (password, now) = (Secret::from(PASSWORD), house.now());
        let added = house
            .app
            .add_operator(name, &password, roles, Actor::System, now)
            .await
            .unwrap();
        Self {
            house,
            operator: added.operator,
            secret: added.totp_secret,
            cookie: String::new(),
            csrf: String::new(),
        }
    }

    /// The one-time code of now.
    pub(crate) fn code(&self) -> String {
        one_time_code(&self.secret, self.house.now()).unwrap()
    }

    pub(crate) async fn log_in(&mut self, password: &str) -> Answer {
        let form = format!(
            "name={}&password={password}&code={}&next=",
            self.operator.name,
            self.code()
        );
        let request = self.with_cookie(form_request("/console/login", &form));
        let answer = send(&self.house.console, request, Some("localhost"), None).await;
        if answer.status == StatusCode::SEE_OTHER {
            let header = answer.headers[SET_COOKIE].to_str().unwrap();
            let (pair, _) = header.split_once(';').unwrap();
            self.cookie = pair.to_owned();
            let start = self.get("/console").await;
            self.csrf = hidden(&start, "csrf");
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get_request(path)).await
    }

    /// Sends a form with what every page of the session carries.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let between = if body.is_empty() { "" } else { "&" };
        let body = format!("{body}{between}csrf={}", self.csrf);
        self.send(form_request(path, &body)).await
    }

    /// Sends a form and asks for the page that the answer names.
    pub(crate) async fn go(&self, path: &str, body: &str) -> Answer {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        self.get(answer.headers[LOCATION].to_str().unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let request = self.with_cookie(request);
        send(&self.house.console, request, Some("localhost"), None).await
    }

    fn with_cookie(&self, mut request: Request<Body>) -> Request<Body> {
        if !self.cookie.is_empty() {
            let cookie = self.cookie.parse().unwrap();
            request.headers_mut().append(COOKIE, cookie);
        }
        request
    }
}

/// The value of a page's first hidden field with this name.
pub(crate) fn hidden(page: &Answer, name: &str) -> String {
    let at = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.html().split_once(&at).unwrap();
    rest.split('"').next().unwrap().to_owned()
}
