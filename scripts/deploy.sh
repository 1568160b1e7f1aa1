#!/usr/bin/env bash
# Put a bundle on a device over ssh, and make it the current one only if it passes its budget there.
#
#   scripts/deploy.sh user@host [BUNDLE] [--budget NAME|FILE] [--port N] [--python PATH]
#
#   BUNDLE        a bundle folder, or a run that has one; the newest runs/*/bundle when left out
#   --budget      a budget that tinylm ships, or a TOML file of your own (default: pi-zero-2w)
#   --port        the device's ssh port, when it is not the one that your ssh config says
#   --python      the device's Python that has tinylm, absolute or from its home folder
#                 (default: tinylm-venv/bin/python, then python3)
#
# On the device:   ~/tinylm/releases/ID   every bundle that arrived whole; ID = name-version-hash of the manifest
#                  ~/tinylm/current       a link to the last release that passed
#
# Exit code: that of `tinylm check-budgets` on the device (0 passed, 1 a limit failed, 2 unusable, 3 undecided); 2 too
# when it does not come to the check, 3 when the check died or was cut off, 130 or 143 when interrupted. The link
# is not touched unless the code is 0. An interrupted deployment leaves at most a *.partial, which the next removes.
#
# It needs bash, ssh, scp and python3 (3.11 or newer, without any package) here, and nothing but tinylm on the device. docs/deployment.md is the guide.
set -euo pipefail
exec </dev/null # ssh must not eat the input of whoever calls this
scripts=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
. "$scripts/remote_failures.sh"

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE HINT [CODE]: $on_device says what the device runs now.
fail() {
    printf 'error: %s\n\nhint: %s\n' "$1${on_device:+; $on_device}" "$2" >&2
    exit "${3:-2}"
}

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; }

# first_line TEXT: what of it can be shown in a sentence.
first_line() {
    local line
    line=$(printf '%s\n' "$1" | tr -cd '[:print:]\n' | sed 's/^ *//' | grep -m 1 .) || return 0
    printf %s "${line:0:60}"
}

# One word for a POSIX shell, whatever is in it.
quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# remote SCRIPT: run it by the device's sh, whatever its login shell is, and stop at its first error.
remote() { ssh "${options[@]}" -- "$target" "sh -c $(quote "set -eu; $1")"; }

