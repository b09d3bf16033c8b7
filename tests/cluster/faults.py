# SPDX-License-Identifier: MIT
"""What may happen to a member, one function each, and what is measured around it."""
import dataclasses
import signal
import time

from load import Load, build, summary
from world import World

STALL_S, DIVIDED_S = 5, 3


def kill_daemon(world, active, _other):
    active.parts["daemon"].send(signal.SIGKILL)


def kill_corosync(_world, active, _other):
    active.parts["corosync"].send(signal.SIGKILL)


def kill_everything(_world, active, _other):
    """All its processes at once; the kernel lives on, with its programs and addresses."""
    active.kill_all()


def kill_host(world, active, _other):
    """The power goes: no frame leaves it any more, and nothing remembers."""
    world.cable(active, ("in0", "out0", "core0"), "down")
    active.kill_all()
    active.powerless = True


def link_phones(world, active, _other):
    world.cable(active, ("in0",), "down")


def link_pbx(world, active, _other):
    world.cable(active, ("out0",), "down")


def stop(world, active, _other):
    """As the service manager stops a host: last started, first stopped."""
    for part in reversed(world.parts):
        active.parts[part].end(signal.SIGTERM)


def leave(_world, _active, other):
    """Before the load starts: the other member is not there."""
    other.kill_all()


def join(_world, _active, other):
    other.hold()
    other.start_all()


def stall(_world, active, _other):
    active.parts["daemon"].send(signal.SIGSTOP)
    time.sleep(STALL_S)
    active.parts["daemon"].send(signal.SIGCONT)


def stall_standby(_world, _active, other):
    other.parts["daemon"].send(signal.SIGSTOP)
    time.sleep(STALL_S)
    other.parts["daemon"].send(signal.SIGCONT)


def partition(world, _active, _other):
    world.divide(True)
    time.sleep(DIVIDED_S)
    world.divide(False)


def nothing(_world, _active, _other):
    """What the machine does by itself: the figures of the others are read beside these."""


@dataclasses.dataclass
class Fault:
    happens: object
    needs_daemon: bool = False
    before: object = None       # done before the calls are made
    lasts: float = 0            # how much of it is part of the fault itself


FAULTS = {
    "nothing": Fault(nothing),
    "daemon": Fault(kill_daemon, needs_daemon=True),
    "corosync": Fault(kill_corosync),
    "everything": Fault(kill_everything),
    "host": Fault(kill_host),
    "link-phones": Fault(link_phones),
    "link-pbx": Fault(link_pbx),
    "stop": Fault(stop),
    "join": Fault(join, before=leave),
    "stall": Fault(stall, needs_daemon=True, lasts=STALL_S),
    "stall-standby": Fault(stall_standby, needs_daemon=True, lasts=STALL_S),
    "partition": Fault(partition, lasts=DIVIDED_S),
}
SHORT = ("daemon", "host", "stop", "partition")


def measure(world, name, calls):
    """One run: a row of figures. The world is whole again afterwards."""
    fault = FAULTS[name]
    window = 5 if world.settings.pace == "subsecond" else 10
    load = Load(world, name, calls)
    try:
        if fault.before:
            fault.before(world, *world.roles())
        world.strangers_forget()
        load.start_calls()
        load.start_media()
        load.start_stranger()
        load.start_probe()
        time.sleep(1.5)
        # Who is active is asked late: a busy machine may have moved the addresses meanwhile.
        roles = world.roles()
        load.tell_media("mark")
        began = time.time()
        fault.happens(world, *roles)
        took = time.time() - began
        time.sleep(window)
        row = {"passed_until": {"talk": world.strangers_passed()}}
        judge_run(world, load, row, (began, fault.lasts))
        row.update(fault=name, deed_ms=round(took * 1000),
                   strangers_passed=world.strangers_passed())
    finally:
        load.stop()
    heal(world)
    return row


def judge_run(world, load, row, when):
    """Ends the calls, and writes down how they fared."""
    renewed = load.renew()
    row["passed_until"]["renewed"] = world.strangers_passed()
    streams, late = load.stop_media()
    ended = load.end()
    asked, refused, slow = load.stop_probe()
    sent = load.stop_stranger()
    rest = rest_of(world, streams, slow, when)
    steady = None if None in rest.values() else max(rest.values())
    half = len(streams) // 2
    silent = sum(a["silent"] or b["silent"] for a, b in zip(streams[:half], streams[half:]))
    row.update({"calls": load.calls, "calls_lost": silent, "renew_failed": renewed,
                "bye_failed": ended, **summary(streams), "asked": asked, "refused": refused,
                "steady_ms": steady, "rest_ms": rest, "sender_late_ms": late,
                "strangers_sent": sent})


def rest_of(world, streams, slow, when):
    """When media, addresses, group and new calls came to rest, ms after the last deed; media that
    never did is None."""
    began, lasts = when
    moved = {"media": [s["lost_at"] for s in streams],
             "addresses": [t for m in world.members for t in m.moves()],
             "group": [t for m in world.members for t, _ in m.changes()],
             "new calls": slow}
    rest = {what: max(0, round(max((t - began - lasts) * 1000 for t in [*times, began] if t)))
            for what, times in moved.items()}
    if any(s["silent"] for s in streams):
        rest["media"] = None
    return rest


def broken(row):
    """What a cluster must keep, in words; packets lost and times are told, not judged: they are the
    machine's as much as ours."""
    return [f"{row[key]} {what}" for key, what in (
        ("calls_lost", "calls lost"), ("renew_failed", "re-INVITEs failed"),
        ("bye_failed", "BYEs failed")) if row[key]]


def intruded(row):
    """What no stranger may reach, in words, with when it happened."""
    until = row["passed_until"]
    return [f"{n} of {row['strangers_sent'][kind]} packets of strangers ({kind}) passed, "
            f"{until['talk'][kind]} in the talk, "
            f"{until['renewed'][kind] - until['talk'][kind]} while re-INVITEs were under way"
            for kind, n in row["strangers_passed"].items() if n]


def heal(world):
    """Whatever was broken is mended, as an operator or a service manager would."""
    world.divide(False)
    for member in world.members:
        if not member.holder.lives():
            if member.powerless:
                member.forget_host()
                member.powerless = False
            member.make()
        world.cable(member, ("in0", "out0", "core0"), "up")
        for part in world.parts:
            if not member.lives(part):
                member.start(part)
    world.wait_steady()


def run_all(settings, tell):
    """A world, every fault that was asked for, and the world taken away, whatever happens."""
    world = World(settings)
    try:
        build()
        world.make()
        world.start_members()
        for name in settings.faults:
            tell({**measure(world, name, settings.calls), "pace": settings.pace,
                  "gateways": settings.gateways, "split": settings.split})
    finally:
        world.unmake()
