# SPDX-License-Identifier: MIT
"""test_duplicates - the same message again, in all the ways it comes."""
import unittest

import sign
from relay import Scenario


class Duplicates(Scenario):
    def setUp(self):
        super().setUp()
        self.store = self.receiver()
        self.a = self.relay("a", options=self.forwarding(self.store))
        self.key = sign.Key()

    def wait_stored(self, message):
        self.store.tap.wait("receiver.stored", gov_id=message.gov_id)
        self.a.tap.wait("forwarder.delivered", gov_id=message.gov_id)

    def check_stored_once(self, *sent):
        last = sign.veto(self.key)  # whatever came before it is through
        self.peer(self.a).send_message(last)
        self.wait_stored(last)
        self.assertEqual(
            self.store.gov_ids(),
            sorted(message.gov_id for message in (*sent, last)))

    def test_an_exact_copy_is_ignored_in_silence(self):
        sender, other = self.peer(self.a), self.peer(self.a)
        message = sign.veto(self.key)
        sender.send_message(message)
        sender.barrier()
        for peer in (sender, other):
            peer.send_message(message)
            peer.barrier()
        self.wait_stored(message)
        for number in (1, 2):
            event = self.a.tap.wait("ingress.ignored.econveto", number)
            self.assertEqual(event["verdict"], "duplicate")
        self.assertEqual(len(self.a.tap.find("dedup.accepted")), 1)
        self.check_stored_once(message)
        self.assertFalse(sender.closed or other.closed)
        self.assertFalse([line for line in self.a.lines
                          if " warn " in line], self.a.log())

    def test_a_copy_with_another_node_id_is_a_duplicate(self):
        sender = self.peer(self.a)
        message = sign.veto(self.key)
        copies = [message.with_fields(node_id=number) for number in (1, 2)]
        sender.send_message(message)
        sender.barrier()
        for copy in copies:
            sender.send_message(copy)
            event = self.a.tap.wait_verdict(copy.payload)
            self.assertEqual(event["verdict"], "duplicate")
            self.assertIn(".ignored.", event["topic"])
            self.assertEqual(event["gov_id"], message.gov_id)
        sender.barrier()
        self.check_stored_once(message)

    def test_a_copy_with_another_reason_is_a_duplicate(self):
        sender = self.peer(self.a)
        message = sign.fork(self.key)
        sender.send_message(message)
        sender.barrier()
        copy = message.with_fields(decision_reason="not his words")
        sender.send_message(copy)
        self.assertEqual(self.a.tap.wait_verdict(copy.payload)["verdict"],
                         "duplicate")
        self.check_stored_once(message)

    def test_a_tampered_node_id_that_comes_first_does_not_kill_the_vote(self):
        registration = sign.registration(self.key)
        message = sign.veto(self.key)
        tampered = message.with_fields(node_id=4711)
        witness, sender = self.peer(self.a), self.peer(self.a)
        sender.send_message(registration)
        self.wait_stored(registration)
        sender.send_message(tampered)
        sender.barrier()
        honest = self.peer(self.a)
        honest.send_message(message)
        honest.barrier()
        self.wait_stored(message)
        witness.wait_payload(tampered.payload)
        self.assertEqual(self.a.tap.wait_verdict(message.payload)["verdict"],
                         "duplicate")
        self.assertFalse(honest.closed)
        self.check_stored_once(registration, message)
        # the vote is on the account of its key, whatever the node_id said
        rows = [row for row in self.store.rows("signals")
                if row["gov_id"].hex() == message.gov_id]
        nodes = self.store.rows("nodes")
        self.assertEqual(len(rows), 1)
        self.assertEqual([node["public_key"] for node in nodes],
                         [self.key.public])
        self.assertEqual(rows[0]["node_id"], nodes[0]["node_id"])

    def test_duplicates_stay_out_after_a_restart(self):
        sender = self.peer(self.a)
        message = sign.veto(self.key)
        sender.send_message(message)
        sender.barrier()
        self.wait_stored(message)
        self.a.stop()
        self.a.start()
        copy = message.with_fields(node_id=5)
        sender = self.peer(self.a)
        for payload in (message.payload, copy.payload):
            sender.send("econveto", payload)
            self.assertEqual(self.a.tap.wait_verdict(payload)["verdict"],
                             "duplicate")
        self.check_stored_once(message)

    def test_one_label_on_two_texts_makes_two_messages(self):
        sender = self.peer(self.a)
        both = [sign.veto(self.key, signal=signal, label="same")
                for signal in ("veto", "support")]
        for message in both:
            sender.send_message(message)
            self.wait_stored(message)
        self.assertFalse(sender.closed)
        self.check_stored_once(*both)


if __name__ == "__main__":
    unittest.main()
