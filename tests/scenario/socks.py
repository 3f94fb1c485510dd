# SPDX-License-Identifier: MIT
"""socks - a SOCKS5 proxy that remembers who asked it for what, and leads
nowhere: whoever takes a request is the peer behind it.

  in   a relay that dials
  out  its requests, with their log-ins; the connection of each
  owns a listening socket, and the connections that nobody has taken
"""
import socket
import struct
import threading

from peer import DEADLINE_S, Peer

LOGIN = 2
HOST_UNREACHABLE = 4
KINDS = {1: "ipv4", 3: "name", 4: "ipv6"}


class Request:
    """One CONNECT, as it came."""

    def __init__(self, sock, login, kind, host, port):
        self.socket = sock
        self.login = login      # user and password
        self.kind = kind
        self.host = host
        self.port = port
        self.taken = False      # the connection is a peer's

    def __repr__(self):
        return "%s %s:%d" % (self.kind, self.host, self.port)


def receive(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def read_login(sock):
    version, count = receive(sock, 2)
    assert version == 5
    if LOGIN not in receive(sock, count):
        sock.sendall(b"\x05\xff")
        raise EOFError
    sock.sendall(bytes([5, LOGIN]))
    assert receive(sock, 1) == b"\x01"
    user = receive(sock, receive(sock, 1)[0])
    password = receive(sock, receive(sock, 1)[0])
    sock.sendall(b"\x01\x00")
    return user, password


def read_request(sock):
    login = read_login(sock)
    version, command, zero, kind = receive(sock, 4)
    assert (version, command, zero) == (5, 1, 0)
    if kind == 3:
        host = receive(sock, receive(sock, 1)[0]).decode()
    else:
        family, size = {1: (socket.AF_INET, 4), 4: (socket.AF_INET6, 16)}[kind]
        host = socket.inet_ntop(family, receive(sock, size))
    port, = struct.unpack(">H", receive(sock, 2))
    return Request(sock, login, KINDS[kind], host, port)


class Proxy:
    def __init__(self, hosts, address="127.0.0.1:0"):
        """HOSTS can be reached; all others cannot."""
        self.hosts = hosts
        self.requests = []
        self.error = None       # what was wrong with what a relay said
        self.changed = threading.Condition()
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_server((host, int(port)))
        self.address = "%s:%d" % self.socket.getsockname()
        self.url = "socks5://" + self.address
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            sock.settimeout(DEADLINE_S)
            threading.Thread(target=self._serve, args=(sock,),
                             daemon=True).start()

    def _serve(self, sock):
        try:
            request = read_request(sock)
        except (EOFError, OSError):
            sock.close()
            return
        except Exception as error:  # noqa: shown by whoever waits
            self.error = error
            sock.close()
            return
        reached = request.host in self.hosts
        code = 0 if reached else HOST_UNREACHABLE
        try:
            sock.sendall(bytes([5, code, 0, 1]) + bytes(6))
        except OSError:
            reached = False
        if not reached:
            sock.close()
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()

    def wait(self, host, count=1, within=DEADLINE_S):
        """The COUNT-th request for HOST."""
        def found():
            return [request for request in self.requests
                    if request.host == host]

        with self.changed:
            done = self.changed.wait_for(
                lambda: len(found()) >= count or self.error, within)
            assert self.error is None, "proxy: %r" % self.error
            assert done, "proxy: no %s (%d); there were %s" % (
                host, count, self.requests)
            return found()[count - 1]

    def peer(self, host, count=1):
        """The peer behind it that was asked for as HOST."""
        request = self.wait(host, count)
        request.taken = True
        return Peer(request.socket).shake_hands(accepting=True)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for request in self.requests:
            if not request.taken:
                request.socket.close()
