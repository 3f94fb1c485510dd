# SPDX-License-Identifier: MIT
"""test_supervisor - what the supervisor promises, seen from outside.

A stage is made to fail without touching it: where the tap has its socket there
is a directory when it comes back from a restart of all stages.
"""
import os
import signal
import time
import unittest

import sign
from relay import Scenario, free_address


class Supervisor(Scenario):
    def setUp(self):
        super().setUp()
        self.a = self.relay("a", options={
            "limits.peer_rate": 0, "node.listen": free_address()})
        self.a.tap.strict = False
        self.socket = os.path.join(self.a.datadir, "regtest", "tap")

    def bar_the_tap(self):
        """From now on the tap cannot be bound."""
        os.unlink(self.socket)
        os.mkdir(self.socket)
        self.a.process.send_signal(signal.SIGUSR1)
        self.a.wait_log("SUPERVISOR-RESTART stage=tap")

    def test_a_stage_that_fails_is_started_again_until_it_can(self):
        self.bar_the_tap()
        os.rmdir(self.socket)
        self.a.wait_log("SUPERVISOR-ROLLED")
        peer = self.peer(self.a)
        peer.send_message(sign.veto(sign.Key()))
        peer.barrier()

    def test_the_others_go_on_while_a_stage_fails(self):
        self.bar_the_tap()
        sender, witness = self.peer(self.a), self.peer(self.a)
        message = sign.veto(sign.Key())
        sender.send_message(message)
        witness.wait_payload(message.payload)
        os.rmdir(self.socket)
        self.a.wait_log("SUPERVISOR-ROLLED")

    def test_a_stage_that_keeps_failing_ends_the_daemon_with_70(self):
        self.bar_the_tap()
        self.a.wait_log("SUPERVISOR-GIVE-UP stage=tap")
        self.assertEqual(self.a.wait_exit(), 70)
        self.a.process = None

    def test_term_under_load_ends_in_order_within_ten_seconds(self):
        peer = self.peer(self.a)
        key = sign.Key()
        messages = [sign.veto(key, pr=1 + number) for number in range(200)]
        for message in messages:
            peer.send_message(message)
        self.assertLess(self.a.stop(), 10)
        # Whatever it had said accepted is still there, and nothing is twice.
        self.a.start()
        witness = self.peer(self.a)
        for message in messages:
            witness.send_message(message)
        witness.barrier()

    def test_a_second_term_stops_at_once(self):
        process, self.a.process = self.a.process, None
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertLess(time.monotonic() - began, 10)

    def test_hup_does_not_end_it(self):
        self.a.process.send_signal(signal.SIGHUP)
        self.a.wait_log("SUPERVISOR-HUP")
        self.peer(self.a).barrier()


if __name__ == "__main__":
    unittest.main()
