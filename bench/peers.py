"""The programs that are measured: how each is started, and what a good answer of it looks like."""
import contextlib
import dataclasses
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "bench" / "peers"
MOE = ROOT / "build" / "release" / "moe"
PLUGIN = ROOT / "build" / "bench" / "libbench.so"
ENVOY = pathlib.Path.home() / ".cache" / "moe" / "bench" / "bin" / "envoy"
BODY = "x" * 1024


class Missing(Exception):
    """A peer is not installed or does not start; says what to do."""


@dataclasses.dataclass
class Peer:
    name: str
    template: str
    command: list  # @CONFIG@ is its configuration
    filters: str = ""  # a template of HTTP filters
    headers: tuple = ()  # that the response must have

    def program(self):
        found = shutil.which(str(self.command[0]))
        if found is None:
            raise Missing(f"{self.name}: {self.command[0]} is missing; run tools/setup --bench")
        return found


ONE = ["--concurrency", "1"]
PEERS = {peer.name: peer for peer in [
    Peer("moe", "envoy.yaml", [MOE, "-c", "@CONFIG@", "-l", "warn", *ONE]),
    Peer("moe + Go filter", "envoy.yaml", [MOE, "-c", "@CONFIG@", "-l", "warn", *ONE], "golang-filter.yaml",
         ("x-bench-response",)),
    Peer("Envoy", "envoy.yaml", [ENVOY, "-c", "@CONFIG@", "-l", "off", "--disable-hot-restart", *ONE]),
    Peer("Envoy + Lua filter", "envoy.yaml", [ENVOY, "-c", "@CONFIG@", "-l", "off", "--disable-hot-restart", *ONE],
         "lua-filter.yaml", ("x-bench-response",)),
    Peer("nginx", "nginx.conf", ["nginx", "-c", "@CONFIG@", "-e", "/dev/null"]),
    Peer("haproxy", "haproxy.cfg", ["haproxy", "-f", "@CONFIG@"]),
    Peer("TCP relay (haproxy)", "relay.cfg", ["haproxy", "-f", "@CONFIG@"]),
]}
# The same in HTTP/2 (prior knowledge) towards the client; HTTP/1.1 towards the upstream.
PEERS_H2 = {name: PEERS[name] for name in ("moe", "moe + Go filter", "Envoy")} | {
    "haproxy": Peer("haproxy", "haproxy-h2.cfg", ["haproxy", "-f", "@CONFIG@"])}
UPSTREAM = Peer("upstream", "upstream-nginx.conf", ["nginx", "-c", "@CONFIG@", "-e", "/dev/null"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fill(template, values):
    text = (TEMPLATES / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


@contextlib.contextmanager
def started(peer, folder, upstream, port):
    """Runs a peer until the block ends; gives its process."""
    values = {"PORT": port, "UPSTREAM": upstream, "DIR": folder, "BODY": BODY, "PLUGIN": PLUGIN}
    values["FILTERS"] = fill(peer.filters, values).rstrip("\n") if peer.filters else ""
    stem = peer.name.replace(" ", "-").replace("(", "").replace(")", "")
    config = folder / f"{stem}{pathlib.Path(peer.template).suffix}"
    config.write_text(fill(peer.template, values))
    log = folder / f"{stem}.out"
    command = [peer.program(), *(str(config) if a == "@CONFIG@" else a for a in peer.command[1:])]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        try:
            wait_open(process, peer, upstream if peer is UPSTREAM else port, log)
            yield process
        finally:
            stop(process)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_open(process, peer, port, log):
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Missing(f"{peer.name} does not accept connections: {log.read_text()[-600:]}")
