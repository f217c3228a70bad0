#!/bin/sh
# Installs phone-assistant beside the Asterisk of this machine, or takes it away again.
#
# Asks nothing. Everything is checked before anything is changed, files are replaced by a rename, and a second run
# changes nothing. Plain POSIX sh, because people type "sh install.sh".
set -eu
umask 022
export LC_ALL=C

help() {
    cat <<'HELP'
Usage: sudo ./install.sh [OPTION]...

Builds phone-assistant and installs it for Asterisk or FreePBX.

  --binary FILE    install this static binary instead of building one
  --dialplan       also put the extension into extensions_custom.conf and reload the dialplan;
                   where that was done before, every run brings it up to date
  --extension N    its number (8008); implies --dialplan
  --conversation N the number of the conversation (8009); implies --dialplan
  --replace        comment out what extensions_custom.conf has at that place; implies --dialplan
  --watch          also check everything once a day, as Asterisk's user, by /etc/cron.d; cron sends a mail when
                   something got worse or was mended. Each time that costs one short request to each service
  --uninstall      take back what was put; settings, keys, data and the log of calls stay
  --purge          --uninstall, and remove settings, keys, data and the log of calls too
  --help           show this text

Environment
  DESTDIR          install below this folder: nothing is reloaded, and owners are set only if they are known here
  ASTERISK         the asterisk command, if it is not in the PATH (with DESTDIR: none unless given)
HELP
}

main() {
    read_options "$@"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    if [ "$action" = build ]; then build_alone; return; fi
    find_asterisk
    if [ "$action" = uninstall ]; then
        uninstall
    else
        install_all
    fi
}

install_all() {
    read_plan
    if grep -q "^$begin" "$work/before"; then dialplan=yes; fi
    if [ "$dialplan" = yes ]; then prepare_dialplan; fi
    if [ "$watch" = yes ] && [ ! -d "${watch_file%/*}" ]; then
        die "there is no ${watch_file%/*}: install cron first (Debian: apt-get install cron)"
    fi
    if [ -z "$binary" ]; then find_rust; fi
    if [ -z "$binary" ]; then build; fi
    check_binary
    install_folders
    put "$work/phone-assistant" "$DESTDIR/usr/local/bin/phone-assistant" 0755 root:root
    put "$work/phone-assistant" "$agi_bin/phone-assistant" 0755 root:root
    install_settings
    install_rotation
    install_watch
    if [ "$dialplan" = yes ]; then install_dialplan; fi
    check_sounds
    say_what_is_next
}

uninstall() {
    read_plan
    check_markers
    edit_plan uninstall "$work/before" >"$work/after"
    if ! cmp -s "$work/before" "$work/after"; then
        change_plan "$work/after"
        if asterisk_runs; then reload; fi
        say "restored   $plan"
    fi
    rm -f "$agi_bin/phone-assistant" "$DESTDIR/usr/local/bin/phone-assistant"
    say "removed    $agi_bin/phone-assistant and $DESTDIR/usr/local/bin/phone-assistant"
    if [ -e "$rotation" ]; then
        rm -f "$rotation"
        say "removed    $rotation"
    fi
    if [ -e "$watch_file" ]; then
        rm -f "$watch_file"
        say "removed    $watch_file"
    fi
    if [ "$purge" = yes ]; then
        rm -rf "$settings" "$data" "$DESTDIR$log" "$DESTDIR$log".[0-9]*
        rm -f "$plan.before-phone-assistant"
        say "removed    $settings, $data and $DESTDIR$log"
    else
        say "kept       $settings, $data and $DESTDIR$log (--purge removes them)"
    fi
    say "In FreePBX, delete the Misc Application and the Custom Destination that led here."
}

# ---- options ----

read_options() {
    action=install dialplan=no replace=no purge=no watch=no binary='' extension='' conversation=''
    here=$(cd "$(dirname "$0")" && pwd)
    while [ $# -gt 0 ]; do
        case $1 in
            --binary) binary=$(value "$@"); shift ;;
            --extension) extension=$(value "$@"); dialplan=yes; shift ;;
            --conversation) conversation=$(value "$@"); dialplan=yes; shift ;;
            --dialplan) dialplan=yes ;;
            --replace) replace=yes dialplan=yes ;;
            --watch) watch=yes ;;
            --uninstall) action=uninstall ;;
            --purge) action=uninstall purge=yes ;;
            --build) action=build ;;
            --help | -h) help; exit 0 ;;
            *) usage "there is no option '$1'" ;;
        esac
        shift
    done
    check_digits --extension "$extension"
    check_digits --conversation "$conversation"
    if [ "$action$dialplan$watch$binary" != uninstallnono ] && [ "$action" = uninstall ]; then
        usage "--uninstall and --purge go with no other option"
    fi
    binary=$(absolute "$binary")
    DESTDIR=${DESTDIR:-}
    DESTDIR=$(absolute "${DESTDIR%/}")
}

