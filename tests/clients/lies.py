"""Answers that a server must not give, each with the clients that mind it.

`Look` is told before anybody signs in, `Through` on the way from there to the last token. What is
wrong stops a client; what is doubtful costs it something.
"""

import json
import urllib.parse

from lying_proxy import Honest

TYPESCRIPT = {"typescript-sdk", "typescript-sdk-v1", "inspector", "inspector-v1", "mcp-remote", "opencode", "claude-code"}
PYTHON = {"python-sdk", "fastmcp"}
RUST = {"rmcp", "goose", "codex"}
BROWSERS = {"inspector", "inspector-v1"}
DOCUMENTS_ONLY = {"grok", "copilot-cli", "zed", "mcpjam"}
DOCUMENTS = DOCUMENTS_ONLY | {"claude-web", "claude-code", "chatgpt", "codex", "vscode", "goose", "opencode"}
RACING = {"claude-web", "claude-code", "codex", "mcp-remote", "opencode"}
AS_TYPED = {"claude-web", "gemini", "claude-code", "vscode"}
EXACT_ISSUER = {"typescript-sdk", "inspector"} | PYTHON
ISS = {"gemini", "chatgpt", "typescript-sdk", "inspector"} | PYTHON | RUST
EVERYBODY = (
    TYPESCRIPT | PYTHON | RUST | DOCUMENTS | {"cursor", "gemini", "antigravity"}
)
METADATA = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource/mcp"


class Lie(Honest):
    wrong = frozenset()
    doubtful = frozenset()


class Look(Lie):
    """Told on the way to the sign-in page."""


class Through(Lie):
    """Told behind the sign-in page."""


def at(exchange, side, path):
    return exchange.side == side and exchange.path == path and exchange.method != "OPTIONS"


def metadata(wrong, doubtful=frozenset(), **members):
    """A lie in the authorization server's metadata."""

    class InMetadata(Look):
        def answered(self, exchange):
            if at(exchange, "auth", METADATA):
                exchange.change(**members)

    InMetadata.wrong, InMetadata.doubtful = wrong, doubtful
    return InMetadata


def resource(wrong, **members):
    """A lie in the protected resource's metadata."""

    class InResource(Look):
        def answered(self, exchange):
            if at(exchange, "mcp", RESOURCE):
                exchange.change(**members)

    InResource.wrong = wrong
    return InResource


def registration(wrong, **members):
    """A lie in the answer to a registration. Nobody may use a document, so that all register."""

    class InRegistration(Look):
        def answered(self, exchange):
            if at(exchange, "auth", METADATA):
                exchange.change(client_id_metadata_document_supported=...)
            if at(exchange, "auth", "/register") and exchange.status == 201:
                exchange.change(**members)

    InRegistration.wrong = wrong | DOCUMENTS_ONLY
    return InRegistration


def token(wrong, doubtful=frozenset(), **members):
    """A lie in the answers of the token endpoint."""

    class InToken(Through):
        def answered(self, exchange):
            if at(exchange, "auth", "/token") and exchange.status == 200:
                exchange.change(**members)

    InToken.wrong, InToken.doubtful = wrong, doubtful
    return InToken


def refused(wrong, doubtful=frozenset(), error="invalid_request", when=None):
    """A token endpoint that refuses what it should not: `when` is asked about each exchange."""

    class Refused(Through):
        def asked(self, exchange):
            if at(exchange, "auth", "/token") and when(exchange):
                exchange.say(400, {"error": error})

    Refused.wrong, Refused.doubtful = wrong, doubtful
    return Refused


def unauthorised_page(wrong, doubtful=frozenset(), when=None):
    """An authorization endpoint that refuses what it should not."""

    class RefusedPage(Look):
        def asked(self, exchange):
            query = urllib.parse.parse_qs(exchange.query)
            if at(exchange, "auth", "/authorize") and when(query):
                exchange.say(400, {"error": "invalid_request"})

    RefusedPage.wrong, RefusedPage.doubtful = wrong, doubtful
    return RefusedPage


