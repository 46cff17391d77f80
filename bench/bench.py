#!/usr/bin/env python3
"""moe against its peers, on this machine, in one run.

  bench.py h1     HTTP/1.1: one table of all peers, in interleaved rounds
  bench.py h2     the same in HTTP/2 without TLS towards the client
  bench.py xds    a large configuration from a control plane, and its changes: memory, CPU time
  bench.py soak   many requests through the Go filter; fails on an error, shows the memory as it goes
"""
import argparse
import contextlib
import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Callable

import measure
import peers
import report

RELAY = "TCP relay (haproxy)"


@dataclasses.dataclass
class Kind:
    """A protocol to measure: who takes part, how they are asked, and what all are compared with."""
    name: str
    title: str
    peers: dict
    check: Callable
    load: Callable
    reference: str
    how: str  # of the load


H1 = Kind("h1", "HTTP/1.1", peers.PEERS, measure.check, measure.load, RELAY,
          "wrk with one thread and {connections} connections, keep-alive")
H2 = Kind("h2", "HTTP/2 (h2c)", peers.PEERS_H2, measure.check_h2, measure.load_h2, "haproxy",
          f"h2load with one thread, {{connections}} requests at a time, {measure.STREAMS} on a connection")


def say(text):
    print(text, flush=True)


def build():
    say("== building moe and the Go filter")
    for command, folder in ((["cmake", "--preset", "release"], peers.ROOT),
                            (["cmake", "--build", "--preset", "release", "--target", "moe"], peers.ROOT),
                            (["go", "build", "-buildmode=c-shared", "-o", peers.PLUGIN, "."],
                             peers.ROOT / "bench" / "gofilter")):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stdout[-4000:] + done.stderr[-4000:])


def table(options):
    kind = options.kind
    chosen = [name.strip() for name in options.peers.split(",")] if options.peers else list(kind.peers)
    unknown = [name for name in chosen if name not in kind.peers]
    if unknown:
        sys.exit(f"found the peer {unknown[0]!r}, expected some of: {', '.join(kind.peers)}")
    notes, results, memory = [], {}, {}
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = pathlib.Path(place)
        upstream = peers.free_port()
        stack.enter_context(peers.started(peers.UPSTREAM, folder, upstream, upstream))
        running = {}
        for name in chosen:
            port = peers.free_port()
            try:
                process = stack.enter_context(peers.started(kind.peers[name], folder, upstream, port))
            except peers.Missing as problem:
                notes.append(f"Left out: {problem}")
                continue
            wrong = kind.check(kind.peers[name], port, peers.BODY)
            if wrong:
                sys.exit(wrong)
            running[name] = (process, port)
            results[name] = []
        for name, (process, port) in running.items(): # connections, pools and caches
            kind.load(process, port, options.connections, 1)
        for turn in range(options.rounds):
            order = list(running)
            order = order[turn % len(order):] + order[:turn % len(order)]
            for name in order:
                process, port = running[name]
                run = kind.load(process, port, options.connections, options.seconds)
                results[name].append(run)
                say(f"   round {turn + 1}/{options.rounds} {name}: {run.cpu_us:.1f} us/request, "
                    f"{run.per_second:.0f} requests/s, {run.errors} errors")
        for name, (process, _) in running.items():
            memory[name] = measure.resident_kib(process.pid)
    notes += ["", f"{report.machine()}. One worker thread each, {kind.how.format(connections=options.connections)}, "
              f"1 KiB responses, {options.rounds} interleaved rounds of {options.seconds} s, medians.",
              f"Envoy {report.version(str(peers.ENVOY), '--version').rsplit('version: ', 1)[-1]}; {report.version('nginx', '-v')}; "
              f"{report.version('haproxy', '-v')}"]
    text = report.markdown(kind.title, results, memory, kind.reference, notes)
    report.write(peers.ROOT / "build" / "bench", kind.name, text, results, memory)
    say("\n" + text)
    return 1 if any(run.errors for runs in results.values() for run in runs) else 0


def soak(options):
    tool = shutil.which("h2load")
    if tool is None:
        sys.exit("h2load is missing; run tools/setup --bench")
    batches, failed = options.batches, 0
    each = options.requests // batches
    with tempfile.TemporaryDirectory() as text, contextlib.ExitStack() as stack:
        folder = pathlib.Path(text)
        upstream, port = peers.free_port(), peers.free_port()
        stack.enter_context(peers.started(peers.UPSTREAM, folder, upstream, upstream))
        process = stack.enter_context(peers.started(peers.PEERS["moe + Go filter"], folder, upstream, port))
        say(f"   start: {measure.resident_kib(process.pid) / 1024:.1f} MiB resident")
        for batch in range(batches):
            done = subprocess.run([tool, "--h1", "-n", str(each), "-c", str(options.connections), "-t", "1",
                                   f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True).stdout
            numbers = re.search(r"requests: (\d+) total.* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", done)
            codes = re.search(r"status codes: (\d+) 2xx", done)
            good = int(codes.group(1)) if numbers and codes else 0
            failed += each - good
            say(f"   {(batch + 1) * each} requests: {good} of {each} good, "
                f"{measure.resident_kib(process.pid) / 1024:.1f} MiB resident")
    say(f"{batches * each} requests, {failed} failed")
    return 1 if failed else 0


def xds(options):
    """A large configuration from a control plane, and one endpoint's change; see tests/integration/cmd/scale."""
    command = ["go", "run", "./cmd/scale", f"-clusters={options.clusters}", f"-listeners={options.listeners}",
               f"-changes={options.changes}", f"-ways={options.ways}", f"moe={peers.MOE}"]
    if peers.ENVOY.exists():
        command.append(f"Envoy={peers.ENVOY}")
    return subprocess.run(command, cwd=peers.ROOT / "tests" / "integration", check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    tables = []
    for kind in (H1, H2):
        tables.append(commands.add_parser(kind.name, help=f"{kind.title} against the peers"))
        tables[-1].set_defaults(run=table, kind=kind)
        tables[-1].add_argument("--rounds", type=int, default=5)
        tables[-1].add_argument("--seconds", type=int, default=4, help="of each round")
        tables[-1].add_argument("--peers", help="only these, by comma")
    many = commands.add_parser("soak", help="many requests through the Go filter")
    many.set_defaults(run=soak)
    many.add_argument("--requests", type=int, default=1_000_000)
    many.add_argument("--batches", type=int, default=10)
    large = commands.add_parser("xds", help="thousands of clusters from a control plane, against Envoy")
    large.set_defaults(run=xds)
    large.add_argument("--clusters", type=int, default=5000, help="with 10 endpoints each")
    large.add_argument("--listeners", type=int, default=500)
    large.add_argument("--changes", type=int, default=100, help="of one endpoint")
    large.add_argument("--ways", default="delta,sotw,whole")
    for command in (*tables, many):
        command.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    build()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
