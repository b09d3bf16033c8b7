#!/bin/sh
# The demonstration is a test: each of its steps is seen, or it fails.
cd "$(dirname "$0")/../.." || exit 1
if scripts/demo; then
	echo "ok - a real call passes, its media outlives the daemon, attacks are refused"
else
	echo "not ok - the demonstration"
	exit 1
fi
