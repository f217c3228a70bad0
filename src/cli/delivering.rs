//! The delivery of messages once a call is over: by a process of its own, which Asterisk does not wait for.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use log::warn;

use crate::cmd::messages;
use crate::sys::apart;
use crate::sys::error::Chain;

/// Has messages delivered by the settings in this file, or the usual ones. What goes wrong is done by the next call, or by
/// the timer.
pub(super) fn begin(config: Option<&Path>) {
    let begun = match socket() {
        Some(socket) => {
            // Over FastAGI the call ends when its connection does. This process may go on, and one that it starts would be
            // ended by systemd together with it.
            socket.shutdown(Shutdown::Both).ok();
            let delivered = messages::deliver(config, &|name| std::env::var(name).ok());
            delivered.map_err(|error| Chain(&error).to_string())
        }
        None => start(config).map_err(|error| error.to_string()),
    };
    if let Err(why) = begun {
        warn!("messages are not delivered at once: {why}");
    }
}

/// The connection of FastAGI, where stdin is one.
pub(super) fn socket() -> Option<TcpStream> {
    let stdin: OwnedFd = io::stdin().as_fd().try_clone_to_owned().ok()?;
    let file = std::fs::File::from(stdin);
    let is_socket = file.metadata().ok()?.file_type().is_socket();
    is_socket.then(|| TcpStream::from(OwnedFd::from(file)))
}

fn start(config: Option<&Path>) -> io::Result<()> {
    let mut command = apart::alone();
    if let Some(file) = config {
        command.arg("--config").arg(std::path::absolute(file)?);
    }
    command
        .args(["messages", "--deliver"])
        // With this variable every run is a call.
        .env_remove("AST_AGI_DIR")
        .current_dir("/");
    // While any process holds the other end of its pipes, Asterisk takes the call for one that goes on.
    apart::leave(command)
}
