//! A path, component by component. At each link the caller decides whether it is followed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// How far a path has been walked, from the root on.
#[derive(Debug)]
pub(crate) struct PathWalk {
    /// Where it has led, without links.
    here: PathBuf,
    rest: VecDeque<OsString>,
    hops: u32,
}

impl PathWalk {
    /// The beginning of a whole path.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            here: PathBuf::from("/"),
            rest: names(path),
            hops: 0,
        }
    }

    /// Where it has led so far.
    pub(crate) fn here(&self) -> &Path {
        &self.here
    }

    /// The next component, which may be a link and need not be there; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<PathBuf> {
        loop {
            let name = self.rest.pop_front()?;
            if name != ".." {
                return Some(self.here.join(name));
            }
            // What stands here is without links, so `..` is the folder above by its name.
            self.here.pop();
        }
    }

    /// Goes on from the next component, which is no link.
    pub(crate) fn enter(&mut self, next: PathBuf) {
        self.here = next;
    }

    /// Goes on where the next component leads, which is a link to `to`. Returns whether these are not too many.
    pub(crate) fn follow(&mut self, to: &Path) -> bool {
        if to.is_absolute() {
            self.here = PathBuf::from("/");
        }
        let mut ahead = names(to);
        ahead.append(&mut self.rest);
        self.rest = ahead;
        self.hops += 1;
        self.hops <= MAX_HOPS
    }

    /// The end, if nothing more is to be looked at.
    pub(crate) fn end(self) -> PathBuf {
        self.here
    }
}

/// The components of a path; `..` is one.
pub(super) fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

/// As many links as Linux follows.
const MAX_HOPS: u32 = 40;
