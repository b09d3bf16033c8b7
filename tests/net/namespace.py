# SPDX-License-Identifier: MIT
"""A piece of a test that runs in a network namespace of its run."""
import ctypes
import os


def in_namespace(name, work):
    """Runs work() in the namespace, in a process of its own; its pid. Status 0: work() was true."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with open(f"/run/netns/{name}", encoding="ascii") as there:
                if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0):
                    raise OSError(ctypes.get_errno(), "setns")
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return pid
