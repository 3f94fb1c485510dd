# SPDX-License-Identifier: MIT
"""test_proxy - a relay behind a SOCKS5 proxy: whom it reaches, and that it
neither dials nor resolves around it. What it does is seen by strace, from
outside.
"""
import re
import unittest

import sign
from relay import Daemon, Scenario, free_address
from socks import Proxy

ONION = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
CALLS = "connect,sendto,sendmsg,sendmmsg,openat"

# What a look-up of a name would read, or whom it would ask. Not nsswitch.conf:
# ZeroMQ's libpgm looks up the number of a protocol when it starts.
RESOLVER = re.compile(r"/(resolv\.conf|hosts|nscd|io\.systemd\.Resolve"
                      r"|host\.conf|gai\.conf)\b|AF_NETLINK")


class TracedDaemon(Daemon):
    """A daemon whose calls are written down. The tracer stands beside it, so
    that signals and exit codes are the daemon's own."""

    def __init__(self, folder, options=None, **rest):
        # The search for leaks is a tracer too, and there can be one only.
        super().__init__(folder, options,
                         env={"ASAN_OPTIONS": "detect_leaks=0"}, **rest)
        self.trace = folder + ".strace"

    def command(self):
        return ["strace", "-D", "-f", "-s", "200", "-e", "trace=" + CALLS,
                "-o", self.trace] + super().command()

    def calls(self):
        """All of them; the daemon has to have stopped."""
        assert self.process is None
        with open(self.trace, errors="replace") as file:
            lines = file.read().split("\n")
        assert any("exited with 0" in line for line in lines), lines[-5:]
        return lines

    def went_to(self):
        """Each internet address that it connected or sent to."""
        found = set()
        for line in self.calls():
            found.update("%s:%s" % (host, port) for port, host in re.findall(
                r"sin_port=htons\((\d+)\), "
                r"sin_addr=inet_addr\(\"([0-9.]+)\"\)", line))
            found.update("[%s]:%s" % (host, port) for port, host in re.findall(
                r"sin6_port=htons\((\d+)\).*"
                r"inet_pton\(AF_INET6, \"([0-9a-f:.]+)\"", line))
        return found

    def resolved(self):
        """Each call that only a resolver makes."""
        return [line for line in self.calls() if RESOLVER.search(line)]


class Proxies(Scenario):
    def proxy(self, *hosts, **options):
        proxy = Proxy(hosts, **options)
        self.addCleanup(proxy.close)
        return proxy

    def behind(self, proxy, *peers, kind=Daemon):
        address = proxy if isinstance(proxy, str) else proxy.url
        return self.daemon("a", {"node.proxy": address, "node.peers": peers},
                           kind=kind).start()

    def reached(self, proxy, host, count=1):
        peer = proxy.peer(host, count)
        self.peers.append(peer)
        return peer


class Reach(Proxies):
    def test_peers_are_reached_by_name_and_messages_pass(self):
        proxy = self.proxy("relay.test", ONION)
        a = self.behind(proxy, "relay.test:1234", ONION + ":8333")
        a.wait_log("INGRESS-PROXY address=" + re.escape(proxy.address))
        one = self.reached(proxy, "relay.test")
        two = self.reached(proxy, ONION)
        a.tap.wait("registry.peer.connected", subject="relay.test:1234")
        a.tap.wait("registry.peer.connected", subject=ONION + ":8333")
        self.assertEqual(repr(proxy.wait("relay.test")),
                         "name relay.test:1234")
        self.assertEqual(repr(proxy.wait(ONION)), "name %s:8333" % ONION)
        message = sign.veto(sign.Key())
        one.send_message(message)
        two.wait_payload(message.payload)
        # Nobody is told that he is where the proxy is.
        self.assertEqual(one.their_version().addrTo.ip, "::")

    def test_each_connection_logs_in_as_someone_else(self):
        proxy = self.proxy("one.test", "two.test")
        a = self.behind(proxy, "one.test:1", "two.test:1")
        first = self.reached(proxy, "one.test")
        self.reached(proxy, "two.test")
        a.tap.wait("registry.peer.connected", subject="one.test:1")
        first.close()
        self.reached(proxy, "one.test", 2)
        a.roll()  # nor is one used again after a restart
        self.reached(proxy, "one.test", 3)
        logins = [request.login for request in proxy.requests]
        for words in zip(*logins):
            self.assertEqual(len(set(words)), len(logins))
            for word in words:
                self.assertRegex(word.decode(), r"^[0-9a-f]{32}$")

    def test_a_peer_that_cannot_be_reached_is_dialled_again(self):
        proxy = self.proxy("relay.test")
        a = self.behind(proxy, "gone.test:1", "relay.test:1")
        self.reached(proxy, "relay.test")
        proxy.wait("gone.test", 3)
        left = a.tap.wait("registry.peer.left", subject="gone.test:1")
        self.assertEqual(left["reason"], "proxy: host unreachable")

    def test_junk_from_behind_is_not_held_against_the_proxy(self):
        proxy = self.proxy("relay.test", "other.test")
        a = self.behind(proxy, "relay.test:1", "other.test:1")
        bad = self.reached(proxy, "relay.test")
        for number in range(12):
            bad.send("econveto", b"{" * number)
        bad.barrier()
        bad.close()
        self.reached(proxy, "relay.test", 2)
        self.reached(proxy, "other.test")
        self.peer(a).barrier()  # from the proxy's address