value() {
    if [ $# -lt 2 ] || [ -z "$2" ]; then usage "$1 wants a value"; fi
    printf '%s\n' "$2"
}

check_digits() {
    case $2 in
        *[!0-9*#]*) usage "$1 wants digits, found '$2'" ;;
    esac
}

absolute() {
    case $1 in
        '' | /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$PWD/$1" ;;
    esac
}

# ---- the Asterisk of this machine ----

find_asterisk() {
    settings=$DESTDIR/etc/phone-assistant
    data=$DESTDIR/var/lib/phone-assistant
    log=/var/log/asterisk/phone-assistant.jsonl
    rotation=$DESTDIR/etc/logrotate.d/phone-assistant
    watch_file=$DESTDIR/etc/cron.d/phone-assistant
    asterisk=${ASTERISK-}
    if [ -z "$asterisk$DESTDIR" ]; then asterisk=asterisk; fi
    agi_bin=$DESTDIR$(folder_of astagidir 'AGI Scripts directory' agi-bin)
    sounds=$DESTDIR$(folder_of astdatadir 'Data directory' '')/sounds
    user=$(first "$(setting options runuser)" "$(process user)" asterisk)
    group=$(first "$(setting options rungroup)" "$(process group)" "$(id -gn "$user" 2>/dev/null || :)" "$user")
    find_rights
}

find_rights() {
    may_chown=no
    if [ "$(id -u)" = 0 ] && id "$user" >/dev/null 2>&1; then
        may_chown=yes
    elif [ -n "$DESTDIR" ]; then
        say "note: owners are not set below $DESTDIR"
    elif [ "$(id -u)" != 0 ]; then
        die "this needs the rights of root: run  sudo $0"
    elif [ "$action" = install ]; then
        die "there is no user '$user' for Asterisk to run as: install Asterisk first," \
            "or set runuser in /etc/asterisk/asterisk.conf"
    fi
}

# folder_of KEY LABEL BELOW: asterisk.conf says it, else the running Asterisk, else the layout that we find.
folder_of() {
    found=$(first "$(setting directories "$1")" "$(running "$2")")
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
    elif [ ! -e "$DESTDIR/etc/freepbx.conf" ] && [ -d "$DESTDIR/usr/share/asterisk/agi-bin" ]; then
        printf '%s\n' "/usr/share/asterisk${3:+/$3}"
    else
        printf '%s\n' "/var/lib/asterisk${3:+/$3}"
    fi
}

# setting SECTION KEY, from asterisk.conf. A template, "[directories](!)", sets nothing: Debian ships its file so.
setting() {
    if [ ! -r "$DESTDIR/etc/asterisk/asterisk.conf" ]; then return; fi
    awk -v section="[$1]" -v key="$2" '
        { sub(/;.*/, ""); gsub(/^[ \t]+|[ \t\r]+$/, "") }
        /^\[/ { inside = ($0 == section || $0 == section "(+)"); next }
        inside && /=/ {
            name = value = $0
            sub(/[ \t]*=.*/, "", name)
            sub(/^[^=]*=>?[ \t]*/, "", value)
            if (name == key) found = value
        }
        END { print found }' "$DESTDIR/etc/asterisk/asterisk.conf"
}

running() {
    if [ -z "$asterisk" ]; then return; fi
    $asterisk -rx 'core show settings' 2>/dev/null | sed -n "s/^ *$1: *\(\/.*[^ ]\) *\$/\1/p"
}

process() {
    if [ -z "$asterisk" ]; then return; fi
    ps -C asterisk -o "$1:32=" 2>/dev/null | sed -n '1s/ *$//p'
}

asterisk_runs() {
    [ -n "$asterisk" ] && $asterisk -rx 'core show version' >/dev/null 2>&1
}

# Whether it worked is judged by what "dialplan show" says afterwards.
reload() {
    $asterisk -rx 'dialplan reload' >/dev/null || :
}

# ---- the binary ----

# --build is for the demo: builds what would be installed, as whoever runs this and into the sources' own target folder,
# and tells on stdout where it is and nothing else.
build_alone() {
    SUDO_USER=''
    find_rust >&2
    build >&2
    printf '%s\n' "$binary"
}

build() {
    choose_target
    # Only the owner of the sources builds in their target folder, so that no file there ends up with another owner.
    target_dir=$here/target
    if [ "$action" != build ] && [ "$(owner "$here")" != "$builder" ]; then
        target_dir=$(as_builder mktemp -d /var/tmp/phone-assistant.XXXXXX | tail -n 1)
        trap 'rm -rf "$work" "$target_dir"' EXIT
    fi
    say "building for $target as $builder"
    as_builder env "RUSTFLAGS=$rust_flags" "${rust}cargo" build --release --locked \
        --manifest-path "$here/Cargo.toml" --target "$target" --target-dir "$target_dir" ||
        die "the build failed, see above. No C compiler or no static libc: apt-get install musl-tools build-essential" \
            "(or yum install gcc glibc-static). No network: build elsewhere and use --binary FILE"
    binary=$target_dir/$target/release/phone-assistant
}

# Whoever called sudo has the Rust, as a rule; it is looked for where rustup puts it, then in their login PATH.
find_rust() {
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/Cargo.toml" 2>/dev/null) ||
        die "$here has no Cargo.toml: run install.sh in the folder of the sources, or use --binary FILE"
    me=$(id -un)
    too_old=''
    for builder in ${SUDO_USER:-} "$me"; do
        for rust in "$(home_of "$builder")/.cargo/bin/" ''; do
            have=$(as_builder "${rust}rustc" --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
            if [ -n "$have" ] && check_rust; then return; fi
        done
    done
    if [ -n "$too_old" ]; then
        die "$too_old, and $needed or newer is needed. Debian's own Rust is older; get a newer one beside it:" \
            "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh  (where rustup is already: rustup update)," \
            "then run this again, or use --binary FILE"
    fi
    if [ -x "$DESTDIR/usr/local/bin/phone-assistant" ]; then
        binary=$DESTDIR/usr/local/bin/phone-assistant
        version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
        if [ "$("$binary" --version 2>/dev/null)" != "phone-assistant $version" ]; then
            die "there is no Rust to build $version with, and $binary is another version:" \
                "run this as the user who has Rust, with sudo, or use --binary FILE"
        fi
        say "there is no Rust to build with: the program stays as it is, and --binary FILE would replace it"
        return
    fi
    die "there is no Rust to build with. Install it as your own user, then run this again:" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh  (or use --binary FILE)"
}

# Whether this Rust is new enough; another may stand behind it, so that one that is not is no end.
check_rust() {
    oldest=$(printf '%s\n' "$needed" "$have" | sort -V | head -n 1)
    if [ "$oldest" = "$needed" ]; then return 0; fi
    too_old="the Rust of $builder is $have"
    return 1
}

# musl makes a binary for every Linux. One from glibc looks up names only beside the same glibc: fit for this machine.
choose_target() {
    cpu=$(uname -m)
    case $cpu in
        x86_64 | aarch64) ;;
        *) die "this builds for x86_64 and aarch64, found $cpu: build with cargo and use --binary FILE" ;;
    esac
    target=$cpu-unknown-linux-musl rust_flags=''
    if [ ! -d "$(as_builder "${rust}rustc" --print target-libdir --target "$target" 2>/dev/null | tail -n 1)" ]; then
        say "note: no musl target (rustup target add $target), so this binary will be for this machine only"
    elif ! command -v musl-gcc >/dev/null; then
        say "note: no musl-gcc (apt-get install musl-tools), so this binary will be for this machine only"
    else
        return 0
    fi
    if ! command -v cc >/dev/null; then
        die "there is no C compiler: apt-get install musl-tools build-essential" \
            "(or yum install gcc glibc-static), then run this again"
    fi
    target=$cpu-unknown-linux-gnu rust_flags=-Ctarget-feature=+crt-static
}

as_builder() {
    if [ "$builder" = "$me" ]; then "$@"; else sudo -u "$builder" -i -- "$@"; fi
}

home_of() {
    if [ "$1" = "$me" ]; then printf '%s\n' "${HOME:-/root}"; else getent passwd "$1" | cut -d: -f6; fi
}

owner() {
    # shellcheck disable=SC2012 # stat is not POSIX, and ls with -d prints one line.
    ls -ld "$1" | awk '{ print $3 }'
}

check_binary() {
    if [ ! -f "$binary" ]; then die "there is no file $binary"; fi
    if ! is_static "$binary"; then
        die "$binary is not a static 64-bit Linux program: let install.sh build it," \
            "or run  cargo build --release --target $(uname -m)-unknown-linux-musl"
    fi
    cp "$binary" "$work/phone-assistant"
    chmod 0755 "$work/phone-assistant"
    case $("$work/phone-assistant" --version 2>&1 || :) in
        'phone-assistant '*) ;;
        *) die "$binary does not run here as phone-assistant: is it made for $(uname -m)?" \
            "If programs may not run in ${work%/*} (noexec), set TMPDIR to another folder" ;;
    esac
}

