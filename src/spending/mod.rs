//! What calls cost, from the services' price lists, and how much they may.

pub(crate) mod bill;
pub(crate) mod limits;
