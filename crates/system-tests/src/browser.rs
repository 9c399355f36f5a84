//! A browser as far as our pages need one: cookies, redirects, forms. It works without JavaScript, as
//! the pages must.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::http::{Answer, Curl};
use crate::page::{Form, Page, resolve};

/// Longest chain of redirects that is followed.
const REDIRECTS: usize = 5;

/// A browser with one cookie jar.
#[derive(Clone, Debug)]
pub struct Browser {
    curl: Curl,
}

impl Browser {
    /// A browser that trusts this CA and keeps its cookies in this file.
    pub fn new(ca: &Path, jar: &Path) -> Self {
        Self {
            curl: Curl::trusting(ca).jar(jar),
        }
    }

    /// A browser with these settings of curl.
    pub fn by(curl: Curl) -> Self {
        Self { curl }
    }

    /// Opens an address.
    pub fn open(&self, url: &str) -> Result<Page> {
        let answer = self.curl.get(url)?;
        self.arrive(url, answer)
    }

    /// Presses the button of a page after typing into labelled fields.
    pub fn press(&self, page: &Page, button: &str, typed: &[(&str, &str)]) -> Result<Page> {
        let form = filled(page, button, typed)?;
        let answer = self.send(&form)?;
        self.arrive(&form.action, answer)
    }

    /// Presses the button behind which a file waits.
    pub fn download(&self, page: &Page, button: &str) -> Result<Answer> {
        self.send(&page.form(button)?)
    }

    /// Sends a form as a browser does, with `Origin` and `Sec-Fetch-Site`.
    pub fn send(&self, form: &Form) -> Result<Answer> {
        if !form.is_post {
            return self.curl.get(&form.action);
        }
        let origin = origin(&form.action)?;
        self.curl
            .clone()
            .header(&format!("Origin: {origin}"))
            .header("Sec-Fetch-Site: same-origin")
            .post_form(&form.action, &form.fields)
    }

    fn arrive(&self, url: &str, answer: Answer) -> Result<Page> {
        let (mut url, mut answer) = (url.to_owned(), answer);
        for _ in 0..REDIRECTS {
            if !(300..400).contains(&answer.status) {
                let (status, html) = (answer.status, answer.text());
                return Ok(Page { url, status, html });
            }
            let to = answer.header("location").context("a redirect to nowhere")?;
            url = resolve(&url, to);
            answer = self.curl.get(&url)?;
        }
        ensure!(false, "{url} redirects for ever");
        self.open(&url)
    }
}

/// The form of this button, with what a person types.
pub fn filled(page: &Page, button: &str, typed: &[(&str, &str)]) -> Result<Form> {
    let mut form = page.form(button)?;
    for (label, value) in typed {
        form.fill(label, value)?;
    }
    Ok(form)
}

/// Scheme, host and port of an address.
pub fn origin(url: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").context("an absolute address")?;
    let host = rest.split('/').next().unwrap_or_default();
    Ok(format!("{scheme}://{host}"))
}