# ELF, 64 bits, little-endian, and no program header of type 3: PT_INTERP, which names the loader of shared libraries.
is_static() {
    if [ "$(od -An -v -tx1 -N6 "$1" | tr -d ' \n')" != 7f454c460201 ]; then return 1; fi
    at=$(number "$1" 32 4) size=$(number "$1" 54 2) count=$(number "$1" 56 2)
    if [ "${count:-0}" = 0 ]; then return 1; fi
    while [ "$count" -gt 0 ]; do
        if [ "$(number "$1" "$at" 4)" = 3 ]; then return 1; fi
        at=$((at + size)) count=$((count - 1))
    done
}

# number FILE OFFSET BYTES
number() {
    od -An -v -j "$2" -N "$3" -tu"$3" "$1" | tr -d ' \n'
}

# ---- files ----

install_folders() {
    mkdir -p "$agi_bin" "$DESTDIR/usr/local/bin" "$DESTDIR/etc" "$DESTDIR/var/lib"
    folder "$settings" 0750 "root:$group"
    folder "$data" 0700 "$user:$group"
    chmod 0750 "$settings"
    chmod 0700 "$data"
    for name in calls state sounds callers; do
        folder "$data/$name" 0700 "$user:$group"
    done
}

# Keys that were put there by hand are often readable to nobody but root, or to everybody: that is set right.
install_settings() {
    if [ -e "$settings/config.toml" ]; then
        say "unchanged  $settings/config.toml"
    else
        default_settings >"$work/config.toml"
        put "$work/config.toml" "$settings/config.toml" 0640 "root:$group"
    fi
    if [ ! -e "$settings/google-creds.json" ]; then install_old_key; fi
    for file in "$settings/config.toml" "$settings/google-creds.json"; do
        if [ -e "$file" ]; then chmod 0640 "$file"; own "root:$group" "$file"; fi
    done
}

