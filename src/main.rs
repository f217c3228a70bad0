//! The `phone-assistant` binary.
fn main() {}
