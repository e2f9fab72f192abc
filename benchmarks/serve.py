"""Does the web app leak? Memory and open files over many requests: ``python benchmarks/serve.py [REQUESTS]``.

Pages and API answers in turn, from several connections; memory and open files are read after every tenth of the run and
a rest, in which the server forgets the pages that nobody connected to (it keeps them for a minute). A leak shows as
growth from the second tenth (when everything is warm) to the last.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PATHS = [
    "/",
    "/library",
    "/api/",
    "/api/library",
    "/api/library/entry?name=giacta-26",
    "/api/library/entry?name=nothing",
]
REST = 75.0
"""Seconds after each tenth."""


def resident(pid: int) -> float:
    """MB of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def ask(address: str) -> int:
    """Ask once, without keeping cookies or the connection."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def main(requests: int) -> None:
    """Serve, ask, and print a line for every tenth."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "abate.cli.main", "serve", "--port", str(port), "--data", data]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            base = f"http://127.0.0.1:{port}"
            for _ in range(600):
                try:
                    ask(f"{base}/api/")
                    break
                except OSError:
                    time.sleep(0.1)
            rows = []
            with ThreadPoolExecutor(4) as pool:
                for tenth in range(10):
                    codes = list(pool.map(ask, (base + PATHS[i % len(PATHS)] for i in range(requests // 10))))
                    time.sleep(REST)
                    files = len(os.listdir(f"/proc/{server.pid}/fd"))
                    row = {
                        "requests": (tenth + 1) * (requests // 10),
                        "resident_mb": round(resident(server.pid), 1),
                        "open_files": files,
                        "failed": sum(code >= 500 for code in codes),
                    }
                    rows.append(row)
                    print(json.dumps(row), flush=True)
            growth = rows[-1]["resident_mb"] - rows[1]["resident_mb"]
            print(json.dumps({"growth_mb_after_warm": round(growth, 1)}))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
