//! Which sources are believed, and what is refused.

use std::fs;

use super::*;

/// Names and texts.
pub(super) type Files<'a> = &'a [(&'a str, &'a str)];

pub(super) fn root(files: &[(&str, &str)]) -> testkit::TempDir {
    let root = testkit::TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    root
}

fn question(root: &Path) -> Question {
    Question {
        root: root.to_owned(),
        user: None,
        group: None,
    }
}

/// User and group, or what stands in their way.
fn found(files: &[(&str, &str)]) -> Result<(String, String), String> {
    let root = root(files);
    let found = find(&question(root.path()));
    let found = found.map_err(|error| error.to_string())?;
    Ok((found.user, found.group))
}

const CONF: &str = "etc/asterisk/asterisk.conf";
const UNIT: &str = "lib/systemd/system/asterisk.service";
const USERS: (&str, &str) = (
    "etc/passwd",
    "pbx:x:7123:7124::/:/bin/false\nother:x:7125:7125::/:/bin/false\n",
);
const GROUPS: (&str, &str) = ("etc/group", "voice:x:7124:\nother:x:7125:\n");

#[test]
fn the_sources_that_agree_are_believed() {
    let runuser = (CONF, "[options]\nrunuser = pbx\n");
    let both = (CONF, "[options]\nrunuser = pbx\nrungroup = other\n");
    let unit = (
        UNIT,
        "[Service]\nUser=7123\nExecStart=/usr/sbin/asterisk -U pbx\n",
    );
    let table: &[(Files<'_>, (&str, &str))] = &[
        (&[runuser], ("pbx", "voice")),
        (&[both], ("pbx", "other")),
        (&[unit], ("pbx", "voice")),
        (&[both, unit], ("pbx", "other")),
    ];
    for (files, (user, group)) in table {
        let files = [*files, &[USERS, GROUPS]].concat();
        let expected = ((*user).to_owned(), (*group).to_owned());
        assert_eq!(found(&files), Ok(expected), "{files:?}");
    }
    let unknown = found(&[(CONF, "[options]\nrunuser = no-such-user-here\n")]);
    let same = "no-such-user-here".to_owned();
    assert_eq!(
        unknown,
        Ok((same.clone(), same)),
        "a machine that is being laid out"
    );
}

#[test]
fn sources_that_differ_are_refused_by_name() {
    let files = [
        (CONF, "[options]\nrunuser = pbx\n"),
        (UNIT, "[Service]\nUser=other\n"),
        USERS,
    ];
    let why = found(&files).expect_err("they differ");
    for words in [
        "asterisk.conf says pbx",
        "asterisk.service and its drop-ins says other",
        "--user",
    ] {
        assert!(why.contains(words), "{why}");
    }
    let groups = [
        (CONF, "[options]\nrunuser = pbx\nrungroup = voice\n"),
        (UNIT, "[Service]\nUser=pbx\nGroup=other\n"),
        USERS,
    ];
    let why = found(&groups).expect_err("they differ");
    assert!(
        why.contains("which group") && why.contains("--group"),
        "{why}"
    );
    let root = root(&files);
    let named = Question {
        user: Some("other".to_owned()),
        ..question(root.path())
    };
    assert_eq!(find(&named).expect("it was named").user, "other");
}

#[test]
fn what_is_no_name_is_refused_before_anything_else() {
    for value in ["-u", "a:b", "a/b", "$(id)", "a b", ".x"] {
        let conf = format!("[options]\nrunuser = {value}\n");
        let why = found(&[(CONF, &conf)]).expect_err(value);
        assert!(
            why.contains("no name of a user") && why.contains("--user"),
            "{why}"
        );
        assert!(why.contains(&format!("{value:?}")), "{why}");
        let conf = format!("[options]\nrungroup = {value}\n");
        let why = found(&[(CONF, &conf)]).expect_err(value);
        assert!(why.contains("no name of a group"), "{why}");
    }
}

#[test]
fn a_user_who_is_unknown_on_this_machine_is_refused_with_the_way_out() {
    let here = |user: &str, group: Option<&str>| {
        let question = Question {
            user: Some(user.to_owned()),
            group: group.map(str::to_owned),
            ..question(Path::new("/"))
        };
        find(&question)
    };
    let why = here("no-such-user-here", None)
        .expect_err("unknown")
        .to_string();
    assert!(
        why.contains("no-such-user-here") && why.contains("--user"),
        "{why}"
    );
    let why = here("root", Some("no-such-group"))
        .expect_err("unknown")
        .to_string();
    assert!(
        why.contains("no-such-group") && why.contains("--group"),
        "{why}"
    );
    let root = here("0", None).expect("every machine has it");
    assert_eq!((root.user.as_str(), root.ids), ("root", Some((0, 0))));
}

#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_none() {
    let root = root(&[]);
    fs::create_dir_all(root.path().join(CONF)).expect("made");
    let error = find(&question(root.path())).expect_err("a folder");
    assert!(matches!(error, Error::Read { .. }), "{error}");
}

