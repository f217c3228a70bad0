//! `install.sh --build`, which the demo uses, and the Rust that the installer chooses.

use std::fs;

use super::machine::{Machine, OLDEST_RUST, Outcomes};

#[test]
fn the_demos_build_is_the_installers_and_stdout_names_it_alone() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/");
    machine.tool("musl-gcc", "exit 0");
    machine.run(&[]).succeeds();
    let by_installer = machine.read("tools/built");
    fs::remove_file(machine.path("tools/built")).unwrap();
    let built = machine
        .command(&["--build"])
        .env_remove("DESTDIR")
        .env_remove("ASTERISK")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(built.status.success(), "{told}");
    assert!(told.contains("building for"), "{told}");
    assert_eq!(machine.read("tools/built"), by_installer);
    let path = String::from_utf8(built.stdout).unwrap();
    let path = path.strip_suffix('\n').unwrap();
    assert!(path.starts_with(machine.path("src/target").to_str().unwrap()));
    assert_eq!(fs::read(path).unwrap(), machine.read("tools/static"));
}

#[test]
fn a_user_without_a_name_can_build() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/");
    machine.tool("musl-gcc", "exit 0");
    let nameless = "case $1 in -un) echo 'id: no name' >&2; exit 1 ;; *) echo 54321 ;; esac";
    machine.tool("id", nameless);
    let built = machine.command(&["--build"]).outcome();
    built.succeeds().says("building for").says("as 54321");
}

#[test]
fn a_build_that_fails_names_no_program() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/");
    machine.tool("musl-gcc", "exit 0");
    machine.tool("cargo", "echo broken; exit 101");
    let built = machine.command(&["--build"]).output().unwrap();
    assert_eq!(built.status.code(), Some(1));
    assert_eq!(built.stdout, b"");
}

#[test]
fn behind_a_rust_that_is_too_old_a_newer_one_is_found() {
    let machine = Machine::new();
    machine.rust(OLDEST_RUST, "/");
    machine.tool("musl-gcc", "exit 0");
    // The one where rustup puts it comes first.
    fs::create_dir_all(machine.path("home/.cargo/bin")).unwrap();
    let old = machine.path("home/.cargo/bin/rustc");
    machine.tool("rustc-of-1.63", "echo 'rustc 1.63.0 (of a test)'");
    fs::rename(machine.path("tools/rustc-of-1.63"), old).unwrap();
    machine.run(&[]).succeeds().says("building for");
    machine.rust("1.85.1", "/");
    machine.run(&[]).fails(1).says(&format!(
        "is 1.85.1, and {} or newer is needed",
        env!("CARGO_PKG_RUST_VERSION")
    ));
}
