#!/usr/bin/env python3
"""The demonstration: three sites, moe with a Go filter before them, requests with and without a uid.

Prints a table and exits non-zero if one answer is wrong. --keep leaves it running until Ctrl-C.
"""
import argparse
import collections
import contextlib
import http.client
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import steps
from steps import say

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOE = ROOT / "build" / "release" / "moe"
GO_OUT = ROOT / "build" / "gofilter"
SITES = ["s1", "s2", "s3"]
# uid, and the site that must answer; "all" for requests without one, which go to all in turn.
CASES = [("1", "s1"), ("50", "s1"), ("100", "s1"), ("101", "s2"), ("150", "s2"), ("200", "s2"), ("201", "s3"),
         ("0", "s3"), ("guest", "s3")] + [(None, "all")] * 6
WAIT_SECONDS = 20


def build():
    if not steps.build(ROOT, "release", "moe"):
        sys.exit("moe does not build")
    say("building the Go filter and the sites")
    GO_OUT.mkdir(parents=True, exist_ok=True)
    for arguments in (["-buildmode=c-shared", "-o", GO_OUT / "libdemo.so", "./cmd/demo"],
                      ["-o", GO_OUT / "sites", "./cmd/sites"]):
        status, output = steps.run(["go", "build", *arguments], cwd=ROOT / "gofilter")
        if status != 0:
            print(output[-6000:])
            sys.exit("the Go filter does not build")


def free_port(wanted):
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    sys.exit("no free port")


@contextlib.contextmanager
def running(command, **kwargs):
    process = subprocess.Popen(command, cwd=ROOT, **kwargs)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def three_sites():
    """The addresses of the sites by name."""
    arguments = [f"{site}=127.0.0.1:0" for site in SITES]
    with running([GO_OUT / "sites", *arguments], stdout=subprocess.PIPE, text=True) as process:
        addresses = dict(process.stdout.readline().split() for _ in SITES)
        yield addresses


def configuration(port, addresses):
    """configs/demo.yaml with the ports of today."""
    text = (ROOT / "configs" / "demo.yaml").read_text()
    ports = {"10000": str(port)}
    for number, site in enumerate(SITES):
        ports[str(9001 + number)] = addresses[site].rsplit(":", 1)[1]
    for old, new in ports.items():
        text = text.replace(f"port_value: {old}}}", f"port_value: {new}}}")
    return text


def wait_until_open(process, port, log):
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    sys.exit(f"moe does not accept connections:\n{pathlib.Path(log).read_text()}")


def ask(connection, uid):
    """Which site answered, and the microseconds in Go."""
    connection.request("GET", "/hello", headers={} if uid is None else {"uid": uid})
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        return f"status {response.status}", "-"
    return response.getheader("x-site", "nobody"), response.getheader("x-go-time-us", "-")


def table(port):
    """Sends the requests and prints the answers; how many were wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    wrong = 0
    in_turn = collections.Counter()
    line = "{:<8} {:<14} {:<12} {:>10}  {}"
    print(line.format("uid", "expected site", "answered by", "time in Go", ""))
    for uid, expected in CASES:
        answered, micros = ask(connection, uid)
        good = answered in SITES if expected == "all" else answered == expected
        if expected == "all":
            in_turn[answered] += 1
        wrong += not good
        print(line.format(uid or "-", "any, in turn" if expected == "all" else expected, answered, f"{micros} us",
                          "" if good else "WRONG"))
    if len(set(in_turn[site] for site in SITES)) != 1:
        print(f"requests without uid were not shared evenly: {dict(in_turn)}")
        wrong += 1
    print(f"{len(CASES)} requests, {wrong} wrong answers")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    build()
    with tempfile.TemporaryDirectory() as folder, three_sites() as addresses:
        port = free_port(10000)
        config = pathlib.Path(folder) / "demo.yaml"
        config.write_text(configuration(port, addresses))
        log = pathlib.Path(folder) / "moe.log"
        say(f"sites: {', '.join(f'{site} on {address}' for site, address in addresses.items())}")
        say(f"moe on 127.0.0.1:{port}")
        with log.open("w") as output, running([MOE, "-c", config, "--concurrency", "1"], stdout=output,
                                              stderr=output) as process:
            wait_until_open(process, port, log)
            wrong = table(port)
            if keep:
                print(f"\nTry:\n  curl -i 127.0.0.1:{port}/\n  curl -i -H 'uid: 42' 127.0.0.1:{port}/\n"
                      f"  curl -i -H 'uid: 142' 127.0.0.1:{port}/\nCtrl-C stops everything.", flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    process.wait()
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
