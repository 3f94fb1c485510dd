# SPDX-License-Identifier: MIT
"""test_wire - bad input on the Bitcoin side: what closes, what is dropped,
what is skipped."""
import os
import struct
import time
import unittest

import sign
from peer import FEATURE_ID, feature, frame
from relay import Scenario


class Wire(Scenario):
    def setUp(self):
        super().setUp()
        self.a = self.relay("a")
        self.key = sign.Key()

    def check_alive(self, peer):
        """PEER is still heard, and told."""
        message = sign.veto(self.key)
        peer.send_message(message)
        self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)
        other = sign.veto(self.key)
        self.peer(self.a).send_message(other)
        peer.wait_payload(other.payload)

    def stranger(self):
        """A connection without a word so far."""
        return self.peer(self.a, shake=False)

    def test_wrong_magic_closes(self):
        peer = self.peer(self.a)
        peer.send_raw(frame("ping", b"12345678", magic=b"\xf9\xbe\xb4\xd9"))
        peer.wait_closed()

    def test_a_length_above_4000000_closes(self):
        peer = self.peer(self.a)
        peer.send_raw(frame("econveto", length=4000001))
        peer.wait_closed()

    def test_a_bad_checksum_drops_the_message_and_keeps_the_peer(self):
        peer = self.peer(self.a)
        message = sign.veto(self.key)
        peer.send_raw(frame("econveto", message.payload, checksum=b"1234"))
        peer.barrier()
        self.check_alive(peer)
        self.assertEqual(
            self.a.tap.find("dedup", gov_id=message.gov_id), [])
        peer.send_message(message)  # and was not remembered as known
        self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)

    def test_a_command_with_bytes_after_its_nul_is_dropped(self):
        peer = self.peer(self.a)
        message = sign.veto(self.key)
        for command in (b"econveto\0x", b"econ\x7fveto", b"\0econveto"):
            peer.send_raw(frame(command, message.payload))
        peer.barrier()
        self.a.tap.poll()
        self.assertEqual(self.a.tap.find("ingress.frame"), [])
        self.check_alive(peer)

    def test_an_oversize_payload_is_refused_unread_and_costs_the_peer(self):
        # 100 points: a stranger is gone before the payload is there
        peer = self.peer(self.a)
        peer.send_raw(frame("econveto", length=4097))
        event = self.a.tap.wait("ingress.rejected.econveto")
        self.assertEqual(event["verdict"], "oversize")
        peer.wait_closed()

    def test_an_oversize_registration_is_refused_at_its_own_limit(self):
        peer = self.peer(self.a)
        peer.send_raw(frame("econreg", length=65537))
        self.a.tap.wait("ingress.rejected.econreg", verdict="oversize")

    def test_junk_json_gets_its_verdict(self):
        peer = self.peer(self.a)
        for junk in (b"{", b"[[[[", b"\xff\xfe", b"{}", b"nil", b'{"a":1'):
            peer.send("econfork", junk)
            event = self.a.tap.wait_verdict(junk)
            self.assertIn(event["verdict"], ("malformed", "schema"))

    def test_a_forged_signature_does_not_silence_the_honest_message(self):
        honest = sign.veto(self.key)
        forged = honest.with_fields(signature="11" * 64)
        other = self.peer(self.a)
        other.send_message(forged)
        other.send("econveto", b'{"message_id":"%s"}'
                   % honest.fields["message_id"].encode())
        other.barrier()
        self.assertEqual(self.a.tap.wait_verdict(forged.payload)["verdict"],
                         "bad_signature")
        sender = self.peer(self.a)
        sender.send_message(honest)
        self.a.tap.wait("dedup.accepted", gov_id=honest.gov_id)

    def test_an_unknown_command_of_3_mb_is_skipped(self):
        self.restart_with_little_quarantine()
        peer = self.peer(self.a)
        before = self.memory_kib()
        for _ in range(5):
            peer.send("xyzzy", os.urandom(3000000))
        peer.barrier()
        self.assertLess(self.memory_kib() - before, 2900)
        self.check_alive(peer)

    def restart_with_little_quarantine(self):
        """AddressSanitizer keeps what was freed; that is not what we look
        for."""
        self.a.stop()
        self.a.env["ASAN_OPTIONS"] = \
            "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
        self.a.start()

    def memory_kib(self):
        with open("/proc/%d/status" % self.a.process.pid,
                  encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def test_a_payload_that_is_announced_but_not_sent_costs_no_memory(self):
        self.restart_with_little_quarantine()
        before = self.memory_kib()
        peers = [self.peer(self.a) for _ in range(16)]
        for peer in peers:
            peer.send_raw(frame("addrv2", b"x" * 100, length=4000000))
        self.peer(self.a).barrier()
        self.assertLess(self.memory_kib() - before, 20000)

    def test_a_v2_hello_gets_not_one_byte(self):
        peer = self.stranger()
        peer.send_raw(os.urandom(64 + 200))
        peer.wait_closed()
        self.assertEqual(peer.inbox, [])
        self.assertIsNone(peer.error)

    def test_nothing_is_said_before_the_first_header_is_whole(self):
        peer = self.stranger()
        hello = frame("version", b"")
        peer.send_raw(hello[:16])
        # whoever connects later is served in the meantime
        self.peer(self.a).barrier()
        self.assertEqual(peer.inbox, [])
        self.assertFalse(peer.closed)

    def test_a_header_may_be_split_at_every_byte(self):
        peer = self.peer(self.a)
        sent = []
        for cut in range(1, 26):
            message = sign.veto(self.key)
            data = frame("econveto", message.payload)
            sent.append(message)
            peer.send_raw(data[:cut])
            self.other_barrier()
            peer.send_raw(data[cut:])
        for message in sent:
            self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)

    def other_barrier(self):
        """When it is over the relay has read what was there before."""
        if not hasattr(self, "clock"):
            self.clock = self.peer(self.a)
        self.clock.barrier()

    def test_a_message_may_come_byte_by_byte(self):
        peer = self.peer(self.a)
        message = sign.veto(self.key)
        for byte in frame("econveto", message.payload):
            peer.send_raw(bytes([byte]))
        self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)

    def test_messages_before_the_verack_do_not_count(self):
        peer = self.stranger()
        message = sign.veto(self.key)
        peer.say_version()
        peer.send_message(message)
        peer.wait("verack")
        peer.send("verack")
        peer.barrier()
        self.a.tap.poll()
        self.assertEqual(self.a.tap.find("ingress.frame"), [])
        peer.send_message(message)
        self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)

    def test_a_second_version_is_ignored(self):
        peer = self.peer(self.a)
        peer.say_version()
        peer.barrier()
        self.check_alive(peer)
        self.assertEqual(len(peer.received("version", "verack")), 2)

    def test_a_feature_with_a_short_id_closes(self):
        peer = self.stranger()
        peer.say_version()
        peer.wait("verack")
        peer.send("feature", feature(b"abc"))
        peer.wait_closed()

    def test_a_feature_with_trailing_bytes_closes(self):
        peer = self.stranger()
        peer.say_version()
        peer.wait("verack")
        peer.send("feature", feature() + b"\0")
        peer.wait_closed()

    def test_an_unknown_feature_is_ignored(self):
        peer = self.stranger()
        peer.say_version()
        peer.wait("verack")
        peer.send("feature", feature(b"some-other-thing", b"data"))
        peer.send("feature", feature(FEATURE_ID))
        peer.send("verack")
        peer.barrier()
        self.check_alive(peer)

    def test_a_version_that_is_too_old_closes(self):
        peer = self.stranger()
        peer.version = 31799
        peer.say_version()
        peer.wait_closed()

    def test_a_user_agent_above_256_bytes_closes(self):
        peer = self.stranger()
        head = struct.pack("<iQq", 70016, 0, int(time.time())) + b"\0" * 52
        agent = b"\xfd" + struct.pack("<H", 257) + b"a" * 257
        peer.send("version", head + b"nonce123" + agent + b"\0" * 5)
        peer.wait_closed()

    def test_the_known_messages_of_bitcoin_are_ignored(self):
        peer = self.peer(self.a)
        for command in ("inv", "headers", "getheaders", "sendheaders",
                        "sendcmpct", "feefilter", "wtxidrelay", "getdata",
                        "mempool", "addr", "addrv2", "getaddr", "notfound"):
            peer.send(command, b"\0" * 20)
        peer.barrier()
        self.check_alive(peer)

    def test_a_pong_comes_after_the_verdicts(self):
        peer = self.peer(self.a)
        sent = [sign.veto(self.key) for _ in range(20)]
        data = b"".join(frame(message.command, message.payload)
                        for message in sent)
        peer.send_raw(data)
        peer.barrier()
        pong_us = time.time() * 1e6
        for message in sent:
            event = self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)
            self.assertLessEqual(event["time"], pong_us)

    def test_who_sends_too_fast_is_slowed_and_not_judged(self):
        self.a.stop()
        self.a.flags.update({"limits.peer_rate": 20, "limits.peer_burst": 5})
        self.a.start()
        peer = self.peer(self.a)
        began = time.monotonic()
        sent = [sign.veto(self.key) for _ in range(25)]
        for message in sent:
            peer.send_message(message)
        self.other_barrier()  # nobody else is held up
        for message in sent:
            self.a.tap.wait("dedup.accepted", gov_id=message.gov_id)
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertFalse(peer.closed)


if __name__ == "__main__":
    unittest.main()
