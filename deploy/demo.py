# SPDX-License-Identifier: MIT
"""demo - three relays and a receiver on this host, and messages that cross
them.

  in   the folder of govrelayd and govrelay; --once
  out  each step of each message as the taps saw it; the rows that arrived;
       exit code 0 only if everything has arrived
  owns four daemons and a temporary directory; both are gone at the end

  C --dials--> B --dials--> A --HTTP--> receiver (SQLite)

Messages are handed to C, two hops away from A, the only one that forwards.

Next on the tour: supervisor/main.c
"""
import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import zmq

ARRIVE_S = 30   # for everything to arrive
START_S = 30    # for a daemon to be ready
STOP_S = 12     # a daemon promises 10
PORTS = {"A": 18743, "B": 18744, "C": 18745, "receiver": 8080}
QUALIFICATION = {
    "contact_info": {"contact_email": "ops@example.com"},
    "hashpower_proof": {"percentage": 35.0, "time_period_days": 30},
}
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


class Failed(Exception):
    """Why the demonstration cannot go on, in a sentence."""


def say(text=""):
    print(text, flush=True)


def die_with_us():
    """In the child: whatever becomes of us, it does not stay behind."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def environment(**changes):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("GOVRELAY_")}
    return dict(kept, **changes)


def listen_address(name):
    """The usual port of NAME, or any other."""
    port = PORTS[name]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            say("port %d is busy: %s takes another" % (port, name))
            port = 0
    return "127.0.0.1:%d" % port


class Daemon:
    """A govrelayd, its log and its tap."""

    def __init__(self, name, folder, program, words, env, context):
        self.name = name
        self.datadir = os.path.join(folder, name)
        self.lines = []
        self.changed = threading.Condition()
        # The tap first: it connects as soon as there is one, and so shows
        # everything.
        self.tap = context.socket(zmq.SUB)
        self.tap.set(zmq.RECONNECT_IVL, 10)
        self.tap.subscribe("")
        self.tap.connect("ipc://%s/regtest/tap" % self.datadir)
        self.process = subprocess.Popen(
            [program, "--network", "regtest", "--datadir", self.datadir,
             *words],
            env=environment(**env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=die_with_us)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with self.process.stdout:
            for line in self.process.stdout:
                with self.changed:
                    self.lines.append(line.decode("utf-8", "replace"))
                    self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_log(self, pattern):
        found = []

        def look():
            found[:] = filter(None, (re.search(pattern, line)
                                     for line in self.lines))
            return found or not self.reader.is_alive()

        with self.changed:
            self.changed.wait_for(look, START_S)
        if not found:
            raise Failed("%s did not start; it said:\n%s" % (
                self.name, "".join(self.lines[-20:]).rstrip()))
        return found[0]

    def start(self):
        """Waits until it is ready; sets `address`."""
        self.wait_log("SUPERVISOR-READY")
        self.address = self.wait_log(
            r"(?:INGRESS|RECEIVER)-LISTEN address=(\S+)").group(1)
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_stopped(self):
        """Whether it ended as it should."""
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.reader.join()
        self.tap.close(linger=0)
        if code != 0:
            say("%s ended with %s; it said:\n%s" % (
                self.name, code, "".join(self.lines[-20:]).rstrip()))
        return code == 0


class Demo:
    def __init__(self, bin_folder):
        self.bin = bin_folder
        self.folder = tempfile.mkdtemp(prefix="govrelay-demo-")
        self.context = zmq.Context()
        self.poller = zmq.Poller()
        self.daemons = []
        self.events = []    # (name of the daemon, event)

    # -- the stage

    def launch(self, name, *words, **env):
        daemon = Daemon(name, self.folder,
                        os.path.join(self.bin, "govrelayd"), words, env,
                        self.context)
        self.daemons.append(daemon)
        self.poller.register(daemon.tap, zmq.POLLIN)
        return daemon.start()

    def relay(self, name, *words):
        return self.launch(
            name, "--node.listen=" + listen_address(name),
            "--gossip.own_delay=false", "--gossip.trickle_ms=20", *words)

    def start(self):
        key = secrets.token_hex(32)
        self.receiver = self.launch(
            "receiver", "--stages", "receiver,tap",
            "--receiver.listen=" + listen_address("receiver"),
            INTERNAL_API_KEY=key)
        self.a = self.relay(
            "A", "--governance.enabled=true",
            "--governance.commons_url=http://%s/api" % self.receiver.address,
            "--governance.api_key_file=" + self.write("api-key", key))
        self.b = self.relay("B", "--node.peers=" + self.a.address)
        self.c = self.relay("C", "--node.peers=" + self.b.address)
        self.wait("the line C-B-A does not stand", lambda: all(
            self.seen(name, "registry.peer.connected") >= count
            for name, count in (("A", 1), ("B", 2), ("C", 1))))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600),
                  "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def tool(self, *words):
        done = subprocess.run(
            [os.path.join(self.bin, "govrelay"), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(), timeout=2 * ARRIVE_S)
        text = done.stdout.decode()
        if done.returncode != 0:
            raise Failed("govrelay %s: %s" % (words[0], text.rstrip()))
        return text

    # -- the taps

    def take(self, wait_ms):
        """Takes what the taps show."""
        shown = self.poller.poll(wait_ms)
        while shown:
            for tap, _ in shown:
                topic, body, _ = tap.recv_multipart()
                event = dict(json.loads(body), topic=topic.decode())
                name = next(daemon.name for daemon in self.daemons
                            if daemon.tap is tap)
                if event["topic"] != "tap.tick":
                    self.events.append((name, event))
            shown = self.poller.poll(0)

    def wait(self, otherwise, condition, within=ARRIVE_S):
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                raise Failed("%s within %d s" % (otherwise, within))
            self.take(100)

    def seen(self, name, topic, **fields):
        return sum(
            daemon == name and event["topic"].startswith(topic)
            and all(event.get(key) == value for key, value in fields.items())
            for daemon, event in self.events)

    # -- the play

    def make_messages(self):
        """Signs one of each kind. Sets `messages`: (command, file)."""
        key = os.path.join(self.folder, "key")
        self.public_key = json.loads(self.tool(
            "key", "new", "--network", "regtest", "--json",
            key))["public_key"]
        data = self.write("qualification.json", json.dumps(QUALIFICATION))
        signed = [
            ("registration", "--type", "mining_pool", "--name", "Demo Pool",
             "--qualification", data),
            ("veto", "--pr", "123", "--signal", "veto"),
            ("fork", "--ruleset", "core-27.0", "--reason", "tested"),
        ]
        self.files = [self.write(words[0] + ".json", self.tool(
            "sign", *words, "--key", key)) for words in signed]

    def send(self):
        """Hands all to C. Sets `sent`: (command, gov_id, payload)."""
        said = self.tool("send", "--network", "regtest", "--json",
                         self.c.address, *self.files)
        self.sent = []
        for line, path in zip(said.splitlines(), self.files):
            answer = json.loads(line)
            with open(path, encoding="utf-8") as file:
                payload = file.read().rstrip("\n")
            self.sent.append((answer["command"], answer["gov_id"], payload))

    def wait_arrival(self):
        for command, gov_id, _ in self.sent:
            self.wait("%s %.12s did not arrive" % (command, gov_id), lambda:
                      self.seen("receiver", "receiver.stored", gov_id=gov_id)
                      and self.seen("A", "forwarder.delivered",
                                    gov_id=gov_id))

    def ask_status(self):
        self.status = self.tool("status", "--network", "regtest",
                                self.c.address, "--public-key",
                                self.public_key)
        # C passes the question on, and the answer back: both are sent.
        self.wait("the taps did not show the question and its answer",
                  lambda: self.seen("C", "ingress.sent.econstatus") >= 2
                  and self.seen("receiver", "receiver.answered"))

    # -- what is shown

    def show_steps(self, title, belongs):
        steps = sorted(((event["time"], name, event)
                        for name, event in self.events if belongs(event)),
                       key=lambda step: step[0])
        say("\n" + title)
        say("  %9s  %-8s  %-20s  %-12s  %s" % (
            "ms", "who", "step", "gov_id", "verdict"))
        for at, name, event in steps:
            stage, step = event["topic"].split(".")[:2]
            say("  %9.1f  %-8s  %-20s  %-12.12s  %s" % (
                (at - steps[0][0]) / 1000, name, stage + "." + step,
                event.get("gov_id", ""), event.get("verdict", "")))

    def show_messages(self):
        for command, gov_id, payload in self.sent:
            self.show_steps(
                "%s %s" % (command, gov_id), lambda event:
                event.get("gov_id") == gov_id
                or event.get("message") == payload)

    def show_status(self):
        self.show_steps("econstatus, the question and its answer",
                        lambda event: event.get("command") == "econstatus")
        say("\nwhat C was answered")
        for line in self.status.splitlines():
            say("  " + line)

    def show_rows(self):
        path = os.path.join(self.receiver.datadir, "regtest", "commons.db")
        say("\nthe database, " + path)
        database = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        for sql in ("SELECT substr(lower(hex(gov_id)), 1, 12) AS gov_id,"
                    " command, message_id, answer FROM messages",
                    "SELECT node_id, node_type, entity_name, status,"
                    " weight_ppm FROM nodes",
                    "SELECT pr_id, signal_type, outcome, node_id"
                    " FROM signals",
                    "SELECT ruleset, outcome, node_id FROM decisions"):
            rows = database.execute(sql)
            say("  %s: %s" % (sql.split()[-1], ", ".join(
                column[0] for column in rows.description)))
            for row in rows:
                say("    " + "  ".join(map(str, row)))
        stored = {row[0] for row in database.execute(
            "SELECT lower(hex(gov_id)) FROM messages")}
        database.close()
        for command, gov_id, _ in self.sent:
            if gov_id not in stored:
                raise Failed("%s %.12s is not in the database" % (command,
                                                                  gov_id))

    def show_what_next(self):
        tool = os.path.abspath(os.path.join(self.bin, "govrelay"))
        key = os.path.join(self.folder, "key")
        say("\nIt stays up until Ctrl-C. In another terminal, try:\n")
        say("  # watch a relay at work (A, B, C or receiver)")
        say("  %s tap --network regtest --datadir %s" % (tool,
                                                         self.b.datadir))
        say("  # change the vote; see it cross B, A and reach the receiver")
        say("  %s sign veto --pr 123 --signal support --key %s \\\n"
            "    | %s send --network regtest --confirm %s %s" % (
                tool, key, tool, self.a.address, self.c.address))
        say("  # send junk: what would a relay say?")
        say("  echo '{}' | %s verify --command econveto" % tool)
        say("  # ask C for the node; the answer comes from the receiver")
        say("  %s status --network regtest %s --id 1" % (tool,
                                                         self.c.address))
        say("  # look into the database")
        say("  /usr/bin/python3 -c \"import sqlite3; print(*sqlite3.connect("
            "'file:%s/regtest/commons.db?mode=ro', uri=True).execute("
            "'SELECT * FROM signals'), sep='\\n')\"" % self.receiver.datadir)
        say("  curl -s http://%s/api/internal/health" % self.receiver.address)

    def play(self):
        began = time.monotonic()
        self.start()
        say("up in %.1f s: C %s -> B %s -> A %s -> receiver http://%s" % (
            time.monotonic() - began, self.c.address, self.b.address,
            self.a.address, self.receiver.address))
        self.make_messages()
        self.send()
        self.wait_arrival()
        self.ask_status()
        self.show_messages()
        self.show_status()
        self.show_rows()
        say("\nEverything has arrived, once.")

    def stay(self):
        """Until Ctrl-C, or until a daemon ends."""
        while True:
            self.take(500)
            self.events.clear()
            for daemon in self.daemons:
                if daemon.process.poll() is not None:
                    raise Failed("%s has ended" % daemon.name)

    def end(self):
        """Whether all daemons ended as they should."""
        for daemon in reversed(self.daemons):
            daemon.stop()
        good = [daemon.wait_stopped() for daemon in self.daemons]
        self.context.destroy(linger=0)
        shutil.rmtree(self.folder)
        return all(good)


def interrupt(number, frame):
    raise KeyboardInterrupt


def main():
    once = "--once" in sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    demo = Demo(sys.argv[1])
    code = 0
    try:
        demo.play()
        if not once:
            demo.show_what_next()
            demo.stay()
    except KeyboardInterrupt:
        say("\nstopping")
        code = 130 if once else 0
    except (Failed, subprocess.TimeoutExpired) as problem:
        say("\nFAILED: %s" % problem)
        code = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # nothing stays behind
            signal.signal(number, signal.SIG_IGN)
        if not demo.end():
            code = code or 1
    sys.exit(code)


if __name__ == "__main__":
    main()
