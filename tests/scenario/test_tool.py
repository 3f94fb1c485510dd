# SPDX-License-Identifier: MIT
"""test_tool - govrelay from outside: what it says, and its exit codes."""
import json
import os
import stat
import subprocess
import time
import unittest

import sign
from relay import BIN, Scenario, environment

YES, NO, UNREACHABLE, USAGE = 0, 1, 2, 3


class Tool(Scenario):
    def new_key(self, name="key", *words):
        path = self.path(name)
        self.tool("key", "new", "--network", "regtest", *words, path)
        return path

    def sign_all(self, key):
        """A file for each kind of message. Returns their paths."""
        self.write("qualification", json.dumps(sign.QUALIFICATION))
        texts = [
            self.tool("sign", "registration", "--type", "mining_pool",
                      "--name", "Test Pool", "--qualification",
                      self.path("qualification"), "--key", key),
            self.tool("sign", "veto", "--pr", 7, "--signal", "veto",
                      "--key", key),
            self.tool("sign", "fork", "--ruleset", "core-27.0", "--reason",
                      "tested", "--key", key)]
        return [self.write("message.%d" % number, text)
                for number, text in enumerate(texts)]


class Keys(Tool):
    def test_a_new_key_is_its_owners_and_is_never_overwritten(self):
        path = self.new_key()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, "rb") as file:
            before = file.read()
        self.tool("key", "new", path, code=NO)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_a_key_shows_its_public_part_only(self):
        path = self.new_key()
        shown = self.tool("key", "show", path)
        with open(path, encoding="ascii") as file:
            secret = json.load(file)["secret"]
        self.assertNotIn(secret, shown)
        self.assertRegex(shown, r"public_key +0[23][0-9a-f]{64}")
        self.assertIn("regtest", shown)
        other = self.tool_json("key", "show", "--json", self.new_key(
            "second", "--type", "ed25519"))
        self.assertEqual(other["type"], "ed25519")
        self.assertEqual(len(other["public_key"]), 64)

    def test_a_key_that_others_can_read_is_refused(self):
        path = self.new_key()
        os.chmod(path, 0o644)
        self.tool("key", "show", path, code=NO)
        self.assertIn("chmod", self.said)

    def test_a_key_signs_for_its_own_network_only(self):
        self.tool("sign", "veto", "--pr", 1, "--signal", "veto", "--network",
                  "main", "--key", self.new_key(), code=NO)

    def test_usage_is_3(self):
        key = self.new_key()
        for words in ((), ("nonsense",), ("key",), ("key", "new"),
                      ("key", "new", "--type", "rsa", self.path("k")),
                      ("sign", "veto", "--pr", 0, "--signal", "veto",
                       "--key", key),
                      ("verify", "--nonsense"), ("send",),
                      ("send", "no-port:x", "file"),
                      ("status", "127.0.0.1:1"), ("tap", "--count", "x")):
            self.tool(*words, code=USAGE)

    def test_help_is_an_answer(self):
        for words in (("--help",), ("help", "send"), ("key", "--help"),
                      ("--version",)):
            self.assertTrue(self.tool(*words))


