#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A short selection of faults, 50 calls each. First two worlds that are no cluster, which show that
the figures mean something: calls that are lost are seen, and so are strangers that pass."""
import argparse
import os
import shutil
import subprocess
import sys

from faults import SHORT, broken, intruded, run_all
from mgcp import survive_host
from world import Unseen, obey_signals

NEEDED = ("corosync", "keepalived", "sipp", "nft", "ethtool")
passed = failed = 0


def check(sentence, holds, why=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok' if holds else 'not ok'} - {sentence}" + ("" if holds else f": {why}"), flush=True)


def settings_of(gateways, faults, calls, nat=False):
    return argparse.Namespace(faults=faults, calls=calls, pace="subsecond", gateways=gateways,
                              split=False, token=None, nat=nat,
                              patience=8 if gateways == "cluster" else 3)


def rows_of(gateways, faults, calls, nat=False):
    rows = []
    settings = settings_of(gateways, faults, calls, nat)
    try:
        run_all(settings, rows.append)
    except (Unseen, OSError, subprocess.SubprocessError) as error:
        check(f"gateways_{gateways}_can_be_measured", False, error)
    return rows


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [tool for tool in NEEDED if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        print(f"SKIP cluster: needs root and {' '.join(missing)}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    obey_signals()
    for row in rows_of("none", ["host"], 5):
        check("calls_outlive_a_host_without_gateways", not row["calls_lost"], row)
        check("strangers_that_pass_are_counted", all(row["strangers_passed"].values()), row)
    for row in rows_of("alone", ["host"], 5):
        check("calls_lost_are_counted", row["calls_lost"] == row["calls"], row)
        check("a_failed_bye_and_re_invite_are_counted",
              row["renew_failed"] == row["bye_failed"] == row["calls"], row)
    for row in rows_of("cluster", SHORT, 50):
        name = row["fault"].replace("-", "_")
        check(f"no_call_is_lost_by_{name}", not broken(row), "; ".join(broken(row)))
        check(f"no_stranger_passes_during_{name}", not intruded(row), "; ".join(intruded(row)))
        print(f"   {row['lost_max']} packets lost at most of a stream, {row['refused']} of "
              f"{row['asked']} new calls refused, steady after {row['steady_ms']} ms")
    for row in rows_of("cluster", ["host"], 20, nat=True):
        check("no_translated_call_is_lost_by_host", not broken(row), "; ".join(broken(row)))
        print(f"   {row['lost_max']} packets lost at most of a translated stream")
    survive_host(settings_of("cluster", [], 0), 8, check)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


sys.exit(main())
