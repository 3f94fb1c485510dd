# SPDX-License-Identifier: MIT
"""relay - starts and stops the built programs, and says when they misbehaved.

  in   GOVRELAY_BIN, the folder of govrelayd and govrelay
  out  running daemons with their log and tap; the rows of a receiver
  owns processes, and a temporary directory for each test

Every test ends with an orderly stop of all that it started: exit code 0, no
line `broken`, nothing from a sanitizer. A `shape` says how a daemon is run;
so far there is one, threads.

Next on the tour: tests/scenario/test_path.py
"""
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from peer import Listener, Peer
from tapclient import Tap

BIN = os.environ.get("GOVRELAY_BIN", "build/bin")
LONG = bool(os.environ.get("GOVRELAY_LONG"))
DEADLINE_S = 20
STOP_S = 10     # what the architecture grants a daemon
SLOW_S = 10     # what a sanitizer may need on top, to look for leaks

PR_SET_PDEATHSIG = 1

SHAPES = {"threads": []}

# Its time is looked at before its signature: it costs its sender nothing.
STALE_VOTE = (b'{"public_key":"02' + b"11" * 32 + b'","pr_id":1,'
              b'"signal_type":"veto","timestamp":1,"signature":"'
              + b"11" * 64 + b'","message_id":"%s"}')

BAD_LINE = re.compile(
    r"^\S+Z broken |ERROR: \w+Sanitizer|WARNING: \w+Sanitizer"
    r"|: runtime error: |Assertion .* failed")


