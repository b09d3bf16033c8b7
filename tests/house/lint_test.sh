#!/bin/sh
# The checks that hold the house up are a test.
cd "$(dirname "$0")/../.." || exit 1
if make --no-print-directory lint; then
	echo "ok - the house stands: sizes, includes, purity, abi, shell, spelling"
else
	echo "not ok - make lint"
	exit 1
fi
