#!/usr/bin/env python3
"""Small statements: latency of SELECT 1 (raw libpq, one connection), rates by pgbench, sessions per second (TLS + SCRAM)."""

import glob
import os
import re
import subprocess
import tempfile
import time

from common import Recorder, parser, percentile, pg_env, pq_connect, pq_exec, pq_ok, targets


def pgbench_program():
    """Debian keeps pgbench out of the way."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"))
    return os.environ.get("PGBENCH") or (found[-1] if found else "pgbench")


def latency(target, mode, count):
    connection = pq_connect(target)
    if mode == "simple":
        def once():
            pq_exec(connection, "SELECT 1")
    elif mode == "extended":
        def once():
            pq_ok(connection.exec_params(b"SELECT $1::int", [b"7"]))
    else:
        pq_ok(connection.prepare(b"s1", b"SELECT $1::int", None))
        def once():
            pq_ok(connection.exec_prepared(b"s1", [b"7"], None, 0))
    for _ in range(50):
        once()
    took, deadline = [], time.perf_counter() + 30
    while len(took) < count and time.perf_counter() < deadline:
        start = time.perf_counter_ns()
        once()
        took.append((time.perf_counter_ns() - start) / 1e3)
    connection.finish()
    return {"value": round(percentile(took, 0.5), 1), "p99_us": round(percentile(took, 0.99), 1), "n": len(took)}


def rate(target, mode, connections, seconds, connect_each=False):
    script = "SELECT 1;\n" if mode == "simple" else "\\set x random(1,1000)\nSELECT :x::int;\n"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
        f.write(script)
        f.flush()
        command = [pgbench_program(), "-n", "-f", f.name, "-M", mode, "-c", str(connections), "-j", str(min(connections, 2)), "-T", str(seconds)]
        done = subprocess.run(command + (["-C"] if connect_each else []), env=pg_env(target), capture_output=True, text=True, timeout=seconds * 6 + 60, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if not found or "aborted" in done.stderr:
        raise RuntimeError((done.stderr or done.stdout)[-250:])
    return float(found.group(1))


def main():
    p = parser(__doc__)
    p.add_argument("--n", type=int, default=5000)
    p.add_argument("--secs", type=int, default=4)
    args = p.parse_args()
    recorder = Recorder(args, "pg_point")
    servers = targets(args)
    for number in range(args.rounds):
        for mode in ("simple", "extended", "prepared"):
            for t in servers:
                recorder.run(t, number, f"latency_{mode}_p50", lambda: latency(t, mode, args.n), "us")
        for connections in (1, 16):
            for mode in ("simple", "prepared"):
                for t in servers:
                    recorder.run(t, number, f"rate_{mode}_{connections}c", lambda: rate(t, mode, connections, args.secs), "1/s")
        for t in servers:
            recorder.run(t, number, "sessions_tls_scram_4c", lambda: rate(t, "simple", 4, args.secs, True), "1/s")
    recorder.summary()


main()
