#!/usr/bin/env python3
"""Runs moe's tests and sums them up in one line: `N passed, N failed`.

Parts: unit, integration, go, fuzz, checks. Without a part, all of them on the release and asan
builds; with --all also the tsan build, longer fuzzing, clang-tidy and the hostile messages against Envoy,
which tools/setup --bench installs.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

from steps import build, run, say

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVOY = pathlib.Path.home() / ".cache" / "moe" / "bench" / "bin" / "envoy"
PARTS = ["unit", "integration", "go", "fuzz", "checks"]
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:halt_on_error=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": f"ignore_noninstrumented_modules=1:halt_on_error=1:suppressions={ROOT}/tests/tsan.supp",
    "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
    "TSAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
}


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def add(self, passed, failed):
        self.passed += passed
        self.failed += failed

    def check(self, name, ok, output=""):
        print(f"   {'ok  ' if ok else 'FAIL'} {name}", flush=True)
        if not ok and output:
            print(output[-8000:], flush=True)
        self.add(1 if ok else 0, 0 if ok else 1)


def unit(preset, tally):
    say(f"unit tests ({preset})")
    programs = sorted((ROOT / "build" / preset / "tests" / "unit").glob("test_*"))
    programs = [p for p in programs if p.is_file() and os.access(p, os.X_OK)]
    if not programs:
        tally.check(f"no unit tests in build/{preset}", False)
    for program in programs:
        status, output = run([program, "--gtest_brief=1"], cwd=ROOT, timeout=600,
                             env={**os.environ, **SANITIZER_ENV})
        passed = re.search(r"\[  PASSED  \] (\d+) tests?", output)
        failed = re.search(r"^ ?(\d+) FAILED TESTS?", output, re.M)
        n_passed = int(passed.group(1)) if passed else 0
        n_failed = int(failed.group(1)) if failed else 0
        if status != 0 and n_failed == 0:
            n_failed = 1  # It ended before it could say.
        print(f"   {'ok  ' if status == 0 else 'FAIL'} {program.name}: {n_passed} passed, {n_failed} failed",
              flush=True)
        if status != 0:
            print(output[-12000:])
        tally.add(n_passed, n_failed)


def failures(output):
    """What the failed tests of `go test -v` wrote, without what the others did."""
    block, failed = [], []
    for line in output.splitlines():
        ended = re.match(r"--- (PASS|FAIL|SKIP): ", line)
        if not ended and not line.startswith("    --- "):  # results of subtests come behind their test's
            block.append(line)
        elif ended and ended.group(1) == "FAIL":
            failed += [*block[-120:], line]
            block = []
        elif ended:
            block = []
        elif line.startswith("    --- FAIL"):
            failed.append(line)
    return "\n".join([*failed, *block[-120:]])


def go_tests(folder, arguments, tally, env=None, timeout=1800):
    """Every test is named as it ends; subtests count with their test."""
    counts = {"PASS": 0, "FAIL": 0}

    def on_line(line):
        ended = re.match(r"--- (PASS|FAIL): (.*)", line)
        if ended:
            counts[ended.group(1)] += 1
            print(f"   {'ok  ' if ended.group(1) == 'PASS' else 'FAIL'} {ended.group(2)}", flush=True)

    status, output = run(["go", "test", "-v", *arguments, "./..."], cwd=folder, timeout=timeout, on_line=on_line,
                         env={**os.environ, **SANITIZER_ENV, **(env or {})})
    passed, failed = counts["PASS"], counts["FAIL"]
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1  # It did not build, or ended before it could say.
    print(f"   {folder.relative_to(ROOT)}: {passed} passed, {failed} failed", flush=True)
    if failed:
        print(failures(output)[:40000])
    tally.add(passed, failed)


def integration(preset, tally, thorough):
    folder = ROOT / "tests" / "integration"
    if not (folder / "go.mod").exists():
        return
    say(f"integration tests ({preset})")
    env = {"MOE_BIN": str(ROOT / "build" / preset / "moe"), "MOE_PRESET": preset}
    if thorough:
        env["MOE_LONG"] = "1"
        if ENVOY.exists():
            env["MOE_ENVOY"] = str(ENVOY)
    go_tests(folder, ["-count=1", "-timeout=15m"], tally, env)


def go(tally):
    for folder in [ROOT / "gofilter", ROOT / "tests" / "integration", ROOT / "tests" / "plugins",
                   ROOT / "bench" / "gofilter", ROOT / "api" / "descriptors"]:
        if not (folder / "go.mod").exists():
            continue
        say(f"Go checks ({folder.relative_to(ROOT)})")
        status, output = run(["gofmt", "-l", "."], cwd=folder)
        tally.check("gofmt", status == 0 and not output.strip(), output)
        status, output = run(["go", "vet", "./..."], cwd=folder)
        tally.check("go vet", status == 0, output)
    if (ROOT / "gofilter" / "go.mod").exists():
        go_tests(ROOT / "gofilter", ["-race", "-count=1"], tally)


def fuzz(tally, seconds):
    programs = sorted((ROOT / "build" / "asan" / "tests" / "fuzz").glob("*_fuzzer"))
    if programs:
        say(f"fuzzing, {seconds} s each, {os.cpu_count()} at a time")

    def one(program):
        corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removesuffix("_fuzzer")
        found = ROOT / "build" / "asan" / "found" / program.name
        found.mkdir(parents=True, exist_ok=True)
        return run([program, f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-timeout=10",
                    "-rss_limit_mb=4096", found, *([corpus] if corpus.exists() else [])],
                   timeout=seconds + 120, env={**os.environ, **SANITIZER_ENV})

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, (status, output) in zip(programs, pool.map(one, programs)):
            runs = re.search(r"Done (\d+) runs", output)
            tally.check(f"{program.name} ({runs.group(1) if runs else 'no'} runs)", status == 0, output)


class Tidy:
    """clang-tidy over src/, in what the other steps leave of the processors."""

    def __init__(self):
        files = [str(p) for p in (ROOT / "src").rglob("*.cc")]
        listed = ROOT / "build" / "tidied"
        listed.write_text("\n".join(files))
        self.output = open(ROOT / "build" / "tidy.log", "w+", errors="replace")
        self.process = subprocess.Popen(["nice", "-n", "19", "xargs", "-a", listed, "-P", str(os.cpu_count()), "-n", "4",
                                         "clang-tidy-19", "-p", ROOT / "build" / "release", "--quiet"], cwd=ROOT,
                                        stdout=self.output, stderr=subprocess.STDOUT)

    def result(self):
        status = self.process.wait(timeout=5400)
        self.output.seek(0)
        return status, "".join(line for line in self.output if "warnings generated" not in line)


def checks(tally, tidy):
    say("checks")
    status, output = run([ROOT / "tools" / "check-layers"], cwd=ROOT)
    tally.check("layers", status == 0, output)
    status, output = run([ROOT / "tools" / "check-abi"], cwd=ROOT)
    tally.check("the C ABI is that of the Go SDK", status == 0, output)
    status, output = run([sys.executable, ROOT / "tools" / "lib" / "demo.py"], cwd=ROOT)
    tally.check("tools/demo", status == 0, output)
    binary = ROOT / "build" / "release" / "moe"
    if binary.exists():
        _, output = run(["nm", "-D", binary])
        leaked = [line for line in output.splitlines() if re.search(r" (_?SSL_|X509_|EVP_|CRYPTO_)", line)]
        tally.check("no TLS symbol is exported or undefined", not leaked, "\n".join(leaked))
    sources = [str(p) for folder in ("src", "include", "tests/unit", "tests/fuzz") for p in (ROOT / folder).rglob("*")
               if p.suffix in (".h", ".cc")]
    status, output = run(["clang-format-19", "--dry-run", "--Werror", *sources], cwd=ROOT)
    tally.check("clang-format", status == 0, output)
    if tidy is not None:
        print("   clang-tidy, which began earlier ...", flush=True)
        status, output = tidy.result()
        tally.check("clang-tidy", status == 0, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="only these parts")
    parser.add_argument("--all", action="store_true", help="also tsan, longer fuzzing, clang-tidy and Envoy")
    parser.add_argument("--preset", action="append", help="only these builds")
    options = parser.parse_args()
    parts = options.parts or PARTS
    presets = options.preset or ["release", "asan"] + (["tsan"] if options.all else [])
    tally = Tally()
    tidy = None
    if options.all and "integration" in parts:
        status, output = run([ROOT / "tools" / "setup", "--bench"], cwd=ROOT, timeout=1800)
        tally.check("tools/setup --bench", status == 0, output)
    for preset in presets:
        if {"unit", "integration", "fuzz", "checks"} & set(parts):
            if not build(ROOT, preset):
                tally.check(f"build of {preset}", False)
                continue
            if preset == "release" and options.all and "checks" in parts:
                tidy = Tidy()
        if "unit" in parts:
            unit(preset, tally)
        if "integration" in parts:
            integration(preset, tally, thorough=options.all and preset == presets[0])  # once is enough
    if "go" in parts:
        go(tally)
    if "fuzz" in parts and "asan" in presets:
        fuzz(tally, 60 if options.all else 30)
    if "checks" in parts:
        checks(tally, tidy)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
