#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The manual pages are well-formed, and the plans that they and the README show are real ones.
set -eu
LC_ALL=C
export LC_ALL
top=$(cd "${srcdir:-.}" && pwd)
failed=0

complain() {
	echo "manual.sh: $*"
	failed=1
}

# Each block that begins with "plan:", unindented, as files 1.yaml, 2.yaml … in the folder $2.
extract_plans() {
	awk -v folder="$2" '
		{ line = $0; sub(/^ +/, "", line) }
		line ~ /^plan: / { out = folder "/" ++n ".yaml"; indent = length($0) - length(line) }
		out && ($0 ~ /^\.Ed/ || line ~ /^lockkeeper / || (line == "" && indent > 0)) { close(out); out = "" }
		out { print substr($0, indent + 1) > out }' "$1"
}

for page in lockkeeper.1 lockkeeper-plan.5; do
	[ -s "$top/man/$page" ] || complain "man/$page is not there"
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning "$top/man/$page" || complain "man/$page has warnings"
	fi
done

program=${LOCKKEEPER:-./lockkeeper}
if [ -x "$program" ]; then
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	for text in README man/lockkeeper-plan.5; do
		rm -f "$folder"/*.yaml
		extract_plans "$top/$text" "$folder"
		[ -s "$folder/1.yaml" ] || complain "$text shows no plan"
		"$program" check "$folder"/*.yaml || complain "$text shows a plan with mistakes"
	done
	"$program" check "$top"/plans/*.yaml || complain "an example has mistakes"
	for verb in run attach status pause resume abort rollback confirm throttle check explain sandbox history doctor; do
		grep -q "$verb" "$top/man/lockkeeper.1" || complain "lockkeeper(1) does not name $verb"
		"$program" --help | grep -q "lockkeeper $verb" || complain "there is no verb $verb"
	done
fi
exit $failed