# ask SCRIPT: what it prints on the device. It stands between two marks, so that nothing else that writes there is taken
# for it, and half of it for the whole.
mark="--tinylm-$$-$RANDOM$RANDOM--"
ask() {
    local said
    said=$(remote "printf '%s\n' $mark; $1
printf '\n%s\n' $mark") || return
    [[ $said == *"$mark"$'\n'*$'\n'"$mark"* ]] || return
    said=${said#*"$mark"$'\n'}
    said=${said%%$'\n'"$mark"*}
    printf '%s\n' "${said%$'\n'}"
}

target="" bundle="" budget=pi-zero-2w port="" python="" on_device=""
while (($#)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        --budget | --port | --python)
            [[ -n ${2:-} ]] || fail "\`$1\` needs a value" "see \`scripts/deploy.sh --help\`"
            printf -v "${1#--}" %s "$2"
            shift 2
            ;;
        -*) fail "unknown option \`$1\`" "see \`scripts/deploy.sh --help\`" ;;
        *)
            if [[ -z $target ]]; then
                target=$1
            elif [[ -z $bundle ]]; then
                bundle=$1
            else
                fail "one argument too many: \`$1\`" "see \`scripts/deploy.sh --help\`"
            fi
            shift
            ;;
    esac
done
[[ -n $target ]] || fail "no device was named" "such as \`scripts/deploy.sh pi@raspberrypi.local\`"
[[ $target =~ ^([A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*$ ]] ||
    fail "\`$target\` is no \`user@host\`" "give any other address a \`Host\` name in your ssh config, and use that"
[[ -z $port || $port =~ ^[0-9]+$ ]] || fail "\`--port $port\` is no number" "such as \`--port 22\`"
for tool in ssh scp python3; do
    command -v "$tool" >/dev/null || fail "\`$tool\` is not installed here" "install openssh-client and python3"
done
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "\`python3\` here is $(python3 -V 2>&1); 3.11 or newer is needed" "put a newer one first on your PATH"
options=(-o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=8)
[[ -z $port ]] || options+=(-o "Port=$port")
again="run the same command again"
words=$(mktemp) # of ssh and of the device's tools, to be understood
trap 'rm -f "$words"' EXIT
trap 'fail "interrupted" "$again" 130' INT
trap 'fail "ended by a signal" "$again" 143' TERM HUP

# 1. The bundle, before anything is sent.
if [[ -z $bundle ]]; then
    for manifest in runs/*/bundle/manifest.json; do
        if [[ -f $manifest && (-z $bundle || $manifest -nt $bundle/manifest.json) ]]; then
            bundle=${manifest%/manifest.json}
        fi
    done
    [[ -n $bundle ]] || fail "no bundle named and none in \`runs/\`" "make one with \`tinylm train-pipeline\`"
elif [[ -f $bundle/bundle/manifest.json ]]; then
    bundle=$bundle/bundle
fi
say "1/6 check the bundle $bundle"
[[ -f $bundle/manifest.json ]] ||
    fail "\`$bundle\` is not a bundle: it has no manifest.json" "name the folder that \`tinylm export\` made"
bundle=$(cd -- "$bundle" && pwd) # absolute: scp takes `a:b` for a host, and `-a` for an option
identity=$(PYTHONPATH=${scripts%/*} python3 -m tinylm.bundle.identity "$bundle") || exit 2
id=${identity% *}
if command -v tinylm >/dev/null; then
    tinylm bundle verify "$bundle" >&2 || fail "\`$bundle\` was refused here already" "export the bundle again"
fi
case $budget in
    *.toml | */*)
        [[ -f $budget ]] || fail "no budget file at \`$budget\`" "name a shipped budget, such as \`pi-zero-2w\`, or a file"
        budget_file=$(cd -- "$(dirname -- "$budget")" && pwd)/$(basename -- "$budget")
        budget=budget.toml # where it will lie on the device
        ;;
    *) budget_file="" ;;
esac

# 2. The device: it lets us in, runs what it is told, and says nothing else.
say "2/6 reach $target"
status=0
said=$(LC_ALL=C remote "printf '%s\n' $mark" 2>"$words") || status=$?
cat "$words" >&2
if ((status == 255)); then
    ssh_failure "$(<"$words")" "$target" "$port"
    fail "$problem" "$remedy"
fi
[[ $said == *"$mark"* ]] || fail "\`$target\` lets you in and runs no command${said:+: it says \`$(first_line "$said")\`}" \
    "its login shell must be a shell, and nothing may run in its place: see \`ssh${port:+ -p $port} $target true\`"
if [[ $said != "$mark" ]]; then
    shell_noise "$(first_line "${said%%"$mark"*}${said##*"$mark"}")" "$(ask 'printf %s "${SHELL:-}"')"
    fail "$problem" "$remedy"
fi

# 3. tinylm on it, and what it makes of the budget.
say "3/6 find tinylm there"
candidates=(tinylm-venv/bin/python python3)
[[ -z $python ]] || candidates=("${python#\~/}")
python=""
for candidate in "${candidates[@]}"; do
    # A relative path is seen from the home folder, also when the working folder is another one later.
    find="cd; p=$(quote "$candidate"); case \$p in /*) ;; */*) p=\$HOME/\$p ;; esac"
    if found=$(ask "$find; \"\$p\" -m tinylm --version 2>/dev/null; printf '%s\n' \"\$p\""); then
        python=${found##*$'\n'}
        say "    $python: ${found%%$'\n'*}"
        break
    fi
done
[[ -n $python ]] || fail "no tinylm on \`$target\`: asked ${candidates[*]}" "install it there:
    python -m build --wheel -C--build-option=--plat-name=manylinux_2_17_aarch64
    scp${port:+ -P $port} dist/tinylm-*aarch64.whl $target:
    ssh${port:+ -p $port} $target 'python3 -m venv tinylm-venv && tinylm-venv/bin/pip install tinylm-*.whl'"
remote "cd; $(quote "$python") -c 'import tinylm.bundle.identity'" 2>/dev/null ||
    fail "the tinylm on \`$target\` is of an older release than this script" "install this one there, too"
tinylm="$(quote "$python") -m tinylm"
status=0
if [[ -n $budget_file ]]; then # a pipe, because what ssh gives a command as its input may be no file that can be opened
    remote "cd; cat | $tinylm budget check /dev/stdin" <"$budget_file" >/dev/null 2>"$words" || status=$?
else
    remote "cd; exec $tinylm budget check $(quote "$budget")" >/dev/null 2>"$words" || status=$?
fi
if ((status == 255)); then
    fail "the connection was lost" "$again" 3
elif ((status)); then
    said=$(<"$words")
    say "${said//\/dev\/stdin/"$budget_file"}"
    say "the budget was refused on $target: nothing was copied"
    exit 2
fi

# 4. The files, checked where they arrived; the release gets its name when it is whole.
before=$(ask 'LC_ALL=C; export LC_ALL; mkdir -p ~/tinylm/releases; cd ~/tinylm; rm -rf releases/*.partial *.partial
    if [ -L current ]; then readlink current; else [ ! -e current ]; fi' 2>"$words") || {
    cat "$words" >&2
    disk_failure "$(<"$words")"
    fail "$problem" "$remedy"
}
on_device="\`~/tinylm/current\` there is still ${before:-nothing}"
check_there() { ask "cd ~/tinylm; $(quote "$python") -m tinylm.bundle.identity $(quote "$1")"; }
bundle_kb=$(du -sk -- "$bundle" | cut -f1)
# room KB: stop when less is free on the device. Nothing is said where nobody answers.
room() {
    local free_kb
    free_kb=$(ask "cd ~/tinylm; $(quote "$python") -c 'import os; s = os.statvfs(\".\"); print(s.f_bavail * s.f_frsize // 1024)'") ||
        return 0
    if ((free_kb < $1)); then
        disk_failure "No space left"
        fail "$problem: $((free_kb / 1024)) MB are free, the bundle takes $((bundle_kb / 1024 + 1)) MB" "$remedy"
    fi
}
if [[ $(check_there "releases/$id" 2>/dev/null || :) == "$identity" ]]; then
    say "4/6 nothing to copy: $target has releases/$id already, and its SHA-256 hold"
else
    say "4/6 copy $id to $target, and check its SHA-256 there"
    partial=releases/$id.partial
    room "$((bundle_kb + 1024))"
    remote "LC_ALL=C mkdir ~/tinylm/$partial" 2>"$words" || {
        cat "$words" >&2
        disk_failure "$(<"$words")"
        fail "$problem" "$remedy"
    }
    scp "${options[@]}" -- "$bundle"/* "$target:tinylm/$partial/" >&2 || {
        room 1024 # scp says no more than `Failure` of a full disk
        fail "the copy was cut off" "look at the connection; then $again"
    }
    arrived=$(check_there "$partial") || fail "the bundle was damaged on its way" "$again"
    [[ $arrived == "$identity" ]] || fail "another bundle arrived than the one that was sent" "$again"
    # What lies under the final name failed the check above; no file is moved over before it is on the card.
    remote "cd ~/tinylm; sync $partial/* $partial; [ ! -e releases/$id ] || mv releases/$id releases/$id.old.partial
        mv releases/$id.partial releases/$id; sync releases; rm -rf releases/$id.old.partial" ||
        fail "cannot name the release \`$id\`" "$again"
fi
if [[ -n $budget_file ]]; then
    scp "${options[@]}" -- "$budget_file" "$target:tinylm/$budget" >&2 || fail "cannot copy \`$budget_file\`" "$again"
    budget=./$budget
fi

# 5. The device proves it.
# decided STATUS WHAT: go on after 0; the device's own code ends this script otherwise.
decided() {
    case $1 in
        0) ;;
        1 | 2 | 3)
            say "$2 ended with $1: not switched; $on_device"
            exit "$1"
            ;;
        255) fail "the connection was lost during $2" "$again" 3 ;;
        *) fail "$2 died with $1 on the device" "132 is a processor that its onnxruntime does not fit, \
137 is memory that ran out" 3 ;;
    esac
}
say "5/6 golden tokens, then the budget ${budget_file:-$budget}, on $target"
status=0
remote "cd ~/tinylm; exec $tinylm bundle verify releases/$id" || status=$?
decided "$status" "\`tinylm bundle verify\`"
status=0
remote "cd ~/tinylm; exec $tinylm check-budgets releases/$id --budget $(quote "$budget")" || status=$?
decided "$status" "\`tinylm check-budgets\`"

# 6. One rename: whoever opens `current` gets the old release or the new one, whole.
say "6/6 switch ~/tinylm/current to releases/$id"
on_device="see \`readlink ~/tinylm/current\` there"
remote "cd ~/tinylm; ln -s releases/$id current.partial; mv -T current.partial current; sync ." ||
    fail "cannot switch \`~/tinylm/current\`" "it must be a link, or not be there; then $again"
say "done: releases/$id is current on $target"
if [[ -n $before && $before != "releases/$id" ]]; then
    say "back to the one before: ssh${port:+ -p $port} $target 'cd tinylm && ln -s $before back && mv -T back current'"
fi
