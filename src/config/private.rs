//! Which addresses belong to this machine or to a private network: only there may a request go without TLS.

use std::net::{IpAddr, Ipv6Addr};

/// Whether `address` is one that the internet does not carry: loopback, the private networks of RFC 1918 and RFC 4193,
/// and link-local ones.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::LOCALHOST || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_inside_is_private() {
        let private = [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.2",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:192.168.1.2",
        ];
        for address in private {
            assert!(is_private(address.parse().expect(address)), "{address}");
        }
        let public = [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
            "::",
            "2001:db8::1",
            "ff02::1",
            "::ffff:8.8.8.8",
        ];
        for address in public {
            assert!(!is_private(address.parse().expect(address)), "{address}");
        }
    }
}
