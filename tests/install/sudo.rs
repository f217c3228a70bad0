//! The name by which `install.sh` lets people call the program: sudo has a `PATH` of its own, which may lack its folder.
//! Only an installation into the machine itself asks for that, so that the functions of the script are called alone.

use super::Machine;
use super::machine::Outcomes;

#[test]
fn where_sudo_does_not_find_the_program_people_are_told_its_path() {
    // The folder that the shell has in its PATH, the one that sudo has, if there is a sudo, and whether the name is enough.
    let (whole, other) = (Some("opt/here/bin"), Some("opt/other/bin"));
    for (of_shell, of_sudo, is_found) in [
        ("opt/here/bin", None, true),
        ("opt/other/bin", None, false),
        ("none", None, false),
        ("opt/here/bin", whole, true),
        ("none", whole, true),
        ("opt/here/bin", other, false),
        ("opt/here/bin", Some("none"), false),
    ] {
        let told = told(of_shell, of_sudo, "no");
        let path = if is_found { "phone-assistant" } else { PATH };
        for words in ["Your key: sudo % setup", "then: sudo % check --user pbx)"] {
            assert!(told.contains(&words.replace('%', path)), "{told}");
        }
        let notes = told.lines().filter(|line| line.starts_with("note: "));
        let note = notes.collect::<String>();
        assert_eq!(note.is_empty(), is_found, "{of_shell}, {of_sudo:?}: {told}");
        assert!(is_found || note.contains("secure_path"), "{note}");
    }
    let told = told("none", Some("none"), "yes");
    assert!(told.contains("sudo phone-assistant setup"), "{told}");
}

/// What people are told at the end.
fn told(of_shell: &str, of_sudo: Option<&str>, packaged: &str) -> String {
    let machine = Machine::new();
    for folder in ["here", "other"] {
        let program = format!("opt/{folder}/bin/phone-assistant");
        machine.write(&program, "");
        super::machine::write_script(&machine.path(&program), &format!("echo {folder}"));
    }
    let tools = machine.path("tools");
    let path = |folder: &str| format!("{}:{}", tools.display(), machine.path(folder).display());
    if let Some(folder) = of_sudo {
        let script = format!("shift\nexec env PATH={} \"$@\"", path(folder));
        machine.tool("sudo", &script);
    }
    let whole = String::from_utf8(machine.read("src/install.sh")).unwrap();
    let functions = whole.strip_suffix("main \"$@\"\n").unwrap();
    let root = machine.path("");
    let places = format!(
        "DESTDIR= packaged={packaged} prefix={}opt/here program=$prefix/bin/phone-assistant",
        root.display()
    );
    let rest = "settings=/etc/phone-assistant configure=no dialplan=yes extension= conversation=";
    let end = format!(
        "{places} {rest}\ncalled=$(name_for_sudo) asked_as=' --user pbx'\nsay_what_is_next\n"
    );
    machine.write("src/install.sh", functions.to_owned() + &end);
    let mut command = machine.command(&[]);
    let done = command.env("PATH", path(of_shell)).outcome();
    let told = done.succeeds().text();
    told.replace(root.to_str().unwrap(), "/")
}

const PATH: &str = "/opt/here/bin/phone-assistant";