def environment(**changes):
    """Ours, less what would configure a daemon."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("GOVRELAY_")
            and name not in ("COMMONS_API_KEY", "INTERNAL_API_KEY")}
    return dict(kept, **changes)


libc = ctypes.CDLL(None)


def die_with_us():
    """In the child: if a test is killed, its daemons do not stay behind."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_address():
    """A place to listen for one who must keep it over restarts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return "127.0.0.1:%d" % server.getsockname()[1]


def flag(name, value):
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, (list, tuple)):
        value = ",".join(value)
    return "--%s=%s" % (name, value)


class Daemon:
    """A govrelayd with a datadir of its own."""

    options = {
        "node.listen": "127.0.0.1:0",
        "gossip.own_delay": False,
        "gossip.trickle_ms": 0,
        "verifier.workers": 1,
    }
    ready = "SUPERVISOR-READY"

    def __init__(self, folder, options=None, stages=None, env=None,
                 shape="threads"):
        self.name = os.path.basename(folder)
        self.datadir = folder
        self.flags = dict(self.options, **(options or {}))
        self.words = SHAPES[shape] + (
            ["--stages", ",".join(stages)] if stages else [])
        self.env = env or {}
        self.tap_endpoint = "ipc://%s/regtest/tap" % folder
        self.process = None
        self.tap = None
        self.address = None
        self.lines = []
        self.changed = threading.Condition()

    # -- life

    def command(self):
        return ([os.path.join(BIN, "govrelayd"), "--network", "regtest",
                 flag("node.datadir", self.datadir)] + self.words
                + [flag(*item) for item in self.flags.items()])

    def launch(self):
        """Starts the process and waits for nothing."""
        self.lines_before = len(self.lines)
        self.process = subprocess.Popen(
            self.command(), env=environment(**self.env),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=die_with_us)
        self.reader = threading.Thread(
            target=self._read, args=(self.process,), daemon=True)
        self.reader.start()
        return self

    def start(self):
        """Starts it; when it returns the stages are ready, the tap shows
        everything, and `address` is where it listens."""
        if self.tap:
            self.tap.close()
        self.tap = Tap(self.tap_endpoint)
        self.launch()
        self.wait_log(self.ready)
        self.find_address()
        self.prove_tap()
        return self

    def find_address(self):
        line = self.wait_log(r"INGRESS-LISTEN address=(\S+)")
        self.address = line.group(1)
        self.flags["node.listen"] = self.address  # the same after a restart

    def prove_tap(self):
        """Subscriptions travel by themselves, and nobody says when they are
        there: stale votes are sent until one shows."""
        deadline = time.monotonic() + DEADLINE_S
        prober = Peer.dial(self.address, announce=False, services=0)
        shown = False
        while not shown:
            assert time.monotonic() < deadline, "the tap shows nothing"
            probe = STALE_VOTE % os.urandom(8).hex().encode()
            prober.send("econveto", probe)
            prober.barrier()
            soon = time.monotonic() + 0.1
            while not shown and self.tap.receive(soon):
                shown = self.tap.find("verifier.ignored",
                                      message=probe.decode())
        prober.close()
        self.tap.events.clear()

    def _read(self, process):
        with process.stdout:
            for line in process.stdout:
                with self.changed:
                    self.lines.append(line.decode("utf-8",
                                                  "replace").rstrip())
                    self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_log(self, pattern, within=DEADLINE_S):
        """The first line of this life that has PATTERN."""
        found = []

        def look():
            found[:] = filter(None, (re.search(pattern, line) for line
                                     in self.lines[self.lines_before:]))
            return found or not self.reader.is_alive()

        with self.changed:
            self.changed.wait_for(look, within)
        assert found, "%s: no %s in its log%s:\n%s" % (
            self.name, pattern, "" if self.reader.is_alive()
            else "; it ended with %s" % self.process.wait(), self.log())
        return found[0]

    def wait_exit(self, within=DEADLINE_S):
        code = self.process.wait(within)
        self.reader.join(DEADLINE_S)
        return code

    def kill(self):
        """As the power going: nothing is put in order."""
        self.process.kill()
        self.wait_exit()
        self.process = None

    def roll(self):
        """Every stage is stopped and started, one after the other, while the
        others run."""
        done = sum("SUPERVISOR-ROLLED" in line for line in self.lines)
        self.process.send_signal(signal.SIGUSR1)
        with self.changed:
            ended = self.changed.wait_for(lambda: sum(
                "SUPERVISOR-ROLLED" in line for line in self.lines) > done
                or not self.reader.is_alive(), 3 * DEADLINE_S)
        assert ended and self.reader.is_alive(), \
            "%s: not all stages came back:\n%s" % (self.name, self.log())

    def stop(self):
        """An orderly stop. Returns the seconds that it took."""
        process, self.process = self.process, None
        if process is None:
            return 0
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_S + SLOW_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = "none within %d s of SIGTERM" % (STOP_S + SLOW_S)
        self.reader.join(DEADLINE_S)
        assert code == 0, "%s: exit code %s\n%s" % (
            self.name, code, self.log())
        return time.monotonic() - began

    def check_log(self):
        bad = [line for line in self.lines if BAD_LINE.search(line)]
        assert not bad, "%s: %s\n%s" % (self.name, bad[0], self.log())

    def end(self):
        try:
            self.stop()
        finally:
            if self.tap:
                self.tap.close()
                self.tap = None
        self.check_log()

    def log(self, last=80):
        return "\n".join("%s| %s" % (self.name, line)
                         for line in self.lines[-last:])


class Receiver(Daemon):
    """The receiving end, on SQLite."""

    options = {"receiver.listen": "127.0.0.1:0"}
    api_key = "scenario-key"

    def __init__(self, folder, options=None, **rest):
        super().__init__(folder, options, stages=["receiver", "tap"],
                         env={"INTERNAL_API_KEY": self.api_key}, **rest)

    def find_address(self):
        self.address = self.wait_log(
            r"RECEIVER-LISTEN address=(\S+)").group(1)
        self.flags["receiver.listen"] = self.address

    def prove_tap(self):
        deadline = time.monotonic() + DEADLINE_S
        shown = False
        while not shown:
            assert time.monotonic() < deadline, "the tap shows nothing"
            probe = "probe " + os.urandom(8).hex()
            self.post("veto", probe.encode())
            soon = time.monotonic() + 0.1
            while not shown and self.tap.receive(soon):
                shown = self.tap.find("receiver.rejected", message=probe)
        self.tap.events.clear()

    @property
    def url(self):
        return "http://%s/api" % self.address

    def curl(self, path, *words, body=None):
        """One exchange: status, headers in lower case, body."""
        done = subprocess.run(
            ["curl", "-sSi", "--max-time", str(DEADLINE_S), "--noproxy", "*"]
            + (["--data-binary", "@-"] if body is not None else [])
            + list(words) + ["http://%s%s" % (self.address, path)],
            input=body, stdout=subprocess.PIPE, check=True)
        rest = done.stdout
        while True:  # past "100 Continue"
            head, _, rest = rest.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            status = int(lines[0].split()[1])
            if status != 100:
                break
        headers = dict(re.split(r":\s*", line.lower(), maxsplit=1)
                       for line in lines[1:])
        return status, headers, rest

    def post(self, what, body, *words, key=True, kind="application/json"):
        words = ["-H", "Content-Type: %s" % kind, *words]
        if key:
            words += ["-H", "X-API-Key: %s" % self.api_key]
        return self.curl("/api/internal/governance/" + what, *words,
                         body=body)

    def rows(self, table="messages"):
        """All rows of a table of the database, as dictionaries."""
        path = os.path.join(self.datadir, "regtest", "commons.db")
        database = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        database.row_factory = sqlite3.Row
        try:
            return [dict(row) for row
                    in database.execute("SELECT * FROM " + table)]
        finally:
            database.close()

    def gov_ids(self):
        """The gov_id of every stored message, in hex, sorted."""
        return sorted(row["gov_id"].hex() if isinstance(row["gov_id"], bytes)
                      else row["gov_id"] for row in self.rows())


class Scenario(unittest.TestCase):
    """A test with a private directory, and daemons that are stopped and
    checked whatever happens."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="govrelay-")
        self.daemons = []
        self.peers = []
        self.addCleanup(self._clean)

    def _clean(self):
        problems = []
        for peer in self.peers:
            peer.close()
        for daemon in reversed(self.daemons):
            try:
                daemon.end()
            except AssertionError as problem:
                problems.append(str(problem))
        shutil.rmtree(self.folder)
        assert not problems, "\n".join(problems)

    def run(self, result=None):
        def bad():
            return len(result.failures) + len(result.errors)
        before = bad()
        self.daemons = []
        super().run(result)
        if bad() > before:
            for daemon in self.daemons:
                print(daemon.log(), file=sys.stderr)

    # -- what tests are made of

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(self.path(name), mode)
        return self.path(name)

    def daemon(self, name, options=None, kind=Daemon, **rest):
        """A daemon that is not started yet."""
        daemon = kind(self.path(name), options, **rest)
        self.daemons.append(daemon)
        return daemon

    def relay(self, name, peers=(), options=None, **rest):
        """A running relay, connected to the relays PEERS."""
        options = dict(options or {})
        if peers:
            options["node.peers"] = [peer.address for peer in peers]
        relay = self.daemon(name, options, **rest).start()
        for peer in peers:
            relay.tap.wait("registry.peer.connected", subject=peer.address)
        return relay

    def receiver(self, name="receiver", options=None):
        return self.daemon(name, options, kind=Receiver).start()

    def forwarding(self, receiver):
        """The options of relay mode, towards RECEIVER."""
        return {
            "governance.enabled": True,
            "governance.commons_url": receiver.url,
            "governance.api_key_file": self.write("api-key",
                                                  Receiver.api_key),
        }

    def peer(self, relay, **options):
        peer = Peer.dial(relay.address, **options)
        self.peers.append(peer)
        return peer

    def listener(self):
        listener = Listener()
        self.addCleanup(listener.close)
        return listener

    def tool(self, *words, code=0, text=None, env=None):
        """Runs govrelay; returns what it said. CODE is what it must end
        with."""
        done = subprocess.run(
            [os.path.join(BIN, "govrelay"), *map(str, words)], input=text,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(**(env or {})), timeout=60)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, code, "govrelay %s: %s" % (
            " ".join(map(str, words)), said + done.stdout.decode()))
        self.assertIsNone(BAD_LINE.search(said), said)
        self.said = said
        return done.stdout.decode()

    def tool_json(self, *words, **rest):
        return json.loads(self.tool(*words, **rest))
