//! Which way leads to a server, from the texts that Windows and people write (R-070, P-30).
//!
//! | text | as in |
//! | --- | --- |
//! | `proxy.example:8080`, `http=a:80;https=b:8080` | Internet Options, `WinHttpGetProxyForUrl` |
//! | `PROXY a:8080; PROXY b:8080; DIRECT` | the answer of a PAC script |
//! | `*.local;<local>;10.*;https://a.example:8443` | the exceptions of Internet Options |
//!
//! Proxies that are reached by TLS or SOCKS are passed over: this client does not speak to them.

use crate::ports::{Proxy, ProxyChoice, ProxyError, Server};

/// The ways to `server` by a list of proxies and a list of exceptions. An empty list is the direct
/// way.
pub fn ways(
    proxies: &str,
    exceptions: &str,
    server: &Server,
) -> Result<Vec<ProxyChoice>, ProxyError> {
    if proxies.trim().is_empty() || is_excepted(exceptions, server) {
        return Ok(vec![ProxyChoice::Direct]);
    }
    choices(proxies)
}

/// Whether a list of exceptions holds the server.
pub(super) fn is_excepted(exceptions: &str, server: &Server) -> bool {
    let host = server.host.to_ascii_lowercase();
    entries(exceptions, &[';', ',']).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "<local>" {
            return !host.contains(['.', ':']);
        }
        let pattern = match entry.split_once("://") {
            None => entry.as_str(),
            Some(("https", rest)) => rest,
            Some(_) => return false,
        };
        match pattern.rsplit_once(':') {
            Some((pattern, port)) if !pattern.contains(':') => {
                port.parse() == Ok(server.port) && fits(pattern, &host)
            }
            _ => fits(pattern, &host),
        }
    })
}

/// The exceptions of a `no_proxy` variable as Internet Options would write them: there a name
/// stands for itself and all below it.
pub(super) fn exceptions_of_no_proxy(variable: &str) -> String {
    let entries = entries(variable, &[',']).map(|entry| match entry.trim_start_matches('.') {
        "*" => "*".to_owned(),
        name => format!("{name};*.{name}"),
    });
    entries.collect::<Vec<_>>().join(";")
}

/// The proxies of a list, in their order.
pub(super) fn choices(proxies: &str) -> Result<Vec<ProxyChoice>, ProxyError> {
    let mut general = Vec::new();
    let mut for_tls = Vec::new();
    let mut words = entries(proxies, &[';', ',']);
    while let Some(word) = words.next() {
        match word.to_ascii_uppercase().as_str() {
            "DIRECT" => general.push(ProxyChoice::Direct),
            "PROXY" | "HTTP" => {
                let place = words.next().unwrap_or_default();
                general.push(ProxyChoice::Proxy(proxy(place)?));
            }
            "HTTPS" | "SOCKS" | "SOCKS4" | "SOCKS5" => drop(words.next()),
            _ => match word.split_once('=') {
                Some(("https", place)) => for_tls.push(ProxyChoice::Proxy(proxy(place)?)),
                Some(_) => {}
                None => general.push(ProxyChoice::Proxy(proxy(word)?)),
            },
        }
    }
    let chosen = if for_tls.is_empty() { general } else { for_tls };
    if chosen.is_empty() {
        let detail = format!("no HTTP proxy for TLS in {proxies:?}");
        return Err(ProxyError::Settings(detail));
    }
    Ok(chosen)
}

/// `host`, `host:port`, `[v6]:port`, with or without `http://` in front.
fn proxy(place: &str) -> Result<Proxy, ProxyError> {
    let wrong = || ProxyError::Settings(format!("{place:?} is no host and port"));
    let bare = place.strip_prefix("http://").unwrap_or(place);
    let bare = bare.trim_end_matches('/');
    let (host, port) = match bare.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            (host, rest.strip_prefix(':'))
        }
        None => match bare.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (bare, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().map_err(|_| wrong())?,
        None => DEFAULT_PORT,
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if host.is_empty() || port == 0 || !host.chars().all(is_host) {
        return Err(wrong());
    }
    Ok(Proxy {
        host: host.to_ascii_lowercase(),
        port,
    })
}