#[test]
fn a_number_that_only_a_directory_knows_is_believed_where_a_person_names_it() {
    let ask = |user: &str, group: Option<&str>| {
        let found = find(&Question {
            root: "/".into(),
            user: Some(user.to_owned()),
            group: group.map(str::to_owned),
        });
        found.map_err(|error| error.to_string())
    };
    let found = ask("4000000001", Some("4000000002")).expect("both are numbers");
    assert_eq!(found.user, "4000000001");
    assert_eq!(found.ids, Some((4_000_000_001, 4_000_000_002)));
    let found = ask("4000000001", Some("root")).expect("every machine has one");
    assert_eq!(found.ids, Some((4_000_000_001, 0)));
    let why = ask("4000000001", None).expect_err("no list has its group");
    assert!(why.contains("--group"), "{why}");
    let why = ask("no-such-user", Some("root")).expect_err("a name is looked up");
    assert!(why.contains("no-such-user"), "{why}");
}

#[test]
fn a_file_of_another_user_names_no_user_but_its_own() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let users = (
        "etc/passwd",
        "pbx:x:7123:7124::/:/bin/false\nroot:x:0:0::/root:/bin/sh\n",
    );
    let groups = (
        "etc/group",
        "voice:x:7124:\naudio:x:7129:pbx\nshadow:x:7142:\n",
    );
    let table = [
        ("runuser = pbx\n", Ok(("pbx", "voice"))),
        ("runuser = pbx\nrungroup = audio\n", Ok(("pbx", "audio"))),
        ("runuser = root\n", Err("says root")),
        ("runuser = root\nrungroup = voice\n", Err("says root")),
        ("runuser = pbx\nrungroup = shadow\n", Err("says shadow")),
        ("rungroup = root\n", Err("says root")),
    ];
    for (options, expected) in table {
        let root = root(&[(CONF, &format!("[options]\n{options}")), users, groups]);
        let conf = root.path().join(CONF);
        // Its folder may still be root's.
        std::os::unix::fs::chown(&conf, Some(7123), None).expect("given away");
        let found = find(&question(root.path()));
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                assert_eq!((&*found.user, &*found.group), expected, "{options}");
            }
            (Err(error), Err(words)) => {
                let why = error.to_string();
                assert!(why.contains(words) && why.contains("may name no"), "{why}");
                let named = Question {
                    user: Some("root".to_owned()),
                    ..question(root.path())
                };
                assert_eq!(find(&named).expect("a person says so").user, "root");
            }
            (found, _) => panic!("{options}: {found:?}"),
        }
    }
    // What root says too is no more only its word.
    let unit = (UNIT, "[Service]\nUser=root\n");
    let machine = root(&[(CONF, "[options]\nrunuser = root\n"), unit, users, groups]);
    let conf = machine.path().join(CONF);
    std::os::unix::fs::chown(conf, Some(7123), None).expect("given away");
    let found = find(&question(machine.path())).expect("root's unit says so");
    assert_eq!(found.ids, Some((0, 0)));
}
