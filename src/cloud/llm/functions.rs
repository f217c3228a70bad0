//! Functions: what a model may ask the program to do, in no service's own shape.

use serde_json::Value;

/// A function as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The JSON schema of its arguments, an object, whose `properties` are empty where it has none.
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

/// What a model has written before it waits for the results of its calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Turn {
    /// Its words, markup included.
    pub(crate) words: String,
    pub(crate) calls: Vec<Call>,
    /// All of it as the service has sent it, where the service wants exactly that back.
    pub(crate) parts: Vec<Value>,
}

/// A turn of a model's with calls, and what came of these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Round {
    pub(crate) turn: Turn,
    /// One for each call, in their order.
    pub(crate) results: Vec<String>,
}

impl Function {
    /// The number of bytes that the model reads of it, with some for what stands around them.
    fn bytes(&self) -> usize {
        let parameters = self.parameters.to_string().len();
        self.name.len() + self.description.len() + parameters + FRAME_BYTES
    }
}

impl Call {
    /// What makes two calls the same: the name, and the arguments, where one that is null is not given.
    pub(crate) fn key(&self) -> (String, String) {
        let arguments = match &self.arguments {
            Ok(Value::Null) => "{}".to_owned(),
            Ok(Value::Object(all)) => {
                let given = all.iter().filter(|(_, value)| !value.is_null());
                let given = given.map(|(name, value)| (name.clone(), value.clone()));
                Value::Object(given.collect()).to_string()
            }
            Ok(arguments) => arguments.to_string(),
            Err(text) => text.clone(),
        };
        (self.name.clone(), arguments)
    }

    /// The arguments as JSON. A service that reads its own call back would refuse what is none.
    pub(super) fn arguments_json(&self) -> String {
        (self.arguments.as_ref()).map_or_else(|_| "{}".to_owned(), Value::to_string)
    }
}

impl Round {
    /// The calls with their results.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&Call, &str)> {
        (self.turn.calls.iter()).zip(self.results.iter().map(String::as_str))
    }

    /// What was said in it, which must not appear in a log: the model's words, the arguments and the results.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let calls = self.calls();
        let said = calls.flat_map(|(call, result)| [call.arguments_json(), result.to_owned()]);
        [self.turn.words.clone()].into_iter().chain(said)
    }

    /// The number of bytes that the model reads of it.
    fn bytes(&self) -> usize {
        let parts = self.turn.parts.iter().map(|part| part.to_string().len());
        let calls = self.calls().map(|(call, result)| {
            // Gemini reads both twice: with the call, and with its result.
            2 * (call.name.len() + call.id.len())
                + call.arguments_json().len()
                + result.len()
                + FRAME_BYTES
        });
        self.turn.words.len() + parts.sum::<usize>() + calls.sum::<usize>()
    }
}

/// The number of bytes that a model reads of functions and rounds.
pub(crate) fn bytes(functions: &[Function], rounds: &[Round]) -> usize {
    let functions = functions.iter().map(Function::bytes);
    functions.sum::<usize>() + rounds.iter().map(Round::bytes).sum::<usize>()
}

/// What a service writes around a function, a call or a result.
const FRAME_BYTES: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_that_are_null_make_no_other_call() {
        let key = |arguments| {
            let call = Call {
                id: String::new(),
                name: "look".to_owned(),
                arguments: Ok(arguments),
            };
            call.key()
        };
        let none = key(json!({}));
        assert_eq!(key(json!({"day": null})), none);
        assert_eq!(key(Value::Null), none);
        assert_ne!(key(json!({"day": "Monday"})), none);
    }
}