# The tutorial's key. Its folder may be the asterisk user's, who must not get here what only root may read.
install_old_key() {
    old_key=$agi_bin/google-creds.json
    if [ ! -e "$old_key" ]; then return; fi
    if ! copy_plain "$old_key" "$work/key" || ! belongs_to "$work/key" "root $user $(id -un)"; then
        say "note: $old_key was not taken: it is a link, or not the file of root or $user." \
            "If it is your key, copy it to $settings/google-creds.json"
    elif grep -q '"private_key"' "$work/key"; then
        put "$work/key" "$settings/google-creds.json" 0640 "root:$group"
        say "note: every user of this machine can read $old_key. Once calls work, delete it."
    fi
}

# As the settings, it is the administrator's once it is there.
install_rotation() {
    if [ ! -d "${rotation%/*}" ]; then return; fi
    if [ -e "$rotation" ]; then
        say "unchanged  $rotation"
    else
        default_rotation >"$work/rotation"
        put "$work/rotation" "$rotation" 0644 root:root
    fi
}

# Once asked for, every run keeps it.
install_watch() {
    if [ "$watch" = no ]; then return; fi
    if [ -e "$watch_file" ]; then
        say "unchanged  $watch_file"
    else
        daily_check >"$work/watch"
        put "$work/watch" "$watch_file" 0644 root:root
    fi
}

# folder PATH MODE OWNER. Mode at birth, and no link followed: the asterisk user can plant one where the parent is theirs.
folder() {
    if [ ! -d "$1" ]; then mkdir -m "$2" "$1"; fi
    own "$3" "$1"
}

own() {
    if [ "$may_chown" = yes ]; then chown -h "$1" "$2"; fi
}

# copy_plain FROM TO, with owner and mode; fails for a link and for anything else that is no plain file.
copy_plain() {
    [ -f "$1" ] && cp -pP "$1" "$2" && [ -f "$2" ] && [ ! -L "$2" ]
}

# belongs_to PATH "USER..."
belongs_to() {
    case " $2 " in
        *" $(owner "$1") "*) ;;
        *) return 1 ;;
    esac
}

