# SPDX-License-Identifier: MIT
"""test_path - a message enters one relay and ends as a row, two relays on."""
import unittest

import sign
from relay import Scenario


class Path(Scenario):
    def line(self):
        """C dials B, B dials A, A forwards to the receiver."""
        self.receiver_ = self.receiver()
        self.a = self.relay("a", options=self.forwarding(self.receiver_))
        self.b = self.relay("b", [self.a])
        self.c = self.relay("c", [self.b])

    def messages(self):
        key = sign.Key()
        return [sign.registration(key), sign.veto(key), sign.fork(key),
                sign.veto(sign.Key(scheme="ed25519"))]

    def check_row(self, message):
        rows = [row for row in self.receiver_.rows()
                if row["gov_id"].hex() == message.gov_id]
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["payload"], message.payload)
        self.assertEqual(rows[0]["command"], message.command)

    def check_steps(self, daemon, message, steps):
        """Each of STEPS showed exactly once."""
        for step in steps:
            daemon.tap.wait("%s.%s" % (step, message.command),
                            gov_id=message.gov_id)
            self.assertEqual(len(daemon.tap.find(
                "%s.%s" % (step, message.command), gov_id=message.gov_id)),
                1, "%s at %s" % (step, daemon.name))

    def test_a_signed_message_crosses_three_relays_and_is_stored_once(self):
        self.line()
        sender = self.peer(self.c)
        sent = self.messages()
        for message in sent:
            sender.send_message(message)
        sender.barrier()
        for message in sent:
            self.receiver_.tap.wait("receiver.stored." + message.command,
                                    gov_id=message.gov_id)
            self.a.tap.wait("forwarder.delivered", gov_id=message.gov_id)
        self.assertEqual(self.receiver_.gov_ids(),
                         sorted(message.gov_id for message in sent))
        for message in sent:
            self.check_row(message)
            self.check_steps(self.c, message, [
                "verifier.verified", "dedup.accepted", "gossip.offered",
                "ingress.sent"])
            self.check_steps(self.b, message, [
                "verifier.verified", "dedup.accepted", "gossip.offered",
                "ingress.sent"])
            self.check_steps(self.a, message, [
                "verifier.verified", "dedup.accepted", "forwarder.queued",
                "forwarder.delivered"])
        for relay in (self.a, self.b, self.c):
            for event in relay.tap.find("dedup.accepted"):
                self.assertEqual(event["verdict"], "accepted")
            for event in relay.tap.poll():
                self.assertIn(event.get("verdict", "accepted"),
                              ("accepted",), event)

    def test_relays_listen_and_dial_over_ipv6_as_well(self):
        over_ipv6 = {"node.listen": "[::1]:0"}
        near = self.relay("near", options=over_ipv6)
        far = self.relay("far", [near], over_ipv6)
        witness, sender = self.peer(near), self.peer(far)
        message = sign.veto(sign.Key())
        sender.send_message(message)
        witness.wait_payload(message.payload)
        self.assertTrue(near.address.startswith("[::1]:"))

    def test_a_relay_hands_the_bytes_on_as_they_came(self):
        a = self.relay("a")
        witness = self.peer(a)
        sender = self.peer(a)
        message = sign.veto(sign.Key())
        odd = b" " + message.payload.replace(b',"', b' ,\n "', 2) + b"\n"
        sender.send("econveto", odd)
        self.assertEqual(witness.wait("econveto"), odd)
        event = a.tap.wait("dedup.accepted.econveto", gov_id=message.gov_id)
        self.assertEqual(event["message"].encode(), odd)

    def test_nothing_on_the_tap_names_where_a_message_came_from(self):
        a = self.relay("a")
        sender = self.peer(a)
        host, port = sender.socket.getsockname()[:2]
        message = sign.veto(sign.Key())
        sender.send_message(message)
        sender.barrier()
        a.tap.wait("dedup.accepted", gov_id=message.gov_id)
        for event in a.tap.poll():
            if not event["topic"].startswith("registry."):
                self.assertNotIn(str(port), [
                    str(value) for value in event.values()])
                self.assertNotIn("%s:%d" % (host, port), str(event))


if __name__ == "__main__":
    unittest.main()
