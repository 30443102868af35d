//! From where a request comes.

use super::App;
use crate::domain::event::ClientInfo;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const MAX_AGENT_CHARS: usize = 512;

/// The client's address and user agent, for the trail and for limits.
#[derive(Clone, Debug)]
pub(crate) struct Client(pub(crate) ClientInfo);

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(info(parts, app)))
    }
}

/// Reads them from a request's head.
pub(crate) fn info(parts: &Parts, app: &App) -> ClientInfo {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let trusted = |address: IpAddr| app.config().trusted_proxies.iter().any(|net| net.contains(&address));
    let agent = parts.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    ClientInfo {
        address: peer.map(|peer| behind_proxies(peer, &parts.headers, trusted)),
        user_agent: agent.map(|agent| agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect()),
    }
}

/// The last address that no trusted proxy vouches for: what stands left of it, anybody may have written.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut address = peer;
    // Each on its own: what a client wrote that is no text must not hide what a proxy has put behind it.
    let hops =
        headers.get_all(&FORWARDED_FOR).iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops.map(|hop| str::from_utf8(hop).unwrap_or_default()) {
        if !trusted(address) {
            break;
        }
        let Some(next) = parse_hop(hop.trim()) else { break };
        address = next;
    }
    address
}

/// An address, with or without a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|hop| hop.ip()));
    address.or_else(|_| hop.trim_matches(['[', ']']).parse()).ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn through(lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|address| address.parse().unwrap()).collect();
        behind_proxies("10.0.0.1".parse().unwrap(), &headers, |address| trusted.contains(&address)).to_string()
    }

    #[test]
    fn headers_count_only_from_trusted_proxies() {
        assert_eq!(through(&["203.0.113.9"], &[]), "10.0.0.1");
        assert_eq!(through(&["203.0.113.9"], &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(through(&["1.2.3.4, 203.0.113.9, 10.0.0.2"], &["10.0.0.1", "10.0.0.2"]), "203.0.113.9");
        assert_eq!(through(&["1.2.3.4", "203.0.113.9:4711"], &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(through(&["[2001:db8::1]:443"], &["10.0.0.1"]), "2001:db8::1");
        assert_eq!(through(&["nonsense"], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(through(&["é, 203.0.113.9"], &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(through(&["1.2.3.4, é"], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(through(&[], &["10.0.0.1"]), "10.0.0.1");
    }
}
