//! Whose address a request comes from, where a proxy stands before us (RFC 7239; decisions I3, W3, T26).
//!
//! Only a configured proxy is believed, and of what it hands on only the last element: that one it wrote itself. Whoever
//! comes without it can say what he likes.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;

/// The address of the person behind `peer`: what a proxy says, or the other end of the connection itself.
pub(crate) fn source(peer: IpAddr, is_proxy: bool, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_proxy {
        return peer;
    }
    let said = headers.get_all(FORWARDED).iter().next_back();
    said.and_then(|said| last_for(said.to_str().ok()?))
        .map_or(peer, |address| address.to_canonical())
}

/// `for` of the last element (RFC 7239 §4, §5.2); none where it is unknown, hidden, or said twice.
fn last_for(said: &str) -> Option<IpAddr> {
    let last = said.rsplit(',').next()?;
    let mut found = None;
    for pair in last.split(';') {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value.trim()).is_some() {
            return None;
        }
    }
    node(unquoted(found?)?)
}

/// A value as a token or as a quoted string; nothing that we read needs a backslash.
fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(rest) => rest
            .strip_suffix('"')
            .filter(|text| !text.contains(['"', '\\'])),
        None => (!value.contains('"')).then_some(value),
    }
}

/// An address, with or without a port (RFC 7239 §6).
fn node(text: &str) -> Option<IpAddr> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address
            .parse::<Ipv6Addr>()
            .ok()
            .filter(|_| fits)
            .map(IpAddr::V6);
    }
    let address = match text.split_once(':') {
        Some((address, port)) if is_port(port) => address,
        Some(_) => return None,
        None => text,
    };
    address.parse().ok().map(IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn behind(said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for said in said {
            headers.append(FORWARDED, said.parse().unwrap());
        }
        assert_eq!(source(PROXY, false, &headers), PROXY, "no proxy: {said:?}");
        source(PROXY, true, &headers).to_string()
    }

    #[test]
    fn the_last_element_of_a_configured_proxy_says_it() {
        for (said, address) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("For=\"192.0.2.43:47011\"; proto=https", "192.0.2.43"),
            ("proto=https;by=203.0.113.60;FOR=192.0.2.60", "192.0.2.60"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=\"[::ffff:192.0.2.9]\"", "192.0.2.9"),
            // What the caller made up stands before what the proxy wrote.
            ("for=198.51.100.1, for=192.0.2.43", "192.0.2.43"),
            (
                "for=198.51.100.1;by=_x,for=198.51.100.2 , for=192.0.2.43",
                "192.0.2.43",
            ),
        ] {
            assert_eq!(behind(&[said]), address, "{said}");
        }
        assert_eq!(
            behind(&["for=198.51.100.1", "for=192.0.2.43"]),
            "192.0.2.43"
        );
    }

    #[test]
    fn what_cannot_be_read_says_nothing_and_is_not_taken_from_elsewhere() {
        for said in [
            "",
            "for=unknown",
            "for=_hidden",
            "for=192.0.2.43,",
            "for=198.51.100.1, for=unknown",
            "for=198.51.100.1, proto=https",
            "for=192.0.2.1;for=192.0.2.2",
            "for=\"192.0.2.43",
            "for=192.0.2.43\"",
            "for=192.0.2.43:x",
            "for=192.0.2.43:",
            "for=2001:db8::1",
            "for=[2001:db8::1",
            "for=[192.0.2.43]",
            "for=192.0.2.043",
            "for = 192.0.2.43 x",
            "192.0.2.43",
        ] {
            assert_eq!(behind(&[said]), PROXY.to_string(), "{said}");
        }
        assert_eq!(
            behind(&["for=192.0.2.43", "for=unknown"]),
            PROXY.to_string()
        );
        assert_eq!(behind(&[]), PROXY.to_string());
    }
}
