# SPDX-License-Identifier: MIT
"""test_status - a question on its way to Commons and back."""
import json
import unittest

import sign
from relay import Scenario


class Status(Scenario):
    """C - B - A - Commons, and one node that Commons knows."""

    def setUp(self):
        super().setUp()
        self.store = self.receiver()
        self.a = self.relay("a", options=self.forwarding(self.store))
        self.b = self.relay("b", [self.a])
        self.c = self.relay("c", [self.b])
        self.key = sign.Key()
        message = sign.registration(self.key)
        self.peer(self.c).send_message(message)
        self.store.tap.wait("receiver.stored", gov_id=message.gov_id)

    def ask(self, peer, public_key):
        query = sign.status_query(public_key)
        peer.send_message(query)
        return query.fields["request_id"]

    def answers(self, peer):
        """What it was told; it may have been asked as well."""
        return {answer["request_id"]: answer["status"] for answer
                in map(json.loads, peer.received("econstatus"))
                if answer["status"] is not None}

    def wait_answer(self, peer, request):
        peer.wait_until("answer %d" % request,
                        lambda: request in self.answers(peer))
        return self.answers(peer)[request]

    def test_a_question_by_key_crosses_two_plain_relays_and_back(self):
        asker, other = self.peer(self.c), self.peer(self.c)
        request = self.ask(asker, self.key.public)
        status = self.wait_answer(asker, request)
        self.assertEqual(status["entity_name"], "Test Pool")
        self.assertEqual(status["status"], "pending")
        self.assertEqual(status["weight"], 0.35)
        self.assertEqual(status["node_id"], 1)
        # only the asker hears of it
        other.barrier()
        self.assertEqual(self.answers(other), {})
        self.store.tap.wait("receiver.answered.econstatus")

    def test_an_unknown_node_gives_no_response(self):
        asker = self.peer(self.c)
        unknown = self.ask(asker, sign.Key().public)
        self.store.tap.wait("receiver.answered.econstatus")
        known = self.ask(asker, self.key.public)
        self.wait_answer(asker, known)
        asker.barrier()
        self.assertNotIn(unknown, self.answers(asker))

    def test_the_same_question_again_is_a_duplicate_and_still_answered(self):
        first, second = self.peer(self.c), self.peer(self.c)
        query = sign.status_query(self.key.public)
        first.send_message(query)
        request = query.fields["request_id"]
        status = self.wait_answer(first, request)
        second.send_message(query)
        event = self.c.tap.wait("gossip.ignored.econstatus")
        self.assertEqual(event["verdict"], "duplicate")
        self.assertEqual(self.wait_answer(second, request), status)
        # Commons was asked once; what it shows may come after the answer.
        self.store.tap.wait("receiver.answered.econstatus")
        self.store.tap.poll()
        self.assertEqual(
            len(self.store.tap.find("receiver.answered.econstatus")), 1)

    def test_an_unsolicited_response_is_ignored_and_costs_nothing(self):
        liar, witness = self.peer(self.c), self.peer(self.c)
        response = sign.status_query(self.key.public)
        status = {"node_id": 1, "node_type": "exchange",
                  "entity_name": "Liar", "status": "active", "weight": 1,
                  "registered_at": 1, "last_verified_at": None}
        response = response.with_fields(status=status)
        liar.send_message(response)
        event = self.c.tap.wait("gossip.ignored.econstatus")
        self.assertEqual(event["verdict"], "unsolicited")
        liar.barrier()
        for peer in (liar, witness):
            peer.barrier()
            self.assertEqual(peer.received("econstatus"), [])

    def test_a_response_of_a_peer_that_was_not_asked_is_ignored(self):
        # D is a plain relay: it asks who is there, once each
        first = self.peer(self.c)
        request = self.ask(first, self.key.public)
        status = self.wait_answer(first, request)
        liar = self.peer(self.c)
        query = sign.status_query(self.key.public, request_id=request)
        forged = dict(status, entity_name="Liar")
        liar.send_message(query.with_fields(status=forged))
        event = self.c.tap.wait("gossip.ignored.econstatus",
                                verdict="unsolicited")
        self.assertIn("Liar", event["message"])
        first.barrier()
        self.assertEqual(len(first.received("econstatus")), 1)

    def test_a_query_goes_on_to_at_most_three_peers_and_never_back(self):
        plain = self.relay("d")
        others = [self.peer(plain) for _ in range(6)]
        asker = self.peer(plain)
        for peer in (*others, asker):
            peer.barrier()
        query = sign.status_query(self.key.public)
        asker.send_message(query)
        plain.tap.wait("ingress.sent.econstatus", 3)
        for peer in (*others, asker):
            peer.barrier()
        told = [peer for peer in others if peer.received("econstatus")]
        self.assertEqual(len(told), 3)
        self.assertEqual(asker.received("econstatus"), [])

    def test_a_query_that_nobody_can_answer_is_busy_not_lost_points(self):
        alone = self.relay("d")
        asker = self.peer(alone)
        asker.send_message(sign.status_query(self.key.public))
        event = alone.tap.wait("gossip.ignored.econstatus")
        self.assertEqual(event["verdict"], "busy")
        asker.barrier()

    def test_the_tool_asks_and_says_that_it_is_hearsay(self):
        said = self.tool("status", "--network", "regtest", self.c.address,
                         "--public-key", self.key.public)
        self.assertIn("Test Pool", said)
        self.assertIn("unauthenticated", said)
        answer = self.tool_json("status", "--network", "regtest", "--json",
                                self.c.address, "--id", 1)
        self.assertEqual(answer["status"]["entity_name"], "Test Pool")
        self.assertIs(answer["unauthenticated"], True)
        self.tool("status", "--network", "regtest", "--timeout", 2,
                  self.c.address, "--id", 77, code=1)
        self.assertIn("unauthenticated", self.said)


if __name__ == "__main__":
    unittest.main()
