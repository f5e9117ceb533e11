"""The power goes off: what was not made sure of may be on the disk, or not, or the half of it.

strace writes down what the service asks of the disk and what it answers to its clients, under load and
through an orderly stop. From that the disk is laid out as it may look after any moment of it: what was
synchronised is there, of the rest some writes are, some are not, and some are torn between two sectors.
The service starts from that, and whatever it had answered before that moment is so.
"""

import os
import random
import re
import threading

from load import Client
from support import Service, wait_for
from test_crash import check_database
from tracer import SYNCS, WRITES, traced

CUTS = 600 if os.environ.get("SOAK") else 30
SEED = os.environ.get("SEED", str(random.randrange(10**9)))
SECTOR = 512
CALL = re.compile(r"(\d+) +(\w+)\((.*)")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>.*= (-?\d+)")
FILE = re.compile(r"\d+<([^>]*)>")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def decoded(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Disk:
    """One file: what is on the disk for sure, and what has been asked for since."""

    def __init__(self, content):
        self.sure = bytearray(content)
        self.waiting = []

    def ask(self, change):
        self.waiting.append(change)

    def synchronised(self, count):
        for change in self.waiting[:count]:
            apply(self.sure, *change)
        del self.waiting[:count]

    def after_power_loss(self, rng):
        content = bytearray(self.sure)
        for offset, data in self.waiting:
            fate = rng.random()
            if fate < 0.4:
                apply(content, offset, data)
            elif fate < 0.7 and data is not None:
                torn(content, offset, data, rng)
        return content


def apply(content, offset, data):
    """Writes; without data it sets the length."""
    end = offset + len(data or b"")
    if data is None:
        del content[offset:]
    content.extend(b"\0" * (end - len(content)))
    if data is not None:
        content[offset:end] = data


def torn(content, offset, data, rng):
    """Some sectors of it were written."""
    at = offset
    while at < offset + len(data):
        end = min((at // SECTOR + 1) * SECTOR, offset + len(data))
        if rng.random() < 0.5:
            apply(content, at, data[at - offset : end - offset])
        at = end


class Recording:
    """What strace wrote down, and the files as they were before."""

    def __init__(self, log, files):
        self.lines = log.read_text().splitlines()
        self.files = files

    def replay(self):
        """After each line: its number, the files, and what a client was sent by it, if it was."""
        disks = {name: Disk(content) for name, content in self.files.items()}
        begun = {}
        for number, line in enumerate(self.lines):
            sent, synchronised = b"", None
            if resumed := RESUMED.match(line):
                thread, call, result = resumed.groups()
                started = begun.pop(thread, None)
                if started and result == "0":
                    synchronised = started
            elif found := CALL.match(line):
                thread, call, rest = found.groups()
                name = decoded(FILE.match(rest)[1]).decode() if FILE.match(rest) else ""
                if name in disks and call in SYNCS:
                    started = (name, len(disks[name].waiting))
                    if "<unfinished" in rest:
                        begun[thread] = started
                    elif rest.endswith("= 0"):
                        synchronised = started
                elif name in disks:
                    self.change(disks[name], call, rest)
                elif name.startswith("socket:"):
                    sent = b"".join(decoded(text) for text in TEXT.findall(rest))
            if synchronised:
                name, count = synchronised
                disks[name].synchronised(count)
            yield number, disks, sent, synchronised and synchronised[0]

    @staticmethod
    def change(disk, call, rest):
        if call == "pwrite64":
            data = decoded(TEXT.search(rest)[1])
            size, offset = map(int, re.search(r'", (\d+), (\d+)[) ]', rest).groups())
            assert len(data) == size, rest[-80:]
            disk.ask((offset, data))
        elif call == "ftruncate":
            disk.ask((int(re.search(r">, (\d+)[) ]", rest)[1]), None))
        else:
            raise AssertionError(f"the database is written by {call}")


class Witness:
    """A client that does one thing after another, and by what in the answer it knows that it was done."""

    def __init__(self, service, number):
        self.client = Client(service, random.Random(f"{SEED}-{number}"))
        self.client.rng.random = lambda: 1.0
        self.rng = random.Random(f"{SEED}-witness-{number}")
        self.facts = []

    def work(self, times):
        client = self.client
        client.register()
        self.facts.append(("registered", client.client_id, None))
        for _ in range(times):
            if client.tokens is None:
                client.authorize()
                self.facts.append(("pair", client.tokens["access_token"], dict(client.tokens)))
            elif self.rng.random() < 0.85:
                client.refresh()
                self.facts.append(("pair", client.tokens["access_token"], dict(client.tokens)))
            else:
                form = {"token": client.tokens["refresh_token"], "client_id": client.client_id}
                answer = client.send("POST", "/revoke", data=form)
                assert answer.status_code == 200
                self.facts.append(("ended", answer.headers["x-request-id"], dict(client.tokens)))
                client.tokens = None

    def check(self, known):
        """The first so many facts were acknowledged; the next may have been on its way."""
        if known == 0:
            return
        client, facts = self.client, self.facts[:known]
        follows = self.facts[known][0] if known < len(self.facts) else None
        assert client.send("GET", client.authorization_url("v" * 43)).status_code == 303
        ended = [tokens for kind, _, tokens in facts if kind == "ended"]
        for tokens in ended[-3:]:
            assert client.service.introspect(tokens["access_token"]) == {"active": False}, "a grant has come back"
        kind, _, tokens = facts[-1]
        if kind == "pair" and follows != "ended":
            assert client.service.introspect(tokens["access_token"])["active"] is True, "a token is gone"
            client.tokens = tokens
            client.refresh()
        # The codes of these were redeemed.
        redeemed = sum(kind == "pair" and self.facts[at - 1][0] != "pair" for at, (kind, *_) in enumerate(facts))
        for exchange in client.redeemed[:redeemed][-2:]:
            answer = client.send("POST", "/token", data=exchange)
            assert answer.status_code == 400 and answer.json()["error"] == "invalid_grant", "a code is good again"


def record(service, witnesses, folder):
    database = folder / "mcp_oauth.db"
    names = [str(database), f"{database}-wal"]
    log = folder / "calls"
    calls = f"trace={WRITES},{SYNCS},rename,unlink,sendto,writev,sendmsg"
    with traced(service, "-y", "-xx", "-s", "70000", "-o", str(log), "-e", calls):
        files = {name: open(name, "rb").read() for name in names}
        threads = [threading.Thread(target=witness.work, args=(45,)) for witness in witnesses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        service.stop()
    wait_for(lambda: "exited with 0" in log.read_text()[-2000:], "the recording")
    return Recording(log, files)


def test_what_was_answered_before_the_power_went_off_is_so(tmp_path):
    print(f"SEED={SEED}")
    service = Service(tmp_path, "http://127.0.0.1:1/mcp").start()
    witnesses = [Witness(service, number) for number in range(4)]
    recording = record(service, witnesses, tmp_path)
    answered = when_answered(recording, witnesses)
    rng = random.Random(SEED)
    first = min(at[0] for at in answered)
    cuts = sorted(rng.sample(range(first, len(recording.lines)), CUTS))
    losses = 0
    for number, disks, _, _ in recording.replay():
        if not cuts or number < cuts[0]:
            continue
        cuts.pop(0)
        losses += any(disk.waiting for disk in disks.values())
        fresh = tmp_path / f"cut-{number}"
        fresh.mkdir()
        for name, disk in disks.items():
            (fresh / os.path.basename(name)).write_bytes(disk.after_power_loss(rng))
        service.environment["MCP_OAUTH_DB"] = str(fresh / "mcp_oauth.db")
        service.start()
        for witness, at in zip(witnesses, answered, strict=True):
            witness.check(sum(moment <= number for moment in at))
        service.kill()
        check_database(fresh / "mcp_oauth.db")
    assert losses > CUTS / 10, f"something was lost at {losses} of {CUTS} moments only"


def when_answered(recording, witnesses):
    """The line of each fact of each witness. Before it the log was synchronised since the fact before."""
    answered = [[] for _ in witnesses]
    synchronised = -1
    for number, _, sent, name in recording.replay():
        if name and name.endswith("-wal"):
            synchronised = number
        for witness, at in zip(witnesses, answered, strict=True):
            if sent and len(at) < len(witness.facts) and witness.facts[len(at)][1].encode() in sent:
                assert synchronised > (at[-1] if at else -1), f"{witness.facts[len(at)][0]}: answered without a sync"
                at.append(number)
    assert [len(at) for at in answered] == [len(witness.facts) for witness in witnesses]
    return answered
