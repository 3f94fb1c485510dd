#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# source - rules of CONTRIBUTING.md that a grep can hold the source to.
#
#   in   the source tree
#   out  each line that breaks a rule, and which; exit code 1 if there is any
#   owns nothing
#
# A line that has to break a rule says why: /* allowed: ... */
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
failed=0

complain () {
    printf '%s\n' "$1" "$2" >&2
    failed=1
}

# forbid RULE PATTERN FILE...
forbid () {
    local rule=$1 pattern=$2 found
    shift 2
    found=$(grep -nE "$pattern" "$@" /dev/null | grep -v 'allowed:')
    [ -z "$found" ] || complain "$rule" "$found"
}

mapfile -t code < <(find messages actors supervisor tools -name '*.[ch]')
mapfile -t tests < <(find tests -name '*.[ch]')
mapfile -t scripts < <(find tests -name '*.py')
mapfile -t cores < <(find messages actors -name '*.[ch]' \
    ! -name '*_actor.[ch]' ! -path 'actors/*.[ch]' ! -name ingress.h \
    ! -name 'ingress_*.c')

forbid 'a call without bounds, or with hidden state' \
    '\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|rand|srand|localtime|gmtime|strtok) \(' \
    "${code[@]}"
forbid 'an assert about a stranger' 'assert \(.*(message|frame|payload)->' \
    "${code[@]}"
forbid 'a test that sleeps' '\b(sleep|usleep|nanosleep|zclock_sleep) ?\(' \
    "${tests[@]}" "${scripts[@]}"
forbid 'a core that reads a clock, logs, or knows ZeroMQ' \
    '#include <czmq.h>|\bclock_gettime \(|\btime \(NULL|\blog_(info|warn|broken|debug) \(|\brandombytes_buf \(' \
    "${cores[@]}"
forbid 'a switch over messages with a default' '^ *default:.*MESSAGE_' "${code[@]}"
forbid 'a word that marks unfinished work' '\b(TODO|XXX|HACK)\b' "${code[@]}" \
    "${tests[@]}"

while read -r file; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' \
        || complain 'no SPDX line' "$file"
done < <(find messages actors supervisor tools tests deploy -name '*.[ch]' \
    -o -name '*.cc' -o -name '*.py' -o -path 'deploy/*' -type f)

while read -r lines file; do
    [ "$file" = total ] || [ "$lines" -le 1000 ] \
        || complain 'a file of more than 1,000 lines' "$file ($lines)"
done < <(wc -l "${code[@]}")

for header in $(find messages actors supervisor tools -name '*.h'); do
    words=$(cc -std=gnu11 -D_GNU_SOURCE -DGOVRELAY_VERSION='"0"' -I. \
        -Imessages/base -fsyntax-only -x c -include "$header" /dev/null 2>&1) \
        || complain 'a header that does not compile alone' "$header: $words"
done

if command -v clang-format >/dev/null; then
    words=$(clang-format --dry-run -Werror "${code[@]}" 2>&1 | grep -E '^[^ ].*error' | cut -d: -f1 | sort -u)
    [ -z "$words" ] || complain 'not formatted (clang-format -i)' "$words"
fi
exit "$failed"