class Around(Proxies):
    def check_only(self, a, proxy_address):
        a.stop()
        self.assertEqual(a.went_to(), {proxy_address})
        self.assertEqual(a.resolved(), [])

    def test_nothing_is_dialled_or_resolved_around_the_proxy(self):
        direct = self.listener()
        direct_host, direct_port = direct.address.split(":")
        proxy = self.proxy("relay.test", ONION, "192.0.2.7")
        a = self.behind(
            proxy, "relay.test:1234", ONION + ":8333", "192.0.2.7:8333",
            "[2001:db8::7]:8333", "localhost:" + direct_port, direct.address,
            "no-such-host.test:8333", kind=TracedDaemon)
        peers = [self.reached(proxy, host)
                 for host in ("relay.test", ONION, "192.0.2.7")]
        for host in ("localhost", direct_host, "no-such-host.test"):
            proxy.wait(host, 2)  # refused, and asked for again
        self.assertEqual(proxy.wait("192.0.2.7").kind, "ipv4")
        self.assertEqual(proxy.wait("2001:db8::7").kind, "ipv6")
        message = sign.veto(sign.Key())
        peers[0].send_message(message)
        peers[1].wait_payload(message.payload)
        self.check_only(a, proxy.address)

    def test_a_proxy_that_is_down_is_waited_for_and_not_passed_by(self):
        direct = self.listener()
        port = direct.address.split(":")[1]
        address = free_address()
        a = self.behind("socks5://" + address, "relay.test:1234",
                        "localhost:" + port, kind=TracedDaemon)
        for subject in ("relay.test:1234", "localhost:" + port):
            left = a.tap.wait("registry.peer.left", 3, subject=subject)
            self.assertEqual(left["reason"], "proxy: nobody is there")
        proxy = self.proxy("relay.test", address=address)
        self.reached(proxy, "relay.test").barrier()
        self.check_only(a, address)

    def test_an_onion_name_without_a_proxy_is_not_looked_up(self):
        a = self.daemon("a", {"node.peers": [ONION + ":8333"]},
                        kind=TracedDaemon).start()
        left = a.tap.wait("registry.peer.left", 2, subject=ONION + ":8333")
        self.assertEqual(left["reason"], "needs node.proxy")
        a.stop()
        self.assertEqual(a.went_to(), set())
        self.assertEqual(a.resolved(), [])

    def test_without_a_proxy_the_trace_shows_both(self):
        """That the tests above would see it."""
        direct = self.listener()
        name = "localhost:" + direct.address.split(":")[1]
        a = self.daemon("a", {"node.peers": [name]},
                        kind=TracedDaemon).start()
        peer = direct.accept()
        self.peers.append(peer)
        peer.barrier()
        a.stop()
        self.assertIn(direct.address, a.went_to())
        self.assertNotEqual(a.resolved(), [])


if __name__ == "__main__":
    unittest.main()
