"""What `doctor` says of certificates: whom this machine believes is a file of the tests."""

import contextlib
import json
import os
import socket
import subprocess
import threading

import pytest
from authority import Certificate
from support import BINARY

ROOT = Certificate("Root of the tests")
BETWEEN = Certificate("Between", by=ROOT)
PRIVATE = Certificate("Private root")


def of_localhost(**how):
    return Certificate("localhost", "localhost", **how)


@contextlib.contextmanager
def serving(folder, signed, *rest):
    """Shakes hands, and hangs up."""
    context = signed.context(folder, *rest)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.settimeout(1)
                secured.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def look(folder, port, believed=ROOT, private=None):
    """The one finding about the certificate."""
    authorities = folder / "authorities.pem"
    authorities.write_bytes(believed.pem if believed else b"")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_OAUTH_", "SSL_CERT"))}
    environment |= {
        "SSL_CERT_FILE": str(authorities),
        "MCP_OAUTH_ISSUER": f"https://localhost:{port}",
        "MCP_OAUTH_RESOURCE": f"https://localhost:{port}/mcp",
        "MCP_OAUTH_DB": str(folder / "none.db"),
    }
    if private:
        own = folder / "private.pem"
        own.touch(mode=0o600)
        own.write_bytes(private.pem)
        environment["MCP_OAUTH_OUTGOING_CA_FILE"] = str(own)
    done = subprocess.run(
        [BINARY, "doctor", "--json"], env=environment, cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1, (done.stdout, done.stderr)
    findings = json.loads(done.stdout)
    # A wrong certificate hides nothing: what is behind it is asked all the same.
    assert "metadata" in [finding["check"] for finding in findings]
    (finding,) = [finding for finding in findings if finding["check"] == "tls"]
    return finding["verdict"], finding["says"], finding.get("mend", "")


def test_a_good_one_is_believed_until_its_end(tmp_path):
    with serving(tmp_path, of_localhost(by=BETWEEN), BETWEEN) as port:
        verdict, says, _ = look(tmp_path, port)
    assert verdict == "fine" and "TLS 1.3" in says and "(60 days)" in says, says


@pytest.mark.parametrize(
    "signed, says, mend",
    [
        (of_localhost(by=ROOT, days=(-9, -1)), "has expired", "renew it"),
        (of_localhost(by=ROOT, days=(2, 9)), "not valid yet", "clock"),
        (Certificate("other", "other.example", "192.0.2.1", by=ROOT), "but for other.example, 192.0.2.1", "with this name in it"),
        (of_localhost(), "signed by itself", "public authority"),
        (of_localhost(by=BETWEEN), "without that of its authority (CN=Between)", "fullchain.pem"),
    ],
    ids=["expired", "not yet", "of another host", "by itself", "without its chain"],
)
def test_what_nobody_believes_is_said_with_its_mend(tmp_path, signed, says, mend):
    with serving(tmp_path, signed) as port:
        verdict, said, mended = look(tmp_path, port)
    assert verdict == "wrong" and says in said and mend in mended, (verdict, said, mended)


def test_an_authority_that_nobody_knows(tmp_path):
    with serving(tmp_path, of_localhost(by=PRIVATE), PRIVATE) as port:
        verdict, says, _ = look(tmp_path, port)
    assert verdict == "wrong" and "nobody knows the authority" in says and "Private root" in says, says


def test_one_that_ends_soon_is_doubtful(tmp_path):
    with serving(tmp_path, of_localhost(by=ROOT, days=(-80, 5.5))) as port:
        verdict, says, mend = look(tmp_path, port)
    assert verdict == "doubtful" and "ends in 5 days" in says and "renew" in mend, says


def test_an_authority_of_the_settings_is_nobody_elses(tmp_path):
    with serving(tmp_path, of_localhost(by=PRIVATE)) as port:
        verdict, says, mend = look(tmp_path, port, private=PRIVATE)
    assert verdict == "doubtful" and "MCP_OAUTH_OUTGOING_CA only" in says and "hosted clients" in mend, says


def test_a_system_without_authorities_cannot_judge(tmp_path):
    with serving(tmp_path, of_localhost(by=ROOT)) as port:
        verdict, says, mend = look(tmp_path, port, believed=None)
    assert verdict == "unknown" and "cannot be told" in says and "ca-certificates" in mend, says


def test_a_port_without_encryption_is_no_certificate(tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    verdict, says, _ = look(tmp_path, listener.getsockname()[1])
    listener.close()
    assert verdict == "wrong" and "no encrypted connection" in says, says
