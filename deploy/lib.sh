# SPDX-License-Identifier: MIT
# lib - what the scripts of deploy/ share; sourced, never run.
#
#   in   deploy/packages, CMakePresets.json
#   out  installed packages, built presets; a line for each thing that was done
#   owns nothing: everything of a build is in build*/
#
# Next on the tour: deploy/build
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)

say () {
    printf '%s\n' "$*"
}

fail () {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

as_root () {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root is needed for: $*; become root, or install sudo"
    fi
}

# Prints the packages of the groups given.
packages_of () {
    local group
    for group in "$@"; do
        awk -v group="$group" '!/^#/ && $2 == group { print $1 }' \
            "$root/deploy/packages"
    done
}

package_is_there () {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" \
        = installed ]
}

apt () {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o=Dpkg::Use-Pty=0 \
        "$@"
}

# Whether apt has heard of every package given. Its lists may be missing, as in
# a fresh container.
apt_knows () {
    local package
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || return 1
    done
}

# Runs a command; what it says is shown only if it fails.
quietly () {
    local said rc=0
    said=$(mktemp)
    "$@" >"$said" 2>&1 </dev/null || rc=$?
    if [ "$rc" -ne 0 ]; then
        cat "$said" >&2
    fi
    rm -f "$said"
    return "$rc"
}

# need_packages GROUP...: installs what is missing of them, and nothing else.
need_packages () {
    local package missing=()
    command -v dpkg-query >/dev/null \
        || fail "this is no Debian; install what deploy/packages lists, then" \
                "use cmake --preset release"
    for package in $(packages_of "$@"); do
        package_is_there "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    say "packages: installing ${#missing[@]}: ${missing[*]}"
    if ! apt_knows "${missing[@]}"; then
        say "packages: apt-get update"
        quietly apt update || fail "apt-get update failed"
    fi
    # Lists that are out of date name files that are gone.
    if ! quietly apt install -y --no-install-recommends "${missing[@]}"; then
        say "packages: that failed; once more after apt-get update"
        quietly apt update || fail "apt-get update failed"
        quietly apt install -y --no-install-recommends "${missing[@]}" \
            || fail "apt-get could not install: ${missing[*]}"
    fi
    say "packages: done"
}

# configure PRESET FOLDER: makes the build description, unless it is there. A
# tree that was moved gets a new one.
configure () {
    local preset=$1 folder=$2 fresh=()
    if [ -f "$folder/CMakeCache.txt" ] && ! grep -qxF \
        "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        fresh=(--fresh)
    elif [ -f "$folder/build.ninja" ]; then
        return 0
    fi
    say "$preset: configuring"
    (cd "$root" && quietly cmake --preset "$preset" "${fresh[@]}") \
        || fail "cmake --preset $preset failed"
}

# build_preset PRESET FOLDER: compiles what is out of date. One line when
# nothing is; on a terminal ninja shows how far it is.
build_preset () {
    local preset=$1 folder=$root/$2 quiet=(--quiet)
    configure "$preset" "$folder"
    if ninja -C "$folder" -n 2>/dev/null | grep -q 'no work to do'; then
        say "$preset: $2 is up to date"
        return 0
    fi
    say "$preset: building $2 with $jobs jobs"
    [ -t 1 ] && quiet=()
    (cd "$root" && cmake --build --preset "$preset" -j "$jobs" -- \
        "${quiet[@]}") || fail "the build of the preset $preset failed"
    say "$preset: built"
}
