//! What the settings say, and the files that they name for keys and certificates.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::{Access, access};

use super::finding::{Finding, Report, Setting, Status};
use super::user::group_name;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::{Variable, check_roots, variables};
use crate::config::keys::{self, setting};
use crate::config::{Config, Environment, Faults, Unusable};
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

/// Tells what is wrong with them: what lines of the file are about as one finding, which names the file once.
pub(super) fn tell_faults(faults: &Faults, report: &mut Report<'_>) {
    let file = &faults.file;
    let of_lines = |(fault, excerpt)| Some((fault, faults.of_line(fault)?, excerpt));
    let of_lines: Vec<_> = faults.with_excerpts().filter_map(of_lines).collect();
    let fix = format!("fix it in {}", shell_quoted(file));
    let failure = |text: &str, excerpt: Vec<String>, remedy: &str| Finding {
        excerpt,
        ..Finding::new(ID, Status::Fail, text, remedy)
    };
    let mut found: Vec<_> = of_lines
        .iter()
        .map(|(fault, _, excerpt)| failure(fault, excerpt.to_vec(), &fix))
        .collect();
    if found.len() > 1 {
        let shown = of_lines.iter().flat_map(|(_, fault, excerpt)| {
            std::iter::once((*fault).to_owned()).chain(excerpt.iter().cloned())
        });
        let text = format!("{} has {} faults", file.display(), found.len());
        found = vec![Finding {
            faults: found,
            ..failure(&text, shown.collect(), "fix them there")
        }];
    }
    for finding in found {
        report.tell(finding);
    }
    let others = faults
        .all()
        .iter()
        .filter(|fault| faults.of_line(fault).is_none());
    for fault in others {
        let way = WAYS_OUT.iter().find_map(|way| fault.split_once(way));
        match way {
            Some((text, way)) => report.fail(ID, text, way),
            None if fault.starts_with(UNREADABLE) => report.fail(ID, fault, &readable(file, &fix)),
            None => report.fail(ID, fault, &fix),
        }
    }
}

/// How to make a settings file one that can be read.
fn readable(file: &Path, fix: &str) -> String {
    match File::open(file).map_err(|error| error.kind()) {
        Err(ErrorKind::NotFound) => {
            "name the right one with --config, or run sudo phone-assistant setup".to_owned()
        }
        Err(ErrorKind::PermissionDenied) => {
            // The outermost folder comes first: what is in a shut one cannot be seen.
            let is_shut = |folder: &&Path| access(*folder, Access::EXEC_OK).is_err();
            let shut = file.ancestors().skip(1).filter(is_shut).last();
            remedy::close(shut.unwrap_or(file), &group_name())
        }
        _ => fix.to_owned(),
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

const ID: &str = "settings";
const MAX_SHOWN: usize = 60;
/// What stands between a fault and the way out of it.
const WAYS_OUT: [&str; 2] = ["; or run ", "; to close it: "];
/// How the fault of a file begins that cannot be read.
const UNREADABLE: &str = "cannot read the settings in ";

#[cfg(test)]
mod tests;
