//! `[state]`: the server that several machines share.

use std::net::IpAddr;
use std::sync::Arc;

use super::keys::setting;
use super::layers::Layers;
use super::private::is_private;
use crate::sys::state::server::{Address, Server};

/// The server, if there is one.
pub(super) fn assemble(layers: &Layers) -> Option<Arc<Server>> {
    let mut address = Address::parse(&layers.text(setting!("state.url"))).ok()?;
    address.password_file = layers.path(setting!("state.password_file"));
    address.ca_file = layers.path(setting!("http.ca_file"));
    let machines = layers.whole(setting!("state.machines"));
    Some(Arc::new(Server::new(address, machines)))
}

/// What is wrong with its address.
pub(super) fn faults(layers: &Layers) -> Option<String> {
    let key = setting!("state.url");
    let url = layers.text(key);
    if url.is_empty() {
        return None;
    }
    let why = match Address::parse(&url) {
        Ok(address) if is_bare(&address) => {
            "without encryption only private networks are safe".to_owned()
        }
        Ok(_) => return None,
        Err(why) => why,
    };
    let place = layers.place(key);
    Some(format!(
        "{place}: state.url must be redis://HOST in a private network, or rediss://HOST: {why}"
    ))
}

fn is_bare(address: &Address) -> bool {
    // Where a name leads is not known before it is looked up, so only numbers are judged here.
    let number = address.host.parse::<IpAddr>();
    !address.is_encrypted && number.is_ok_and(|number| !is_private(number))
}
