#!/bin/sh
# Installs phone-assistant beside the Asterisk of this machine, or takes it away again.
#
# Asks nothing. Everything is checked before anything is changed, files are replaced by a rename, and a second run
# changes nothing. What is below folders that other users own, the new program does: "phone-assistant place" names no
# path there. Plain POSIX sh, because people type "sh install.sh".
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
  --watch          also deliver messages of callers every 5 minutes where that failed before, and check everything once a
                   day, as Asterisk's user, by /etc/cron.d; cron sends a mail when something got
                   worse or was fixed. Each time that costs one short request to each service, and after a change of voice
                   or words one more for the sentence that callers hear first
  --user NAME      the user that Asterisk runs as, and --group NAME its group, where that is not clear or it is root
  --agi-bin FOLDER the folder for AGI programs, where it is root's and not one of the usual ones, and others than root
                   can change the asterisk.conf that names it
                   (these three hold for later runs and packages too, until others are named)
  --uninstall      take back what was put; settings, keys, data and the log of calls stay
  --purge          --uninstall, and remove settings, keys, data and the log of calls too
  --help           show this text

Environment
  PREFIX           the program goes into its folder bin (/usr/local)
  DESTDIR          install below this folder: nothing is reloaded, and owners are set only if they are known here
  ASTERISK         the asterisk command, if it is not in the PATH (with DESTDIR: none unless given)
HELP
}

main() {
    read_options "$@"
    name_places
    make_work
    if [ "$action" = build ]; then build_alone; return; fi
    if [ "$packaged" = no ]; then expect_no_package; fi
    if [ "$action" = uninstall ]; then
        uninstall
    else
        install_all
    fi
}

install_all() {
    if [ "$watch" = yes ] && [ -z "$DESTDIR" ] && [ ! -d "${watch_file%/*}" ]; then
        die "there is no ${watch_file%/*}: install cron first (Debian: apt-get install cron)"
    fi
    if [ "$packaged" = yes ]; then binary=$program; fi
    if [ -z "$binary" ]; then find_rust; fi
    if [ -z "$binary" ]; then build; fi
    check_binary
    find_asterisk
    if [ -z "$user" ] || ! expect_folder; then configure_without_asterisk; return; fi
    if holds read_text "$plan" before; then
        read_text "$plan" before
        if grep -q "^$begin" "$work/before"; then dialplan=yes; fi
    else
        leave_dialplan
    fi
    if [ "$dialplan" = yes ]; then expect_to_ask; fi
    if [ "$dialplan" = yes ]; then
        if holds prepare_dialplan; then prepare_dialplan; else leave_dialplan; fi
    fi
    prepare_files
    if holds install_folders; then install_folders; else leave "$data"; fi
    # It puts all of them or none, so that where Asterisk's folder refuses them, the package is set up without it.
    if [ "$configure" = no ]; then
        install_files
    elif ! (install_files); then
        configure_without_asterisk
        return
    fi
    if [ "$packaged" = yes ]; then take_over; fi
    close_settings
    called=$(name_for_sudo)
    asked_as="${named_user:+ --user $named_user}${named_group:+ --group $named_group}"
    if [ "$dialplan" = yes ]; then check_dialplan; fi
    # A guess must not take the program from the folder in which Asterisk looks.
    if [ "$is_sure" = yes ]; then take_from_other_folder; fi
    check_sounds
    say_what_is_next
}

# holds COMMAND...: whether it comes to its end here. A package has its program put in any case, or dpkg would be left in the
# middle: so what can fail is tried apart first. Everybody else is stopped by it.
holds() {
    [ "$configure" = no ] || ("$@")
}

leave_dialplan() {
    dialplan=no
    leave "$plan"
}

leave() {
    say "note: $1 stays as it is, for the reason above. Once that is seen to, run  sudo $self"
}

# Nothing goes while the dialplan leads to it, but for what is purged; the program goes last, for the next run needs it.
uninstall() {
    undone=''
    if find_program; then
        find_asterisk
        read_placed
        step "our lines in $plan and $chown_conf" uninstall_plan
        if [ -n "$undone" ] && [ "$purge" = no ]; then
            die "nothing was taken away, because of what stands above: see to that, then run this again"
        fi
    elif [ "$(id -u)" = 0 ] || grep -qs "^$begin" "$plan"; then
        die "there is no phone-assistant of this version to do it with: run $self first, then this again"
    fi
    say_what_is_elsewhere
    if [ "$purge" = yes ]; then
        purge_all
    else
        say "kept       $settings, $data and $DESTDIR$log ($remover removes them)"
    fi
    step "$agi_bin/phone-assistant" take_from_agi_bin
    step "$rotation" take_unchanged "$rotation" default_rotation
    step "$watch_file" take_unchanged "$watch_file" daily_check
    if [ -n "$undone" ]; then
        again="${named_agi_bin:+ --agi-bin $named_agi_bin}${named_user:+ --user $named_user}${named_group:+ --group $named_group}"
        die "still there because of what stands above:${undone#,}; and $program, which the next run needs." \
            "See to that, then run this again${again:+ with$again}"
    fi
    take_away "$placed"
    if [ "$packaged" = no ]; then take_away "$program"; fi
    for link in "$shadow" "$DESTDIR$former"; do
        if [ "$(readlink "$link" || :)" = "${program#"$DESTDIR"}" ]; then take_away "$link"; fi
    done
    say "In FreePBX, delete the Misc Application and the Custom Destination that led here."
}

# step WHAT COMMAND...: what fails has said why, is named at the end, and keeps nothing else here. The shell obeys "set -e"
# only where nobody looks at the status.
step() {
    step=$1
    shift
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    if [ $status != 0 ]; then undone="$undone, $step"; fi
}

# A purge removes no file or folder that only the settings name, for it may hold more than what calls have left. So it is
# told, while the settings can be read.
say_what_is_elsewhere() {
    if [ ! -e "$work/phone-assistant" ]; then return; fi
    place read -- "$settings/config.toml" 2>/dev/null |
        sed -nE "s/^[[:blank:]]*([a-z]+\.)?(folder|calls|sounds)[[:blank:]]*=[[:blank:]]*[\"']([^\"']+)[\"'].*/\3/p" |
        while read -r named; do
            case $named in "${data#"$DESTDIR"}"/* | "$log") continue ;; esac
            if [ -e "$DESTDIR$named" ]; then
                say "note: no purge removes $named, which the settings name"
            fi
        done
}

# The keys first and by themselves: what others have done to the rest must not keep them here.
purge_all() {
    elsewhere=$(readlink "$data" || :)
    step "$settings" take_away "$settings"
    step "$data" take_away "$data"
    step "$plan.before-phone-assistant" take_away "$plan.before-phone-assistant"
    step "$DESTDIR$log" purge_log
    if [ -n "$undone" ]; then return; fi
    say "removed    $settings, $data and $DESTDIR$log"
    if [ -n "$elsewhere" ]; then say "note: $data was a link to $elsewhere, and what is there stays"; fi
}

purge_log() {
    if [ -e "$work/phone-assistant" ]; then
        place trees --numbered -- "$DESTDIR$log"
    else
        find "$DESTDIR${log%/*}" \( -name "${log##*/}" -o -name "${log##*/}[.-][0-9]*" \
            -o -name 'phone-assistant[.-][0-9]*.jsonl*' \) -exec rm -f {} + 2>/dev/null || :
    fi
}

