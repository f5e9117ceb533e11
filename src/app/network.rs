//! Whom limits take for one: an address, or all that one customer has.

use std::net::{IpAddr, Ipv6Addr};

/// One network, as far as limits go: an IPv4 address, or the /64 that one IPv6 customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(prefix(v6, 64)),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// `192.0.2.1`, or `2001:db8::/64`.
impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(prefix) => write!(f, "{prefix}/64"),
        }
    }
}

impl Network {
    /// Who has to answer for many networks, as text: `192.0.2.1`, or the `2001:db8::/48` of one site.
    #[must_use]
    pub fn holder(self) -> String {
        match self.its_site() {
            Some(site) => format!("{}/48", site.0),
            None => self.to_string(),
        }
    }

    /// The /48 that this one is in; none with IPv4.
    #[must_use]
    pub fn its_site(self) -> Option<Self> {
        Self::site(self.0)
    }

    /// The /48 that one site has; none with IPv4.
    #[must_use]
    pub fn site(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V6(v6) => Some(Self(prefix(v6, 48))),
            IpAddr::V4(_) => None,
        }
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << (128 - bits))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ipv6_customer_is_one_network() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8::1:2:3:4").to_string(), "2001:db8::/64");
        assert_eq!(network("::ffff:192.0.2.1").to_string(), "192.0.2.1");
        assert_eq!(network("2001:db8:1:2::4").holder(), "2001:db8:1::/48");
        assert_eq!(network("192.0.2.1").holder(), "192.0.2.1");
    }
}