class NoToken401(Look):
    """The MCP server answers 200 without a token."""

    wrong = EVERYBODY

    def answered(self, exchange):
        if exchange.side == "mcp" and exchange.status == 401:
            exchange.say(200)


class NoPointer(Look):
    """The 401 does not say where the metadata are."""

    wrong, doubtful = {"gemini"}, EVERYBODY - {"gemini"}

    def answered(self, exchange):
        if exchange.side == "mcp" and exchange.status == 401:
            exchange.remove("www-authenticate")


class NoPointerForHead(Look):
    """HEAD is answered without the challenge that GET and POST get."""

    wrong = {"gemini"}

    def answered(self, exchange):
        if exchange.side == "mcp" and exchange.method == "HEAD":
            exchange.remove("www-authenticate")


class HiddenPointer(Look):
    """The challenge is not exposed to pages."""

    doubtful = BROWSERS

    def answered(self, exchange):
        if exchange.side == "mcp":
            exchange.remove("access-control-expose-headers")


class ResourceWithSlash(Look):
    """The resource is the URL that people type, and a slash."""

    wrong = AS_TYPED

    def answered(self, exchange):
        if at(exchange, "mcp", RESOURCE):
            exchange.change(resource=json.loads(exchange.answer)["resource"] + "/")


class ResourceIsOrigin(Look):
    """The resource is the origin of the URL that people type."""

    wrong = AS_TYPED

    def answered(self, exchange):
        if at(exchange, "mcp", RESOURCE):
            exchange.change(resource=json.loads(exchange.answer)["resource"].removesuffix("/mcp"))


class IssuerWithSlash(Look):
    """The metadata's issuer has a slash at its end, and that of the resource has none."""

    wrong = EXACT_ISSUER

    def answered(self, exchange):
        if at(exchange, "auth", METADATA):
            exchange.change(issuer=json.loads(exchange.answer)["issuer"] + "/")


class OtherIssuer(Look):
    """The metadata's issuer is another host."""

    wrong = EXACT_ISSUER | RUST

    def answered(self, exchange):
        if at(exchange, "auth", METADATA):
            exchange.change(issuer="https://else.example")


class FirstPlaceIsDown(Look):
    """503 at the first place of the metadata, and a good copy at the next one."""

    wrong = TYPESCRIPT | PYTHON

    def asked(self, exchange):
        if at(exchange, "auth", METADATA):
            exchange.say(503)
        if exchange.side == "auth" and exchange.path == "/.well-known/openid-configuration":
            exchange.path = METADATA


class NoCorsHere(Look):
    """The authorization server lets no page read its answers."""

    wrong = BROWSERS

    def answered(self, exchange):
        if exchange.side == "auth":
            exchange.remove("access-control-allow-origin")


class NoCorsAtRegistration(NoCorsHere):
    """The registration endpoint lets no page read its answers."""

    def answered(self, exchange):
        if exchange.path == "/register":
            exchange.remove("access-control-allow-origin")


class NoCorsThere(NoCorsHere):
    """The MCP server lets no page read its answers."""

    def answered(self, exchange):
        if exchange.side == "mcp":
            exchange.remove("access-control-allow-origin")


class PreflightNeedsToken(Look):
    """The MCP server wants a token even of a preflight."""

    wrong = BROWSERS

    def asked(self, exchange):
        if exchange.side == "mcp" and exchange.method == "OPTIONS":
            exchange.say(401)


class PermanentRedirect(Look):
    """The authorization endpoint redirects by 301."""

    wrong = {"fastmcp"}

    def answered(self, exchange):
        if at(exchange, "auth", "/authorize") and exchange.status == 303:
            exchange.status = 301


class RefusesOtherRedirects(Look):
    """A registration with a redirect URI of a private-use scheme is refused."""

    wrong = {"cursor"}

    def asked(self, exchange):
        if at(exchange, "auth", "/register") and b"cursor://" in exchange.body:
            exchange.say(400, {"error": "invalid_redirect_uri"})


