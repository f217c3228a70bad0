//! Faults of the files on the machine: data, locks, the program and the sounds.

use super::planted::{Planted, shell};

pub(super) const FAULTS: &[Planted] = &[
    Planted {
        what: "a folder for calls that Asterisk's user may not write to",
        plant: |machine| shell(machine, "chown root: /var/lib/phone-assistant/calls"),
        repair: |machine| shell(machine, "chown asterisk: /var/lib/phone-assistant/calls"),
        status: "fail",
        words: &[
            "folder for calls",
            "sudo -u asterisk mv /var/lib/phone-assistant/calls",
        ],
    },
    Planted {
        what: "a lock that Asterisk's user may not use",
        plant: |machine| {
            let lock = "/var/lib/phone-assistant/state/providers.json.lock";
            shell(machine, &format!("install -m 600 -o root /dev/null {lock}"));
        },
        repair: |machine| {
            shell(
                machine,
                "rm /var/lib/phone-assistant/state/providers.json.lock",
            );
        },
        status: "fail",
        words: &[
            "folder for state",
            "providers.json.lock",
            "ls -la /var/lib/phone-assistant/state",
        ],
    },
    Planted {
        what: "data that others may look into",
        plant: |machine| shell(machine, "chmod 755 /var/lib/phone-assistant"),
        repair: |machine| shell(machine, "chmod 700 /var/lib/phone-assistant"),
        status: "warn",
        words: &["privacy", "chmod 700 /var/lib/phone-assistant"],
    },
    Planted {
        what: "a log of calls that Asterisk's user may not write to",
        plant: |machine| {
            shell(
                machine,
                "touch /var/log/asterisk/phone-assistant.jsonl; chown root: /var/log/asterisk/phone-assistant.jsonl",
            );
        },
        repair: |machine| shell(machine, "rm /var/log/asterisk/phone-assistant.jsonl"),
        status: "warn",
        words: &["log of calls", "sudo -u asterisk mv"],
    },
    Planted {
        what: "a program that is not there",
        plant: |machine| shell(machine, &format!("mv {PROGRAM} {PROGRAM}-away")),
        repair: |machine| shell(machine, &format!("mv {PROGRAM}-away {PROGRAM}")),
        status: "fail",
        words: &["program", "No such file", "sudo ./install.sh"],
    },
    Planted {
        what: "a program that is not static",
        plant: |machine| {
            shell(
                machine,
                &format!("mv {PROGRAM} {PROGRAM}-away; cp /bin/true {PROGRAM}"),
            );
        },
        repair: |machine| shell(machine, &format!("mv {PROGRAM}-away {PROGRAM}")),
        status: "warn",
        words: &["program", "not static", "sudo ./install.sh"],
    },
    Planted {
        what: "a program that may not be run",
        plant: |machine| shell(machine, &format!("chmod 644 {PROGRAM}")),
        repair: |machine| shell(machine, &format!("chmod 755 {PROGRAM}")),
        status: "fail",
        words: &["program", "cannot be run", "sudo ./install.sh"],
    },
    Planted {
        what: "missing sounds",
        plant: |machine| {
            shell(
                machine,
                &format!("mkdir {SOUNDS}/away; mv {SOUNDS}/im-sorry.* {SOUNDS}/away"),
            );
        },
        repair: |machine| {
            shell(
                machine,
                &format!("mv {SOUNDS}/away/* {SOUNDS}; rmdir {SOUNDS}/away"),
            );
        },
        status: "fail",
        words: &["sounds", "im-sorry", "core sounds"],
    },
];

const PROGRAM: &str = "/var/lib/asterisk/agi-bin/phone-assistant";
const SOUNDS: &str = "/var/lib/asterisk/sounds/en";
