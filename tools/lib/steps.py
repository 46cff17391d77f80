"""Runs commands so that whoever waits sees that they move."""
import re
import subprocess
import sys
import threading
import time

NINJA = re.compile(r"^\[(\d+)/(\d+)\]")


def say(text):
    print(f"== {text}", flush=True)


def run(command, timeout=1800, on_line=None, **kwargs):
    """The exit status and the output of a command; on_line is told of each line as it comes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", **kwargs)
    late = threading.Event()

    def stop():
        late.set()
        process.kill()

    timer = threading.Timer(timeout, stop)
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if on_line is not None:
                on_line(line.rstrip("\n"))
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:  # interrupted
            process.kill()
            process.wait()
    if late.is_set():
        return 124, "".join(lines) + f"\nstopped after {timeout} s"
    return status, "".join(lines)


class Progress:
    """Tells of ninja's steps: on a terminal in one line, else every 20 seconds."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self.told = time.monotonic()
        self.shown = False

    def __call__(self, line):
        step = NINJA.match(line)
        if step is None:
            return
        now = time.monotonic()
        if self.terminal:
            print(f"\r   {step.group(1)} of {step.group(2)} steps", end="", flush=True)
            self.shown = True
        elif now - self.told >= 20:
            print(f"   {step.group(1)} of {step.group(2)} steps", flush=True)
            self.told = now

    def end(self):
        if self.shown:
            print("\r" + " " * 40 + "\r", end="", flush=True)


def build(root, preset, *targets):
    """Configures and builds a preset. What went wrong is printed; True if it built."""
    say(f"building {preset}")
    started = time.monotonic()
    target = ["--target", *targets] if targets else []
    for command in (["cmake", "--preset", preset], ["cmake", "--build", "--preset", preset, *target]):
        progress = Progress()
        status, output = run(command, cwd=root, timeout=5400, on_line=progress)
        progress.end()
        if status != 0:
            print(output[-8000:])
            return False
    print(f"   {time.monotonic() - started:.0f} s", flush=True)
    return True
