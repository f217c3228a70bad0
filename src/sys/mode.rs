//! Bits of the mode of a file, as inode(7) has them.

pub(crate) const PERMISSIONS: u32 = 0o7777;
pub(crate) const SETGID: u32 = 0o2000;
/// In such a folder only the owner of a file, and that of the folder, can replace the file.
pub(crate) const STICKY: u32 = 0o1000;
pub(crate) const WRITABLE_BY_GROUP: u32 = 0o020;
pub(crate) const WRITABLE_BY_OTHERS: u32 = 0o002;
pub(crate) const READABLE_BY_OTHERS: u32 = 0o004;
pub(crate) const ANYTHING_BY_OTHERS: u32 = 0o007;
pub(crate) const ANYTHING_BY_GROUP_OR_OTHERS: u32 = 0o077;