/// Whether `text` is `pattern`, in which `*` stands for any number of any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest
        .rsplit_once('*')
        .map_or(("", rest), |(middle, last)| (middle, last));
    for part in middle.split('*') {
        match text.find(part) {
            Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(last)
}

fn entries<'a>(list: &'a str, separators: &'a [char]) -> impl Iterator<Item = &'a str> {
    let parts = list.split(|c: char| c.is_whitespace() || separators.contains(&c));
    parts.filter(|entry| !entry.is_empty())
}

/// Of a proxy without one, as Windows and PAC have it.
const DEFAULT_PORT: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: u16) -> Server {
        Server {
            host: host.to_owned(),
            port,
        }
    }

    fn by(host: &str, port: u16) -> ProxyChoice {
        ProxyChoice::Proxy(Proxy {
            host: host.to_owned(),
            port,
        })
    }

    #[test]
    fn exceptions_are_read_as_internet_options_writes_them() {
        for (list, host, port, excepted) in [
            ("*.local;<local>;10.*", "a.local", 443, true),
            ("*.local;<local>;10.*", "local", 443, true), // no dot: <local>
            ("*.local;10.*", "local", 443, false),
            ("*.local;<local>;10.*", "intra", 443, true),
            ("*.local;<local>;10.*", "10.1.2.3", 443, true),
            ("*.local;<local>;10.*", "110.1.2.3", 443, false),
            ("*.local;<local>;10.*", "a.local.example", 443, false),
            ("<local>", "::1", 443, false),
            ("PKI.Example", "pki.example", 443, true),
            ("pki.example", "a.pki.example", 443, false),
            ("pki.example:8443", "pki.example", 443, false),
            ("pki.example:8443", "pki.example", 8443, true),
            ("https://pki.*", "pki.example", 443, true),
            ("http://pki.*", "pki.example", 443, false),
            ("a*b*c", "a-b-bc", 443, true),
            ("a*b*c", "ac", 443, false),
            ("a*a", "a", 443, false),
            ("*", "anything", 443, true),
            ("", "anything", 443, false),
        ] {
            assert_eq!(
                is_excepted(list, &server(host, port)),
                excepted,
                "{list} {host} {port}"
            );
        }
    }

    #[test]
    fn proxies_are_read_as_windows_and_pac_scripts_write_them_in_their_order() {
        let to = server("pki.example", 443);
        for (list, expected) in [
            ("", vec![ProxyChoice::Direct]),
            ("Proxy.example:8080", vec![by("proxy.example", 8080)]),
            ("http://proxy.example", vec![by("proxy.example", 80)]),
            ("[2001:db8::1]:3128", vec![by("2001:db8::1", 3128)]),
            ("http=a:1;https=b:2", vec![by("b", 2)]),
            (
                "PROXY a:8080; SOCKS c:1; PROXY b:8081; DIRECT",
                vec![by("a", 8080), by("b", 8081), ProxyChoice::Direct],
            ),
            ("a:1 b:2", vec![by("a", 1), by("b", 2)]),
        ] {
            assert_eq!(ways(list, "<local>", &to), Ok(expected), "{list}");
        }
        for list in [
            "a:b",
            "a:0",
            ":80",
            "a:99999",
            "SOCKS a:1",
            "http=a:1",
            "PROXY",
            "a\"b:1",
        ] {
            assert!(ways(list, "", &to).is_err(), "{list}");
        }
    }

    #[test]
    fn a_no_proxy_variable_covers_what_lies_below_a_name() {
        let list = exceptions_of_no_proxy("localhost, .example.jp,10.0.0.1");
        for (host, excepted) in [
            ("localhost", true),
            ("example.jp", true),
            ("pki.example.jp", true),
            ("badexample.jp", false),
            ("10.0.0.1", true),
        ] {
            assert_eq!(is_excepted(&list, &server(host, 443)), excepted, "{host}");
        }
    }
}
