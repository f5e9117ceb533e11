"""Runs a Python program for which the names of `SecureWorld` are this machine, and port 443 the proxy's.

    from_here.py PORT PROGRAM ARGUMENT…
"""

import runpy
import socket
import sys

NAMES = ["wiki.example.org", "auth.example.org"]
#: What the names stand for: an address of loopback that nobody else has a use for.
HERE = "127.1.1.1"

port, program = int(sys.argv[1]), sys.argv[2]
resolve, connect = socket.getaddrinfo, socket.socket.connect


def getaddrinfo(host, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    return resolve(HERE if name in NAMES else host, *arguments, **options)


def to_the_proxy(self, address):
    return connect(self, ("127.0.0.1", port) if address == (HERE, 443) else address)


socket.getaddrinfo, socket.socket.connect = getaddrinfo, to_the_proxy
sys.argv = sys.argv[2:]
runpy.run_path(program, run_name="__main__")