take_from_agi_bin() {
    take_from_other_folder
    installed=$agi_bin/phone-assistant
    if take_ours "$installed"; then return; fi
    if [ -e "$installed" ] || [ -L "$installed" ]; then
        say "note: $installed stays, for it is not the program that was installed here: if it is yours, take it away by hand"
    fi
}

# A copy that was put where another layout of Asterisk has its programs, or where an option said, would never be brought up
# to date.
take_from_other_folder() {
    for other in /var/lib/asterisk/agi-bin /usr/share/asterisk/agi-bin "$named_agi_bin"; do
        # One may be a link to the other, or be mounted there too.
        if [ -n "$other" ] && [ -z "$(find "$agi_bin/." -prune -samefile "$DESTDIR$other/." 2>/dev/null)" ]; then
            take_ours "$DESTDIR$other/phone-assistant" || :
        fi
    done
}

# take_ours FILE. asterisk.conf names the folder, and Asterisk's user may write it: only a plain file goes that is our
# program byte for byte, or an earlier one that was put here, whatever else is called the same.
take_ours() {
    if [ ! -e "$work/phone-assistant" ] || ! place read -- "$1" >"$work/installed" 2>/dev/null; then return 1; fi
    if ! cmp -s "$work/installed" "$work/phone-assistant" && ! cmp -s "$work/installed" "$program"; then
        hash=$(sha256sum <"$work/installed" | cut -d' ' -f1)
        if [ -z "$hash" ] || ! grep -q "^$hash " "$work/placed"; then return 1; fi
    fi
    place files -- 0755 - - "$1" || exit 1
}

# The hashes of the programs that were put into folders for AGI programs, by which they are known again. Where another user
# could write to their folder, the file may be anything.
read_placed() {
    place read -- "$placed" 2>/dev/null | grep -xE '[0-9a-f]{64}  -' >"$work/placed" || :
}

placed_lines() {
    { cat "$work/placed" && sha256sum <"$work/phone-assistant"; } | sort -u
    if [ "$agi_bin" = "$DESTDIR$named_agi_bin" ]; then printf 'agi-bin %s\n' "$named_agi_bin"; fi
    if [ -n "$named_user" ]; then printf 'user %s\n' "$named_user"; fi
    if [ -n "$named_group" ]; then printf 'group %s\n' "$named_group"; fi
    if [ -n "$former" ]; then printf 'former %s\n' "$former"; fi
    # By this the purge of a package that was removed before knows that all of it is in use.
    if [ "$packaged" = no ]; then printf 'sources %s\n' "${program#"$DESTDIR"}"; fi
}

# What was named by an option holds until another is named, and what is a link to the package's program is known again. It is
# root's word only where nobody else can have written it.
recall() {
    named_agi_bin=$(without_slashes "$given_agi_bin") named_user=$given_user named_group=$given_group
    if ! is_roots -d "$settings" || ! is_roots -f "$placed"; then
        if [ -e "$placed" ]; then
            say "note: $placed is not believed, since others can change it; name --user, --group and --agi-bin again"
        fi
        return
    fi
    former=$(recalled former)
    if [ -z "$named_agi_bin" ]; then
        named_agi_bin=$(recalled agi-bin)
        if [ -n "$named_agi_bin" ] && [ ! -d "$DESTDIR$named_agi_bin" ]; then
            say "note: there is no folder $named_agi_bin any more, which --agi-bin named"
            named_agi_bin=''
        fi
    fi
    if [ -z "$given_user" ]; then recall_user; fi
}

# A user who was named stands in for what nobody else says, or says clearly. Where Asterisk has another user by now, its files
# must not be shut to it.
recall_user() {
    said=$("$work/phone-assistant" identity --all --root "${DESTDIR:-/}" 2>/dev/null | sed -n 's/^said //p')
    former_user=$(recalled user)
    if [ -n "$former_user" ] && [ -n "$said" ] && [ "$said" != "$former_user" ]; then
        say "note: --user $former_user holds no more, since Asterisk runs as $said by now; name it again if it is right"
        return
    fi
    named_user=$former_user named_group=$(first "$given_group" "$(recalled group)")
    if [ -n "$named_user$named_group" ]; then
        say "as before  ${named_user:+--user $named_user}${named_group:+ --group $named_group}, until others are named"
    fi
}

recalled() {
    sed -n "s/^$1 //p" "$placed" | head -n 1
}

# take_unchanged FILE DEFAULT: what an administrator has changed stays until a purge. A timer would then want a program
# that is gone, unless it looks for that.
take_unchanged() {
    if [ -e "$work/phone-assistant" ] && [ "$purge" = no ] && [ -e "$1" ]; then
        if [ -z "$user" ]; then take_user_from "$1"; fi
        if ! is_default "$1" "$2" && { [ "$1" != "$watch_file" ] || grep -qs -e '-x ' "$1"; }; then
            say "kept       $1, which was changed ($remover removes it)"
            return
        fi
    fi
    take_away "$1"
}

# is_default FILE DEFAULT
is_default() {
    "$2" | comparable >"$work/default"
    comparable "$1" 2>/dev/null | cmp -s - "$work/default"
}

# The minute is by chance, the program may have been installed from its sources before, and an earlier version had another
# remark.
comparable() {
    sed 's/^[0-9]* 6/0 6/; s| [^ ]*/bin/phone-assistant | phone-assistant |g; s/^\( *# "phone-assistant calls" also looks into the\) .*/\1/' "$@"
}

# Where Asterisk was taken away first, a rule itself tells whom it is for.
take_user_from() {
    user=$(sed -n 's/^ *su \([^ ]*\) .*/\1/p; s|^\*/5 [* ]* \([^ *]*\) \[ .*|\1|p' "$1")
    group=$(sed -n 's/^ *su [^ ]* //p' "$1")
}

