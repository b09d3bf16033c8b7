#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every reason of reason.def is raised by the program and asserted, by its enum name, in a test."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def code(path):
    """Without comments and strings: what is only spoken of is not tested."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', text)


def asserted(text):
    """Names of reasons; an assignment alone asserts nothing."""
    names = set()
    for hit in re.finditer(r"\bREASON_([a-z0-9_]+)\b", text):
        before = text[:hit.start()].rstrip()
        if not re.search(r"(\breturn|[^=!<>]=)$", before):
            names.add(hit.group(1))
    # Macros that paste the name: BAD(text, sip_bad_header).
    if "REASON_##" in text:
        names |= set(re.findall(r"[(,]\s*([a-z0-9_]+)\s*[,)]", text))
    return names


def by_rule():
    """Reasons of MGCP's table of anomalies: raised where the code names their rule."""
    folder = ROOT / "user/proto/mgcp"
    rules = re.findall(r"^MGCP_ANOMALY\((\w+),\s*(\w+),", (folder / "mgcp_anomalies.def").read_text(),
                       flags=re.M)
    text = "".join(code(path) for path in folder.glob("*.c"))
    return {reason for rule, reason in rules if f"MGCP_ANOMALY_{rule}" in text}


def main():
    reasons = re.findall(r"^REASON\((\w+),", (ROOT / "include/ringfence/reason.def").read_text(),
                         flags=re.M)
    raised, tested = set(), set()
    for room in ("user", "bpf", "include"):
        for path in sorted((ROOT / room).rglob("*.[ch]")):
            raised |= set(re.findall(r"\bREASON_([a-z0-9_]+)\b", code(path)))
    raised |= by_rule()
    for path in sorted((ROOT / "tests").glob("*/*_test.c")):
        tested |= asserted(code(path))
    bad = 0
    for name in reasons:
        if name not in raised:
            print(f"not ok - {name} is raised by nothing")
            bad += 1
        elif name not in tested:
            print(f"not ok - {name} has no test that asserts REASON_{name}")
            bad += 1
    if not reasons:
        print("not ok - reason.def has no reasons")
        bad += 1
    if not bad:
        print(f"ok - each of {len(reasons)} reasons is raised and tested")
    return 1 if bad else 0


sys.exit(main())
