#!/usr/bin/env python3
"""moe against its peers, on this machine, in one run.

  bench.py h1     HTTP/1.1: one table of all peers, in interleaved rounds
  bench.py soak   many requests through the Go filter; fails on an error, shows the memory as it goes
"""
import argparse
import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import measure
import peers
import report

RELAY = "TCP relay (haproxy)"


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


def h1(options):
    chosen = [name.strip() for name in options.peers.split(",")] if options.peers else list(peers.PEERS)
    unknown = [name for name in chosen if name not in peers.PEERS]
    if unknown:
        sys.exit(f"found the peer {unknown[0]!r}, expected some of: {', '.join(peers.PEERS)}")
    notes, results, memory = [], {}, {}
    with tempfile.TemporaryDirectory() as text, contextlib.ExitStack() as stack:
        folder = pathlib.Path(text)
        upstream = peers.free_port()
        stack.enter_context(peers.started(peers.UPSTREAM, folder, upstream, upstream))
        running = {}
        for name in chosen:
            port = peers.free_port()
            try:
                process = stack.enter_context(peers.started(peers.PEERS[name], folder, upstream, port))
            except peers.Missing as problem:
                notes.append(f"Left out: {problem}")
                continue
            wrong = measure.check(peers.PEERS[name], port, peers.BODY)
            if wrong:
                sys.exit(wrong)
            running[name] = (process, port)
            results[name] = []
        for name, (process, port) in running.items(): # connections, pools and caches
            measure.load(process, port, options.connections, 1)
        for turn in range(options.rounds):
            order = list(running)
            order = order[turn % len(order):] + order[:turn % len(order)]
            for name in order:
                process, port = running[name]
                run = measure.load(process, port, options.connections, options.seconds)
                results[name].append(run)
                say(f"   round {turn + 1}/{options.rounds} {name}: {run.cpu_us:.1f} us/request, "
                    f"{run.per_second:.0f} requests/s, {run.errors} errors")
        for name, (process, _) in running.items():
            memory[name] = measure.resident_kib(process.pid)
    notes += ["", f"{report.machine()}. One worker thread each, wrk with one thread and {options.connections} connections, "
              f"keep-alive, 1 KiB responses, {options.rounds} interleaved rounds of {options.seconds} s, medians.",
              f"Envoy {report.version(str(peers.ENVOY), '--version').rsplit('version: ', 1)[-1]}; {report.version('nginx', '-v')}; "
              f"{report.version('haproxy', '-v')}"]
    table = report.markdown("HTTP/1.1", results, memory, RELAY, notes)
    report.write(peers.ROOT / "build" / "bench", "h1", table, results, memory)
    say("\n" + table)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("h1", help="HTTP/1.1 against the peers")
    table.set_defaults(run=h1)
    table.add_argument("--rounds", type=int, default=5)
    table.add_argument("--seconds", type=int, default=4, help="of each round")
    table.add_argument("--peers", help="only these, by comma")
    many = commands.add_parser("soak", help="many requests through the Go filter")
    many.set_defaults(run=soak)
    many.add_argument("--requests", type=int, default=1_000_000)
    many.add_argument("--batches", type=int, default=10)
    for command in (table, many):
        command.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    build()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
