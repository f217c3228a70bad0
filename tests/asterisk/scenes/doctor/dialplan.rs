//! Faults of Asterisk's side: its dialplan, its log, and whether it is about to stop.

use std::fs;

use super::planted::{Planted, configure, shell, usual};
use crate::machine::Machine;

pub(super) const FAULTS: &[Planted] = &[
    Planted {
        what: "a number that leads to an extension of the assistant that is not there",
        plant: |machine| {
            shell(
                machine,
                "printf '[custom-lost]\\nexten => 1,1,Goto(custom-openai,7777,1)\\n' >>/etc/asterisk/extensions.conf",
            );
            machine.asterisk("dialplan reload");
        },
        repair: |machine| {
            shell(
                machine,
                "sed -i '/custom-lost/,$d' /etc/asterisk/extensions.conf",
            );
            machine.asterisk("dialplan reload");
        },
        status: "fail",
        words: &["ways in", "custom-openai,7777", "Custom Destinations"],
    },
    Planted {
        what: "a dialplan that nothing leads to",
        plant: |machine| {
            shell(
                machine,
                "cd /etc/asterisk; cp extensions.conf kept; sed -i '/Goto(custom-openai/d; /custom-personas,/d' extensions.conf",
            );
            machine.asterisk("dialplan reload");
        },
        repair: |machine| {
            shell(machine, "cd /etc/asterisk; mv kept extensions.conf");
            machine.asterisk("dialplan reload");
        },
        status: "warn",
        words: &["ways in", "nothing in the dialplan", "Custom Destinations"],
    },
    Planted {
        what: "a transfer to a number that does not exist",
        plant: |machine| {
            configure(
                machine,
                "conversation.transfers",
                vec!["reception=200", "nobody=299"],
            );
        },
        repair: usual,
        status: "warn",
        words: &["transfers", "nobody=299", "[conversation]"],
    },
    Planted {
        what: "a transfer that leads nowhere from the extension of a persona",
        plant: |machine| {
            configure(machine, "conversation.transfers", vec!["reception=200"]);
            add_extension(machine, "ASSISTANT_TRANSFER_CONTEXT=custom-school");
        },
        repair: |machine| {
            remove_extension(machine);
            usual(machine);
        },
        status: "warn",
        words: &["transfers", "reception=200 in custom-school"],
    },
    Planted {
        what: "a persona that the dialplan chooses and the settings do not have",
        plant: |machine| add_extension(machine, "ASSISTANT_PERSONA=kitchn"),
        repair: remove_extension,
        status: "fail",
        words: &["personas", "kitchn", "[persona.kitchn]"],
    },
    Planted {
        what: "a log as FreePBX sets it, which shows no stage of a call",
        plant: |machine| set_log_level(machine, "verbose"),
        repair: |machine| set_log_level(machine, "verbose(3)"),
        status: "warn",
        words: &[
            "Asterisk's log",
            "/var/log/asterisk/full",
            "Asterisk Logfile Settings",
        ],
    },
    Planted {
        what: "an Asterisk that is about to stop",
        plant: |machine| {
            machine.asterisk("channel originate Local/nobody@from-internal application Wait 30");
            machine.stop_gracefully();
        },
        repair: |machine| {
            machine.asterisk("core abort shutdown");
            machine.asterisk("channel request hangup all");
        },
        status: "fail",
        words: &["Asterisk", "it is stopping", "core abort shutdown"],
    },
    Planted {
        what: "a dialplan that is not loaded",
        plant: |machine| {
            let plan = machine.path("/etc/asterisk/extensions_custom.conf");
            fs::rename(&plan, plan.with_extension("away")).unwrap();
            shell(machine, "touch /etc/asterisk/extensions_custom.conf");
            machine.asterisk("dialplan reload");
        },
        repair: |machine| {
            let plan = machine.path("/etc/asterisk/extensions_custom.conf");
            fs::rename(plan.with_extension("away"), &plan).unwrap();
            machine.asterisk("dialplan reload");
        },
        status: "fail",
        words: &["dialplan", "not loaded", "./install.sh --dialplan"],
    },
];

/// Lets an extension of the administrator's set something before it goes to the assistant.
fn add_extension(machine: &Machine, setting: &str) {
    let step = format!("exten => 8012,1,Set({setting})");
    let jump = " same => n,Gosub(custom-openai,8009,1)";
    shell(
        machine,
        &format!("printf '%s\\n' '[custom-own]' '{step}' '{jump}' >>/etc/asterisk/extensions.conf"),
    );
    machine.asterisk("dialplan reload");
}

fn remove_extension(machine: &Machine) {
    shell(
        machine,
        "sed -i '/custom-own/,$d' /etc/asterisk/extensions.conf",
    );
    machine.asterisk("dialplan reload");
}

fn set_log_level(machine: &Machine, level: &str) {
    let files = "/etc/asterisk/logger_logfiles_additional.conf";
    let script = format!("sed -i 's/verbose[^,]*/{level}/' {files}");
    shell(machine, &script);
    machine.asterisk("logger reload");
}