class RefusesMethods(Look):
    """A registration without `none` is refused."""

    wrong = {"python-sdk"}

    def asked(self, exchange):
        if at(exchange, "auth", "/register"):
            if json.loads(exchange.body).get("token_endpoint_auth_method") != "none":
                exchange.say(400, {"error": "invalid_client_metadata"})


LOOKS = {
    "no 401 without a token": NoToken401,
    "a 401 without resource_metadata": NoPointer,
    "HEAD without the challenge": NoPointerForHead,
    "a challenge that pages do not see": HiddenPointer,
    "a resource with a slash": ResourceWithSlash,
    "a resource that is the origin": ResourceIsOrigin,
    "a resource elsewhere": resource(EVERYBODY, resource="https://else.example/mcp"),
    "a null in the resource's metadata": resource(TYPESCRIPT, bearer_methods_supported=None),
    "no authorization server": resource(EVERYBODY, authorization_servers=...),
    "an issuer with a slash": IssuerWithSlash,
    "another issuer": OtherIssuer,
    "a null in the server's metadata": metadata(TYPESCRIPT, grant_types_supported=None),
    "an endpoint that is no URL": metadata(
        EVERYBODY, authorization_endpoint="authorize"
    ),
    "no response types": metadata(TYPESCRIPT, response_types_supported=...),
    "no S256": metadata({"chatgpt"}, code_challenge_methods_supported=...),
    "other challenge methods": metadata(EVERYBODY - PYTHON - {"gemini"}, code_challenge_methods_supported=["plain"]),
    "no `none`": metadata({"chatgpt"}, token_endpoint_auth_methods_supported=["client_secret_post"]),
    "no documents": metadata(DOCUMENTS_ONLY, client_id_metadata_document_supported=...),
    "no registration": metadata(EVERYBODY - DOCUMENTS, registration_endpoint=...),
    "neither documents nor registration": metadata(
        EVERYBODY, registration_endpoint=..., client_id_metadata_document_supported=...
    ),
    "the first place is down": FirstPlaceIsDown,
    "a registration without redirect_uris": registration(TYPESCRIPT | RUST, redirect_uris=...),
    "a null in a registration": registration(TYPESCRIPT, scope=None),
    "a registration without client_id": registration(EVERYBODY, client_id=...),
    "another method without its secret": registration(
        {"chatgpt"} | PYTHON, token_endpoint_auth_method="client_secret_post", client_secret=...
    ),
    "no redirect of a private-use scheme": RefusesOtherRedirects,
    "public clients only": RefusesMethods,
    "no CORS at the authorization server": NoCorsHere,
    "no CORS at the registration": NoCorsAtRegistration,
    "no CORS at the MCP server": NoCorsThere,
    "a preflight that needs a token": PreflightNeedsToken,
    "a permanent redirect": PermanentRedirect,
    "one resource only": unauthorised_page({"codex"}, when=lambda query: len(query["resource"]) > 1),
    "no resource that is the origin": unauthorised_page(
        set(), {"claude-code"}, when=lambda query: query["resource"][0].count("/") == 3 and query["resource"][0].endswith("/")
    ),
    "no loopback address": unauthorised_page(
        {"rmcp", "codex", "goose", "vscode", "inspector", "copilot-cli", "zed", "opencode", "mcpjam"},
        {"claude-code"},
        when=lambda query: query["redirect_uri"][0].startswith("http://127.0.0.1"),
    ),
    "no offline_access": unauthorised_page(
        {"claude-code"}, when=lambda query: "offline_access" in query.get("scope", [""])[0]
    ),
}


class CallbackLie(Through):
    def answered(self, exchange):
        exchange.relocate(lambda address: self.alter(address) if "code=" in address else address)


class NoIss(CallbackLie):
    wrong = ISS

    def alter(self, address):
        return address.replace("iss=", "is=")


