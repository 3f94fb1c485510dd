# SPDX-License-Identifier: MIT
"""test_refusals - every case of tests/vectors/messages.json, signed anew at
the present time, gets its verdict on the tap, and its class.

The only fault of a case is the one in its name: where the payload can be read
at all, it is signed as it stands.
"""
import hashlib
import json
import re
import time
import unittest

import sign
from relay import Scenario

VECTORS = "tests/vectors/messages.json"
KEYS = "tests/vectors/keys.json"
REJECT = {"oversize", "malformed", "schema", "bad_key", "bad_signature"}
TIMESTAMP = re.compile(rb'("timestamp"\s*:\s*)(-?\d+)')
SIGNATURE = re.compile(r"[0-9a-f]{128}")
SLACK_S = 60  # so that a verdict on time does not hang on one second


def upside_down(signature):
    s = sign.CURVE_ORDER - int(signature[64:], 16)
    return signature[:64] + "%064x" % s


def der(signature):
    def integer(text):
        value = bytes.fromhex(text)
        value = b"\0" + value if value[0] >= 0x80 else value
        return b"\2" + bytes([len(value)]) + value
    both = integer(signature[:64]) + integer(signature[64:])
    return (b"\x30" + bytes([len(both)]) + both).hex()


# How the signature of each case with a bad one came about: from the fields as
# they stand, or from others.
BAD_SIGNATURES = {
    "high s": lambda case: upside_down(case.sign()),
    "signature of another message": lambda case: sign.veto(
        case.key).fields["signature"],
    "signal changed": lambda case: case.sign(signal_type="veto"),
    "pr changed": lambda case: case.sign(pr_id=99999),
    "id changed": lambda case: case.sign(message_id="another"),
    "name changed": lambda case: case.sign(entity_name="Another"),
    "qualification changed": lambda case: case.sign(qualification_data={}),
    "another key": lambda case: sign.Key().sign(case.text()),
    "ed25519 key, ecdsa signature": lambda case: sign.Key().sign(case.text()),
    "zero signature": None,  # as it is in the vector
    "r over the order": None,
    "r zero": None,
    "s zero": None,
    "signature upper-case": lambda case: case.sign().upper(),
    "signature short": lambda case: case.sign()[:-2],
    "signature DER": lambda case: der(case.sign()),
    "ed25519 signature of another text": lambda case: case.key.sign("hello"),
}


class Case:
    """One vector, made anew."""

    def __init__(self, vector, keys, now):
        self.name = vector["name"]
        self.command = vector["command"]
        self.verdict = vector["verdict"]
        self.payload = self.shifted(
            vector["payload"].encode() if "payload" in vector
            else bytes.fromhex(vector["payload_hex"]), vector["now"], now)
        self.gov_id = None
        try:
            self.fields = json.loads(self.payload)
            self.key = keys.get(self.fields["public_key"], keys[None])
            self.old = self.fields["signature"]
            self.text().encode()
        except (ValueError, KeyError, TypeError):
            return  # not to be read, or not to be signed: as it is
        self.sign_anew()

    def shifted(self, payload, then, now):
        def shift(match):
            at = int(match.group(2))
            if abs(at - then) > 1000000:
                return match.group(0)
            slack = SLACK_S * ((at > then) - (at < then))
            if self.verdict == "accepted":
                slack = -slack
            return match.group(1) + str(at - then + now + slack).encode()
        return TIMESTAMP.sub(shift, payload)

    def text(self, **changes):
        fields = dict(self.fields, **changes)
        ordered = "document order" in self.name
        return sign.signing_string(self.command, fields, ordered)

    def sign(self, **changes):
        return self.key.sign(self.text(**changes))

    def sign_anew(self):
        make = BAD_SIGNATURES.get(self.name, Case.sign)
        if make is None or not isinstance(self.old, str) or not self.old:
            return
        self.payload = self.payload.replace(self.old.encode(),
                                            make(self).encode())
        self.gov_id = hashlib.sha256(self.text().encode()).hexdigest()