uninstall_plan() {
    read_text "$plan" before
    check_markers "$plan" "$work/before"
    keep after edit_plan uninstall before
    read_text "$chown_conf" chown-before
    check_markers "$chown_conf" "$work/chown-before"
    keep chown-after edit_plan uninstall chown-before
    set --
    if ! cmp -s "$work/chown-before" "$work/chown-after"; then
        from=-
        if [ -s "$work/chown-after" ]; then from=$work/chown-after; fi
        set -- "linked:$(mode_of chown-before)" "$(owner_of chown-before)" "$from" "$chown_conf"
    fi
    if ! cmp -s "$work/before" "$work/after"; then
        mode=$(mode_of before) owner=$(owner_of before)
        set -- "$@" "$mode" "$owner" "$work/before" "$plan.before-phone-assistant" \
            "linked:$mode" "$owner" "$work/after" "$plan"
        say "restored   $plan"
    fi
    place files -- "$@" >/dev/null
    if [ $# = 0 ] || [ -z "$asterisk" ]; then return; fi
    if asterisk_runs; then reload; else
        visible <"$work/why" >&2
        say "note: Asterisk was not told to read its dialplan again; it does when it starts"
    fi
}

# Without a program only what is ours alone is left to be taken away.
take_away() {
    if [ -e "$work/phone-assistant" ]; then place trees -- "$@"; else rm -rf "$@"; fi
}

# ---- options ----

read_options() {
    separator=$(printf '\037') action=install dialplan=no replace=no purge=no watch=no binary='' extension='' conversation='' given_user='' given_group=''
    given_agi_bin='' configure=no target='' named_agi_bin='' former=''
    here=$(cd "$(dirname "$0")" && pwd)
    while [ $# -gt 0 ]; do
        case $1 in
            --binary) binary=$(value "$@"); shift ;;
            --extension) extension=$(value "$@"); dialplan=yes; shift ;;
            --conversation) conversation=$(value "$@"); dialplan=yes; shift ;;
            --user) given_user=$(value "$@"); shift ;;
            --group) given_group=$(value "$@"); shift ;;
            --agi-bin) given_agi_bin=$(value "$@"); shift ;;
            --dialplan) dialplan=yes ;;
            --replace) replace=yes dialplan=yes ;;
            --watch) watch=yes ;;
            --uninstall) action=uninstall ;;
            --purge) action=uninstall purge=yes ;;
            --build) action=build ;;
            --target) target=$(value "$@"); shift ;;
            --configure) configure=yes ;;
            --help | -h) help; exit 0 ;;
            *) usage "there is no option '$1'" ;;
        esac
        shift
    done
    if [ -n "$target" ] && [ "$action" != build ]; then usage "--target goes with --build"; fi
    check_digits --extension "$extension"
    check_digits --conversation "$conversation"
    case $given_agi_bin in
        '' | /*) ;;
        *) usage "--agi-bin wants a path that begins with /, found '$given_agi_bin'" ;;
    esac
    if [ "$action$dialplan$watch$binary" != uninstallnono ] && [ "$action" = uninstall ]; then
        usage "--uninstall and --purge go with no other option than --agi-bin, --user and --group"
    fi
    binary=$(absolute "$binary")
    DESTDIR=${DESTDIR:-}
    DESTDIR=$(absolute "${DESTDIR%/}")
    find_package
    if [ -n "$DESTDIR" ]; then
        mkdir -p "$DESTDIR"
    elif [ "$(id -u)" != 0 ] && [ "$action" != build ]; then
        die "this needs the rights of root: run  sudo $0"
    fi
}

# A package has this script and the dialplan here, and the program in /usr/bin, which is its own to put and take away.
# --configure is for its maintainer scripts.
find_package() {
    packaged=no prefix=${PREFIX:-/usr/local} self=./install.sh remover=--purge
    case $prefix in
        /*) prefix=${prefix%/} ;;
        *) usage "PREFIX wants a path that begins with /, found '$prefix'" ;;
    esac
    if [ "$here" = "$DESTDIR/usr/share/phone-assistant" ]; then
        packaged=yes prefix=/usr self=${here#"$DESTDIR"}/install.sh remover='apt purge phone-assistant'
    fi
    if [ "$packaged" = yes ] && { [ -n "$binary" ] || [ "$action" = build ]; }; then
        usage "the program here is the package's, so --binary and --build are for the sources"
    fi
    if [ "$packaged" = no ] && [ "$configure" = yes ]; then usage "there is no option '--configure'"; fi
}

# Both would put a program into the folder for AGI programs, by turns, and the one would take away what is the other's.
expect_no_package() {
    if [ ! -e "$DESTDIR/usr/share/phone-assistant/install.sh" ]; then return; fi
    if [ "$action" = uninstall ]; then
        die "nothing was taken away, for a package has taken over what the sources had installed here:" \
            "apt-get remove phone-assistant takes it away, and apt-get purge also settings, keys, data and the log of calls"
    fi
    die "phone-assistant is installed here as a package: use /usr/share/phone-assistant/install.sh," \
        "or first take the package away (apt-get remove phone-assistant), which keeps settings and data"
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

# ---- a folder of our own ----

name_places() {
    settings=$DESTDIR/etc/phone-assistant
    data=$DESTDIR/var/lib/phone-assistant
    log=/var/log/asterisk/phone-assistant.jsonl
    rotation=$DESTDIR/etc/logrotate.d/phone-assistant
    watch_file=$DESTDIR/etc/cron.d/phone-assistant
    program=$DESTDIR$prefix/bin/phone-assistant
    placed=$settings/installed
    # Where this was installed from its sources before, that program comes first in the PATH, and timers name it.
    shadow=$DESTDIR/usr/local/bin/phone-assistant
    plan=$DESTDIR/etc/asterisk/extensions_custom.conf
    chown_conf=$DESTDIR/etc/asterisk/freepbx_chown.conf
    agi_bin=$DESTDIR$(usual_folder agi-bin)
    builds=/var/tmp/phone-assistant
}

# Nobody else can rename it; it goes when this ends, and what ends this early is noticed once the next command is over.
make_work() {
    temporary=${TMPDIR:-/tmp}
    if [ "$(id -u)" = 0 ] && [ -z "$(find "$temporary/." -prune \( -user 0 -o -user "$(my_name)" \) \( -perm -1000 -o ! -perm -20 ! -perm -2 \))" ]; then
        die "others can change what is in $temporary: set TMPDIR to a folder of your own"
    fi
    work=''
    trap clean EXIT
    trap 'clean; exit 1' HUP INT TERM
    # The name is known before the folder is there: mktemp may be ended between making one and telling its name.
    work=$temporary/phone-assistant-install.$$.$(unguessable)
    mkdir -m 700 "$work" || { work=''; exit 1; }
}

# A signal would end what removes, so that the rest of it would stay.
clean() {
    trap '' HUP INT TERM
    rm -rf "$work"
}

unguessable() {
    echo "$(($(od -A n -N 4 -t u4 /dev/urandom)))"
}

# What killed runs of the same user have left there; "place trees" empties nothing that others can have put there.
sweep() {
    for left in "$temporary"/phone-assistant-install.*.*; do
        process=${left#"$temporary"/phone-assistant-install.}
        if is_of "$(my_name)" "$left" && ! kill -0 "${process%%.*}" 2>/dev/null; then
            "$work/phone-assistant" place trees -- "$left" >/dev/null 2>&1 || :
        fi
    done
}

# The name of the user who runs this, or their number: in a container a user may have no name.
my_name() {
    name=$(id -un 2>/dev/null) || name=$(id -u)
    echo "$name"
}

# is_of USER FOLDER: whether it is a folder, no link, and belongs to that user.
is_of() {
    [ -n "$(find "$2" -prune -type d -user "$1" 2>/dev/null)" ]
}

# is_roots -d|-f PATH: whether it is such a folder or file, no link, and only root, or the user who runs this, can change it.
is_roots() {
    [ -n "$(find "$2" -prune -type "${1#-}" \( -user 0 -o -user "$(my_name)" \) ! -perm -20 ! -perm -2 2>/dev/null)" ]
}

# keep NAME COMMAND...: what it prints, in a file of ours. Some tools do not tell that a disk is full, so it is compared.
keep() {
    name=$1
    shift
    if ! "$@" >"$work/$name" || ! "$@" | cmp -s - "$work/$name"; then
        die "cannot write $work/$name: is there room in $temporary?"
    fi
}

# place WHAT ARGUMENT...
place() {
    what=$1
    shift
    "$work/phone-assistant" place "$what" --root "${DESTDIR:-/}" ${guest:+--guest "$guest"} "$@"
}

# read_text PATH NAME: a text of another user's folder, in a file of ours; an empty one if there is none, and a note of that.
read_text() {
    place read --text --rights "$work/$2.rights" -- "$1" >"$work/$2" && return
    if [ $? != 3 ]; then exit 1; fi
    : >"$work/$2.none"
    echo "0640 $users" >"$work/$2.rights"
}

# mode_of NAME, owner_of NAME: as they were when that was read. What is in its place by now may be another file.
mode_of() {
    cut -d' ' -f1 "$work/$1.rights"
}

owner_of() {
    cut -d' ' -f2 "$work/$1.rights"
}

# ---- the Asterisk of this machine ----

find_asterisk() {
    recall
    asterisk=${ASTERISK-}
    if [ -z "$asterisk$DESTDIR" ]; then asterisk=asterisk; fi
    limit=''
    # The program waits for ten seconds, and then ends what it has started.
    if command -v timeout >/dev/null; then limit='timeout -s KILL 15'; fi
    guest='' roots=- groups=- users=-
    "$work/phone-assistant" identity --all --root "${DESTDIR:-/}" ${named_user:+--user "$named_user"} \
        ${named_group:+--group "$named_group"} >"$work/identity" 2>"$work/why" || expect_former_user
    user=$(identity user)
    group=$(identity group)
    sounds=$DESTDIR$(first "$(identity astdatadir)" "$(usual_folder)")/sounds
    if [ "$(id -u)" = 0 ] && [ -n "$user" ] && { [ -z "$DESTDIR" ] || id "$user" >/dev/null 2>&1; }; then
        guest=$user roots=root:root groups=root:$group users=$user:$group
    elif [ -n "$DESTDIR" ]; then
        say "note: owners are not set below $DESTDIR"
    fi
    choose_agi_bin
}

# Where Asterisk was taken away first, its user may have gone as well, and the folders stay with a number. Only root can
# have given them to it.
expect_former_user() {
    if [ "$action" = uninstall ] && [ "$(id -u)" = 0 ]; then
        guest=$(for folder in "$data" "${plan%/*}"; do
            find "$folder" -prune -type d ! -user 0 -exec ls -dn {} + 2>/dev/null || :
        done | awk 'NR == 1 { print $3 }')
    fi
    if [ -n "$guest" ]; then
        say "note: Asterisk is taken to have run as user $guest, to whom its folder or ours belongs"
        return
    fi
    visible <"$work/why" >&2
    [ "$action" = uninstall ] || [ "$configure" = yes ] || exit 1
}

# Where there is no folder for AGI programs yet, Asterisk is still to come, and the package makes none: it may be the wrong
# one.
expect_folder() {
    if [ "$configure" = no ] || [ -d "$agi_bin" ]; then return 0; fi
    if [ -n "$agi_bin" ]; then say "note: there is no folder $agi_bin"; fi
    return 1
}

# asterisk.conf says where Asterisk looks for programs. If its user can write that file, it must not choose which folder of
# root's gets one: /etc/cron.hourly is a folder too. Nor is any folder made because that file names it.
choose_agi_bin() {
    is_sure=yes
    agi_bin=$(first "$given_agi_bin" "$(identity astagidir)")
    if [ -z "$agi_bin" ]; then agi_bin=$(first "$(folder_of_asterisk)" "$named_agi_bin"); fi
    if [ -z "$agi_bin" ]; then
        agi_bin=$(usual_folder agi-bin)
        if [ ! -e "$DESTDIR/etc/freepbx.conf" ]; then is_sure=no; fi
    fi
    agi_bin=$DESTDIR$(without_slashes "$agi_bin")
    case ${agi_bin#"$DESTDIR"} in
        /var/lib/asterisk/agi-bin | /usr/share/asterisk/agi-bin) return ;;
    esac
    if [ -z "$given_agi_bin" ] && [ "$(identity author)" = root ] && [ -d "$agi_bin" ]; then return; fi
    if [ -n "$named_agi_bin" ] && [ "$agi_bin" = "$DESTDIR$named_agi_bin" ]; then
        [ -d "$agi_bin" ] || die "there is no folder $agi_bin"
    elif ! place guests -- "$agi_bin" 2>"$work/why"; then
        visible <"$work/why" >&2
        refused="the folder that asterisk.conf names for AGI programs (astagidir) is neither a usual one nor one of Asterisk's user"
        if [ "$action" = uninstall ]; then
            say "note: $refused: what is there stays, unless you name it with --agi-bin"
            agi_bin=$DESTDIR$(usual_folder agi-bin)
        elif [ "$configure" = yes ]; then
            say "note: $refused. If it is the right one, run  sudo $self --agi-bin FOLDER"
            agi_bin=''
        else
            die "$refused. If it is the right one, name it with --agi-bin"
        fi
    fi
}

without_slashes() {
    folder=$1
    while [ "$folder" != "${folder%/}" ]; do folder=${folder%/}; done
    printf '%s\n' "$folder"
}

# Where no file says it, Asterisk knows where it looks; its word only chooses between the usual folders.
folder_of_asterisk() {
    ask 'core show settings' | sed -n 's/^ *AGI Scripts directory: *//p' |
        grep -xE '/(var/lib|usr/share)/asterisk/agi-bin' | head -n 1
}

