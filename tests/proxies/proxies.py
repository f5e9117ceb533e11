"""The proxies themselves, each with the recipe that the binary prints for it."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
from support import ROOT, wait_for

WHEELS = ROOT / "target" / "proxies" / "venv" / "bin"


class Proxy:
    """One proxy that runs one recipe, which it is given as it was printed."""

    #: What `--proxy` calls it, and its folder in deploy/.
    kind: str
    #: The file there, by the name of a layout.
    example: str
    #: Where it listens.
    address = "127.0.0.1"

    def __init__(self, folder, recipe, ports):
        self.folder = Path(folder)
        self.recipe, self.ports = recipe, ports
        self.log = self.folder / "proxy.log"
        self.process = None

    def command(self):
        """Writes what the program needs beside the recipe, and says how it is started."""
        raise NotImplementedError

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def serve_here(self, certificate, port):
        """Makes a recipe for public names serve them on this port of this machine.

        The certificate is a file with its key, and with `.crt` and `.key` beside it for each alone.
        """
        raise NotImplementedError

    def authority(self, certificate):
        """Who has signed what it shows then."""
        return certificate.with_suffix(".crt")

    @classmethod
    def files(cls, text, example):
        """What is printed, as the files it is for; the main one is called as it is said."""
        return {example: text}

    def replace(self, old, new):
        assert old in self.recipe, old
        self.recipe = self.recipe.replace(old, new)

    def start(self):
        command = self.command()
        environment = {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment)
        wait_for(lambda: self.process.poll() is not None or all(accepts(self.address, port) for port in self.ports), self.kind)
        assert self.process.poll() is None, f"{self.kind}: {self.log.read_text()[-3000:]}"
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def accepts(address, port):
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def bracketed(host):
    """As it is written in a URL."""
    return f"[{host}]" if ":" in host else host


def is_found(url, host):
    try:
        return httpx.get(url, headers={"Host": host}, timeout=2, verify=False).status_code == 200
    except httpx.HTTPError:
        return False


def shakes_hands(port, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            context.wrap_socket(connection, server_hostname=name).close()
    except OSError:
        return False
    return True


def program(name):
    """Of Debian. Administrators' programs are not on everybody's path."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed: run tests/proxies/install"
    return found


class Nginx(Proxy):
    kind = "nginx"
    example = "{}.conf"

    def serve_here(self, certificate, port):
        self.replace("listen [::]:443 ssl;", "")
        self.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
        for suffix, name in [("crt", "fullchain"), ("key", "privkey")]:
            path = certificate.with_suffix(f".{suffix}")
            self.recipe = re.sub(rf"/etc/letsencrypt/live/[a-z.]+/{name}\.pem", str(path), self.recipe)
        assert "letsencrypt" not in self.recipe

    def command(self):
        recipe = self.write("recipe.conf", self.recipe)
        places = "".join(
            f"  {name}_temp_path {self.folder}/{name};\n"
            for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        )
        main = self.write(
            "nginx.conf",
            f"daemon off;\nuser root;\nworker_processes 1;\npid {self.folder}/nginx.pid;\n"
            f"events {{}}\nhttp {{\n  access_log off;\n{places}  include {recipe};\n}}\n",
        )
        return [program("nginx"), "-p", self.folder, "-e", self.folder / "error.log", "-c", main]


class Caddy(Proxy):
    """The current one."""

    kind = "caddy"
    example = "{}.Caddyfile"
    options = ""

    def serve_here(self, certificate, port):
        # With an authority of its own, in place of a public one.
        self.options = f"\thttps_port {port}\n\tauto_https disable_redirects\n\tlocal_certs\n\tskip_install_trust\n"

    def authority(self, certificate):
        return self.folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def start(self):
        # It listens before it has its certificates.
        super().start()
        names = re.findall(r"^([\w.]+) \{$", self.recipe, re.MULTILINE) if self.options else []
        for name in names:
            wait_for(lambda name=name: shakes_hands(self.ports[0], name), f"the certificate of {name}")
        return self

    def binary(self):
        return WHEELS / "caddy"

    def command(self):
        recipe = self.write("recipe", self.recipe)
        main = self.write("Caddyfile", f"{{\n\tadmin off\n{self.options}}}\nimport {recipe}\n")
        return [self.binary(), "run", "--adapter", "caddyfile", "--config", main]


class OldCaddy(Caddy):
    """Debian's, version 2.6."""

    def binary(self):
        # Whichever else is on the path.
        assert Path("/usr/bin/caddy").is_file(), "caddy is not installed: run tests/proxies/install"
        return Path("/usr/bin/caddy")


class Traefik(Proxy):
    kind = "traefik"
    example = "{}.yml"
    scheme = "http"

    def serve_here(self, certificate, port):
        self.scheme = "https"
        self.replace('address: ":443"', f'address: "127.0.0.1:{port}"')
        # With a certificate of a file in place of a public authority, which nobody asks for one.
        self.replace("      tlsChallenge: {}", "      tlsChallenge: {}\n      caServer: http://127.0.0.1:1/")
        self.replace("/etc/traefik/acme.json", f"{self.folder}/acme.json")
        files = f"{{certFile: {certificate}, keyFile: {certificate}}}"
        self.recipe += f"tls:\n  certificates: [{files}]\n  stores: {{default: {{defaultCertificate: {files}}}}}\n"

    def command(self):
        # It reads its own file a second time, by an absolute path.
        self.replace("filename: /etc/traefik/", f"filename: {self.folder}/")
        return [WHEELS / "traefik", "--configFile", self.write("traefik.yml", self.recipe)]

    def start(self):
        # It listens before it knows its routes.
        super().start()
        (host,) = set(re.findall(r"metadata:\n.*\n +rule: 'Host\(`(.*?)`\)", self.recipe)[:1])
        for port in self.ports:
            metadata = f"{self.scheme}://{bracketed(self.address)}:{port}/.well-known/oauth-protected-resource"
            wait_for(lambda: is_found(metadata, bracketed(host)), f"Traefik's routes at {port}")
        return self


class Envoy(Proxy):
    kind = "envoy"
    example = "{}.yaml"

    def serve_here(self, certificate, port):
        self.replace('address: "::", ipv4_compat: true, port_value: 443', f'address: "127.0.0.1", port_value: {port}')
        self.recipe = re.sub(r"/etc/letsencrypt/live/[a-z.]+/[a-z]+\.pem", str(certificate), self.recipe)

    def command(self):
        recipe = self.write("envoy.yaml", self.recipe)
        return [WHEELS / "envoy", "-c", recipe, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warn"]


class HaProxy(Proxy):
    kind = "haproxy"
    example = "{}.cfg"

    def serve_here(self, certificate, port):
        self.replace("bind :::443 v4v6 ", f"bind 127.0.0.1:{port} ")
        self.recipe = re.sub(r"/etc/haproxy/certs/[a-z.]+", str(certificate), self.recipe)

    @classmethod
    def files(cls, text, example):
        configuration, mark, action = text.partition("\n# ---- /etc/haproxy/mcp_gate.lua ----\n")
        assert mark, text
        return {example: configuration, "mcp_gate.lua": action}

    def command(self):
        for name, text in self.files(self.recipe, "haproxy.cfg").items():
            self.write(name, text)
        return [program("haproxy"), "-db", "-f", self.folder / "haproxy.cfg"]


PROXIES = {
    "nginx": Nginx,
    "Caddy": Caddy,
    "Caddy of Debian": OldCaddy,
    "Traefik": Traefik,
    "Envoy": Envoy,
    "HAProxy": HaProxy,
}
