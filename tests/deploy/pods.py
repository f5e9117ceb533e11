"""Runs the pod that deploy/kubernetes describes without a cluster, from the pieces of `containers`.

    target/clients/venv/bin/python tests/deploy/pods.py    writes the recipe into its ConfigMap anew
"""

import contextlib
import os
import re
import shutil
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

import yaml
from containers import CADDY, Container, Image, ip, network_of, recipe, service_container
from containers import FOLDER as CONTAINER
from support import ROOT, answers, wait_for

MANIFEST = ROOT / "deploy" / "kubernetes" / "mcp-server.yaml"
#: The public name of the examples, and what stands for it where there is no TLS.
PUBLIC, LOCAL = "https://wiki.example.org", "http://127.0.0.1:8090"
POD, NODE = "10.244.0.2", "10.244.0.1"


def manifests():
    """The documents of the manifest, by kind."""
    return {document["kind"]: document for document in yaml.safe_load_all(MANIFEST.read_text())}


def template():
    return manifests()["Deployment"]["spec"]["template"]["spec"]


def environment_of(container):
    return {variable["name"]: variable["value"] for variable in container.get("env", [])}


def recipe_of_pod():
    """What `resource snippet` prints for the sidecar; which name it has is the Ingress' business."""
    (sidecar,) = template()["initContainers"]
    return recipe(environment_of(sidecar), "127.0.0.1:8000", {"wiki.example.org {": ":8090 {"})


def secret_volume(folder, files, mode):
    """As the kubelet lays a Secret out: links to a folder that is replaced as a whole."""
    current = folder / "..2026_01_01"
    current.mkdir(parents=True)
    for name, text in files.items():
        (current / name).write_text(text)
        # The group is the pod's fsGroup.
        os.chown(current / name, 0, template()["securityContext"]["fsGroup"])
        (current / name).chmod(mode)
        (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data").symlink_to(current.name)
    return folder


class Pod:
    """The pod, up and running, on a node that can reach it at its address."""

    def __init__(self, folder, password):
        self.folder = folder
        self.image = Image(folder)
        self.documents = manifests()
        pod = template()
        (self.sidecar,) = pod["initContainers"]
        self.caddy, self.wiki = pod["containers"]
        assert str(pod["securityContext"]["runAsUser"]) == self.image.user
        (secret,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "secrets"]
        self.secrets = secret_volume(folder / "secrets", {"owner_password": password}, secret["defaultMode"])
        # The kubelet gives the volume to the pod's group, which may write.
        self.volume = folder / "volume"
        self.volume.mkdir()
        os.chown(self.volume, 0, pod["securityContext"]["fsGroup"])
        self.volume.chmod(0o2770)
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.node = self.keep(Container("node", self.folder / "node.log", "", ["sleep", "infinity"], {**os.environ}))
            self.network = self.keep(
                Container("pod", self.folder / "pod.log", "ip link set lo up;", ["sleep", "infinity"], {**os.environ})
            )
            self.node.run()
            self.network.run()
            self.stack.enter_context(network_of(self.node))
            ip(f"link add pod type veth peer name eth0 netns {self.network.pid}")
            ip(f"addr add {NODE}/24 dev pod")
            ip("link set pod up")
            with network_of(self.network):
                ip(f"addr add {POD}/24 dev eth0")
                ip("link set eth0 up")
            self.start_sidecar()
            self.start_others()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def keep(self, container):
        self.stack.callback(container.kill)
        return container

    def probe(self, name):
        """A probe of the sidecar, asked by the node."""
        probe = self.sidecar[name]["httpGet"]
        (port,) = [port["containerPort"] for port in self.sidecar["ports"] if port["name"] == probe["port"]]
        return answers(f"http://{POD}:{port}{probe['path']}")

    def start_sidecar(self):
        mounts = {mount["name"]: mount["mountPath"] for mount in self.sidecar["volumeMounts"]}
        assert mounts["database"] == self.image.volume
        environment = {name: value.replace(PUBLIC, LOCAL) for name, value in environment_of(self.sidecar).items()}
        self.service = self.keep(
            service_container(self.image, self.folder, environment, {mounts["secrets"]: self.secrets}, self.network)
        )
        self.service.run()
        # The others start when the sidecar has started.
        wait_for(lambda: self.probe("startupProbe"), "the startup probe")

    def start_others(self):
        configuration = self.folder / "Caddyfile"
        configuration.write_text(self.documents["ConfigMap"]["data"]["Caddyfile"])
        home = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        for name, command, environment in [
            ("caddy", [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(configuration)], {}),
            ("wiki", [sys.executable, str(CONTAINER / "wiki" / "server.py")], environment_of(self.wiki)),
        ]:
            log = self.folder / f"{name}.log"
            self.keep(Container(name, log, "", command, {**home, **environment}, self.network)).run()
        with network_of(self.network):
            wait_for(lambda: answers(f"{LOCAL}/mcp"), "Caddy")
            wait_for(lambda: answers("http://127.0.0.1:8000/mcp"), "the MCP server")


def rewrite():
    text = MANIFEST.read_text()
    before, after = text.split("\n---\n", 1)
    kept = before[: before.index("    :8090 {")] if "    :8090 {" in before else before + "\n"
    MANIFEST.write_text(kept + textwrap.indent(recipe_of_pod(), "    ").rstrip() + "\n---\n" + after)


if __name__ == "__main__":
    rewrite()
