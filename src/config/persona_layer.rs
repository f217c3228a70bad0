//! The persona that a call chooses, as a layer of its settings.

use toml::Value;

use super::arguments::Arguments;
use super::chosen;
use super::keys;
use super::layers::Layers;
use super::personas::{PERSONA_KEYS, Setting};

impl Layers {
    /// Lays the persona that `arguments` choose beneath the others of them. Those are there already, since they may say
    /// whose voice and model a persona's are.
    pub(super) fn add_persona(&mut self, arguments: &Arguments) {
        self.faults.extend(self.empty_in_personas());
        let Some(name) = &arguments.persona else {
            return;
        };
        let Some(persona) = self.personas.tables.get(name) else {
            let fault = self.personas.none_called(name, !arguments.are_remote());
            return self.faults.push(format!("AGI argument: {fault}"));
        };
        for (name_of_key, value) in persona.clone() {
            let Some(setting) = self.setting_of(name_of_key, &value) else {
                continue;
            };
            let is_it = |(argument, _): &(String, String)| {
                let argument = keys::find(argument);
                argument.is_some_and(|it| it == setting || keys::stands_for(it).contains(&setting))
            };
            if !arguments.settings.iter().any(is_it) {
                self.set(setting, value, &format!("persona {name}"));
            }
        }
    }

    /// What a persona leaves empty though its calls need it.
    fn empty_in_personas(&self) -> Vec<String> {
        let source = &self.personas.source;
        let is_needed = |name: &str, value: &Value| {
            let setting = self.setting_of(name, value);
            name == "prompt" || setting.is_some_and(|setting| keys::is_required(setting.name))
        };
        let values = self.personas.values();
        let empty =
            values.filter(|(_, name, value)| value.as_str() == Some("") && is_needed(name, value));
        let fault = |(persona, name, _)| {
            let name = format!("persona.{persona}.{name}");
            let place = self.line_of(source, &name);
            format!("{place}: {name} is empty: name one, or leave the line out")
        };
        empty.map(fault).collect()
    }

    fn setting_of(&self, name: &str, value: &Value) -> Option<&'static keys::Key> {
        let key = PERSONA_KEYS.iter().find(|key| key.name == name)?;
        match key.stands_for {
            Setting::Of(setting) => Some(setting),
            Setting::OfFirst(stage, key) => {
                let value = value.as_str().unwrap_or_default();
                chosen::owner(self, stage, value)?.setting(stage, key)
            }
        }
    }
}
