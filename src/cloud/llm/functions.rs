//! Functions: what a model may ask the program to do, in no service's own shape.

use serde_json::Value;

/// A function as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The JSON schema of its arguments, an object.
    pub(crate) parameters: Value,
}

/// A call that a model asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// The service's name of this call; empty where it has none.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The arguments, or what the model wrote where that is no JSON.
    pub(crate) arguments: Result<Value, String>,
}
