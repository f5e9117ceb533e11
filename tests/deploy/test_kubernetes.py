"""deploy/kubernetes: valid, hardened, and a pod that leads a client to its tools."""

import signal
import stat
import subprocess
import sys

import httpx
import pytest
from containers import network_of
from pods import LOCAL, MANIFEST, POD, Pod, manifests, recipe_of_pod, template
from support import HERE as CLIENTS
from support import PASSWORD, ROOT, Driver, Person

VALIDATE = ROOT / "target" / "deploy" / "venv" / "bin" / "kubernetes-validate"
#: The first with native sidecars, and the newest that there is a schema of.
VERSIONS = ["1.29", "1.37"]


def validated(path, version):
    command = [VALIDATE, "--strict", "--kubernetes-version", version, path]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifest_follows_the_schema(version):
    done = validated(MANIFEST, version)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(" passed for resource ") == len(manifests())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("enableServiceLinks: false", "enableServiceLink: false"),
        ("restartPolicy: Always", "restartPolicy: [Always]"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: yes-please"),
        ("replicas: 1", "replicas: one"),
    ],
)
def test_the_schema_sees_a_mistake(tmp_path, right, wrong):
    text = MANIFEST.read_text()
    assert right in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(right, wrong, 1))
    assert validated(broken, VERSIONS[0]).returncode != 0


def test_the_pod_is_hardened():
    pod = template()
    assert pod["enableServiceLinks"] is False and pod["automountServiceAccountToken"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True and security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["initContainers"] + pod["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True, container["name"]
        assert security["allowPrivilegeEscalation"] is False, container["name"]
        assert security["capabilities"]["drop"] == ["ALL"], container["name"]


def test_one_pod_writes_the_database():
    spec = manifests()["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert manifests()["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_what_belongs_together_has_the_same_name():
    documents, pod = manifests(), template()
    labels = documents["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert documents["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = {mount["name"] for container in pod["initContainers"] + pod["containers"] for mount in container["volumeMounts"]}
    assert mounted == set(volumes)
    assert volumes["database"]["persistentVolumeClaim"]["claimName"] == documents["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["proxy"]["configMap"]["name"] == documents["ConfigMap"]["metadata"]["name"]
    # Caddy's port is the only one that is let in from outside of the pod.
    (port,) = documents["Service"]["spec"]["ports"]
    (rule,) = documents["NetworkPolicy"]["spec"]["ingress"]
    assert rule["ports"] == [{"port": port["targetPort"]}]
    (container,) = [c for c in pod["containers"] if port["targetPort"] in [p["name"] for p in c.get("ports", [])]]
    assert container["name"] == "caddy"


def test_the_proxy_configuration_is_the_one_that_the_command_prints():
    configuration = manifests()["ConfigMap"]["data"]["Caddyfile"]
    options, recipe = configuration.split("\n}\n", 1)
    assert recipe.rstrip() == recipe_of_pod().rstrip()
    assert "admin off" in options


def test_a_client_reaches_the_tools_of_the_pod(tmp_path, monkeypatch):
    monkeypatch.setattr("support.USER", "owner")
    call = {"tool": "write_page", "arguments": {"name": "home", "text": "hello"}}
    with Pod(tmp_path, PASSWORD + "\n") as pod:
        for name in ["startupProbe", "readinessProbe", "livenessProbe"]:
            assert pod.probe(name), name
        # Not even a neighbour without a network policy gets past the gate.
        for port in [8000, 8080]:
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"http://{POD}:{port}/mcp")
        assert httpx.post(f"http://{POD}:8090/mcp").status_code == 401
        with network_of(pod.network):
            person = Person()
            client = Driver([sys.executable, str(CLIENTS / "fastmcp_client.py"), f"{LOCAL}/mcp"], tmp_path, person)
            try:
                assert client.ask("call", **call)["result"] == {"result": "hello\n\nowner"}
                # A new pod on the same volume, which the kubelet has given to the group in the meantime.
                pod.service.stop(signal.SIGTERM)
                database = pod.volume / "mcp_oauth.db"
                database.chmod(0o660)
                pod.start_sidecar()
                assert stat.S_IMODE(database.stat().st_mode) == 0o600, "nobody else may read it"
                assert client.ask("call", **call)["result"] == {"result": "hello\n\nowner"}
            finally:
                client.close()
            assert person.asked == 1
