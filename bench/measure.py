"""One run of the load generator against one peer, and what it cost the peer."""
import dataclasses
import http.client
import os
import pathlib
import re
import shutil
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclasses.dataclass
class Run:
    requests: int
    errors: int
    per_second: float
    cpu_us: float  # CPU time per request, microseconds
    p50_ms: float
    p99_ms: float


def family(pid):
    """A process and all below it."""
    pids = [pid]
    for found in pids:
        for task in pathlib.Path(f"/proc/{found}/task").glob("*/children"):
            pids += [int(child) for child in task.read_text().split()]
    return pids


def cpu_seconds(pid):
    total = 0
    for each in family(pid):
        fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_kib(pid):
    total = 0
    for each in family(pid):
        found = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{each}/status").read_text())
        total += int(found.group(1)) if found else 0
    return total


def check_h2(peer, port, body):
    """As check, in HTTP/2."""
    done = subprocess.run(["curl", "-s", "-i", "--http2-prior-knowledge", f"http://127.0.0.1:{port}/"],
                          capture_output=True, text=True, check=False).stdout
    if not done.startswith("HTTP/2 200") or not done.endswith(body):
        return f"{peer.name}: {done[:100]!r}, expected HTTP/2, status 200 and {len(body)} bytes"
    for name in peer.headers:
        if f"\n{name}:" not in done:
            return f"{peer.name}: no header {name}"
    return None


def check(peer, port, body):
    """What is wrong with an answer of the peer, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != 200 or text != body:
        return f"{peer.name}: status {response.status}, {len(text)} bytes, expected 200 and {len(body)}"
    for name in peer.headers:
        if response.getheader(name) is None:
            return f"{peer.name}: no header {name}"
    return None


def millis(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]


def load(process, port, connections, seconds):
    """Runs wrk; the peer's CPU time is taken before and after."""
    before = cpu_seconds(process.pid)
    output = subprocess.run([shutil.which("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
                             f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    spent = cpu_seconds(process.pid) - before
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    errors = sum(int(n) for n in re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", output))
    return Run(requests, errors, float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
               spent / max(requests, 1) * 1e6, millis(re.search(r"^\s+50%\s+(\S+)", output, re.M).group(1)),
               millis(re.search(r"^\s+99%\s+(\S+)", output, re.M).group(1)))


STREAMS = 8  # at a time on each connection


def load_h2(process, port, connections, seconds):
    """As load, with h2load: as many requests at a time, on fewer connections."""
    before = cpu_seconds(process.pid)
    output = subprocess.run([shutil.which("h2load"), "-t1", f"-c{max(1, connections // STREAMS)}", f"-m{STREAMS}",
                             f"-D{seconds}", "--warm-up-time=0", "--log-file=/dev/stdout",
                             f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
    spent = cpu_seconds(process.pid) - before
    total, good = (int(n) for n in re.search(r"requests: (\d+) total.*?(\d+) succeeded", output).groups())
    codes = int(re.search(r"status codes: (\d+) 2xx", output).group(1))
    # A line a request: when it began, its status, how long it took, both times in microseconds.
    times = sorted(int(n) for n in re.findall(r"^\d+\t\d+\t(\d+)$", output, re.M))
    return Run(codes, total - good, float(re.search(r"finished in .*?, ([\d.]+) req/s", output).group(1)),
               spent / max(codes, 1) * 1e6, times[len(times) // 2] / 1e3, times[len(times) * 99 // 100] / 1e3)
