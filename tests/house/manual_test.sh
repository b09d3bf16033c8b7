#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual page renders without a warning, and knows every command and every word of the file.
set -eu
cd "$(dirname "$0")/../.."
source=user/cli/ringfence.8.scd
ringfence=${BUILD:-build}/ringfence
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
# check SENTENCE FILE: nothing may stand in the file.
check() {
	if [ -s "$2" ]; then
		echo "not ok - $1:"
		cat "$2"
		bad=1
	else
		echo "ok - $1"
	fi
}

for tool in scdoc groff; do
	command -v "$tool" >/dev/null && continue
	echo "SKIP manual: $tool is not installed (scripts/deps installs it)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
done

scdoc <"$source" >"$work/page" 2>"$work/said" || echo "scdoc failed" >>"$work/said"
groff -man -ww -z -Tutf8 "$work/page" 2>>"$work/said" || echo "groff failed" >>"$work/said"
check "the manual page renders without a warning" "$work/said"

# A command stands in the list as "  name …"; in the page it is an item, and what follows is indented.
"$ringfence" help | sed -n 's/^  \([a-z]*\)\( .*\)\{0,1\}$/\1/p' | sort -u >"$work/commands"
sed -n '/^# COMMANDS/,/^# OPTIONS/p' "$source" | awk '/^\t/ && item { print item }
	{ item = /^\*/ ? $0 : "" }' | grep -o '\*[a-z]*' | tr -d '*' | sort -u >"$work/named"
comm -23 "$work/commands" "$work/named" >"$work/missing"
[ -s "$work/commands" ] || echo "no command at all" >"$work/missing"
check "it names each command of the program" "$work/missing"

# The tables of the loader: { "word", reader }; in the page a word is *bold* or _set apart_.
sed -n '/^# CONFIGURATION/,/^# EXIT/p' "$source" >"$work/configuration"
grep -ho '{ "[a-z_]*", [a-z_]* }' user/policy/load*.c | sed 's/^{ "\([a-z_]*\)".*/\1/' | sort -u |
	while read -r word; do
		grep -q "[*_]${word}[*_:]" "$work/configuration" || echo "$word"
	done >"$work/missing"
check "it knows each word of the configuration" "$work/missing"
exit "$bad"
