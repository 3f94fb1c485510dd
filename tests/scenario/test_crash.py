# SPDX-License-Identifier: MIT
"""test_crash - killed or restarted under load: nothing accepted is lost, and
nothing is stored twice.

The load is a sender that takes a pong for "judged" (PROTOCOL 1.9) and sends
again, on a new connection, whatever it had no pong for.
"""
import threading
import time
import unittest

import sign
from peer import Peer
from relay import LONG, Scenario, free_address

KILLS = 30 if LONG else 3
ROLLS = 15 if LONG else 1
BATCH = 20


class Load(threading.Thread):
    """Sends without pause until `end` is called."""

    def __init__(self, relay):
        super().__init__(daemon=True)
        self.relay = relay
        self.key = sign.Key()
        self.wanted = True
        self.changed = threading.Condition()
        self.judged = []  # messages that we had a pong for
        self.error = None

    def batch(self):
        return [sign.veto(self.key, pr=1 + (len(self.judged) + number) % 1000)
                for number in range(BATCH)]

    def send_until_judged(self, batch):
        """Sends BATCH on one connection after the other until its pong."""
        while True:
            try:
                peer = Peer.dial(self.relay.address)
            except (OSError, AssertionError):
                with self.changed:  # not there yet: again in a moment
                    self.changed.wait(0.02)
                if not self.wanted:
                    return False
                continue
            try:
                for message in batch:
                    peer.send_message(message)
                peer.barrier()
                return True
            except (OSError, AssertionError):
                pass
            finally:
                peer.close()

    def run(self):
        try:
            while self.wanted:
                batch = self.batch()
                if self.send_until_judged(batch):
                    with self.changed:
                        self.judged += batch
                        self.changed.notify_all()
        except Exception as error:  # noqa: shown by the test
            self.error = error

    def wait(self, count, within=60):
        """Until COUNT more messages are judged."""
        with self.changed:
            goal = len(self.judged) + count
            done = self.changed.wait_for(
                lambda: len(self.judged) >= goal or self.error, within)
        assert done and not self.error, "load: %s, %d of %d" % (
            self.error, len(self.judged), goal)

    def end(self):
        self.wanted = False
        self.join(60)
        assert not self.is_alive() and not self.error, self.error
        return self.judged


class Crash(Scenario):
    def setUp(self):
        super().setUp()
        self.store = self.receiver(
            options={"receiver.listen": free_address()})
        self.a = self.relay("a", options=dict(
            self.forwarding(self.store),
            **{"limits.peer_rate": 0, "node.listen": free_address()}))
        self.load = Load(self.a)

    def check_nothing_is_lost(self, judged, shown=()):
        """All of JUDGED and SHOWN (gov_ids) end in the database, once."""
        wanted = {message.gov_id for message in judged} | set(shown)
        deadline = time.monotonic() + 60
        while not wanted <= set(self.store.gov_ids()):
            self.assertLess(time.monotonic(), deadline, "missing: %s" % (
                sorted(wanted - set(self.store.gov_ids()))[:5]))
            self.store.tap.receive(time.monotonic() + 0.2)
        stored = self.store.gov_ids()
        self.assertEqual(len(stored), len(set(stored)))
        return stored

    def check_offered(self, judged):
        """A newcomer is offered at least the newest of JUDGED."""
        witness = self.peer(self.a)
        for message in judged[-3 * BATCH:]:
            witness.wait_payload(message.payload)

    def test_a_relay_that_is_killed_under_load_loses_nothing(self):
        witness_saw = []
        shown = []
        self.load.start()
        for _ in range(KILLS):
            witness = self.peer(self.a)
            self.load.wait(2 * BATCH)
            self.a.kill()
            witness.wait_closed()
            witness_saw += witness.governance()
            self.a.tap.poll()
            shown += [event["gov_id"] for event
                      in self.a.tap.find("dedup.accepted")]
            self.a.start()
        self.load.wait(BATCH)
        judged = self.load.end()
        self.check_nothing_is_lost(judged, shown)
        self.assertGreater(len(witness_saw), 0)
        payloads = {row["payload"] for row in self.store.rows()}
        self.assertLessEqual(set(witness_saw), payloads)
        self.check_offered(judged)

    def test_relay_and_receiver_killed_together_lose_nothing(self):
        self.load.start()
        for _ in range(KILLS):
            self.load.wait(BATCH)
            self.store.kill()
            self.a.kill()
            self.store.start()
            self.a.start()
        judged = self.load.end()
        self.check_nothing_is_lost(judged)

    def test_each_stage_restarted_in_turn_under_load_loses_nothing(self):
        # The tap is restarted as well: its numbers begin anew, and what was
        # shown meanwhile is not to be had.
        self.a.tap.strict = self.store.tap.strict = False
        self.load.start()
        for _ in range(ROLLS):
            self.load.wait(BATCH)
            self.a.roll()
            self.load.wait(BATCH)
            self.store.roll()
            self.load.wait(BATCH)
        judged = self.load.end()
        self.check_nothing_is_lost(judged)
        self.check_offered(judged)

    def test_neighbours_find_each_other_after_a_restart_of_all_stages(self):
        b = self.relay("b", [self.a], {"node.listen": free_address()})
        for relay in (self.a, b):
            relay.tap.strict = False
            relay.roll()
        message = sign.veto(sign.Key())
        Load(b).send_until_judged([message])
        self.check_nothing_is_lost([message])


if __name__ == "__main__":
    unittest.main()
