"""The proxies themselves, each with the recipe that the binary prints for it."""

import os
import re
import shutil
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

    def replace(self, old, new):
        assert old in self.recipe, old
        self.recipe = self.recipe.replace(old, new)

    def start(self):
        command = self.command()
        environment = {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment)
        wait_for(lambda: self.process.poll() is not None or all(map(accepts, self.ports)), self.kind)
        assert self.process.poll() is None, f"{self.kind}: {self.log.read_text()[-3000:]}"
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def accepts(port):
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
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

    def binary(self):
        return WHEELS / "caddy"

    def command(self):
        recipe = self.write("recipe", self.recipe)
        main = self.write("Caddyfile", f"{{\n\tadmin off\n{self.options}}}\nimport {recipe}\n")
        return [self.binary(), "run", "--adapter", "caddyfile", "--config", main]


class OldCaddy(Caddy):
    """Debian's, version 2.6."""

    def binary(self):
        return program("caddy")


class Traefik(Proxy):
    kind = "traefik"

    def command(self):
        # It reads its own file a second time, by an absolute path.
        recipe = self.write("traefik.yml", self.recipe.replace("/etc/traefik/", f"{self.folder}/"))
        return [WHEELS / "traefik", "--configFile", recipe]

    def start(self):
        # It listens before it has read its routes.
        super().start()
        metadata = f"http://127.0.0.1:{self.ports[0]}/.well-known/oauth-protected-resource"
        wait_for(lambda: httpx.get(metadata).status_code == 200, "Traefik's routes")
        return self


class Envoy(Proxy):
    kind = "envoy"

    def command(self):
        recipe = self.write("envoy.yaml", self.recipe)
        return [WHEELS / "envoy", "-c", recipe, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warn"]


class HaProxy(Proxy):
    kind = "haproxy"

    def command(self):
        recipe, _, lua = self.recipe.partition("\n# ---- /etc/haproxy/mcp_gate.lua ----\n")
        self.write("mcp_gate.lua", lua)
        return [program("haproxy"), "-db", "-f", self.write("haproxy.cfg", recipe + "\n")]


PROXIES = {
    "nginx": Nginx,
    "Caddy": Caddy,
    "Caddy of Debian": OldCaddy,
    "Traefik": Traefik,
    "Envoy": Envoy,
    "HAProxy": HaProxy,
}
