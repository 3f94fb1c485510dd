# SPDX-License-Identifier: MIT
"""peer - a Bitcoin peer that no one here wrote: python3-bitcoinlib's messages,
raw frames for what it does not know.

  in   a relay's address, or a relay that dials us
  out  what it sends, by command; whether it is still there
  owns a socket, and a thread that reads from it

Nothing waits without a deadline, nothing sleeps.
"""
import io
import os
import socket
import struct
import threading
import time
from hashlib import sha256

import bitcoin
import bitcoin.messages as messages

bitcoin.SelectParams("regtest")

DEADLINE_S = 20
MAGIC = bitcoin.params.MESSAGE_START
NODE_NETWORK = 1
NODE_GOVERNANCE = 1 << 29
FEATURE_ID = b"econ-relay"
GOVERNANCE = ("econreg", "econveto", "econfork", "econstatus")


def frame(command, payload=b"", magic=MAGIC, checksum=None, length=None):
    """A v1 message; MAGIC, CHECKSUM and LENGTH can be made wrong."""
    command = command.encode() if isinstance(command, str) else command
    if checksum is None:
        checksum = sha256(sha256(payload).digest()).digest()[:4]
    if length is None:
        length = len(payload)
    return magic + struct.pack("<12sI4s", command, length, checksum) + payload


def feature(name=FEATURE_ID, data=struct.pack("<BQ", 1, 0)):
    """The payload of a `feature` message (PROTOCOL 2.3)."""
    return bytes([len(name)]) + name + bytes([len(data)]) + data


class Peer:
    """One connection. It pongs by itself, unless told not to."""

    def __init__(self, sock, version=70017, services=NODE_GOVERNANCE,
                 announce=True):
        self.socket = sock
        self.version = version
        self.services = services
        self.announce = announce
        self.pongs = True
        self.inbox = []         # (command, payload), as they came
        self.closed = False     # the other side hung up
        self.error = None       # what was wrong with what it sent
        self.changed = threading.Condition()
        sock.settimeout(None)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @classmethod
    def dial(cls, address, shake=True, **options):
        host, port = address.rsplit(":", 1)
        peer = cls(socket.create_connection(
            (host.strip("[]"), int(port)), timeout=DEADLINE_S), **options)
        try:
            if shake:
                peer.shake_hands()
        except (OSError, AssertionError):
            peer.close()
            raise
        return peer

    # -- what comes in

    def _receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(min(size - len(data), 1 << 16))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _receive_message(self):
        header = self._receive_exactly(24)
        magic, name, length, checksum = struct.unpack("<4s12sI4s", header)
        assert magic == MAGIC, "magic %s" % magic.hex()
        assert length <= 4000000, "length %d" % length
        payload = self._receive_exactly(length)
        assert checksum == sha256(sha256(payload).digest()).digest()[:4]
        command = name.rstrip(b"\0")
        if command in messages.messagemap:  # can others read it?
            messages.MsgSerializable.from_bytes(header + payload)
        return command.decode("ascii"), payload

    def _read(self):
        try:
            while True:
                command, payload = self._receive_message()
                if command == "ping" and self.pongs:
                    self.send("pong", payload)
                with self.changed:
                    self.inbox.append((command, payload))
                    self.changed.notify_all()
        except (EOFError, OSError):
            pass
        except Exception as error:  # noqa: shown by whoever waits
            self.error = error
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait_until(self, what, condition, within=DEADLINE_S):
        with self.changed:
            done = self.changed.wait_for(
                lambda: condition() or self.error, within)
        assert self.error is None, "peer: %r" % self.error
        assert done, "peer: no %s in %s s; it sent %s%s" % (
            what, within, [command for command, _ in self.inbox],
            ", and hung up" if self.closed else "")

    def received(self, *commands):
        """Payloads so far of these commands."""
        with self.changed:
            return [payload for command, payload in self.inbox
                    if command in commands]

    def wait(self, command, count=1, within=DEADLINE_S):
        """The COUNT-th payload of COMMAND."""
        self.wait_until("%s (%d)" % (command, count), lambda: sum(
            name == command for name, _ in self.inbox) >= count
            or self.closed, within)
        found = self.received(command)
        assert len(found) >= count, "peer: it hung up, %s" % [
            name for name, _ in self.inbox]
        return found[count - 1]

    def wait_payload(self, payload, within=DEADLINE_S):
        self.wait_until("%.120s" % payload, lambda: any(
            got == payload for _, got in self.inbox), within)

    def wait_closed(self, within=DEADLINE_S):
        self.wait_until("end", lambda: self.closed, within)

    # -- what goes out

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, command, payload=b""):
        self.send_raw(frame(command, payload))

    def send_message(self, message):
        """A sign.Message."""
        self.send(message.command, message.payload)

    def say_version(self, nonce=None):
        version = messages.msg_version()
        version.nVersion = self.version
        version.nServices = self.services
        version.nTime = int(time.time())
        version.nNonce = nonce or int.from_bytes(os.urandom(8), "big") | 1
        version.strSubVer = b"/scenario:1/"
        version.nStartingHeight = 0
        version.fRelay = False
        self.send_raw(version.to_bytes())

    def their_version(self):
        return messages.msg_version.msg_deser(
            io.BytesIO(self.wait("version")))

    def shake_hands(self, accepting=False):
        """From the first byte to both veracks."""
        if accepting:
            self.wait("version")
        self.say_version()
        theirs = self.their_version()
        if min(self.version, theirs.nVersion) >= 70017 and self.announce:
            self.send("feature", feature())
        self.send_raw(messages.msg_verack().to_bytes())
        self.wait("verack")
        return self

    def barrier(self, within=DEADLINE_S):
        """PROTOCOL 1.9: when the pong is there, all before it was judged."""
        nonce = os.urandom(8)
        self.send("ping", nonce)
        self.wait_until("pong", lambda: ("pong", nonce) in self.inbox
                        or self.closed, within)
        assert ("pong", nonce) in self.inbox, "peer: it hung up on us"

    def governance(self):
        """Everything of governance that it sent."""
        return self.received(*GOVERNANCE)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join(DEADLINE_S)
        self.socket.close()


class Listener:
    """Where a relay can dial us."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(DEADLINE_S)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def accept(self, **options):
        sock, _ = self.socket.accept()
        return Peer(sock, **options).shake_hands(accepting=True)

    def close(self):
        self.socket.close()
