# SPDX-License-Identifier: MIT
"""test_own - what is handed in at a relay goes to one peer that it dialled, and
to the others when it came back (PROTOCOL 5.8).

All are on loopback: who comes to a relay from there hands in, whom the relay
dialled is the network.
"""
import time
import unittest

import sign
from relay import Scenario

HIDDEN = {"gossip.own_delay": True}
SOON_S = 9  # PROTOCOL 5.8 holds a message back for 10 s at least


class Own(Scenario):
    def setUp(self):
        super().setUp()
        self.key = sign.Key()

    def hand_in(self, relay):
        """A message, handed in at RELAY; when it returns it was accepted."""
        message = sign.veto(self.key)
        self.handed_in_at = time.monotonic()
        sender = self.peer(relay)
        sender.send_message(message)
        sender.barrier()
        return message

    def check_soon(self):
        """No time can have been up yet."""
        self.assertLess(time.monotonic() - self.handed_in_at, SOON_S)

    def check_lacks(self, peer, message):
        peer.barrier()
        self.assertNotIn(message.payload, peer.governance())

    def check_has_once(self, peer, message):
        peer.barrier()
        self.assertEqual(peer.governance().count(message.payload), 1)

    def with_two_dialled(self):
        """A relay that has dialled two peers of ours."""
        listeners = [self.listener(), self.listener()]
        relay = self.daemon("a", dict(HIDDEN, **{
            "node.peers": [one.address for one in listeners]})).start()
        dialled = [one.accept() for one in listeners]
        self.peers += dialled
        for listener in listeners:
            relay.tap.wait("registry.peer.connected",
                           subject=listener.address)
        return relay, dialled

    def test_the_peer_that_was_dialled_has_it_first(self):
        b = self.relay("b")
        a = self.relay("a", [b], HIDDEN)
        witness = self.peer(a)
        own = self.hand_in(a)
        b.tap.wait("dedup.accepted", gov_id=own.gov_id)
        self.check_lacks(witness, own)
        # What others say is not held up by it.
        other = sign.veto(self.key)
        self.peer(b).send_message(other)
        witness.wait_payload(other.payload)
        self.check_lacks(witness, own)

    def test_when_it_came_back_all_have_it(self):
        b = self.relay("b")
        c = self.relay("c", [b])
        a = self.relay("a", [b, c], HIDDEN)
        witness = self.peer(a)
        own = self.hand_in(a)
        witness.wait_payload(own.payload)
        self.check_soon()
        self.check_has_once(witness, own)

    def test_one_has_it_and_no_other_until_it_came_back(self):
        a, dialled = self.with_two_dialled()
        witness = self.peer(a)
        own = self.hand_in(a)
        a.tap.wait("ingress.sent", gov_id=own.gov_id)
        for peer in dialled:
            peer.barrier()
        first, other = sorted(
            dialled, key=lambda peer: not peer.governance())
        self.assertEqual(first.governance(), [own.payload])
        self.assertEqual(other.governance(), [])
        late = self.peer(a)
        self.check_lacks(witness, own)
        self.check_lacks(late, own)

        other.send_message(own)
        witness.wait_payload(own.payload)
        late.wait_payload(own.payload)
        self.check_soon()
        self.check_has_once(witness, own)
        self.check_has_once(late, own)
        self.check_has_once(first, own)
        self.check_lacks(other, own)

    def test_who_hands_it_in_again_does_not_bring_it_back(self):
        a, dialled = self.with_two_dialled()
        witness = self.peer(a)
        own = self.hand_in(a)
        again = self.peer(a)
        again.send_message(own)
        again.send_message(own.with_fields(node_id=7))
        again.barrier()
        self.check_lacks(witness, own)
        for peer in dialled:
            peer.barrier()
        self.assertEqual(sum(len(peer.governance()) for peer in dialled), 1)

    def test_without_own_delay_all_have_it_at_once(self):
        b = self.relay("b")
        a = self.relay("a", [b])
        witness = self.peer(a)
        own = self.hand_in(a)
        witness.wait_payload(own.payload)
        b.tap.wait("dedup.accepted", gov_id=own.gov_id)
        self.check_soon()

    def test_without_a_dialled_peer_all_have_it_at_once(self):
        a = self.relay("a", options=HIDDEN)
        self.relay("b", [a])
        witness = self.peer(a)
        own = self.hand_in(a)
        witness.wait_payload(own.payload)
        self.check_soon()


if __name__ == "__main__":
    unittest.main()
