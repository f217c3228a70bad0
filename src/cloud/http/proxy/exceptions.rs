//! The hosts that are reached without the proxy, as patterns for `ureq`.

use std::net::{Ipv4Addr, Ipv6Addr};

use log::warn;

use crate::sys::pasted;

/// Returns the patterns of the hosts that are reached without the proxy. As for curl, a name stands for the hosts below
/// it too, with or without a dot before it: <https://curl.se/docs/manpage.html#--noproxy>.
pub(super) fn of(listed: &str) -> Vec<String> {
    let listed = pasted::unwrapped(listed);
    let names = listed.split(|c: char| ",;|".contains(c) || c.is_whitespace());
    let names = names.filter(|name| !name.is_empty());
    let patterns = names.flat_map(|name| match (name.trim_matches('.'), ipv6(name)) {
        (_, Some(address)) => vec![format!("[{address}]")],
        (name, None) if name.contains('/') => network(name).unwrap_or_else(|| {
            warn!("no_proxy: {name} is no network such as 10.0.0.0/8 or fd00::/8, so it excepts nothing; name its addresses");
            Vec::new()
        }),
        (name, None) if name.contains(':') => {
            warn!("no_proxy: {name} is no host, so it excepts nothing; name the host without a port");
            Vec::new()
        }
        (name, None) if name.contains('*') || name.is_empty() => vec![name.to_owned()],
        (name, None) => vec![name.to_owned(), format!(".{name}")],
    });
    patterns.collect()
}

/// Returns the patterns of the addresses in a network such as `10.0.0.0/8` or `fd00::/8`: `ureq` knows no networks.
fn network(cidr: &str) -> Option<Vec<String>> {
    let (address, bits) = cidr.split_once('/')?;
    let bits = bits.parse::<u8>().ok()?;
    match ipv6(address) {
        Some(address) => network_of_ipv6(address, bits),
        None => network_of_ipv4(address.parse().ok()?, bits),
    }
}

/// Each pattern ends with the first digit behind one of the four numbers: `10.` alone would also be `10.example.com`.
fn network_of_ipv4(address: Ipv4Addr, bits: u8) -> Option<Vec<String>> {
    let host_bits = 32_u8.checked_sub(bits)?;
    // A network that ends within a number, such as 172.16.0.0/12, is written out block by block: at most 256 of them.
    let numbers = bits.div_ceil(8).max(1);
    let block = 1_u64 << (32 - 8 * numbers);
    let size = 1_u64 << host_bits;
    let address = u64::from(u32::from(address));
    let first = address - address % size;
    let blocks = (0..size / block).filter_map(|at| u32::try_from(first + at * block).ok());
    let patterns = |block| {
        let octets = Ipv4Addr::from(block).octets();
        let octets = octets.map(|octet| octet.to_string());
        let known = octets[..usize::from(numbers)].join(".");
        if numbers < 4 {
            (0..10).map(|digit| format!("{known}.{digit}*")).collect()
        } else {
            vec![known]
        }
    };
    Some(blocks.flat_map(patterns).collect())
}

/// Each pattern ends with one of the eight groups, in each of the ways in which addresses of the network are written; see
/// [RFC 5952](https://www.rfc-editor.org/rfc/rfc5952#section-4).
fn network_of_ipv6(address: Ipv6Addr, bits: u8) -> Option<Vec<String>> {
    let host_bits = 128_u8.checked_sub(bits)?;
    if bits == 0 {
        return Some(vec!["[*".to_owned()]);
    }
    // As for IPv4: at most 32,768 blocks.
    let groups = bits.div_ceil(16);
    let block_bits = 128 - 16 * groups;
    let first = u128::from(address) >> host_bits << host_bits;
    let blocks = (0..1_u128 << (host_bits - block_bits)).map(|at| first + (at << block_bits));
    let patterns = |block| {
        let address = Ipv6Addr::from(block);
        let known = &address.segments()[..usize::from(groups)];
        if known.len() == 8 {
            return Some(vec![format!("[{address}]")]);
        }
        let written = |groups: &[u16]| {
            let groups = groups.iter().map(|group| format!("{group:x}:"));
            groups.collect::<Vec<_>>().concat()
        };
        let zeros = known.iter().rev().take_while(|group| **group == 0).count();
        let before = &known[..known.len() - zeros];
        // Zeros within may be written in several ways.
        if before.windows(2).any(|two| two == [0, 0]) {
            return None;
        }
        // Zeros at the end go on in the address, and all of them are written as nothing, unless it has more elsewhere.
        let short = match before {
            [] => "[::*".to_owned(),
            before => format!("[{}:*", written(before)),
        };
        let mut patterns = vec![format!("[{}*", written(known))];
        patterns.extend((zeros > 0).then_some(short));
        Some(patterns)
    };
    let patterns: Option<Vec<_>> = blocks.map(patterns).collect();
    Some(patterns?.concat())
}

/// The address of IPv6 that a name is, in brackets or not.
fn ipv6(name: &str) -> Option<Ipv6Addr> {
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    inner.unwrap_or(name).parse().ok()
}
