#!/usr/bin/env python3
"""One row of a table of ten million by its key: over the wire against DuckDB in this process attached to the same lake,
and over the wire while another session of the same pod runs a heavy query without a pause.

  lake_point.py --target ... [--rows 10000000] [--queries 300]
"""

import os
import random
import resource
import threading
import time

import duckdb
import psycopg
from common import Recorder, parser, percentile, pg_dsn, server_cpu, targets

TABLE = "bench_point"
# Reads every row of the table and joins it with itself, so that all cores are wanted for seconds
HEAVY = f"SELECT count(*), sum(a.v * b.v), max(a.name) FROM {TABLE} a JOIN {TABLE} b ON a.id = b.id + 1"


def load(target, rows):
    with psycopg.connect(pg_dsn(target), autocommit=True) as c:
        c.execute(f"DROP TABLE IF EXISTS {TABLE}")
        c.execute(f"CREATE TABLE {TABLE} (id BIGINT, v DOUBLE, name VARCHAR, seen TIMESTAMP)")
        c.execute(
            f"INSERT INTO {TABLE} SELECT i, i * 0.5, 'name ' || i, TIMESTAMP '2026-01-01' + to_seconds(i) FROM range({rows}) t(i)"
        )


def in_process(target):
    """A stock DuckDB with the lake attached, as a user's own program has it."""
    c = duckdb.connect(config={"extension_directory": os.environ["BOILSTREAM_TEST_EXTENSIONS"]})
    c.execute("LOAD ducklake")
    c.execute("LOAD postgres_scanner")
    settings = pg_dsn({**target, "db": f"{target['db']}__catalog"}).replace("'", "")
    c.execute(f"ATTACH 'ducklake:postgres:{settings}' AS lake (READ_ONLY)")
    c.execute("USE lake")
    return c


def own_cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ask(run, keys):
    """Seconds of each query, checked."""
    took = []
    for key in keys:
        start = time.perf_counter()
        rows = run(key)
        took.append(time.perf_counter() - start)
        if rows != [(key, f"name {key}")]:
            raise SystemExit(f"the row of {key} is {rows}")
    return took


class Heavy:
    """A session that runs the heavy query again and again until the block ends."""

    def __init__(self, target):
        self.connection = psycopg.connect(pg_dsn(target), autocommit=True)
        self.stopped = False
        self.done = 0
        self.error = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopped:
            try:
                self.connection.execute(HEAVY).fetchall()
                self.done += 1
            except Exception as error:
                if not self.stopped:
                    self.error = error
                return

    def __enter__(self):
        self.thread.start()
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.connection.cancel_safe()
        self.thread.join()
        self.connection.close()
        if self.error:
            raise self.error


def main():
    p = parser(__doc__)
    p.add_argument("--rows", type=int, default=10_000_000)
    p.add_argument("--queries", type=int, default=300)
    args = p.parse_args()
    server, recorder, rng = targets(args)[0], Recorder(args, "lake_point"), random.Random(42)
    load(server, args.rows)
    local = in_process(server)
    ours = server["name"]
    sql = f"SELECT id, name FROM {TABLE} WHERE id = {{}}"
    with psycopg.connect(pg_dsn(server), autocommit=True) as c:
        runs = {
            "duckdb": (lambda key: local.execute(sql.format(key)).fetchall(), own_cpu),
            ours: (lambda key: c.execute(sql.format(key)).fetchall(), lambda: server_cpu(server) or 0),
        }
        keys = [rng.randrange(args.rows) for _ in range(args.queries)]
        for run, _ in runs.values():
            ask(run, keys[:20])
        for number in range(args.rounds):
            row = {"round": number, "unit": "ms"}
            took, cpu = {name: [] for name in runs}, dict.fromkeys(runs, 0.0)
            # In small turns, so that both meet the same noise
            for at in range(0, len(keys), 10):
                for name, (run, used) in runs.items():
                    before = used()
                    took[name] += ask(run, keys[at : at + 10])
                    cpu[name] += used() - before
            for name in runs:
                recorder.add({**row, "target": name, "metric": "point_p50", "value": round(percentile(took[name], 0.5) * 1e3, 2), "server_cpu_s": round(cpu[name], 2)})
            idle = ask(runs[ours][0], keys)
            with Heavy(server) as heavy:
                busy = ask(runs[ours][0], keys)
            recorder.add({**row, "target": "idle", "metric": "point_p99_busy", "value": round(percentile(idle, 0.99) * 1e3, 2)})
            recorder.add({**row, "target": ours, "metric": "point_p99_busy", "value": round(percentile(busy, 0.99) * 1e3, 2), "p50": round(percentile(busy, 0.5) * 1e3, 2), "heavy_queries": heavy.done})
        c.execute(f"DROP TABLE {TABLE}")
    recorder.summary()


main()