identity() {
    sed -n "s/^$1 //p" "$work/identity"
}

usual_folder() {
    layout=/var/lib/asterisk
    if [ ! -e "$DESTDIR/etc/freepbx.conf" ] && [ -d "$DESTDIR/usr/share/asterisk/agi-bin" ]; then layout=/usr/share/asterisk; fi
    printf '%s\n' "$layout${1:+/$1}"
}

# ask COMMAND: what Asterisk says to it. Root starts no Asterisk, which as root does what its user has written into
# asterisk.conf: the program asks as that user, with limits of time and length.
ask() {
    if [ -z "$asterisk" ] || ! may_ask; then return; fi
    # shellcheck disable=SC2086 # It is several words.
    $limit "$work/phone-assistant" console --root "${DESTDIR:-/}" ${named_user:+--user "$named_user"} \
        ${named_group:+--group "$named_group"} --asterisk "$asterisk" -- "$1" 2>"$work/why" || :
}

# As root the program asks only where a person has told it so, now: by the next time asterisk.conf may be another user's.
may_ask() {
    [ "$user" != root ] || [ -n "$given_user" ] || [ "$(id -u)" != 0 ]
}

expect_to_ask() {
    if [ -n "$asterisk" ] && ! may_ask; then
        refused="Asterisk runs as root here, and is asked nothing as root unless you say so"
        if [ "$configure" = yes ]; then
            say "note: $refused: run  sudo $self --user root, so that its dialplan is brought up to date"
            dialplan=no
            return
        fi
        die "$refused: add --user root, so that the dialplan is reloaded and looked at"
    fi
}

asterisk_runs() {
    ask 'core show version' | grep -q '^Asterisk'
}

# Whether it worked is judged by what "dialplan show" says afterwards.
reload() {
    ask 'dialplan reload' >/dev/null
}

# ---- the binary ----

# --build is for the demo and, with --target, for packages: builds what would be installed, as the user that runs this and into the sources' own target folder,
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
        sweep_builds
        target_dir=''
        trap 'clean; as_builder rm -rf "$target_dir"' EXIT
        target_dir=$builds.$$.$(unguessable)
        if ! as_builder mkdir -m 700 "$target_dir"; then
            target_dir=''
            die "$builder cannot make a folder in ${builds%/*}: is there room?"
        fi
    fi
    say "building for $target as $builder"
    as_builder env "CARGO_ENCODED_RUSTFLAGS=$(without_places)" "${rust}cargo" build --release --locked \
        --manifest-path "$here/Cargo.toml" --target "$target" --target-dir "$target_dir" ||
        die "the build failed, see above. No C compiler or no static libc: apt-get install musl-tools build-essential" \
            "(or yum install gcc glibc-static). No network: build elsewhere and use --binary FILE"
    binary=$target_dir/$target/release/phone-assistant
}

