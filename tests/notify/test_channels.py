"""The operator is told over encrypted channels: by a real mail server, and by a receiver that checks signatures with
the library of Standard Webhooks."""

import contextlib
import email
import email.policy
import os
import subprocess

import pytest
from authority import Authority
from receivers import PASSWORD, USER, Mailbox, Webhook
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError
from support import BINARY, Service

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URLS = {"smtps": "smtps://{user}localhost:{port}", "starttls": "smtp://{user}localhost:{port}?tls=required"}


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def of_mail(how, mailbox, authority, password=PASSWORD):
    user = USER.replace("@", "%40") + "@" if password else ""
    settings = {
        "notify_mail_to": "Ada <ada@h.example>, ops@h.example",
        "notify_mail_from": "mcp@h.example",
        "notify_smtp": URLS[how].format(user=user, port=mailbox.port),
        "notify_smtp_password": password or "",
    }
    return settings | ({"outgoing_ca_file": str(authority.file)} if authority else {})


def of_webhook(webhook, authority):
    return {
        "notify_webhook": webhook.url,
        "notify_webhook_secret": SECRET,
        "outgoing_ca_file": str(authority.file),
    }


def notify_test(folder, settings, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MCP_OAUTH_")}
    environment |= {f"MCP_OAUTH_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [BINARY, "notify", "test", *arguments],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=60,
    )


@pytest.mark.parametrize("how", ["smtps", "starttls"])
def test_a_mail_is_encrypted_and_says_what_it_is(how, tmp_path, authority):
    with contextlib.closing(Mailbox(how, authority.context("localhost"))) as mailbox:
        said = notify_test(tmp_path, of_mail(how, mailbox, authority))
        assert (said.returncode, said.stdout) == (0, "mail: told (250 taken)\n"), said
        envelope, encrypted = mailbox.next()
    assert encrypted
    assert (envelope.mail_from, envelope.rcpt_tos) == ("mcp@h.example", ["ada@h.example", "ops@h.example"])
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert not mail.defects
    assert mail["From"] == "mcp@h.example" and mail["To"] == "Ada <ada@h.example>, ops@h.example"
    assert mail["Subject"] == "A test (127.0.0.1)"
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Date"].datetime and mail["Message-ID"]
    assert mail.get_content_type() == "text/plain"
    assert "you will be told what happens" in mail.get_content()


@pytest.mark.parametrize("how", ["smtps", "starttls"])
@pytest.mark.parametrize("wrong", ["unknown authority", "another name"])
def test_a_mail_server_that_cannot_prove_who_it_is_gets_neither_mail_nor_password(how, wrong, tmp_path, authority):
    name = "other.example" if wrong == "another name" else "localhost"
    trusted = authority if wrong == "another name" else None
    with contextlib.closing(Mailbox(how, authority.context(name))) as mailbox:
        said = notify_test(tmp_path, of_mail(how, mailbox, trusted))
        assert said.returncode == 69 and "mail: not told (" in said.stdout, said
        assert "certificate" in said.stdout.lower() and PASSWORD not in said.stdout + said.stderr, said
        assert mailbox.mail.empty() and not mailbox.attempts


def test_without_starttls_nothing_is_sent(tmp_path, authority):
    with contextlib.closing(Mailbox("plain", None)) as mailbox:
        said = notify_test(tmp_path, of_mail("starttls", mailbox, authority))
        assert said.returncode == 69, said
        assert mailbox.mail.empty() and not mailbox.attempts


def test_a_wrong_password_is_an_answer(tmp_path, authority):
    with contextlib.closing(Mailbox("starttls", authority.context("localhost"))) as mailbox:
        said = notify_test(tmp_path, of_mail("starttls", mailbox, authority, "not the password"))
        assert said.returncode == 1 and "535" in said.stdout, said
        assert mailbox.mail.empty() and mailbox.attempts


def test_a_mail_server_that_falls_silent_is_not_waited_for(tmp_path, authority):
    with contextlib.closing(Mailbox("starttls", authority.context("localhost"))) as mailbox:
        mailbox.is_silent = True
        said = notify_test(tmp_path, of_mail("starttls", mailbox, authority, "not the password"))
        assert (said.returncode, said.stdout) == (69, "mail: not told (it takes too long)\n"), said


def test_the_library_of_standard_webhooks_believes_the_signature(tmp_path, authority):
    with contextlib.closing(Webhook(authority.context("127.0.0.1"))) as webhook:
        said = notify_test(tmp_path, of_webhook(webhook, authority))
        assert (said.returncode, said.stdout) == (0, "webhook: told (204 No Content)\n"), said
        headers, body = webhook.next()
        assert Verifier(SECRET).verify(body, headers)["type"] == "test"
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(body.replace(b"test", b"tost"), headers)
        with pytest.raises(WebhookVerificationError):
            Verifier("whsec_" + "A" * 32).verify(body, headers)


def test_a_receiver_that_cannot_prove_who_it_is_is_told_nothing(tmp_path, authority):
    with contextlib.closing(Webhook(authority.context("other.example"))) as webhook:
        said = notify_test(tmp_path, of_webhook(webhook, authority))
        assert said.returncode == 69 and "certificate" in said.stdout.lower(), said
        assert webhook.told.empty()


def test_the_service_itself_tells_over_every_channel(tmp_path, authority):
    context = authority.context("localhost", "127.0.0.1")
    with contextlib.closing(Mailbox("starttls", context)) as mailbox, contextlib.closing(Webhook(context)) as webhook:
        settings = of_mail("starttls", mailbox, authority) | of_webhook(webhook, authority)
        service = Service(tmp_path, "https://wiki.example.org/mcp", notify_low_disk="16000000G", **settings)
        service.start()
        try:
            headers, body = webhook.next()
            message = Verifier(SECRET).verify(body, headers)
            assert message["type"] == "disk.low" and message["issuer"] == service.issuer
            envelope, _ = mailbox.next()
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert mail["Subject"] == "The disk is nearly full (127.0.0.1)"
            assert message["text"] in mail.get_content().replace("\r\n", "\n")
            assert message["id"] in mail["Message-ID"], "the same event, by the same id"
            service.stop()
            log = service.log.read_text()
            assert webhook.url not in log and SECRET not in log and PASSWORD not in log
            assert webhook.told.empty() and mailbox.mail.empty(), "once"
        finally:
            service.kill()
