//! From which address a request comes, through the proxies that the operator trusts.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};
use ipnet::IpNet;

use crate::app::{App, Network};

/// The client's address. For limits and the record of events; it never decides about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl ClientIp {
    /// Of a request of ours.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let peer = request.peer_addr().map_or(unknown, |peer| peer.ip()).to_canonical();
        let trusted = request
            .app_data::<web::Data<App>>()
            .map_or(&[][..], |app| app.config.trusted_proxies.as_slice());
        Self(resolve(peer, request.headers(), trusted))
    }

    /// As limits see it.
    #[must_use]
    pub fn network(self) -> Network {
        self.0.into()
    }
}

impl FromRequest for ClientIp {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// Walks `X-Forwarded-For` from the right, as long as each hop is a trusted proxy. What stands
/// further left was written by the client itself.
fn resolve(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let lines: Vec<_> = headers.get_all("x-forwarded-for").collect();
    let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
    for hop in hops {
        if !is_trusted(&client) {
            break;
        }
        let Some(address) = address(hop.trim()) else { break };
        client = address;
    }
    client
}

/// Some proxies add the port.
fn address(hop: &str) -> Option<IpAddr> {
    let socket = || hop.parse::<std::net::SocketAddr>().map(|socket| socket.ip());
    hop.parse().or_else(|_| socket()).ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, client) in [
            ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
            ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("127.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
            ("127.0.0.1", "198.51.100.1, 10.0.0.3", "198.51.100.1"),
            ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
            ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
            ("127.0.0.1", "garbage", "127.0.0.1"),
            ("127.0.0.1", "198.51.100.1, garbage", "127.0.0.1"),
            ("127.0.0.1", "", "127.0.0.1"),
        ] {
            let request = TestRequest::default().insert_header(("x-forwarded-for", forwarded));
            let request = request.to_http_request();
            let resolved = resolve(peer.parse().unwrap(), request.headers(), &trusted);
            assert_eq!(resolved.to_string(), client, "{peer} {forwarded}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let request = TestRequest::default()
            .append_header(("x-forwarded-for", "203.0.113.9"))
            .append_header(("x-forwarded-for", "198.51.100.1"))
            .to_http_request();
        let trusted = ["127.0.0.1/32".parse().unwrap()];
        let resolved = resolve("127.0.0.1".parse().unwrap(), request.headers(), &trusted);
        assert_eq!(resolved.to_string(), "198.51.100.1");
    }
}