# The flags, and for each place of this machine a name that is the same everywhere, so that the same sources make the same
# program wherever they are built. The last name that fits a path counts.
without_places() {
    printf '%s' "$rust_flags${rust_flags:+$separator}--remap-path-prefix=$here=/phone-assistant"
    cargo_home=$(first "$(as_builder env | sed -n 's/^CARGO_HOME=//p')" "$(home_of "$builder")/.cargo")
    sysroot=$(as_builder "${rust}rustc" --print sysroot | tail -n 1)
    # Where Rust's own sources are installed, its library names them instead of this.
    commit=$(as_builder "${rust}rustc" --version --verbose | sed -n 's/^commit-hash: //p')
    for name in "$target_dir=/target" "$cargo_home/registry/src=/crates" "$sysroot/lib/rustlib/src/rust=/rustc/$commit"; do
        printf '%s' "$separator--remap-path-prefix=$name"
    done
}

# What killed builds have left. Its owner takes it away, with no rights of root.
sweep_builds() {
    for left in "$builds".*.*; do
        process=${left#"$builds".}
        if is_of "$builder" "$left" && ! kill -0 "${process%%.*}" 2>/dev/null; then
            as_builder rm -rf "$left" || :
        fi
    done
}

# The user that called sudo has the Rust, as a rule; it is looked for where rustup puts it, then in their login PATH.
find_rust() {
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/Cargo.toml" 2>/dev/null) ||
        die "$here has no Cargo.toml: run install.sh in the folder of the sources, or use --binary FILE"
    me=$(my_name)
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
    if [ -x "$program" ]; then
        binary=$program
        version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
        told=$("$binary" --version 2>/dev/null || :)
        # Behind the version stand commit and target.
        if [ "${told%% (*}" != "phone-assistant $version" ]; then
            die "there is no Rust to build $version with, and $binary is another version:" \
                "run this as the user who has Rust, with sudo, or use --binary FILE"
        fi
        if ! is_built_from_these "$binary"; then
            die "there is no Rust to build with, and $binary was built from other sources than these:" \
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
    if [ -n "$target" ]; then
        # shellcheck disable=SC2086 # they are words
        rust_flags=$(printf '%s\n' ${RUSTFLAGS:-} | paste -sd "$separator" -)
        return
    fi
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

check_binary() {
    if [ ! -f "$binary" ]; then die "there is no file $binary"; fi
    if [ "$packaged" = no ] && ! is_static "$binary"; then
        die "$binary is not a static 64-bit Linux program: let install.sh build it," \
            "or run  cargo build --release --target $(uname -m)-unknown-linux-musl"
    fi
    take_binary
    case $("$work/phone-assistant" --version 2>&1 || :) in
        'phone-assistant '*) ;;
        *) die "$binary does not run here as phone-assistant: is it made for $(uname -m)?" \
            "If programs may not run in $temporary (noexec), set TMPDIR to another folder" ;;
    esac
    if ! is_of_these_sources "$work/phone-assistant"; then
        die "$binary was built from other sources than these: take install.sh and program from one version"
    fi
}

take_binary() {
    if [ "$packaged" = yes ]; then
        ln -s "$program" "$work/phone-assistant"
    else
        keep phone-assistant cat "$binary"
        chmod 0755 "$work/phone-assistant"
    fi
    sweep
}

# Program and dialplan belong together, and their version does not tell: so the program knows its dialplan.
is_of_these_sources() {
    "$1" place dialplan 2>/dev/null | cmp -s - "$here/extensions_custom.conf.example"
}

# The same for all that a program is built from, where that is here.
is_built_from_these() {
    is_of_these_sources "$1" || return 1
    [ ! -d "$here/src" ] || "$1" place sources "$here" >/dev/null 2>&1
}

