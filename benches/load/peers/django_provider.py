"""Django OAuth Toolkit in one process, on SQLite in WAL mode as Django sets it up. It has no
registration of clients over HTTP."""

import base64
import datetime
import json
import logging
import secrets
import socket
import tempfile

import django
import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from django.utils import timezone

TOKENS = 10_000
LOGINS = 1_000

folder = tempfile.TemporaryDirectory(dir="target/bench-data")
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{folder.name}/django.db",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
        },
    }},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    # Says how long an answer is; without that the connection is closed after each.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    OAUTH2_PROVIDER={"SCOPES": {"mcp": "all", "introspection": "to introspect"}, "PKCE_REQUIRED": True},
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the benchmark",
    USE_TZ=True,
)
django.setup()
urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
call_command("migrate", verbosity=0)

from django.contrib.auth.models import User  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402

user = User.objects.create_user("ada", password="correct-horse-battery")
of_codes = {"authorization_grant_type": "authorization-code", "redirect_uris": "http://127.0.0.1/callback"}
app = Application.objects.create(name="app", client_id="app", client_type="public", user=user, **of_codes)
Application.objects.create(
    name="wiki", client_id="wiki", client_secret="a-secret-of-the-wiki", client_type="confidential",
    hash_client_secret=False, user=user, **of_codes,
)
expires = timezone.now() + datetime.timedelta(days=1)
access = AccessToken.objects.bulk_create([
    AccessToken(user=user, application=app, token=secrets.token_urlsafe(32), expires=expires, scope="mcp")
    for _ in range(TOKENS)
])
refresh = RefreshToken.objects.bulk_create([
    RefreshToken(user=user, application=app, token=secrets.token_urlsafe(32), access_token=access[n])
    for n in range(LOGINS)
])
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
# As on a socket that the server opens itself: else each answer in two pieces waits for 40 ms.
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
credentials = base64.b64encode(b"wiki:a-secret-of-the-wiki").decode()
said = {
    "check": {
        "line": "POST /o/introspect/",
        "headers": [f"Authorization: Basic {credentials}"],
        "form": "token={token}",
        "expect": '"active": true',
    },
    # The first ones are refreshed, and end then.
    "tokens": [token.token for token in access[LOGINS:]],
    "refresh": {
        "line": "POST /o/token/",
        "form": "grant_type=refresh_token&client_id={client_id}&refresh_token={token}",
    },
    "logins": [("app", token.token) for token in refresh],
}
print("127.0.0.1:%d" % listener.getsockname()[1], json.dumps(said), flush=True)
# 32 connections are many for four threads, and it says so each time.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)
waitress.serve(get_wsgi_application(), sockets=[listener], threads=4, _quiet=True)
