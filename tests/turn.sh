#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# turn.sh NAMES PROGRAM…: how `make -jN check` runs each test. Beside each other, for most of them wait for
# servers; but one whose last argument ends in one of NAMES measures how long others wait, so it has the machine for
# itself: it begins when all that run have ended, and nothing begins before it has. Those stand last in TESTS, or all
# would wait for each.
alone=$1
shift
kind=--shared
for test; do :; done
for name in $alone; do
	case $test in
	*/"$name") kind=--exclusive ;;
	esac
done
command -v flock >/dev/null || exec "$@"
# Servers that a dead test leaves behind must not hold the lock: --close.
exec flock --close $kind tests/turn.lock "$@"
