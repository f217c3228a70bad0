//! What the settings say, and the files that they name for keys and certificates.

use std::path::Path;

use super::finding::{Report, Setting};
use super::user::group_name;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::{Variable, check_roots, variables};
use crate::config::keys::{self, setting};
use crate::config::{Config, Environment, Unusable};
use crate::sys::error::Chain;
use crate::sys::plain::plain_to;
use crate::sys::remedy::{self, shell_quoted};

/// Shows what is set, and tells what of it is not used.
pub(super) fn examine(config: &Config, environment: Environment<'_>, report: &mut Report<'_>) {
    let count = match config.shown.len() {
        1 => "1 of them is set".to_owned(),
        count => format!("{count} of them are set"),
    };
    let settings = config.shown.iter().map(|shown| Setting {
        name: shown.name.clone(),
        value: plain_to(&shown.value, MAX_SHOWN),
        source: shown.source.clone(),
    });
    report.settings(&count, settings.collect());
    examine_languages(config, report);
    for unusable in &config.unusable {
        let Unusable { stage, what, .. } = unusable;
        if unusable.is_first {
            report.warn(
                stage,
                &format!("the first provider is not asked: {what}"),
                "set what is missing, or make another provider the first",
            );
        } else if config.set(keys::in_table(stage, "fallback")).is_some() {
            let name = unusable.provider.name();
            report.warn(
                stage,
                &format!("the fallback {name} cannot be asked: {what}"),
                &format!("set what is missing, or take {name} out of fallback in [{stage}]"),
            );
        }
    }
    if config.http.proxy.is_none() {
        examine_proxies(environment, report);
    }
}

/// Tells what callers speak where that stands in two places.
fn examine_languages(config: &Config, report: &mut Report<'_>) {
    let own = [
        setting!("stt.language"),
        setting!("stt.alternative_languages"),
    ];
    let has_own = own.into_iter().any(|key| config.set(key).is_some());
    if has_own && config.set(setting!("languages")).is_some() {
        let all = config.stt.languages().collect::<Vec<_>>().join(", ");
        report.ok(
            "languages",
            &format!("{all}: what [stt] says goes before languages"),
        );
    }
}

fn examine_proxies(environment: Environment<'_>, report: &mut Report<'_>) {
    let id = "proxy";
    for (name, becomes) in variables(environment) {
        match becomes {
            Variable::Used => {
                let text = format!("{name} is set here: requests go through that proxy");
                report.ok(id, &text);
            }
            Variable::After(first) => {
                report.ok(
                    id,
                    &format!("{name} is set here, and {first} counts instead"),
                );
            }
            Variable::Unusable(why) => report.warn(
                id,
                &format!("{name} is set here, and its proxy is not used: {why}"),
                &format!("name a proxy of http or https under [http], or unset {name}"),
            ),
        }
    }
}

/// Looks at Google's key file.
pub(super) fn examine_credentials(path: &Path, report: &mut Report<'_>) {
    let id = "Google's key file";
    match ServiceAccount::load(path) {
        Ok(account) => {
            let text = format!("{} ({})", path.display(), account.identity());
            report.ok(id, &text);
        }
        Err(error) => {
            let remedy = match &error {
                CredentialsError::Unreadable { .. } => {
                    format!("{}, if it is there", remedy::close(path, &group_name()))
                }
                _ => format!(
                    "make a JSON key in Google Cloud's console, and save the file as it comes as {}",
                    shell_quoted(path)
                ),
            };
            report.fail(id, &Chain(&error).to_string(), &remedy);
        }
    }
}

/// The certificate of a proxy that looks into TLS, or of one's own server.
pub(super) fn examine_root(file: &Path, report: &mut Report<'_>) {
    if let Err(error) = check_roots(file) {
        let remedy =
            "name the right file in [http] ca_file, as PEM, and let Asterisk's user read it";
        report.fail("root certificate", &Chain(&error).to_string(), remedy);
    }
}

const MAX_SHOWN: usize = 60;

#[cfg(test)]
mod tests;
