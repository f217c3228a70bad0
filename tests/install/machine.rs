//! A staging root with its own `PATH`: stand-ins for Asterisk, Rust and users, and a program that is static for sure.
//! What is expected of `install.sh` there is left to the tests.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use testkit::write_program;

use super::{PLAN, THIS};
use crate::house::program;

/// A root of its own, with stand-ins in `tools`; gone when it is dropped.
pub(super) struct Machine {
    root: PathBuf,
}

impl Machine {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "machine-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let machine = Self {
            root: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
        };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in SOURCES {
            machine.write(
                &format!("src/{name}"),
                fs::read(sources.join(name)).unwrap(),
            );
        }
        symlink(sources.join("src"), machine.path("src/src")).unwrap();
        machine.write("tools/tmp/kept", "");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(machine.temporary(), mode).unwrap();
        machine.write("tools/static", elf(THIS, false));
        for tool in TOOLS.split_whitespace() {
            machine.link_tool(tool);
        }
        let real = found_in_path("id");
        machine.tool(
            "id",
            &format!(
                r#"if [ "$1" = -u ]; then echo 1000; else exec {} "$@"; fi"#,
                real.display()
            ),
        );
        machine
    }

    /// One where owners can be set, or so it seems.
    pub(super) fn as_root() -> Self {
        let machine = Self::new();
        let real = found_in_path("id");
        let known = format!(
            "case $* in -u) echo 0 ;; '-gn asterisk') echo asterisk ;; -un) exec {} -un ;; esac",
            real.display()
        );
        machine.tool("id", &known);
        machine.tool("chown", r#"echo "$*" >>"$TOOLS/owners""#);
        machine.write("tools/notes-owners", "");
        machine
    }

    /// One where whoever runs the tests is who they are, and users are those of this machine.
    pub(super) fn really_root() -> Self {
        let machine = Self::new();
        fs::remove_file(machine.path("tools/id")).unwrap();
        machine.link_tool("id");
        machine
    }

    /// One whose Asterisk reads `extensions_custom.conf` when told to, and shows the priorities of an extension.
    pub(super) fn with_asterisk() -> Self {
        let machine = Self::new();
        machine.tool("asterisk", ASTERISK);
        machine
    }

    pub(super) fn rust(&self, version: &str, libdir: &str) {
        self.tool("rustc", &format!("case $1 in --version) echo 'rustc {version} (of a test)' ;; *) echo {libdir} ;; esac"));
        self.tool("cargo", CARGO);
    }

    pub(super) fn tool(&self, name: &str, script: &str) {
        write_script(&self.path("tools").join(name), script);
    }

    /// One of this machine's own.
    pub(super) fn link_tool(&self, name: &str) {
        symlink(found_in_path(name), self.path("tools").join(name)).unwrap();
    }

    /// One of this machine's own, with something that happens right before and right after it.
    pub(super) fn wrap(&self, name: &str, before: &str, after: &str) {
        let real = found_in_path(name);
        let script = format!(
            "{before}\n{} \"$@\"\nstatus=$?\n{after}\nexit $status",
            real.display()
        );
        self.tool(name, &script);
    }

    /// With a binary given.
    pub(super) fn install(&self, arguments: &[&str]) -> Outcome {
        let given = self.path("tools/static");
        self.run(&[&["--binary", given.to_str().unwrap()], arguments].concat())
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).outcome()
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        self.script("src/install.sh", arguments)
    }

    /// The same by the script in another place.
    pub(super) fn script(&self, script: &str, arguments: &[&str]) -> Command {
        self.shell(&[], script, arguments)
    }

    /// With every command in stderr before it runs.
    pub(super) fn traced(&self, arguments: &[&str]) -> Command {
        self.shell(&["-x"], "src/install.sh", arguments)
    }

    fn shell(&self, options: &[&str], script: &str, arguments: &[&str]) -> Command {
        let tools = self.path("tools");
        let mut command = Command::new("/bin/sh");
        command
            .args(options)
            .arg(self.path(script))
            .args(arguments)
            .env_clear();
        command
            .env("PATH", &tools)
            .env("TOOLS", &tools)
            .env("HOME", self.path("home"));
        command
            .env("DESTDIR", &self.root)
            .env("TMPDIR", self.temporary());
        if tools.join("asterisk").exists() {
            command.env("ASTERISK", "asterisk");
        }
        command
    }

    /// Where `install.sh` has its own files.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path("tools/tmp")
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(super) fn plan(&self) -> String {
        String::from_utf8(self.read(PLAN)).unwrap()
    }

    pub(super) fn metadata(&self, path: &str) -> fs::Metadata {
        fs::metadata(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether no other user than root can change what a path leads to.
    pub(super) fn is_roots_alone(&self, path: &str) -> bool {
        self.path(path).ancestors().all(|place| {
            let data = fs::metadata(place).unwrap();
            let is_sticky = data.mode() & 0o1000 != 0;
            data.uid() == 0 && (is_sticky || data.mode() & 0o022 == 0)
        })
    }

    /// Everything below the root but the tools: mode, time of change, content.
    pub(super) fn snapshot(&self) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
            {
                let metadata = fs::symlink_metadata(&entry).unwrap();
                let content = if metadata.is_file() {
                    fs::read(&entry).unwrap()
                } else {
                    Vec::new()
                };
                if metadata.is_dir() && !entry.ends_with("tools") {
                    folders.push(entry.clone());
                }
                // A folder in which a temporary file came and went has a new time.
                let time = if metadata.is_file() {
                    (metadata.mtime(), metadata.mtime_nsec())
                } else {
                    (0, 0)
                };
                found.insert(entry, (metadata.mode(), time.0, time.1, content));
            }
        }
        found
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.root)); // a leftover below target harms nobody
    }
}

