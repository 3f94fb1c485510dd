# SPDX-License-Identifier: MIT
"""test_config - what an operator can get wrong, and how he is told."""
import os
import signal
import socket
import subprocess
import unittest

import sign
from relay import BAD_LINE, BIN, STOP_S, Receiver, Scenario, environment

USAGE, STAGE, DISK, TEMPORARY, CONFIG = 64, 70, 74, 75, 78


# Root reads whatever it likes, unless it has given that up.
AS_OTHERS = [] if os.geteuid() else [
    "setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]


class Config(Scenario):
    def run_daemon(self, *words, env=None, datadir=True):
        """Runs a daemon that is to end by itself; (code, what it said)."""
        if datadir:
            words = ("--datadir", self.path("d"), *words)
        done = subprocess.run(
            AS_OTHERS + [os.path.join(BIN, "govrelayd"), *words], timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(HOME=self.folder, **(env or {})))
        said = done.stdout.decode()
        self.assertIsNone(BAD_LINE.search(said), said)
        return done.returncode, said

    def check_refused(self, code, *patterns, words=(), **rest):
        got, said = self.run_daemon(*words, **rest)
        self.assertEqual(got, code, said)
        for pattern in patterns:
            self.assertRegex(said, pattern)
        return said

    def file(self, text):
        return ("--config", self.write("govrelay.toml", text))


class Files(Config):
    def test_a_good_file_passes_the_check(self):
        code, said = self.run_daemon("--check-config", *self.file(
            '[node]\nnetwork = "regtest"\nlisten = ["127.0.0.1:0"]\n'))
        self.assertEqual(code, 0, said)

    def test_all_errors_are_said_at_once_with_their_places(self):
        said = self.check_refused(
            CONFIG, r"govrelay\.toml:2:\d+: ", r"govrelay\.toml:3:\d+: ",
            r"govrelay\.toml:5:\d+: ", words=("--check-config", *self.file(
                '[node]\nnetwork = "mainnet"\nmax_inbound = "many"\n'
                '[limits]\npeer_rate = -1\n')))
        self.assertEqual(len(said.strip().split("\n")), 3, said)

    def test_an_unknown_key_is_an_error_with_what_was_meant(self):
        self.check_refused(
            CONFIG, r"govrelay\.toml:2:1: .*max_inbonud",
            r"did you mean .*max_inbound",
            words=self.file("[node]\nmax_inbonud = 5\n"))

    def test_a_broken_file_is_an_error_with_its_place(self):
        self.check_refused(CONFIG, r"govrelay\.toml:2:",
                           words=self.file('[node]\nnetwork = "regtest\n'))

    def test_a_file_that_is_not_there_is_an_error(self):
        self.check_refused(CONFIG, "nowhere",
                           words=("--config", self.path("nowhere")))

    def test_the_environment_goes_before_the_file_and_flags_before_both(self):
        file = self.file('[node]\nnetwork = "nonsense"\n')
        env = {"GOVRELAY_NODE_NETWORK": "nothing"}
        self.check_refused(CONFIG, "GOVRELAY_NODE_NETWORK", env=env,
                           words=("--check-config", *file))
        code, said = self.run_daemon(
            "--check-config", "--network", "regtest", env={})
        self.assertEqual(code, 0, said)

    def test_relay_mode_without_a_place_to_forward_to_is_an_error(self):
        self.check_refused(CONFIG, "commons_url",
                           words=("--governance.enabled=true",))

    def test_http_to_another_host_is_an_error(self):
        self.check_refused(CONFIG, "https", words=(
            "--governance.enabled=true",
            "--governance.commons_url=http://192.0.2.1/api"))

    def test_a_proxy_by_name_is_an_error(self):
        self.check_refused(
            CONFIG, r"govrelay\.toml:2:\d+: node\.proxy: .*IP address",
            words=self.file('[node]\nproxy = "socks5://localhost:9050"\n'))
        code, said = self.run_daemon("--check-config", *self.file(
            '[node]\nproxy = "socks5://[::1]:9050"\n'))
        self.assertEqual(code, 0, said)

    def test_a_part_that_is_not_built_yet_is_refused(self):
        self.check_refused(CONFIG, "vpn_enabled", words=(
            "--governance.vpn_enabled=true",))


class Keys(Config):
    def check_key_file(self, path, *patterns):
        said = self.check_refused(CONFIG, "api_key_file", *patterns, words=(
            "--network", "regtest", "--node.listen=127.0.0.1:0",
            "--governance.enabled=true",
            "--governance.commons_url=http://127.0.0.1:1/api",
            "--governance.api_key_file=" + path))
        self.assertNotIn("sesame", said)

    def test_a_key_file_that_others_can_read_is_an_error(self):
        for mode in (0o640, 0o604, 0o644):
            self.check_key_file(self.write("key", "sesame", mode), "chmod")

    def test_a_key_file_that_is_not_there_is_an_error(self):
        self.check_key_file(self.path("nothing"), "0600")

    def test_an_empty_key_file_is_an_error(self):
        self.check_key_file(self.write("key", "\n"), "empty")

    def test_a_key_file_that_is_a_directory_is_an_error(self):
        os.mkdir(self.path("dir"), 0o700)
        self.check_key_file(self.path("dir"))

    def test_a_key_file_that_we_cannot_read_is_an_error(self):
        self.check_key_file(self.write("key", "sesame", 0o000),
                            "Permission denied")

    def test_a_key_on_the_command_line_is_not_repeated(self):
        said = self.check_refused(
            USAGE, "api_key", words=("--governance.api_key=sesame",))
        self.assertNotIn("sesame", said)


class Usage(Config):
    def test_an_unknown_flag_is_usage(self):
        self.check_refused(USAGE, "--netwrok", "did you mean --network",
                           words=("--netwrok", "regtest"))

    def test_a_flag_without_its_value_is_usage(self):
        self.check_refused(USAGE, words=("--network",))

    def test_an_unknown_stage_is_usage(self):
        self.check_refused(USAGE, "ingres", words=(
            "--network", "regtest", "--stages", "ingres"))

    def test_a_part_of_a_relay_is_refused(self):
        self.check_refused(USAGE, "dedup", words=(
            "--network", "regtest", "--stages", "ingress,registry"))

    def test_isolate_is_refused_as_long_as_it_is_not_there(self):
        self.check_refused(USAGE, "isolate", words=("--isolate",))

    def test_help_and_version_are_answered(self):
        code, said = self.run_daemon("--help", datadir=False)
        self.assertEqual(code, 0)
        for words in ("--check-config", "--node.max_inbound", "--stages"):
            self.assertIn(words, said)
        code, said = self.run_daemon("--version", datadir=False)
        self.assertEqual(code, 0)
        self.assertRegex(said, r"^govrelayd \d+\.\d+\.\d+\n$")


class Start(Config):
    quiet = ("--network", "regtest", "--node.listen=127.0.0.1:0")

    def test_a_port_that_is_taken_is_temporary(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = "127.0.0.1:%d" % other.getsockname()[1]
            self.check_refused(
                TEMPORARY, address.replace(".", r"\."), "node.listen",
                words=("--network", "regtest", "--node.listen", address))
            self.check_refused(
                TEMPORARY, address.replace(".", r"\."), words=(
                    "--stages", "receiver", "--network", "regtest",
                    "--receiver.listen", address),
                env={"INTERNAL_API_KEY": "key"})

    def test_a_datadir_that_is_in_use_is_temporary(self):
        self.relay("d")
        self.check_refused(TEMPORARY, "another daemon", words=self.quiet)

    def test_a_datadir_that_cannot_be_made_is_a_disk_error(self):
        os.mkdir(self.path("d"))
        self.write("d/regtest", "a file")
        self.check_refused(DISK, words=self.quiet)

    def test_a_journal_that_is_no_database_does_not_stop_the_relay(self):
        a = self.relay("a")
        a.stop()
        with open(os.path.join(a.datadir, "regtest", "journal.db"),
                  "r+b") as file:
            file.write(b"this is no database, it never was" * 200)
        a.start()
        a.wait_log(" warn .*DEDUP-DAMAGE")
        message = sign.veto(sign.Key())
        self.peer(a).send_message(message)
        a.tap.wait("dedup.accepted", gov_id=message.gov_id)

    def test_a_tap_that_cannot_be_bound_stops_the_start(self):
        code, said = self.run_daemon(
            *self.quiet, "--tap.endpoint=ipc://%s/no/such/tap" % self.folder)
        self.assertIn(code, (STAGE, TEMPORARY, DISK, CONFIG), said)
        self.assertIn("tap.endpoint", said)

    def test_a_receiver_without_a_key_warns_and_lets_nobody_in(self):
        store = self.daemon("d", kind=Receiver)
        store.env = {}
        store.launch().wait_log(" warn .*INTERNAL_API_KEY is not set")
        store.wait_log(store.ready)
        store.find_address()
        for key in (True, False):
            status, _, _ = store.post("veto", b"{}", key=key)
            self.assertEqual(status, 401)

    def test_the_files_of_a_relay_are_its_own(self):
        a = self.relay("a")
        self.assertEqual(os.stat(a.datadir + "/regtest").st_mode & 0o77, 0)

    def test_it_listens_on_ipv6(self):
        if not socket.has_ipv6:
            return
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            return  # this machine has none
        a = self.daemon("a", {"node.listen": "[::1]:0"}).start()
        self.assertRegex(a.address, r"^\[::1\]:\d+$")
        self.peer(a).barrier()


class Stop(Config):
    def test_sigterm_ends_it_in_time_with_0(self):
        a = self.relay("a")
        self.peer(a)
        self.assertLess(a.stop(), STOP_S)
        self.assertTrue(any("SUPERVISOR-DRAINING" in line
                            for line in a.lines))

    def test_sigint_is_the_same(self):
        a = self.relay("a")
        a.process.send_signal(signal.SIGINT)
        self.assertEqual(a.wait_exit(), 0)
        a.process = None

    def test_it_stops_in_time_while_commons_and_peers_are_silent(self):
        listener = self.listener()  # accepts, and says nothing
        hole = self.listener()
        a = self.daemon("a", {
            "node.peers": [listener.address],
            "governance.enabled": True,
            "governance.commons_url": "http://%s/api" % hole.address,
            "governance.api_key_file": self.write("key", "key")}).start()
        message = sign.veto(sign.Key())
        sender = self.peer(a)
        sender.send_message(message)
        a.tap.wait("forwarder.queued", gov_id=message.gov_id)
        self.assertLess(a.stop(), STOP_S)

    def test_what_was_in_hand_is_judged_before_the_end(self):
        a = self.relay("a", options={"limits.peer_rate": 0})
        sender = self.peer(a)
        key = sign.Key()
        for _ in range(100):
            sender.send_message(sign.veto(key))
        a.tap.wait("verifier.verified")
        a.stop()
        a.tap.poll()
        shown = {event["gov_id"]
                 for event in a.tap.find("verifier.verified")}
        a.start()
        self.peer(a)
        for gov_id in shown:
            a.tap.wait("gossip.offered", gov_id=gov_id)


if __name__ == "__main__":
    unittest.main()
