//! The settings of the personas, for those who look at each of them.

use crate::config::{Arguments, Config, Environment, Needs};

/// The settings of each persona that are complete in what is needed, with whose they are in front of a finding. What is
/// wrong with the others is told among the settings.
pub(super) fn of_personas<'a>(
    config: &'a Config,
    needs: Needs,
    arguments: &'a Arguments,
    environment: Environment<'a>,
) -> impl Iterator<Item = (String, Config)> + 'a {
    let of_persona = move |name: &String| {
        let arguments = arguments.clone().with_persona(Some(name.clone()));
        let config = Config::load(needs, &arguments, environment).ok()?;
        Some((format!("persona {name}: "), config))
    };
    config.personas.iter().filter_map(of_persona)
}
