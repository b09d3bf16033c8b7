#!/bin/sh
# The demonstration is a test: each of its steps is seen, or it fails; over native XDP and over its
# TC twin alike.
cd "$(dirname "$0")/../.." || exit 1
failed=0
for mode in tc native; do
	if scripts/demo --mode "$mode"; then
		echo "ok - over $mode a call passes, its media outlives the daemon, attacks are refused"
	else
		echo "not ok - the demonstration over $mode"
		failed=1
	fi
done
exit $failed
