"""strace beside the service: what it asks of the system, and what the system is made to answer."""

import contextlib
import subprocess

# Of a call that changes a file, or makes sure that it is changed.
WRITES = "pwrite64,write,ftruncate"
SYNCS = "fsync,fdatasync"


@contextlib.contextmanager
def traced(service, *arguments):
    """While this lasts, strace is attached to all threads of the service."""
    command = ["strace", "-f", *arguments, "-p", str(service.process.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = tracer.stderr.readline()
    assert "attached" in said, said
    try:
        yield
    finally:
        # Whoever is killed by it ends it, too; told to end at that moment, it would wait for ever.
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.process.wait(0.05)
        if service.process.poll() is None:
            tracer.terminate()
        try:
            tracer.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.communicate(timeout=5)


def failing(service, calls, error, *paths):
    """While this lasts, these calls fail with this error, where they are about these files."""
    about = [argument for path in paths for argument in ("-P", str(path))]
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    return traced(service, "-o", "/dev/null", *inject, *about)


def killing(calls, number):
    """Arguments for strace: whoever makes the so-manieth of these calls is killed by it."""
    # With a file, so that what strace says of the end of the process is not read as the command's.
    return ["-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={number}"]