class Signing(Tool):
    def test_what_the_tool_signs_others_can_check(self):
        for scheme in ("secp256k1", "ed25519"):
            key = self.new_key("key-" + scheme, "--type", scheme)
            with open(key, encoding="ascii") as file:
                ours = sign.Key(bytes.fromhex(json.load(file)["secret"]),
                                scheme)
            for path in self.sign_all(key):
                with open(path, encoding="utf-8") as file:
                    fields = json.load(file)
                self.assertEqual(fields["public_key"], ours.public)
                command = ("econreg" if "node_type" in fields else
                           "econveto" if "pr_id" in fields else "econfork")
                self.check_signature(ours, fields["signature"],
                                     sign.signing_string(command, fields))

    def check_signature(self, key, signature, text):
        public = key.private.public_key()
        if key.scheme == "ed25519":
            public.verify(bytes.fromhex(signature), text.encode())
            return
        r, s = int(signature[:64], 16), int(signature[64:], 16)
        self.assertLessEqual(s, sign.CURVE_ORDER // 2)
        public.verify(sign.utils.encode_dss_signature(r, s), text.encode(),
                      sign.ec.ECDSA(sign.hashes.SHA256()))

    def test_what_others_sign_the_tool_verifies(self):
        for scheme in ("secp256k1", "ed25519"):
            key = sign.Key(scheme=scheme)
            for message in (sign.registration(key), sign.veto(key),
                            sign.fork(key)):
                verdict = self.tool_json("verify", "--json",
                                         text=message.payload)
                self.assertEqual(verdict["verdict"], "accepted")
                self.assertEqual(verdict["command"], message.command)
                self.assertEqual(verdict["gov_id"], message.gov_id)

    def test_only_an_accepted_message_is_yes(self):
        message = sign.veto(sign.Key())
        refused = {
            "bad_signature": message.with_fields(pr_id=8).payload,
            "schema": message.with_fields(pr_id=0).payload,
            "malformed": b"{",
            "stale": sign.veto(sign.Key(), at=-5000).payload,
            "future": sign.veto(sign.Key(), at=5000).payload,
        }
        for verdict, payload in refused.items():
            said = self.tool("verify", "--command", "econveto", text=payload,
                             code=NO)
            self.assertIn(verdict, said)
        self.tool("verify", "--at", int(time.time()) - 5000,
                  text=refused["stale"])

    def test_a_signature_made_elsewhere_is_attached(self):
        key = sign.Key()
        said = self.tool("sign", "veto", "--pr", 7, "--signal", "veto",
                         "--unsigned", "--public-key", key.public)
        text, message = said.rstrip("\n").split("\n")
        self.write("unsigned", message)
        whole = self.tool("attach", "--signature", key.sign(text),
                          self.path("unsigned"))
        self.tool("verify", text=whole.encode())
        self.tool("attach", "--signature", sign.Key().sign(text),
                  self.path("unsigned"), code=NO)


class Sending(Tool):
    def send(self, *words, **rest):
        return self.tool("send", "--network", "regtest", *words, **rest)

    def test_messages_are_handed_over_and_confirmed_by_another_relay(self):
        a = self.relay("a")
        b = self.relay("b", [a])
        files = self.sign_all(self.new_key())
        said = self.send(b.address, *files)
        self.assertEqual(said.count("handed over"), 3)
        again = self.write("more", sign.veto(sign.Key()).payload)
        said = self.send("--confirm", a.address, b.address, again)
        self.assertIn("confirmed by " + a.address, said)
        a.tap.wait("dedup.accepted", 4)

    def test_messages_come_from_standard_input_too(self):
        a = self.relay("a")
        message = sign.veto(sign.Key())
        done = self.tool_json("send", "--network", "regtest", "--json",
                              a.address, text=message.payload + b"\n")
        self.assertEqual(done["gov_id"], message.gov_id)
        self.assertIs(done["handed_over"], True)
        a.tap.wait("dedup.accepted", gov_id=message.gov_id)

    def test_a_refused_message_is_not_sent_nor_any_beside_it(self):
        a = self.relay("a")
        good = self.write("good", sign.veto(sign.Key()).payload)
        bad = self.write("bad", sign.veto(sign.Key()).with_fields(
            pr_id=99).payload)
        self.send(a.address, good, bad, code=NO)
        self.peer(a).barrier()
        a.tap.poll()
        self.assertEqual(a.tap.find("ingress.frame"), [])

    def test_nobody_at_the_address_is_unreachable(self):
        listener = self.listener()
        address = listener.address
        listener.close()
        self.send("--timeout", 5, address, code=UNREACHABLE,
                  text=sign.veto(sign.Key()).payload)

    def test_somebody_who_does_not_shake_hands_is_unreachable(self):
        self.send("--timeout", 2, self.listener().address, code=UNREACHABLE,
                  text=sign.veto(sign.Key()).payload)

    def test_a_message_that_does_not_come_back_is_not_confirmed(self):
        a = self.relay("a")
        lonely = self.relay("b")
        self.send("--timeout", 2, "--confirm", lonely.address, a.address,
                  text=sign.veto(sign.Key()).payload, code=NO)
        self.assertIn("not confirmed", self.said)


class Tapping(Tool):
    def words(self, relay, *words):
        return ("tap", "--network", "regtest", "--datadir", relay.datadir,
                *words)

    def test_the_tap_shows_each_event_as_json(self):
        a = self.relay("a")
        with subprocess.Popen(
                [os.path.join(BIN, "govrelay"),
                 *self.words(a, "--json", "dedup.accepted", "tap.tick")],
                stdout=subprocess.PIPE, env=environment()) as shown:
            try:
                tick = json.loads(shown.stdout.readline())
                self.assertEqual(tick["topic"], "tap.tick")  # it listens
                message = sign.veto(sign.Key())
                self.peer(a).send_message(message)
                event = tick
                while event["topic"] == "tap.tick":
                    event = json.loads(shown.stdout.readline())
            finally:
                shown.kill()
        self.assertEqual(event["topic"], "dedup.accepted.econveto")
        self.assertEqual(event["gov_id"], message.gov_id)
        self.assertEqual(event["message"].encode(), message.payload)

    def test_a_count_that_is_reached_is_yes(self):
        a = self.relay("a")
        said = self.tool(*self.words(a, "--count", 1, "tap.tick"), code=YES)
        self.assertIn("tap.tick", said)

    def test_no_daemon_is_unreachable(self):
        self.tool("tap", "--network", "regtest", "--datadir", self.folder,
                  code=UNREACHABLE)

    def test_silence_is_unreachable(self):
        self.tool("tap", "--endpoint", "tcp://127.0.0.1:1", "--timeout", 1,
                  code=UNREACHABLE)


if __name__ == "__main__":
    unittest.main()
