"""Asks an address over and over, on a new connection each time and without a second try, until its
stdin ends. A line for each answer: what went wrong, or nothing."""

import sys
import threading
import urllib.request

url = sys.argv[1]
stop = threading.Event()


def ask():
    while not stop.wait(0.002):
        try:
            with urllib.request.urlopen(url, timeout=20):
                said = ""
        except OSError as error:
            said = f"{type(error).__name__}: {error}"
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


threads = [threading.Thread(target=ask) for _ in range(6)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