# For --uninstall: what is installed, what lies beside this script, or what was built here, if it knows how.
find_program() {
    for binary in "$program" "$here/phone-assistant" "$here"/target/*/release/phone-assistant; do
        if [ -x "$binary" ] && "$binary" place dialplan >/dev/null 2>&1; then take_binary; return 0; fi
    done
    return 1
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

# Everything that is put is in a file of ours first. The tutorial's key is taken only if Asterisk's user can read it.
prepare_files() {
    keep config.toml default_settings
    keep rotation default_rotation
    keep watch daily_check
    read_placed
    if [ "$packaged" = yes ]; then former=$(first "$(program_of_job)" "$former"); fi
    keep now-placed placed_lines
    old_key=$agi_bin/google-creds.json
    # Who is not root reads as themselves.
    if [ ! -e "$settings/google-creds.json" ] && { [ "$(id -u)" != 0 ] || is_open "$DESTDIR"; }; then
        place read --as-guest -- "$old_key" >"$work/key" 2>"$work/why" || no_old_key $?
    fi
    if [ -e "$DESTDIR/etc/freepbx.conf" ]; then
        if holds prepare_chown; then prepare_chown; else rm -f "$work/chown-after"; leave "$chown_conf"; fi
    fi
    remember "$plan.before-phone-assistant" old-backup
    remember "$agi_bin/phone-assistant" old-agi-bin
    remember "$program" old-program
    remember "$placed" old-placed
}

prepare_chown() {
    read_text "$chown_conf" chown-before
    check_markers "$chown_conf" "$work/chown-before"
    keep chown-block chown_lines
    keep chown-after edit_plan install chown-before chown-block -
}

# is_open FOLDER: whether every user may go as far as there. Below a staging folder that is closed nobody has left a key.
is_open() {
    folder=$1
    while [ -n "$folder" ]; do
        if [ -z "$(find "$folder" -prune -perm -1)" ]; then return 1; fi
        folder=${folder%/*}
    done
}

# no_old_key STATUS: 3 is that there is none, 4 that Asterisk's user could run no program there either
no_old_key() {
    rm -f "$work/key"
    if [ "$1" = 4 ] && [ "$configure" = no ]; then die "$(cat "$work/why")"; fi
    if [ "$1" != 3 ]; then
        say "note: $old_key was not taken: $(cat "$work/why"). If it is your key, copy it to $settings/google-creds.json"
    fi
}

# remember PATH NAME: a file that was there before, so that it can be brought back; a dialplan that Asterisk refuses needs
# that. A link or a folder is none.
remember() {
    place read --rights "$work/$2.rights" -- "$1" >"$work/$2" 2>"$work/why" && return
    status=$?
    if [ $status = 5 ]; then die "cannot write $work/$2: is there room in $temporary?"; fi
    if [ $status = 6 ] && [ "$dialplan" = yes ]; then
        refused="it could not be brought back: $(cat "$work/why")"
        if [ "$configure" = no ]; then die "$refused"; fi
        say "note: $refused"
        leave_dialplan
    fi
    rm -f "$work/$2"
    echo "0755 -" >"$work/$2.rights"
}

# remembered NAME: the file of ours with what was there before, or the word for nothing.
remembered() {
    if [ -e "$work/$1" ] && [ ! -e "$work/$1.none" ]; then printf '%s\n' "$work/$1"; else echo -; fi
}

install_folders() {
    place folders -- 0750 "$groups" "$settings" 0700 "$users" "$data" 0700 "$users" "$data/calls" \
        0700 "$users" "$data/state" 0700 "$users" "$data/sounds" 0700 "$users" "$data/callers" \
        0700 "$users" "$data/messages" || exit 1
    # Below DESTDIR nothing else may have made them.
    if [ -n "$DESTDIR" ]; then
        if [ ! -e "${rotation%/*}" ]; then place folders -- 0755 "$roots" "${rotation%/*}"; fi
        if [ "$watch" = yes ] && [ ! -e "${watch_file%/*}" ]; then place folders -- 0755 "$roots" "${watch_file%/*}"; fi
    fi
}

# All of them or none, and the program first: an older dialplan works with it, and never a newer one without it. Settings,
# rotation and watch are the administrator's once they are there.
install_files() {
    set -- 0755 "$roots" "$work/phone-assistant" "$agi_bin/phone-assistant" 0640 "$groups" "$work/now-placed" "$placed"
    if [ "$packaged" = no ]; then set -- "$@" 0755 "$roots" "$work/phone-assistant" "$program"; fi
    if is_new "$settings/config.toml"; then
        set -- "$@" 0640 "$groups" "$work/config.toml" "$settings/config.toml"
        : >"$work/new-settings"
    fi
    if [ -s "$work/key" ] && grep -q '"private_key"' "$work/key"; then
        set -- "$@" 0640 "$groups" "$work/key" "$settings/google-creds.json"
        say "note: every user of this machine can read $old_key. Once calls work, delete it."
    fi
    if [ ! -d "${rotation%/*}" ]; then
        say "note: there is no ${rotation%/*}, so nothing rotates the log of calls: install logrotate, then run this again"
    elif is_new "$rotation"; then
        set -- "$@" 0644 "$roots" "$work/rotation" "$rotation"
        : >"$work/new-rotation"
    fi
    if [ "$watch" = yes ] && is_new "$watch_file"; then
        set -- "$@" 0644 "$roots" "$work/watch" "$watch_file"
        : >"$work/new-watch"
    fi
    if [ -e "$work/chown-after" ]; then
        set -- "$@" "linked:$(mode_of chown-before)" "$(owner_of chown-before)" "$work/chown-after" "$chown_conf"
    fi
    if [ "$dialplan" = yes ] && ! cmp -s "$work/before" "$work/after"; then
        mode=$(mode_of before) owner=$(owner_of before)
        if [ -s "$work/before" ]; then set -- "$@" "$mode" "$owner" "$work/before" "$plan.before-phone-assistant"; fi
        set -- "$@" "linked:$mode" "$owner" "$work/after" "$plan"
    fi
    place files -- "$@"
}

# Keys that were put there by hand are often readable to nobody but root, or to everybody.
close_settings() {
    for file in "$settings/config.toml" "$settings/google-creds.json"; do
        # One with a second name may be a file of root's, from a time when others could write to this folder.
        if [ -n "$(find "$file" -prune -type f -links +1 2>/dev/null)" ]; then
            say "note: $file has a second name, so its owner and mode stay as they are. If what is in it is yours, make it" \
                "a file of its own, then run this again:  sudo sh -c 'cp $file $file.own && mv $file.own $file'"
        fi
        if [ -z "$(find "$file" -prune -type f -links 1 2>/dev/null)" ]; then continue; fi
        chmod 0640 "$file"
        if [ "$groups" != - ]; then chown "$groups" "$file"; fi
    done
}

# What sources have installed here before leads to the package's program, and a job that nobody has changed names that.
take_over() {
    if [ -f "$shadow" ] && [ ! -L "$shadow" ]; then
        place trees -- "$shadow"
        link_program "$shadow"
    fi
    if [ -z "$former" ]; then return; fi
    if is_default "$watch_file" daily_check; then
        keep watch sed "s|$former|${program#"$DESTDIR"}|g" "$watch_file"
        place files -- 0644 "$roots" "$work/watch" "$watch_file"
    fi
    # A folder of Asterisk's user gets no link.
    if [ ! -L "$DESTDIR$former" ] && (guest='' && take_ours "$DESTDIR$former"); then link_program "$DESTDIR$former"; fi
}

link_program() {
    ln -s "${program#"$DESTDIR"}" "$1"
    say "linked     $1, which was installed before, to ${program#"$DESTDIR"}"
}

# The program that a job of cron names, where it is none of the package's.
program_of_job() {
    place read -- "$watch_file" 2>/dev/null | sed -n 's|.* \[ ! -x \(/[A-Za-z0-9._/-]*/bin/phone-assistant\) \] .*|\1|p' |
        grep -vxF "${program#"$DESTDIR"}" | head -n 1
}

# The package is installed all the same: Asterisk may come later, and people need the program to be told what is missing.
configure_without_asterisk() {
    keep config.toml default_settings
    place folders -- 0750 - "$settings"
    if is_new "$settings/config.toml"; then place files -- 0640 - "$work/config.toml" "$settings/config.toml"; fi
    say "note: nothing was put where Asterisk looks for it, for the reason above. Once that is seen to, run  sudo $self"
}

is_new() {
    if [ ! -e "$1" ]; then return 0; fi
    say "unchanged  $1"
    return 1
}

owner() {
    # shellcheck disable=SC2012 # stat is not POSIX, and ls with -d prints one line.
    ls -ld "$1" | awk '{ print $3 }'
}

# FreePBX gives files of agi-bin and of the log's folder to asterisk and opens them, but for those that are named here.
chown_lines() {
    printf '%s: install.sh keeps this up to date; your own lines belong outside\n[blacklist]\n' "$begin"
    printf 'item = %s\n' "${agi_bin#"$DESTDIR"}/phone-assistant" "$log"
    printf '%s\n' "$end"
}

# ---- the dialplan ----

# Our block and the old lines that it replaces stand between markers, found by how they begin.
begin='; BEGIN phone-assistant'
end='; END phone-assistant'
old_begin='; BEGIN commented out by phone-assistant'
old_end='; END commented out by phone-assistant'

# Everything that can go wrong with the text goes wrong here, before anything is changed.
prepare_dialplan() {
    check_markers "$plan" "$work/before"
    extension=$(first "$extension" "$(installed_extension 1)" 8008)
    conversation=$(first "$conversation" "$(installed_extension 2)" 8009)
    if [ "$extension" = "$conversation" ]; then
        die "the question and the conversation want a number each, found $extension for both:" \
            "name them by --extension and --conversation"
    fi
    keep block block
    keep conflicts edit_plan conflicts before block "$extension"
    if [ -s "$work/conflicts" ] && [ "$replace" = no ]; then stop_at_conflict; fi
    keep after edit_plan install before block "$extension"
    keep wanted of_each priorities
}

block() {
    printf '%s: install.sh keeps this up to date; your own lines belong outside\n' "$begin"
    sed "s/8008/QUESTION/g; s/8009/$conversation/g; s/QUESTION/$extension/g" "$here/extensions_custom.conf.example"
    printf '%s\n' "$end"
}

stop_at_conflict() {
    {
        printf '%s has this already:\n\n' "$plan"
        cat "$work/conflicts"
        printf '\nphone-assistant would bring this:\n\n'
        grep -v '^;' "$work/block" | grep .
        printf '\n'
    } | visible >&2
    die "nothing was changed. To comment the old lines out, run this again with --replace" \
        "(--uninstall brings them back); or take them out yourself"
}

