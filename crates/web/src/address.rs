//! Addresses of clients: each in one form, and a client behind trusted proxies by its own.
//!
//! A socket on `[::]` reports an IPv4 client as `::ffff:a.b.c.d`. Every address is therefore made canonical where it comes
//! in, so that limits, logs and settings compare the same thing.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Bits of an IPv6 address that say whose it is: providers give a customer at least a /64.
const CUSTOMER: u8 = 64;

/// The bits before the IPv4 address in an IPv6 address that holds one.
const MAPPED: u8 = 96;

/// One address, or a range of them as CIDR writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Text that is neither an address nor a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' must be an address such as 10.0.0.1, or a range such as 10.0.0.0/8")]
pub struct NotNetwork(String);

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NotNetwork;

    fn from_str(text: &str) -> Result<Self, NotNetwork> {
        let wrong = || NotNetwork(text.to_owned());
        let text = text.trim();
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse::<IpNet>().map_err(|_| wrong())?,
        };
        let mapped = net.addr().to_canonical();
        if mapped.is_ipv4() && net.addr().is_ipv6() {
            let prefix = net.prefix_len().checked_sub(MAPPED).ok_or_else(wrong)?;
            return IpNet::new(mapped, prefix).map(|net| Network(net.trunc())).map_err(|_| wrong());
        }
        Ok(Network(net.trunc()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return self.0.addr().fmt(formatter);
        }
        self.0.fmt(formatter)
    }
}

/// Whether an address is one of these networks'.
pub(crate) fn is_in(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// The same socket address with its IP in one form.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What bounds by address count: an IPv4 address, or the /64 of an IPv6 address, all of which is one customer's.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - u32::from(CUSTOMER)))))
        }
        address => address,
    }
}

/// The last address in X-Forwarded-For that is not a trusted proxy's, where the peer is one; else the peer's. Where all
/// are, the first: the client stands among the proxies.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_in(trusted, peer) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    let mut client = peer;
    for address in hops.into_iter().rev().map_while(hop) {
        client = address;
        if !is_in(trusted, address) {
            break;
        }
    }
    client
}

/// A hop's address: alone, in brackets, or with a port.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn forwarded(hops: &'static str) -> HeaderMap {
        HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), HeaderValue::from_static(hops))])
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_addresses() {
        let headers = forwarded("6.6.6.6, 203.0.113.7, 10.0.0.2");
        let trusted = networks(&["10.0.0.1", "10.0.0.2"]);
        assert_eq!(client(ip("198.51.100.1"), &headers, &trusted), ip("198.51.100.1"));
        assert_eq!(client(ip("10.0.0.1"), &headers, &trusted), ip("203.0.113.7"));
        assert_eq!(client(ip("10.0.0.1"), &forwarded("nonsense"), &trusted), ip("10.0.0.1"));
    }

    #[test]
    fn an_address_is_the_same_in_either_form() {
        let headers = forwarded("::ffff:203.0.113.7");
        for trusted in ["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.0/104"] {
            let trusted = networks(&[trusted]);
            assert_eq!(client(ip("::ffff:127.0.0.1"), &headers, &trusted), ip("203.0.113.7"), "{trusted:?}");
            assert_eq!(client(ip("::ffff:128.0.0.1"), &headers, &trusted), ip("128.0.0.1"), "{trusted:?}");
        }
    }

    #[test]
    fn hops_come_with_ports_and_brackets() {
        let trusted = networks(&["10.0.0.0/8", "fd00::/8"]);
        let of = |hops| client(ip("10.0.0.1"), &forwarded(hops), &trusted);
        assert_eq!(of("203.0.113.7:4711"), ip("203.0.113.7"));
        assert_eq!(of("[2001:db8::7]:4711, 10.9.9.9:80, [fd00::1]"), ip("2001:db8::7"));
        assert_eq!(of("[2001:db8::7]"), ip("2001:db8::7"));
        assert_eq!(of("2001:db8::7"), ip("2001:db8::7"));
        assert_eq!(of("10.1.1.1, 10.2.2.2"), ip("10.1.1.1"), "a client inside the trusted range");
        assert_eq!(of("203.0.113.7, unknown, 10.2.2.2"), ip("10.2.2.2"), "nothing is believed past what does not read");
    }

    #[test]
    fn a_network_that_does_not_read_is_named() {
        for wrong in ["10.0.0.0/33", "10.0.0", "localhost", "", "10.0.0.1:80", "::/129", "::ffff:10.0.0.1/8"] {
            let told = wrong.parse::<Network>().unwrap_err().to_string();
            assert!(told.starts_with(&format!("'{wrong}'")), "{told}");
        }
        for (text, shown) in [(" 10.0.0.1 ", "10.0.0.1"), ("10.1.2.3/8", "10.0.0.0/8"), ("::ffff:10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_customer_of_ipv6_is_counted_as_one() {
        assert_eq!(counted(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(counted(ip("::ffff:203.0.113.7")), ip("203.0.113.7"));
    }
}