pub(super) trait Outcomes {
    fn outcome(&mut self) -> Outcome;
}

impl Outcomes for Command {
    fn outcome(&mut self) -> Outcome {
        Outcome(self.stdin(Stdio::null()).output().unwrap())
    }
}

/// What a run of `install.sh` came to; what fails here prints all that it said.
pub(super) struct Outcome(Output);

impl Outcome {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&[&self.0.stdout[..], &self.0.stderr].concat()).into_owned()
    }

    #[track_caller]
    pub(super) fn succeeds(&self) -> &Self {
        self.fails(0)
    }

    #[track_caller]
    pub(super) fn fails(&self, code: i32) -> &Self {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.text());
        self
    }

    #[track_caller]
    pub(super) fn says(&self, words: &str) -> &Self {
        assert!(
            self.text().contains(words),
            "no {words:?} in: {}",
            self.text()
        );
        self
    }
}

/// A static program whose version is `line` and which otherwise is the one under test; with `loader`, one that names a
/// dynamic loader.
pub(super) fn elf(line: &str, loader: bool) -> Vec<u8> {
    elf_of(&stand_in(line), loader)
}

/// A static program that runs a script.
pub(super) fn elf_of(script: &Path, loader: bool) -> Vec<u8> {
    let (machine, code) = match env::consts::ARCH {
        "x86_64" => (62_u16, x86_64()),
        "aarch64" => (183, aarch64()),
        other => panic!("no machine code for {other}"),
    };
    let line = [script.to_str().unwrap().as_bytes(), b"\0"].concat();
    let headers: u16 = if loader { 2 } else { 1 };
    let start = 64 + 56 * u64::from(headers);
    let size = start + u64::try_from(code.len() + line.len()).unwrap();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2_u16, machine].map(u16::to_le_bytes).concat());
    file.extend(1_u32.to_le_bytes());
    file.extend([BASE + start, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(0_u32.to_le_bytes());
    file.extend(
        [64_u16, 56, headers, 0, 0, 0]
            .map(u16::to_le_bytes)
            .concat(),
    );
    let mut header = |kind: u32, flags: u32| {
        file.extend([kind, flags].map(u32::to_le_bytes).concat());
        file.extend(
            [0, BASE, BASE, size, size, 0x1000]
                .map(u64::to_le_bytes)
                .concat(),
        );
    };
    header(1, 5);
    if loader {
        header(3, 4);
    }
    file.extend(code);
    file.extend(line);
    file
}

/// The oldest Rust that builds the program.
pub(super) const OLDEST_RUST: &str = concat!(env!("CARGO_PKG_RUST_VERSION"), ".0");

const BASE: u64 = 0x40_0000;

/// `execve(path, argv, envp); exit(127)`, with the path right behind the code.
fn x86_64() -> Vec<u8> {
    let execute = [
        0x48, 0x8d, 0x3d, 33, 0, 0, 0, 0x48, 0x8d, 0x74, 0x24, 8, 0x48, 0x8b, 0x04, 0x24, 0x48,
        0x8d, 0x54, 0xc6, 8, 0xb8, 59, 0, 0, 0, 0x0f, 0x05,
    ];
    let exit = [0xbf, 127, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
    [&execute[..], &exit].concat()
}

fn aarch64() -> Vec<u8> {
    let arguments = [
        0x1000_0120,
        0xf940_03e2,
        0x9100_23e1,
        0x8b02_0c22,
        0x9100_2042,
    ];
    let execute = [0xd280_1ba8, 0xd400_0001];
    let exit = [0xd280_0ba8, 0xd400_0001_u32];
    [&arguments[..], &execute, &exit]
        .concat()
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect()
}

/// The script behind the programs of this version, which all runs share.
fn stand_in(line: &str) -> PathBuf {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap();
    let name = line
        .trim_end()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stand-in-{name}"));
    let real = program().display();
    let script = format!("line='{}' real={real}\n{STAND_IN}", line.trim_end());
    if fs::read_to_string(&path).ok() != Some(format!("#!/bin/sh\n{script}\n")) {
        write_script(&path, &script);
    }
    path
}

/// Writes a program of sh.
pub(super) fn write_script(path: &Path, script: &str) {
    write_program(path, format!("#!/bin/sh\n{script}\n"));
}

fn found_in_path(tool: &str) -> PathBuf {
    let folders = env::var_os("PATH").unwrap();
    let found = env::split_paths(&folders)
        .map(|folder| folder.join(tool))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no {tool} on this machine"))
}

/// What lies beside `src`.
const SOURCES: [&str; 4] = [
    "install.sh",
    "extensions_custom.conf.example",
    "Cargo.toml",
    "Cargo.lock",
];

/// The only programs of this machine that `install.sh` meets.
const TOOLS: &str = "awk cat chmod chown cmp cp cut diff dirname env find grep head ln ls mkdir mktemp mv od readlink rm sed sh sha256sum sort \
    tail timeout tr uname";

/// Where `tools/notes-owners` is, owners are noted in `tools/owners` and nobody is given anything: whoever runs the tests
/// may not, and the users are not there.
const STAND_IN: &str = r#"
case ${1-} in place | identity | console) ;; *) echo "$line"; exit ;; esac
if [ "$1" = place ] && [ -e "$TOOLS/notes-owners" ]; then
    what=$2 owner='' left=0 skipped=''
    for word do
        shift
        if [ -n "$skipped" ]; then skipped=''; continue; fi
        if [ $left -gt 0 ]; then
            left=$((left - 1))
            if [ $left = 0 ]; then echo "$owner $word" >>"$TOOLS/owners"; fi
        fi
        case $word in
            --guest) skipped=yes; continue ;;
            linked:* | */*) ;;
            *:*) owner=$word left=2 word=-; if [ "$what" = folders ]; then left=1; fi ;;
        esac
        set -- "$@" "$word"
    done
fi
exec "$real" "$@"
"#;

const ASTERISK: &str = r#"
[ ! -e "$TOOLS/stopped" ] || exit 1
case $2 in
    'core show version') echo 'Asterisk 22' ;;
    'core show settings') cat "$TOOLS/settings" 2>/dev/null ;;
    'dialplan reload') [ -e "$TOOLS/unread" ] || cat "$DESTDIR/etc/asterisk/extensions_custom.conf" >"$TOOLS/loaded" ;;
    'dialplan show '*)
        wanted=${2#dialplan show }
        echo "[ Context '${wanted#*@}' created by 'pbx_config' ]"
        awk -v exten="${wanted%@*}" -v context="[${wanted#*@}]" '
            /^\[/ { inside = ($0 == context) }
            !inside || /^;/ { next }
            /^exten => / && index($0, "exten => " exten ",1,") != 1 { n = 0 }
            index($0, "exten => " exten ",1,") == 1 { sub(/^exten => [^,]*,1,/, ""); n = 1; lead = "  \047" exten "\047 =>  " }
            n && /^ same => n/ {
                lead = match($0, /^ same => n\([a-z]+\)/) ? "     [" substr($0, 12, RLENGTH - 12) "]  " : "        "
                sub(/^ same => n(\([a-z]+\))?,/, "")
                n++
            }
            n { printf "%s %d. %-45s [extensions_custom.conf:%d]\n", lead, n, $0, NR }' "$TOOLS/loaded"
        cat "$TOOLS/elsewhere" 2>/dev/null
        echo '-= 1 extension in 1 context. =-' ;;
esac
"#;

const CARGO: &str = r#"
echo "[$(printf '%s' "$CARGO_ENCODED_RUSTFLAGS" | tr '\037' ' ')] $*" >"$TOOLS/built"
while [ $# -gt 1 ]; do
    case $1 in --target) target=$2 ;; --target-dir) folder=$2 ;; esac
    shift
done
mkdir -p "$folder/$target/release"
cp "$TOOLS/static" "$folder/$target/release/phone-assistant"
"#;