check_dialplan() {
    if cmp -s "$work/before" "$work/after"; then
        say "unchanged  $plan"
    else
        say "installed  extensions $extension and $conversation in $plan"
    fi
    if [ -z "$asterisk" ]; then
        say "note: no Asterisk was told to read its dialplan"
        return
    fi
    # Not an error: machines are set up before they are switched on, and Asterisk reads the file when it starts.
    if ! asterisk_runs; then
        visible <"$work/why" >&2
        say "note: Asterisk is not running; once it is, see:  sudo $called console$asked_as 'dialplan show $extension@custom-openai'"
        return
    fi
    reload
    if ! dialplan_stands; then
        if [ "$configure" = no ]; then undo; fi
        find_fault
        say "note: $fault. The program is the new one, which works with an older dialplan too: $way (by  sudo $self)"
        return
    fi
    say "checked    Asterisk has extensions $extension and $conversation exactly as written"
}

# Asterisk merges contexts of one name from all its files, old priorities first: only its own word tells what a call meets.
# It is asked once, for another answer may come the next time; one that was cut for want of room is not the wanted one.
dialplan_stands() {
    of_each shown >"$work/found" || :
    cmp -s "$work/wanted" "$work/found"
}

of_each() {
    "$1" "$extension" custom-openai
    "$1" "$conversation" custom-openai
    "$1" check custom-openai
    "$1" s custom-openai-cleanup
}

# All that came with the dialplan goes back with it; settings stay, as they do at --uninstall.
undo() {
    set -- "$(mode_of old-backup)" "$(owner_of old-backup)" "$(remembered old-backup)" "$plan.before-phone-assistant" \
        "linked:$(mode_of before)" "$(owner_of before)" "$(remembered before)" "$plan" \
        "$(mode_of old-agi-bin)" "$(owner_of old-agi-bin)" "$(remembered old-agi-bin)" "$agi_bin/phone-assistant" \
        "$(mode_of old-placed)" "$(owner_of old-placed)" "$(remembered old-placed)" "$placed"
    if [ "$packaged" = no ]; then
        set -- "$@" "$(mode_of old-program)" "$(owner_of old-program)" "$(remembered old-program)" "$program"
    fi
    if [ -e "$work/chown-after" ]; then
        set -- "$@" "linked:$(mode_of chown-before)" "$(owner_of chown-before)" "$(remembered chown-before)" "$chown_conf"
    fi
    if [ -e "$work/new-rotation" ]; then set -- "$@" 0644 "$roots" - "$rotation"; fi
    if [ -e "$work/new-watch" ]; then set -- "$@" 0644 "$roots" - "$watch_file"; fi
    place files -- "$@" >/dev/null ||
        die "Asterisk's dialplan is not what was written, and what was there before could not be brought back:" \
            "$plan and the program are the new ones. See to what stands above, then run this again"
    reload || :
    find_fault
    die "$fault, so it and the program are as they were: $way"
}

# Why the dialplan of Asterisk is not what was written, and the way out.
find_fault() {
    if [ ! -s "$work/found" ]; then
        fault="Asterisk does not read $plan"
        way="put the line  #include extensions_custom.conf  into extensions.conf, and run this again"
        place read --text --rights "$work/first.rights" -- "${plan%/*}/extensions.conf" >"$work/first" 2>/dev/null || :
        if grep -Eq '^[[:space:]]*#(try)?include[[:space:]]+["<]?extensions_custom\.conf' "$work/first"; then
            way="extensions.conf has the line for it, so another file that is included is missing, or pbx_config is not loaded.\
 Where the program is still there,  sudo $called check  says which. See to that, and run this again"
        fi
        return
    fi
    diff "$work/wanted" "$work/found" | head -n 300 | visible >&2
    fault="Asterisk's dialplan is not what was written to $plan (above: < wanted, > found)"
    way="if more was found, look for it:  grep -rn custom-openai /etc/asterisk"
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
    ask "dialplan show $1@$2" |
        sed -nE "s/^ *('[^']*' =>|\[[^]]*\])? *([0-9]+\. .*[^ ]) +\[[^]]*\]\$/\2/p"
}

