#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run a command of which nothing is left, however it or this program ends.

    guard.py COMMAND [ARGS...]

Whatever the command starts is ended with it, in whatever session or process group it hides, and all
that it keeps in $TMPDIR goes. That holds when the command ends, when this program gets SIGINT, SIGTERM,
SIGHUP or SIGQUIT, and when it is killed by SIGKILL: the work is done by a child, a "subreaper" that adopts
every orphan, and notices by a pipe that its parent is gone. Should the child be killed, the parent does it.

A script puts itself into one by

    [ "${RIG_GUARDED:-}" = $$ ] || exec guard.py "$0" "$@"

Exit code: the command's, or 128 and the signal's number.
"""
import ctypes
import os
import select
import shutil
import signal
import sys
import tempfile
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
PR_SET_CHILD_SUBREAPER = 36
# Seconds that a process may take to end of its own accord, and until a killed one is given up.
GRACE = 3
LIMIT = 20


def adopt_orphans():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def descendants():
    """All that live below this process, children and children's children."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stat:
                    state, parent = stat.read().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state != b"Z":
                children.setdefault(int(parent), []).append(int(entry))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def reap():
    """Collect who has ended: {pid: status}."""
    ended = {}
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            ended[pid] = status
    except ChildProcessError:
        pass
    return ended


def end_all(grace):
    """End every descendant: by SIGTERM, and after so many seconds by SIGKILL."""
    start = time.monotonic()
    asked = set()
    while True:
        reap()
        left = descendants()
        waited = time.monotonic() - start
        if not left or waited > LIMIT:
            return
        for pid in left:
            try:
                if waited >= grace:
                    os.kill(pid, signal.SIGKILL)
                elif pid not in asked:
                    os.kill(pid, signal.SIGTERM)
                    os.kill(pid, signal.SIGCONT)
                    asked.add(pid)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def code(status):
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def run(argv, tmp):
    """The command, as a child in a session of its own."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    for number in (*SIGNALS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    # The scheduler may take a session for one: then its niceness is what counts.
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write(str(os.getpriority(os.PRIO_PROCESS, 0)))
    except OSError:
        pass
    os.environ.update(TMPDIR=tmp, RIG_GUARDED=str(os.getpid()))
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"guard.py: {argv[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127)


def guardian(argv, tmp, parent):
    """Until the command ends, or the parent does or says so by closing its end of the pipe."""
    os.setsid()
    adopt_orphans()
    wake, wakened = os.pipe()
    os.set_blocking(wakened, False)
    signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
    stop = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in SIGNALS:
        signal.signal(number, lambda number, _: stop.append(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    command = run(argv, tmp)
    status = None
    while status is None and not stop:
        ready, _, _ = select.select([parent, wake], [], [])
        if wake in ready:
            os.read(wake, 512)
            status = reap().get(command)
        if parent in ready:
            stop.append(signal.SIGTERM)
    end_all(0 if status is not None else GRACE)
    shutil.rmtree(tmp, ignore_errors=True)
    return 128 + stop[0] if status is None else code(status)


def main(argv):
    if not argv:
        sys.exit(__doc__)
    adopt_orphans()
    tmp = tempfile.mkdtemp(prefix="sluice.")
    parent, alive = os.pipe()
    got = []

    def stop(number, _):
        if not got:
            os.close(alive)
        got.append(number)

    # Blocked until there is who can act upon them.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    pid = os.fork()
    if not pid:
        os.close(alive)
        os._exit(guardian(argv, tmp, parent))
    os.close(parent)
    for number in SIGNALS:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _, status = os.waitpid(pid, 0)
    end_all(0)
    shutil.rmtree(tmp, ignore_errors=True)
    return 128 + got[0] if got else code(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