class Refusals(Scenario):
    def cases(self):
        with open(KEYS, encoding="utf-8") as file:
            keys = {key["public_key"]: sign.Key(
                bytes.fromhex(key.get("secret") or key["seed"]), key["type"])
                for key in json.load(file)}
        keys[None] = sign.Key()
        with open(VECTORS, encoding="utf-8") as file:
            for vector in json.load(file):
                yield Case(vector, keys, int(time.time()))

    def setUp(self):
        super().setUp()
        self.a = self.relay("a", options={
            "node.noban": ["127.0.0.1"], "limits.peer_rate": 0})

    def check(self, sender, case, expected):
        """Sends CASE and reads its verdict off the tap."""
        self.a.tap.poll()
        self.a.tap.events.clear()
        sender.send(case.command, case.payload)
        event = self.a.tap.wait_verdict(case.payload)
        kind = ("accepted" if expected == "accepted" else
                "rejected" if expected in REJECT else "ignored")
        with self.subTest(case.name):
            self.assertEqual(event["verdict"], expected, event)
            self.assertEqual(event["topic"].split(".")[1:],
                             [kind, case.command])
            if kind == "rejected":
                self.assertTrue(event["reason"])
            if expected == "accepted" and case.gov_id:
                self.assertEqual(event["gov_id"], case.gov_id)

    def test_every_vector_signed_anew_gets_its_verdict_and_class(self):
        sender = self.peer(self.a)
        known = set()
        checked = 0
        # The refused ones first: some have the gov_id of an accepted one,
        # which must not count as known for that.
        for case in sorted(self.cases(),
                           key=lambda case: case.verdict == "accepted"):
            expected = case.verdict
            if case.verdict == "bad_signature":
                self.assertIn(case.name, BAD_SIGNATURES)
            if case.command == "econstatus" and expected == "accepted":
                continue  # test_status
            if expected == "accepted" and case.gov_id is None:
                self.fail("not signed anew: " + case.name)
            if expected == "accepted" and case.gov_id in known:
                expected = "duplicate"
            if expected == "accepted":
                known.add(case.gov_id)
            self.check(sender, case, expected)
            checked += 1
        self.assertGreater(checked, 140)
        sender.barrier()
        self.assertFalse(sender.closed)

    def test_refused_bytes_reach_nobody(self):
        witness, sender = self.peer(self.a), self.peer(self.a)
        refused = [case for case in self.cases()
                   if case.verdict != "accepted"]
        for case in refused:
            sender.send(case.command, case.payload)
        sender.barrier()
        last = sign.veto(sign.Key())
        sender.send_message(last)
        witness.wait_payload(last.payload)
        witness.barrier()
        self.assertEqual(witness.governance(), [last.payload])


class Points(Scenario):
    def bad(self):
        message = sign.veto(sign.Key())
        return message.with_fields(pr_id=message.fields["pr_id"] + 1)

    def test_a_stranger_is_disconnected_at_100_points(self):
        a = self.relay("a")
        sender = self.peer(a)
        for _ in range(4):
            sender.send_message(self.bad())
        sender.barrier()  # 80 points: still there
        sender.send_message(self.bad())
        sender.wait_closed()
        a.tap.wait("registry.peer.banned")
        # never loopback: it may come back at once
        self.peer(a).barrier()

    def test_what_is_only_ignored_costs_nothing(self):
        a = self.relay("a")
        sender = self.peer(a)
        for number in range(20):
            sender.send_message(sign.veto(sign.Key(), at=-4000 - number))
        sender.barrier()
        a.tap.wait("verifier.ignored", 20, verdict="stale")
        self.assertFalse(sender.closed)

    def test_a_configured_peer_earns_no_points(self):
        listener = self.listener()
        a = self.daemon("a", {"node.peers": [listener.address]}).start()
        peer = listener.accept()
        self.peers.append(peer)
        for _ in range(8):
            peer.send_message(self.bad())
        peer.send("econveto", b"x" * 5000)
        peer.barrier()
        a.tap.wait("ingress.rejected", verdict="oversize")
        self.assertFalse(peer.closed)


if __name__ == "__main__":
    unittest.main()