# check_markers PATH FILE, which holds its text
check_markers() {
    for pair in "$begin|$end" "$old_begin|$old_end"; do
        if [ "$(grep -c "^${pair%|*}" "$2")" != "$(grep -c "^${pair#*|}" "$2")" ]; then
            die "$1 has lost one of the lines '${pair%|*}' and '${pair#*|}':" \
                "put it back, or restore the file from a backup"
        fi
    done
}

# installed_extension 1|2: the number of the question or of the conversation, where they were installed before.
installed_extension() {
    sed -n "/^$begin/,/^$end/s/^exten => \([0-9*#]*\),1,.*/\1/p" "$work/before" | sed -n "$1p"
}

# edit_plan conflicts|install|uninstall TEXT BLOCK NUMBER: the text as it shall be, or its lines that are in our way. They are the
# contexts of our names, and our number in any other context, unless that leads to us. An "X" is put behind the text
# and taken away again, to keep its last newline, or the want of one.
edit_plan() {
    { cat "$work/$2"; printf X; } | awk -v mode="$1" -v number="${4-}" -v block="$work/${3-}" \
        -v begin="$begin" -v end="$end" -v old_begin="$old_begin" -v old_end="$old_end" '
        { line[NR] = $0 }

        function starts(text, with) { return index(text, with) == 1 }
        function emit(text) { printf "%s%s", separator, text; separator = "\n"; last = text }

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
            if (!inserted()) { printf "\n"; separator = ""; emit_block(); emit("") }
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
        }'
}

# ---- words ----

# A missing recording would be silence where the caller should hear an apology. What cannot be looked at is not missing.
check_sounds() {
    if [ ! -e "$sounds" ]; then
        say "note: there is no $sounds, so no recordings were looked for (Debian: asterisk-core-sounds-en)"
        return
    fi
    place sounds -- "$sounds" beep hello im-sorry please-try-again please-try-call-later goodbye \
        all-circuits-busy-now >"$work/sounds" 2>/dev/null || return 0
    while read -r name; do
        say "note: $sounds has no '$name': install Asterisk's core sounds (Debian: asterisk-core-sounds-en)"
    done <"$work/sounds"
}

say_what_is_next() {
    # After an upgrade there is nothing to do. Where the package was removed, its program and dialplan have gone.
    if [ "$configure" = yes ] && [ ! -e "$work/new-settings" ] && [ -e "$work/old-agi-bin" ]; then return; fi
    number=$(first "$extension" 8008)
    talk=$(first "$conversation" 8009)
    if [ "$called" != phone-assistant ]; then
        say "note: sudo does not find the program by its name: type $called, or add ${called%/*} to secure_path" \
            "(sudo visudo)"
    fi
    cat <<NEXT

Next
  1. Your key: sudo $called setup
     (or into ${settings#"$DESTDIR"}/config.toml by hand, then: sudo $called check$asked_as)
NEXT
    if [ "$dialplan" = no ]; then
        printf '  2. The extension, unless you have it: sudo %s --dialplan, and then\n' "$self"
    else
        printf '  2. The way in:\n'
    fi
    cat <<NEXT
     FreePBX: Admin, Custom Destinations, Add: target custom-openai,$number,1
              Applications, Misc Applications, Add: feature code $number, destination that one.
              For conversations the same with custom-openai,$talk,1 and feature code $talk. Apply Config.
     Without FreePBX: include => custom-openai in the context of your phones.
  3. Dial $number and ask, or $talk and talk.
NEXT
}

# The program's name where sudo finds it by that, else its path. A root that has logged in has another PATH than sudo gives.
name_for_sudo() {
    if command -v sudo >/dev/null; then set -- sudo -n; fi
    if [ "$packaged" = yes ] || [ -n "$DESTDIR" ] ||
        cmp -s "$("$@" sh -c 'command -v phone-assistant' 2>/dev/null)" "$program"; then
        echo phone-assistant
    else
        printf '%s\n' "$prefix/bin/phone-assistant"
    fi
}

first() {
    for candidate in "$@"; do
        if [ -n "$candidate" ]; then printf '%s\n' "$candidate"; return; fi
    done
}

# Harmless for a terminal: what other users have chosen may be among the words.
visible() {
    tr -c '\011\012\040-\176' '?'
}

say() {
    printf '%s\n' "$*" | visible
}

die() {
    printf 'install.sh: %s\n' "$*" | visible >&2
    exit 1
}

usage() {
    printf 'install.sh: %s; see  ./install.sh --help\n' "$*" >&2
    exit 64
}

default_settings() {
    cat <<'TOML'
# phone-assistant: its settings. Lines with a "#" show the defaults; remove the "#" to change one.
# Each [table] may stand here only once; "phone-assistant help settings" lists every setting.
# This file holds a key: keep it readable to root and Asterisk alone. An upgrade does not touch it.

#languages = ["en-US", "fr-FR"]   # an example

[gemini]
api_key = ""                   # from https://aistudio.google.com/apikey; it hears, thinks and speaks

[openai]                       # instead of it, or beside it
#api_key = ""                   # from https://platform.openai.com/api-keys

[google]                       # the same for a service account
#credentials = "/etc/phone-assistant/google-creds.json"   # its key file

[stt]                          # speech to text
#language = "en-US"             # what callers speak
#provider = "auto"              # every provider with a key; or google | gemini | openai

[stt.google]
#base_url = "https://speech.googleapis.com"
#model = "telephony"

[stt.openai]                   # any server that speaks OpenAI's API, here and below
#base_url = "https://api.openai.com"
#model = "gpt-transcribe"

[stt.gemini]
#base_url = "https://generativelanguage.googleapis.com"
#model = "gemini-3.5-flash-lite"

[llm]                          # the language model
#provider = "auto"              # gemini | openai
#persona = "You answer the telephone of a bakery, in two short and friendly sentences."   # an example

[llm.gemini]
#base_url = "https://generativelanguage.googleapis.com"
#model = "gemini-3.6-flash"
#api_key = ""                   # one for this alone

[llm.openai]
#base_url = "https://api.openai.com"
#model = ""

[tts]                          # text to speech
#provider = "auto"              # openai | google | gemini
#level_dbfs = -19.0             # how loud every voice is; Asterisk's recorded words have -18 to -21

[tts.openai]
#base_url = "https://api.openai.com"
#model = "tts-1"
#voice = "nova"

[tts.google]
#base_url = "https://texttospeech.googleapis.com"
#voice = ""

[tts.gemini]
#base_url = "https://generativelanguage.googleapis.com"
#model = "gemini-3.8-flash-lite-tts"
#voice = "Kore"

#[persona.kitchen]              # who answers a call that asks for persona=kitchen; as many such tables as you like
#prompt = "You answer in the kitchen of a school, in two short and friendly sentences."   # an example
#voice = "onyx"                 # an example
#language = "en-GB"             # an example
#languages = ["en-GB", "fr-FR"]   # an example
#greeting = "Kitchen, what can I do for you?"   # an example
#model = "gemini-3.6-flash"     # an example
#place = "Lyon, France"         # an example
#facts = "/etc/phone-assistant/kitchen.md"   # an example
#opening_hours = "Mo-Fr 11:30-14:00"   # an example
#disclosure_text = "This is the kitchen's automatic assistant."   # an example
#mail_to = ["kitchen@example.org"]   # an example
#webhook = "https://kitchen.example.org/calls"   # an example
#transcripts = true             # an example

#[tool.weather]                 # what the model may look up: phone-assistant help tools; as many such tables as you like
#description = "The weather of today and the next three days, for a place on earth"   # an example
#url = "https://api.open-meteo.com/v1/forecast?latitude={latitude}&longitude={longitude}&daily=weather_code,temperature_2m_max&timezone=auto"   # an example
#method = "GET"
#json = ""
#header_file = ""
#arguments = { latitude = "number: degrees north", longitude = "number: degrees east" }   # an example
#callers = "all"
#pin_file = ""
#timeout = 5.0                  # seconds

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
#max_messages_per_caller_per_hour = 5

[knowledge]                    # what the model is told of the house: phone-assistant help knowledge
#place = ""                     # "Lyon, France"
#time_zone = ""                 # "Europe/Paris"; empty: the machine's
#facts = ""                     # a text file of at most 48 kB: prices, people, addresses
#opening_hours = ""             # "Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00; PH off"
#country = ""                   # "FR": whose public holidays PH means
#disclosure = "outside"         # who is told that they talk with a machine: none | outside: who is no known phone of this Asterisk | all
#disclosure_text = ""           # empty: in English, German, French, Spanish or Italian by language; or your words, or "sound:NAME"

[log]
#words = false                  # may the log hold what was said?
#calls = "/var/log/asterisk/phone-assistant.jsonl"   # one line per call; empty: none

[memory]                       # a caller's next call goes on where the last one ended
#callers = "none"               # none | internal: phones that have signed in | all
#max_days = 30                  # then it is forgotten

[messages]                     # with an address here callers can leave messages: phone-assistant help messages
#mail_to = []                   # ["office@example.org"]
#mail_from = ""                 # empty: asterisk@ and the machine's name
#webhook = ""                   # "https://…": gets each message as JSON
#transcripts = false            # send the words of every call too

[http]
#ca_file = ""                   # one more trusted root certificate, PEM
#proxy = ""                     # else HTTPS_PROXY of the environment
TOML
}

# Without "su" logrotate leaves a log alone whose folder others than root may write to, as Asterisk's may be.
default_rotation() {
    # logrotate.conf may name another program for all logs, whose files "phone-assistant calls" cannot read. The rules of an
    # earlier version have none of these lines, and nobody has changed them either.
    programs='
    compresscmd gzip
    uncompresscmd gunzip
    compressext .gz'
    if [ -e "$rotation" ] && ! grep -qs '^ *compresscmd gzip$' "$rotation"; then programs=; fi
    cat <<ROTATION
# phone-assistant: its log of calls, one line each. An upgrade does not touch this file.
# If calls in [log] of /etc/phone-assistant/config.toml is another file, name that here.
$log {
    weekly
    rotate 8
    # "phone-assistant calls" also looks into the old ones, compressed or not.
    nodateext
    compress$programs
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
    who=
    # As root it looks only where it is told so.
    if [ "$user" = root ]; then who=' --user root'; fi
    cat <<WATCH
# phone-assistant: delivers messages of callers that could not be delivered at once, and looks once a day whether
# everything works, and says what has changed. Cron mails that to the address behind MAILTO. An upgrade does not touch
# this file.
MAILTO=root
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
*/5 * * * * $user [ ! -x $prefix/bin/phone-assistant ] || $prefix/bin/phone-assistant messages --deliver
$(($$ % 60)) 6 * * * $user [ ! -x $prefix/bin/phone-assistant ] || $prefix/bin/phone-assistant check --quiet$who
WATCH
}

main "$@"
