//! Stdout, where what is made goes if its place is `-`.

use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fstat, major, minor};

/// Whether a name stands for stdin or stdout.
pub(crate) fn is_stream(name: &Path) -> bool {
    name == Path::new("-")
}

/// Writes all of `bytes` to stdout. A reader that has seen enough is no error.
///
/// # Errors
/// What the system says, or that there is no stdout.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    if is_closed()? {
        return Err(io::Error::other("it is closed"));
    }
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Whether this program was started without a stdout: Rust opens `/dev/null` then, for reading too, as no shell does.
fn is_closed() -> io::Result<bool> {
    let (flags, data) = (fcntl_getfl(io::stdout())?, fstat(io::stdout())?);
    let is_null = (major(data.st_rdev), minor(data.st_rdev)) == NULL;
    Ok(is_null && flags & OFlags::RWMODE == OFlags::RDWR)
}

/// The numbers of `/dev/null`: <https://www.kernel.org/doc/html/latest/admin-guide/devices.html>.
const NULL: (u32, u32) = (1, 3);
