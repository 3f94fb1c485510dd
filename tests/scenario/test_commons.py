# SPDX-License-Identifier: MIT
"""test_commons - Commons is away, and comes back."""
import unittest

import sign
from relay import LONG, Scenario

COUNT = 200 if LONG else 30


class Commons(Scenario):
    def setUp(self):
        super().setUp()
        self.key = sign.Key()
        self.store = self.receiver()
        self.a = self.relay("a", options=self.forwarding(self.store))

    def send(self, count=COUNT):
        sender = self.peer(self.a)
        sent = [sign.registration(self.key)] + [
            sign.veto(self.key, pr=number) for number in range(1, count - 5)
        ] + [sign.fork(self.key, ruleset="r%d" % n) for n in range(5)]
        for message in sent:
            sender.send_message(message)
        sender.barrier()
        return sent

    def check_all_arrive_once(self, *sent):
        for message in sent:
            self.a.tap.wait("forwarder.delivered", gov_id=message.gov_id,
                            within=60)
        self.assertEqual(self.store.gov_ids(),
                         sorted(message.gov_id for message in sent))

    def test_what_was_sent_while_commons_was_down_arrives_once(self):
        before = self.send(7)
        for message in before:
            self.a.tap.wait("forwarder.delivered", gov_id=message.gov_id)
        self.store.stop()
        witness = self.peer(self.a)
        during = self.send()
        # Gossip does not wait for Commons.
        for message in during:
            witness.wait_payload(message.payload)
        self.a.tap.wait("forwarder.retry")
        self.store.start()
        self.check_all_arrive_once(*before, *during)

    def test_the_relay_may_be_restarted_while_commons_is_down(self):
        self.store.stop()
        sent = self.send()
        self.a.stop()
        self.a.start()
        self.store.start()
        self.check_all_arrive_once(*sent)

    def test_a_commons_that_is_killed_loses_nothing(self):
        sent = self.send()
        self.a.tap.wait("forwarder.delivered")
        self.store.kill()
        self.a.tap.poll()
        self.store.start()
        self.check_all_arrive_once(*sent)

    def test_a_wrong_key_holds_and_loses_nothing(self):
        self.write("api-key", "not-the-key")
        self.a.stop()
        self.a.start()
        sent = self.send(7)
        event = self.a.tap.wait("forwarder.held")
        self.assertFalse(self.a.tap.find("forwarder.dead"), event)
        self.assertEqual(self.store.gov_ids(), [])
        self.a.wait_log(r" warn .*FORWARDER-HOLD")
        self.write("api-key", self.store.api_key)
        self.a.stop()
        self.a.start()
        # At once: a relay that is started anew does not wait out its hold.
        for message in sent:
            self.store.tap.wait("receiver.stored", gov_id=message.gov_id)
        self.assertEqual(self.store.gov_ids(),
                         sorted(message.gov_id for message in sent))


if __name__ == "__main__":
    unittest.main()
