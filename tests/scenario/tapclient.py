# SPDX-License-Identifier: MIT
"""tapclient - listens to a daemon's tap, as any ZeroMQ client may.

  in   topic, body, sequence number from an ipc endpoint
  out  events as dictionaries; an AssertionError when one was lost
  owns a SUB socket
"""
import base64
import json
import struct
import time

import zmq

DEADLINE_S = 20
JUDGES = ("ingress.rejected", "ingress.ignored", "verifier.rejected",
          "verifier.ignored", "dedup.", "gossip.ignored")


class Tap:
    """Connect before the daemon starts and nothing is missed: the socket
    tries until the tap is there."""

    def __init__(self, endpoint, topics=("",)):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.set(zmq.RECONNECT_IVL, 10)
        self.socket.set(zmq.RECONNECT_IVL_MAX, 0)
        self.socket.set(zmq.RCVHWM, 0)
        self.socket.set(zmq.LINGER, 0)
        for topic in topics:
            self.socket.subscribe(topic)
        self.socket.connect(endpoint)
        self.events = []
        self.last = {}
        self.strict = True  # a number that is missing is an error

    def close(self):
        self.socket.close()
        self.context.term()

    def _follow(self, topic, number):
        before = self.last.get(topic, number - 1)
        assert not self.strict or number == (before + 1) % 2 ** 32, \
            "tap: %s went from %s to %s" % (topic, before, number)
        self.last[topic] = number

    def _follow_tick(self, sequences):
        for topic, number in sequences.items():
            last = self.last.get(topic, number)
            assert not self.strict or last == number, \
                "tap: the tick has %s at %s, we are at %s" % (
                    topic, number, self.last[topic])

    def receive(self, deadline):
        """The next event, or None at DEADLINE (time.monotonic)."""
        left = deadline - time.monotonic()
        if not self.socket.poll(max(0, int(left * 1000))):
            return None
        frames = self.socket.recv_multipart()
        assert len(frames) == 3, "tap: %d frames" % len(frames)
        topic, body = frames[0].decode(), json.loads(frames[1])
        self._follow(topic, struct.unpack("<I", frames[2])[0])
        if topic == "tap.tick":
            self._follow_tick({name: last for name, last
                               in body["sequences"].items() if name != topic})
        else:
            self.events.append(dict(body, topic=topic))
        return dict(body, topic=topic)

    def poll(self):
        """All events so far, with whatever has come."""
        while self.receive(time.monotonic()) is not None:
            pass
        return self.events

    def find(self, topic, **fields):
        """All events so far of a topic that begins so, with these fields."""
        return [event for event in self.events
                if event["topic"].startswith(topic)
                and all(event.get(name) == value
                        for name, value in fields.items())]

    def wait(self, topic, count=1, within=DEADLINE_S, **fields):
        """The COUNT-th event of that kind, past or to come."""
        deadline = time.monotonic() + within
        while len(self.find(topic, **fields)) < count:
            assert self.receive(deadline) or time.monotonic() < deadline, \
                "tap: no %s with %s (%d of %d) in %s s; there were: %s" % (
                    topic, fields, len(self.find(topic, **fields)), count,
                    within, sorted({event["topic"] for event in self.events}))
        return self.find(topic, **fields)[count - 1]

    def wait_verdict(self, payload, within=DEADLINE_S):
        """The first verdict on PAYLOAD, wherever it fell."""
        deadline = time.monotonic() + within
        seen = 0
        while True:
            for event in self.events[seen:]:
                if is_verdict_on(event, payload):
                    return event
            seen = len(self.events)
            assert self.receive(deadline) or time.monotonic() < deadline, \
                "tap: no verdict on %.200s" % payload


def is_verdict_on(event, payload):
    """Whether EVENT judges PAYLOAD. One that is too long is not shown, nor is
    one that is empty."""
    if not event["topic"].startswith(JUDGES) or "verdict" not in event:
        return False
    if event["verdict"] == "oversize" or payload == b"":
        return "message" not in event
    if "message_base64" in event:
        return base64.b64decode(event["message_base64"]) == payload
    return event.get("message", "").encode() == payload
