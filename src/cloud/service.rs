//! A service, and the models that it lists.

/// A service as its users know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// The table of settings that a remedy should name.
    pub settings: &'static str,
    /// The setting that holds its key.
    pub key: &'static str,
}

/// A model on a service's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name.
    pub(crate) name: String,
    /// The day on which the service switches it off, such as `2027-01-06`, if it tells.
    pub(crate) shutdown: Option<String>,
}