class IssWithSlash(CallbackLie):
    wrong = ISS

    def alter(self, address):
        parts = urllib.parse.urlsplit(address)
        query = dict(urllib.parse.parse_qsl(parts.query))
        return parts._replace(query=urllib.parse.urlencode(query | {"iss": query["iss"] + "/"})).geturl()


class StateDecodedTwice(CallbackLie):
    wrong = {"vscode"}

    def alter(self, address):
        return address.replace("%2B", "+")


class CodeWithPlus(CallbackLie):
    """A code of characters that have to be encoded in a query."""

    wrong = {"vscode"}

    def asked(self, exchange):
        if at(exchange, "auth", "/token") and exchange.form.get("code", "").startswith("a+"):
            exchange.form = exchange.form | {"code": exchange.form["code"].removeprefix("a+")}

    def alter(self, address):
        return address.replace("code=", "code=a%2B")


class UsedOnce(Through):
    """The second refresh with one token is refused, as by servers without grace."""

    wrong = RACING

    def __init__(self):
        self.used = set()

    def asked(self, exchange):
        presented = exchange.form.get("refresh_token") if at(exchange, "auth", "/token") else None
        if presented and presented in self.used:
            exchange.say(400, {"error": "invalid_grant"})
        self.used.add(presented)


class NoMoreAfterRefresh(Through):
    """What was given before a refresh is refused after it."""

    wrong, doubtful = RACING, EVERYBODY - RACING

    def __init__(self):
        self.first, self.over = {}, set()

    def asked(self, exchange):
        if exchange.side == "mcp" and exchange.header("authorization") in self.over:
            exchange.say(401)

    def answered(self, exchange):
        if at(exchange, "auth", "/token") and exchange.status == 200:
            given, asked = json.loads(exchange.answer), exchange.form
            if asked["grant_type"] == "refresh_token":
                self.over.add(self.first.get(asked["refresh_token"]))
            self.first[given["refresh_token"]] = f"Bearer {given['access_token']}"


class NoRevocation(Through):
    doubtful = EVERYBODY

    def asked(self, exchange):
        if at(exchange, "auth", "/revoke"):
            exchange.say(404)


class NoHeader(Through):
    """A proxy takes Authorization away."""

    wrong = EVERYBODY

    def asked(self, exchange):
        exchange.headers = [
            pair for pair in exchange.headers if exchange.side != "mcp" or pair[0].lower() != "authorization"
        ]


class NoCorsAtToken(Through):
    wrong = BROWSERS

    def answered(self, exchange):
        if exchange.path == "/token":
            exchange.remove("access-control-allow-origin")


refreshes = lambda exchange: exchange.form["grant_type"] == "refresh_token"

THROUGHS = {
    "no iss": NoIss,
    "an iss with a slash": IssWithSlash,
    "a state that was decoded twice": StateDecodedTwice,
    "a code that is encoded": CodeWithPlus,
    "a null beside the token": token(TYPESCRIPT, scope=None),
    "no token_type": token(EVERYBODY - PYTHON, token_type=...),
    "another token_type": token(EVERYBODY, token_type="DPoP"),
    "expires_in as text": token(RUST, expires_in="3600"),
    "no expires_in": token(set(), EVERYBODY, expires_in=...),
    "tokens for five minutes": token(set(), {"gemini", "vscode"}, expires_in=300),
    "no refresh token": token(set(), EVERYBODY, refresh_token=...),
    "no scope at a refresh": refused(
        {"gemini", "rmcp", "goose"}, error="invalid_scope", when=lambda e: refreshes(e) and "scope" in e.form
    ),
    "a refresh needs its resource": refused(
        {"codex"}, error="invalid_target", when=lambda e: refreshes(e) and "resource" not in e.form
    ),
    "client_id in the body and Basic": refused(
        {"python-sdk"}, error="invalid_client", when=lambda e: e.header("authorization") and "client_id" in e.form
    ),
    "no second refresh": UsedOnce,
    "old access tokens end at once": NoMoreAfterRefresh,
    "no revocation": NoRevocation,
    "no Authorization": NoHeader,
    "no CORS at the token endpoint": NoCorsAtToken,
}
