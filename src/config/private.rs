//! Which addresses belong to this machine or to a private network: only there may a request go without TLS.

use std::net::{IpAddr, Ipv4Addr};

/// Whether `address` is one that the internet does not carry: loopback, the private networks of RFC 1918 and RFC 4193,
/// link-local ones, and the shared addresses of RFC 6598, which Tailscale and providers give out. 0.0.0.0 and :: are
/// addresses that servers listen on; Linux connects them to this machine.
pub(crate) fn is_private(address: IpAddr) -> bool {
    // An address of IPv4 may come in the form of IPv6, as `::ffff:8.8.8.8`, which is as public as without it.
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || is_shared(v4)
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}

/// Whether it is in 100.64.0.0/10 (<https://www.rfc-editor.org/rfc/rfc6598>).
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0b1100_0000 == 64
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
            "100.64.0.0",
            "100.101.102.103",
            "100.127.255.255",
            "::ffff:100.64.0.1",
            "fd7a:115c:a1e0::1",
            "0.0.0.0",
            "::",
        ];
        for address in private {
            assert!(is_private(address.parse().expect(address)), "{address}");
        }
        let public = [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "0.0.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "255.255.255.255",
            "2001:db8::1",
            "ff02::1",
            "::ffff:8.8.8.8",
        ];
        for address in public {
            assert!(!is_private(address.parse().expect(address)), "{address}");
        }
    }
}
