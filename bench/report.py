"""The table of a benchmark, as Markdown and as JSON."""
import dataclasses
import json
import pathlib
import platform
import re
import statistics
import subprocess


def median(runs, field):
    return statistics.median(getattr(run, field) for run in runs)


def rows(results, memory, reference):
    """One row a peer: medians of the rounds, and the spread of the CPU time."""
    base = median(results[reference], "cpu_us") if results.get(reference) else None
    for name, runs in results.items():
        cpu = [run.cpu_us for run in runs]
        yield [name, f"{statistics.median(cpu):.1f}", f"{min(cpu):.1f}-{max(cpu):.1f}",
               f"{statistics.median(cpu) / base:.2f}" if base else "-", f"{median(runs, 'per_second'):.0f}",
               f"{median(runs, 'p50_ms'):.2f}", f"{median(runs, 'p99_ms'):.2f}", f"{memory[name] / 1024:.1f}",
               str(sum(run.errors for run in runs))]


def head(reference):
    return ["peer", "CPU us/request", "spread", f"to {reference}", "requests/s", "p50 ms", "p99 ms", "RSS MiB", "errors"]


def markdown(title, results, memory, reference, notes):
    names = head(reference)
    table = [names, ["---"] + ["---:"] * (len(names) - 1), *rows(results, memory, reference)]
    lines = [f"# {title}", "", *("| " + " | ".join(row) + " |" for row in table), "", *notes]
    return "\n".join(lines) + "\n"


def version(program, argument):
    try:
        done = subprocess.run([program, argument], capture_output=True, text=True, check=False)
    except OSError:
        return "missing"
    return ((done.stdout or done.stderr).strip().splitlines() or ["unknown"])[0]


def machine():
    cpus = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpus)
    return f"{cpus.count('processor')} x {model.group(1) if model else platform.machine()}, Linux {platform.release()}"


def write(folder, name, text, results, memory):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text)
    data = {peer: {"rounds": [dataclasses.asdict(run) for run in runs], "resident_kib": memory[peer]}
            for peer, runs in results.items()}
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1))