# put FROM TO MODE OWNER, or put FROM TO like FILE: replaces TO by a rename, so that whatever reads or runs the old file
# goes on undisturbed. The asterisk user owns some of these folders. So TO itself is never written, never followed and
# never given a mode: the new file is made in a folder of our own, whose owner is checked after entering it, and from
# there it is renamed to the folder above.
put() (
    if [ "$3" != like ] && stands "$@"; then
        say "unchanged  $2"
        return
    fi
    new=$(mktemp -d "$(dirname "$2")/.phone-assistant.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    cd "$new"
    if [ "$(owner .)" != "$(id -un)" ]; then die "somebody changes $(dirname "$2") at this moment: run this again"; fi
    if [ "$3" = like ]; then
        cp -p "$4" file
        cat "$1" >file
    else
        cp "$1" file
        chmod "$3" file
        own "$4" file
    fi
    rename file "../${2##*/}" || die "a file belongs at $2: take away what is there, then run this again"
    say "installed  $2"
)

# stands FROM TO MODE OWNER: is TO what it shall be? A link never is.
stands() {
    if [ -z "$(find "$2" -type f -perm "$3" 2>/dev/null)" ] || ! cmp -s "$1" "$2"; then return 1; fi
    [ "$may_chown" = no ] || [ -n "$(find "$2" -user "${4%:*}" -group "${4#*:}" 2>/dev/null)" ]
}

# Plain mv moves into a folder, also where a link to one stands. GNU and busybox know -T, which does not.
rename() {
    if mv -fT "$1" renamed 2>/dev/null; then
        mv -fT renamed "$2"
    else
        [ ! -d "$2" ] && mv -f "$1" "$2"
    fi
}

# ---- the dialplan ----

# Our block and the old lines that it replaces stand between markers, found by how they begin.
begin='; BEGIN phone-assistant'
end='; END phone-assistant'
old_begin='; BEGIN commented out by phone-assistant'
old_end='; END commented out by phone-assistant'

# Everything that can go wrong with the text goes wrong here, before anything is changed.
prepare_dialplan() {
    check_markers
    if [ ! -r "$here/extensions_custom.conf.example" ]; then
        die "$here/extensions_custom.conf.example is missing: it belongs beside install.sh"
    fi
    extension=$(first "$extension" "$(installed_extension 1)" 8008)
    conversation=$(first "$conversation" "$(installed_extension 2)" 8009)
    if [ "$extension" = "$conversation" ]; then
        die "the question and the conversation want a number each, found $extension for both:" \
            "name them by --extension and --conversation"
    fi
    {
        printf '%s: install.sh keeps this up to date; your own lines belong outside\n' "$begin"
        sed "s/8008/QUESTION/g; s/8009/$conversation/g; s/QUESTION/$extension/g" "$here/extensions_custom.conf.example"
        printf '%s\n' "$end"
    } >"$work/block"
    edit_plan conflicts "$work/before" >"$work/conflicts"
    if [ -s "$work/conflicts" ] && [ "$replace" = no ]; then stop_at_conflict; fi
    edit_plan install "$work/before" >"$work/after"
}

stop_at_conflict() {
    {
        printf '%s has this already:\n\n' "$plan"
        cat "$work/conflicts"
        printf '\nphone-assistant would bring this:\n\n'
        grep -v '^;' "$work/block" | grep .
        printf '\n'
    } >&2
    die "nothing was changed. To comment the old lines out, run this again with --replace" \
        "(--uninstall brings them back); or take them out yourself"
}

install_dialplan() {
    if cmp -s "$work/before" "$work/after"; then
        say "unchanged  $plan"
    else
        change_plan "$work/after"
        say "installed  extensions $extension and $conversation in $plan"
    fi
    if [ -z "$asterisk" ]; then return; fi
    # Not an error: machines are set up before they are switched on, and Asterisk reads the file when it starts.
    if ! asterisk_runs; then
        say "note: Asterisk is not running; once it is, see:  asterisk -rx 'dialplan show $extension@custom-openai'"
        return
    fi
    reload
    if ! dialplan_stands; then undo_dialplan; fi
    say "checked    Asterisk has extensions $extension and $conversation exactly as written"
}

# Asterisk merges contexts of one name from all its files, old priorities first: only its own word tells what a call meets.
dialplan_stands() {
    {
        priorities "$extension" custom-openai
        priorities "$conversation" custom-openai
        priorities check custom-openai
        priorities s custom-openai-cleanup
    } >"$work/wanted"
    for place in "$extension@custom-openai" "$conversation@custom-openai" check@custom-openai s@custom-openai-cleanup; do
        shown "$place"
    done >"$work/found"
    cmp -s "$work/wanted" "$work/found"
}

undo_dialplan() {
    if ! cmp -s "$work/before" "$work/after"; then
        change_plan "$work/before"
        reload
    fi
    diff "$work/wanted" "$work/found" >&2 || :
    die "Asterisk's dialplan is not what was written (above: < wanted, > found), so $plan is as it was." \
        "If nothing was found, extensions.conf needs the line  #include extensions_custom.conf" \
        "If more was found, look for it:  grep -rn custom-openai /etc/asterisk"
}

# priorities EXTENSION CONTEXT, of our block, as "dialplan show" prints them
priorities() {
    awk -v context="[$2]" -v first="exten => $1,1," '
        /^\[/ { inside = ($0 == context) }
        /^exten => / { n = 0 }
        inside && index($0, first) == 1 { n = 1; print "1. " substr($0, length(first) + 1) }
        inside && n && sub(/^ same => n(\([a-z]+\))?,/, "") { print ++n ". " $0 }' "$work/block"
}

shown() {
    $asterisk -rx "dialplan show $1" |
        sed -nE "s/^ *('[^']*' =>|\[[^]]*\])? *([0-9]+\. .*[^ ]) +\[[^]]*\]\$/\2/p"
}

change_plan() {
    mkdir -p "$(dirname "$plan")"
    if [ -s "$work/before" ]; then
        put "$work/before" "$plan.before-phone-assistant" like "$work/before" >/dev/null
    fi
    put "$1" "$plan" like "$work/before" >/dev/null
}

# The text as it is, with its owner and mode, or as they shall be. Read once: the asterisk user may own the folder and
# put another file there, or a link, at any time.
read_plan() {
    plan=$DESTDIR/etc/asterisk/extensions_custom.conf
    follow_links
    if [ -e "$plan" ]; then
        copy_plain "$plan" "$work/before" || die "$plan is no plain file: put one there, then run this again"
    else
        : >"$work/before"
        chmod 0640 "$work/before"
        own "$user:$group" "$work/before"
    fi
}

# A link stays a link, and the file that it leads to is changed, if nobody but root can have made it.
follow_links() {
    hops=0
    while [ -L "$plan" ]; do
        folder=$(cd -P "$(dirname "$plan")" && pwd)
        to=$(readlink "$plan")
        hops=$((hops + 1))
        if [ "$hops" -gt 8 ] || ! belongs_to "$plan" "root $(id -un)" || ! only_ours "$folder"; then
            die "$plan is a link to $to, and others than root can change it, so it is not followed:" \
                "put the file itself in its place if the link is yours, remove the link if it is not"
        fi
        case $to in
            /*) plan=$to ;;
            *) plan=$folder/$to ;;
        esac
    done
}

# only_ours FOLDER: can nobody but root, and whoever runs this, put something there, or in a folder above it?
only_ours() {
    if ! belongs_to "$1" "root $(id -un)"; then return 1; fi
    # shellcheck disable=SC2012 # stat is not POSIX, and ls with -d prints one line.
    case $(ls -ld "$1") in
        ?????w* | ????????w*) return 1 ;;
    esac
    if [ "$1" = / ] || [ "$1" = "$DESTDIR" ]; then return 0; fi
    only_ours "$(dirname "$1")"
}

check_markers() {
    for pair in "$begin|$end" "$old_begin|$old_end"; do
        if [ "$(grep -c "^${pair%|*}" "$work/before")" != "$(grep -c "^${pair#*|}" "$work/before")" ]; then
            die "$plan has lost one of the lines '${pair%|*}' and '${pair#*|}':" \
                "put it back, or restore the file from a backup"
        fi
    done
}

# installed_extension 1|2: the number of the question or of the conversation, where they were installed before.
installed_extension() {
    sed -n "/^$begin/,/^$end/s/^exten => \([0-9*#]*\),1,.*/\1/p" "$work/before" | sed -n "$1p"
}

# edit_plan conflicts|install|uninstall FILE: the text as it shall be, or its lines that are in our way. They are the
# contexts of our names, and our number in any other context, unless that leads to us. An "X" is put behind the text
# and taken away again, to keep its last newline, or the want of one.
edit_plan() {
    { cat "$2"; printf X; } | awk -v mode="$1" -v replace="$replace" -v number="$extension" -v block="$work/block" \
        -v begin="$begin" -v end="$end" -v old_begin="$old_begin" -v old_end="$old_end" '
        { line[NR] = $0 }

        function starts(text, with) { return index(text, with) == 1 }
        function emit(text) { out = out separator text; separator = "\n"; last = text }

        function context_of(text) { sub(/^[ \t]*\[/, "", text); sub(/\].*/, "", text); return text }
        function number_of(text) {
            if (!sub(/^[ \t]*exten[ \t]*=>?[ \t]*/, "", text)) return ""
            sub(/[ \t]*[,\/].*/, "", text)
            return text
        }

        # mine[i]: a line of our block; way[i]: a line in our way
        function classify(   i, inside, context, taken, from) {
            for (i = 1; i <= NR; i++) {
                if (starts(line[i], begin)) inside = 1
                mine[i] = inside
                if (inside || line[i] ~ /^[ \t]*\[/) { context = inside ? "" : context_of(line[i]); taken = 0 }
                if (starts(line[i], end)) inside = 0
                if (mine[i] || (i == NR && line[i] == "")) continue
                if (context == "custom-openai" || context == "custom-openai-cleanup") { way[i] = 1; continue }
                if (number_of(line[i]) != "" && number_of(line[i]) != number) taken = 0
                if (number_of(line[i]) == number && !taken) { taken = "in our way"; from = i }
                if (taken && line[i] ~ /custom-openai/) {
                    taken = "leads to us"
                    while (from < i) delete way[from++]
                }
                if (taken == "in our way") way[i] = 1
            }
        }

        function emit_block(   text) { while ((getline text < block) > 0) emit(text) }

        function install(   i) {
            for (i = 1; i <= NR; i++) {
                if (mine[i]) { if (!mine[i - 1]) emit_block(); continue }
                if (!way[i]) { emit(line[i]); continue }
                if (!way[i - 1]) emit(old_begin ": install.sh --uninstall brings it back")
                emit(";~" line[i])
                if (!way[i + 1]) emit(old_end)
            }
            if (!inserted()) { out = out "\n"; separator = ""; emit_block(); emit("") }
        }
        function inserted(   i) { for (i = 1; i <= NR; i++) if (mine[i]) return 1; return 0 }

        # The newline before our block was put there by us: the line behind it is glued to what stood before.
        function uninstall(   i, old) {
            for (i = 1; i <= NR; i++) {
                if (mine[i]) continue
                if (starts(line[i], old_begin)) { old = 1; continue }
                if (starts(line[i], old_end)) { old = 0; continue }
                if (old) sub(/^;~/, "", line[i])
                if (mine[i - 1] && (last == "" || (i == NR && line[i] == ""))) separator = ""
                emit(line[i])
            }
        }

        END {
            sub(/X$/, "", line[NR])
            classify()
            if (mode == "conflicts") { for (i = 1; i <= NR; i++) if (way[i]) printf "%6d  %s\n", i, line[i]; exit }
            if (mode == "install") install(); else uninstall()
            printf "%s", out
        }'
}

# ---- words ----

# A missing recording would be silence where the caller should hear an apology.
check_sounds() {
    if [ ! -d "$sounds" ]; then return; fi
    for name in beep hello im-sorry please-try-again please-try-call-later goodbye all-circuits-busy-now; do
        for file in "$sounds/$name".* "$sounds"/*/"$name".*; do
            if [ -e "$file" ]; then continue 2; fi
        done
        say "note: $sounds has no '$name': install Asterisk's core sounds (Debian: asterisk-core-sounds-en)"
    done
}

say_what_is_next() {
    number=$(first "$extension" 8008)
    talk=$(first "$conversation" 8009)
    cat <<NEXT

Next
  1. Your keys: OpenAI's into $settings/config.toml (sudo nano), Google's key file to
     $settings/google-creds.json (owner root:$group, mode 0640).
NEXT
    if [ "$dialplan" = no ]; then
        printf '  2. The extension, unless you have it: sudo ./install.sh --dialplan, and then\n'
    else
        printf '  2. The way in:\n'
    fi
    cat <<NEXT
     FreePBX: Admin, Custom Destinations, Add: target custom-openai,$number,1
              Applications, Misc Applications, Add: feature code $number, destination that one.
              For conversations the same with custom-openai,$talk,1 and feature code $talk. Apply Config.
     Without FreePBX: include => custom-openai in the context of your phones.
  3. See that all is well: sudo phone-assistant check
  4. Dial $number and ask, or $talk and talk.
NEXT
}

first() {
    for candidate in "$@"; do
        if [ -n "$candidate" ]; then printf '%s\n' "$candidate"; return; fi
    done
}

say() {
    printf '%s\n' "$*"
}

die() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

usage() {
    printf 'install.sh: %s; see  ./install.sh --help\n' "$*" >&2
    exit 64
}

default_settings() {
    cat <<'TOML'
# phone-assistant: its settings. Lines with a "#" show the defaults; remove the "#" to change one.
# Each [table] may stand here only once; README.md tells of more settings.
# This file holds a key: keep it readable to root and Asterisk alone. An upgrade does not touch it.

[openai]
api_key = ""                   # from https://platform.openai.com/api-keys

[google]
credentials = "/etc/phone-assistant/google-creds.json"   # the service account's key file

[stt]                          # speech to text
language = "en-US"             # what callers speak
#provider = "google"            # google | openai

[stt.google]
#base_url = "https://speech.googleapis.com"
#model = "telephony"

[stt.openai]                   # any server that speaks OpenAI's API, here and below
#base_url = "https://api.openai.com"
#model = "gpt-transcribe"

[llm]                          # the language model
#provider = "gemini"            # gemini | openai
#persona = "You answer the telephone of a bakery, in two short and friendly sentences."   # an example

[llm.gemini]
#base_url = "https://generativelanguage.googleapis.com"
#model = "gemini-3.5-flash-lite"
#api_key = ""                   # instead of the service account

[llm.openai]
#base_url = "https://api.openai.com"
#model = ""

[tts]                          # text to speech
#provider = "openai"            # openai | google
#gain_db = 6.0                  # louder for the telephone; a limiter keeps it from clipping

[tts.openai]
#base_url = "https://api.openai.com"
#model = "tts-1"
#voice = "nova"

[tts.google]
#base_url = "https://texttospeech.googleapis.com"
#voice = ""

#[persona.kitchen]              # who answers a call that asks for persona=kitchen; as many such tables as you like
#prompt = "You answer in the kitchen of a school, in two short and friendly sentences."   # an example
#voice = "onyx"                 # an example
#language = "en-GB"             # an example
#greeting = "Kitchen, what can I do for you?"   # an example
#model = "gemini-3.6-flash"     # an example

[reply]
#play = "stream"                # heard while it is made; "dialplan": Playback plays a whole file
#stop_keys = "#*"               # with these the caller stops it
#format = "auto"                # auto | ulaw | alaw | sln16

[recording]
#keep = false                   # keep what callers said, and the answers

[call]
#deadline = 25.0                # seconds from the question to the beginning of the answer

[waiting]                      # what callers hear when there is nothing to hear
#play = "sound"                 # sound | music | nothing
#after = 2.5                    # seconds of silence
#sound = "one-moment-please"    # one of Asterisk's, or yours: custom/please-hold

[conversation]                 # extension 8009
#greeting = "sound:hello"       # one of Asterisk's sounds, or words that are spoken
#goodbye = "sound:goodbye"
#max_turns = 20                 # then it says goodbye
#max_minutes = 10
#transfers = []                 # to whom the model may transfer a caller: ["reception=200"]

[limits]                       # 0: none
#max_daily_cost = 0.0           # US dollars a day, by this program's price list
#max_calls_per_caller_per_hour = 0

[log]
#words = false                  # may the log hold what was said?
#calls = "/var/log/asterisk/phone-assistant.jsonl"   # one line per call; empty: none

[memory]                       # a caller's next call goes on where the last one ended
#callers = "none"               # none | internal: phones that have signed in | all
#max_days = 30                  # then it is forgotten

[http]
#ca_file = ""                   # one more trusted root certificate, PEM
#proxy = ""                     # else HTTPS_PROXY of the environment
TOML
}

# Without "su" logrotate leaves a log alone whose folder others than root may write to, as Asterisk's may be.
default_rotation() {
    cat <<ROTATION
# phone-assistant: its log of calls, one line each. An upgrade does not touch this file.
# If calls in [log] of /etc/phone-assistant/config.toml is another file, name that here.
$log {
    weekly
    rotate 8
    # "phone-assistant calls" also looks into the newest old one: by the name of .1, and not compressed.
    nodateext
    compress
    delaycompress
    missingok
    notifempty
    su $user $group
    create 0640 $user $group
}
ROTATION
}

# The minute is by chance, so that not all ask at once.
daily_check() {
    cat <<WATCH
# phone-assistant: looks once a day whether everything works, and says what has changed. Cron mails that to the
# address behind MAILTO. An upgrade does not touch this file.
MAILTO=root
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
$(($$ % 60)) 6 * * * $user /usr/local/bin/phone-assistant check --quiet
WATCH
}

main "$@"
