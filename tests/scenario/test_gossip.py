# SPDX-License-Identifier: MIT
"""test_gossip - whom a relay tells, whom not, and what a newcomer hears."""
import time
import unittest

import sign
from peer import NODE_GOVERNANCE, NODE_NETWORK
from relay import DEADLINE_S, Scenario


class Gossip(Scenario):
    def setUp(self):
        super().setUp()
        self.a = self.relay("a")
        self.key = sign.Key()

    def tell(self, sender, witness, count=2):
        """Sends COUNT messages; when it returns WITNESS has them all, and
        whoever was to get the first has got it."""
        sent = [sign.veto(self.key) for _ in range(count)]
        for message in sent:
            sender.send_message(message)
            witness.wait_payload(message.payload)
        return sent

    def check_nothing_came(self, peer, *sent):
        peer.barrier()
        for message in sent:
            self.assertNotIn(message.payload, peer.governance())

    def test_a_peer_that_announced_the_relay_gets_each_message_once(self):
        witness, sender = self.peer(self.a), self.peer(self.a)
        sent = self.tell(sender, witness, 5)
        witness.barrier()
        self.assertEqual(witness.governance(),
                         [message.payload for message in sent])

    def test_nobody_gets_back_what_he_sent(self):
        witness, sender = self.peer(self.a), self.peer(self.a)
        sent = self.tell(sender, witness)
        self.check_nothing_came(sender, *sent)
        self.assertEqual(sender.governance(), [])

    def test_nobody_gets_what_he_has_from_another(self):
        first, second = self.peer(self.a), self.peer(self.a)
        witness = self.peer(self.a)
        both = sign.veto(self.key)
        first.send_message(both)
        second.send_message(both)
        witness.wait_payload(both.payload)
        self.tell(first, witness)
        self.check_nothing_came(first, both)
        witness.barrier()
        self.assertEqual(witness.governance().count(both.payload), 1)

    def test_a_peer_without_the_bit_gets_nothing_and_stays(self):
        plain = self.peer(self.a, services=NODE_NETWORK, announce=False,
                          version=70016)
        sent = self.tell(self.peer(self.a), self.peer(self.a))
        self.check_nothing_came(plain, *sent)
        self.assertFalse(plain.closed)

    def test_a_new_peer_with_the_bit_alone_gets_nothing_and_stays(self):
        # PROTOCOL 2.4: on mainnet the bit may be a Libre Relay node
        hint = self.peer(self.a, services=NODE_GOVERNANCE, announce=False)
        sent = self.tell(self.peer(self.a), self.peer(self.a))
        self.check_nothing_came(hint, *sent)
        self.assertFalse(hint.closed)

    def test_an_older_peer_with_the_bit_gets_it(self):
        old = self.peer(self.a, version=70015, services=NODE_GOVERNANCE)
        self.assertEqual(old.received("feature"), [])
        self.assertEqual(old.received("sendaddrv2"), [])
        sent = self.tell(self.peer(self.a), old)
        self.assertEqual(len(sent), 2)

    def test_a_peer_without_the_bit_may_send(self):
        plain = self.peer(self.a, services=NODE_NETWORK, announce=False)
        witness = self.peer(self.a)
        message = sign.veto(self.key)
        plain.send_message(message)
        witness.wait_payload(message.payload)

    def test_a_peer_that_is_dialled_gets_it(self):
        listener = self.listener()
        b = self.daemon("b", {"node.peers": [listener.address]}).start()
        dialled = listener.accept()
        self.peers.append(dialled)
        message = sign.veto(self.key)
        self.peer(b).send_message(message)
        dialled.wait_payload(message.payload)

    def test_what_the_relay_says_of_itself_is_what_the_protocol_wants(self):
        peer = self.peer(self.a)
        names = [command for command, _ in peer.inbox]
        self.assertEqual(names[:4],
                         ["version", "sendaddrv2", "feature", "verack"])
        version = peer.their_version()
        self.assertEqual(version.nServices, NODE_GOVERNANCE)
        self.assertEqual(version.nVersion, 70017)
        self.assertEqual(version.fRelay, 0)
        self.assertRegex(version.strSubVer, rb"^/govrelay:[0-9.]+/$")

    def test_a_peer_that_comes_later_is_offered_the_last_hour(self):
        sender = self.peer(self.a)
        sent = [sign.veto(self.key, at=-60 * minutes)
                for minutes in (0, 5, 58)]
        for message in sent:
            sender.send_message(message)
        sender.barrier()
        late = self.peer(self.a)
        for message in sent:
            late.wait_payload(message.payload)
        late.barrier()
        self.assertEqual(len(late.governance()), len(sent))

    def test_a_peer_that_comes_later_is_not_offered_what_is_older(self):
        sender = self.peer(self.a)
        old = sign.veto(self.key, at=-3596)
        sender.send_message(old)
        self.a.tap.wait("dedup.accepted", gov_id=old.gov_id)
        self.wait_until_stale(sender, old)
        fresh = sign.veto(self.key)
        sender.send_message(fresh)
        sender.barrier()
        late = self.peer(self.a)
        late.wait_payload(fresh.payload)
        self.check_nothing_came(late, old)

    def wait_until_stale(self, sender, old):
        """Until the relay itself says that the time of OLD is past."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            again = sign.veto(self.key, at=old.fields["timestamp"]
                              - int(time.time()))
            sender.send_message(again)
            event = self.a.tap.wait_verdict(again.payload)
            if event["verdict"] == "stale":
                return
            self.a.tap.receive(time.monotonic() + 0.2)
        self.fail("never stale")

    def test_after_a_restart_the_last_hour_is_still_offered(self):
        sender = self.peer(self.a)
        message = sign.veto(self.key)
        sender.send_message(message)
        sender.barrier()
        self.a.stop()
        self.a.start()
        self.peer(self.a).wait_payload(message.payload)


if __name__ == "__main__":
    unittest.main()
