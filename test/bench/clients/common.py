"""What the benchmark clients share: targets, interleaved rounds, server CPU seconds, JSON lines."""

import argparse
import json
import os
import socket
import statistics
import struct
import sys
import time

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def parser(description):
    """Arguments that every client takes."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument(
        "--target",
        action="append",
        required=True,
        help='"name=x;host=..;port=..;user=..;passfile=..;db=..;sslrootcert=..;pid=N", repeatable. The password is read '
        "by libpq from the passfile, so that no process list shows it.",
    )
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--out", help="append JSON lines to this file")
    p.add_argument("--only", help="comma list of metric prefixes to run")
    return p


def targets(args):
    """The servers to measure, in the order in which every round visits them."""
    out = []
    for text in args.target:
        target = {"host": "127.0.0.1", "name": "target"}
        for pair in filter(str.strip, text.split(";")):
            key, value = pair.split("=", 1)
            target[key.strip()] = int(value) if key.strip() in ("port", "pid") else value
        out.append(target)
    return out


def _stat(pid):
    """Fields of /proc/<pid>/stat after the command name."""
    with open(f"/proc/{pid}/stat", encoding="utf8") as f:
        return f.read().rsplit(")", 1)[1].split()


def _tree(pid):
    """CPU seconds and resident MB of a process and all below it (PostgreSQL forks per session). None when it is gone."""
    children, stats = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stats[int(name)] = _stat(name)
                children.setdefault(int(stats[int(name)][1]), []).append(int(name))
            except OSError:
                pass
    if pid not in stats:
        return None
    ticks = resident = 0
    left = [pid]
    while left:
        one = left.pop()
        # utime, stime and those of children that have been waited for
        ticks += sum(map(int, stats[one][11:15]))
        resident += int(stats[one][21])
        left += children.get(one, [])
    return ticks / CLOCK_TICKS, resident * PAGE_BYTES / 1e6


def server_cpu(target):
    """CPU seconds the server has used so far."""
    tree = _tree(target["pid"]) if target.get("pid") else None
    return tree and tree[0]


def server_rss(target):
    """Resident memory of the server in MB (pages shared between processes count once for each)."""
    tree = _tree(target["pid"]) if target.get("pid") else None
    return tree and round(tree[1], 1)


class Recorder:
    """Runs measurements one by one and writes each as a JSON line."""

    def __init__(self, args, script):
        self.args, self.script, self.rows = args, script, []

    def want(self, metric):
        return not self.args.only or any(metric.startswith(x) for x in self.args.only.split(","))

    def add(self, row):
        row = {"script": self.script, "load1": os.getloadavg()[0], **row}
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        if self.args.out:
            with open(self.args.out, "a", encoding="utf8") as f:
                f.write(json.dumps(row) + "\n")

    def run(self, target, round_number, metric, fn, unit):
        """fn() gives the value, or a dict with `value` and more. A failure is a row with `error`, never a gap."""
        if not self.want(metric):
            return
        cpu, wall = server_cpu(target), time.perf_counter()
        row = {"target": target["name"], "round": round_number, "metric": metric, "unit": unit}
        try:
            value = fn()
            row.update(value if isinstance(value, dict) else {"value": value})
        except Exception as error:  # whatever the server or driver does belongs into the table
            row.update(value=None, error=f"{type(error).__name__}: {error}".strip()[:300])
        row["wall_s"] = round(time.perf_counter() - wall, 4)
        after = server_cpu(target)
        if cpu is not None and after is not None:
            row["server_cpu_s"] = round(after - cpu, 2)
        row["server_rss_mb"] = server_rss(target)
        self.add(row)

    def summary(self):
        """Medians for whoever watches; the report is made from the JSON lines."""
        groups = {}
        for row in self.rows:
            groups.setdefault((row["metric"], row["target"], row["unit"]), []).append(row)
        for (metric, target, unit), rows in groups.items():
            values = [r["value"] for r in rows if r["value"] is not None]
            said = f"{statistics.median(values):12.5g} {unit}" if values else f"FAILED {rows[0].get('error')}"
            print(f"{metric:28} {target:12} {said}", file=sys.stderr)


def percentile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def received_bytes(fd):
    """Bytes the kernel has received on a TCP socket (tcpi_bytes_received)."""
    with socket.socket(fileno=os.dup(fd)) as s:
        return struct.unpack_from("Q", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 128)[0]


def libpq(target):
    """libpq's settings: always TLS, with the certificate checked where its CA is known."""
    settings = {
        "host": target["host"],
        "port": str(target["port"]),
        "user": target["user"],
        "dbname": target["db"],
        "passfile": target["passfile"],
        "sslmode": "verify-ca" if target.get("sslrootcert") else "require",
        "gssencmode": "disable",
        "connect_timeout": "20",
    }
    if target.get("sslrootcert"):
        settings["sslrootcert"] = target["sslrootcert"]
    return settings


def pg_dsn(target):
    return " ".join(f"{key}='{value}'" for key, value in libpq(target).items())


def pg_env(target):
    """The same settings as environment variables, for psql and pgbench."""
    names = {"dbname": "PGDATABASE", "connect_timeout": "PGCONNECT_TIMEOUT"}
    return {**os.environ, **{names.get(key, f"PG{key.upper()}"): value for key, value in libpq(target).items()}}


def pq_connect(target):
    """A raw libpq connection."""
    from psycopg import pq

    connection = pq.PGconn.connect(pg_dsn(target).encode())
    if connection.status != pq.ConnStatus.OK:
        raise RuntimeError(connection.error_message.decode(errors="replace").strip())
    return connection


def pq_ok(result):
    """The result, or an exception with the server's message."""
    from psycopg import pq

    good = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)
    if result.status not in good:
        raise RuntimeError(result.error_message.decode(errors="replace").strip() or str(result.status))
    return result


def pq_exec(connection, sql):
    return pq_ok(connection.exec_(sql.encode()))
