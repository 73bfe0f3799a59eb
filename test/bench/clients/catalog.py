#!/usr/bin/env python3
"""A stock DuckDB with the server as its DuckLake catalog: attach, small and large inserts, count, a point query, many writers, many files, many tables.

Both catalogs keep their Parquet files on the same file system. Values are medians over the calls of one round; each call is timed to its answer.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

from common import Recorder, parser, pq_connect, pq_exec, targets, libpq

PEER_DATABASE = "catalog_bench"
WORKER = "--worker"


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def connect():
    connection = duckdb.connect(config={"extension_directory": os.environ["BOILSTREAM_TEST_EXTENSIONS"], "threads": 1})
    for name in ("postgres_scanner", "ducklake"):
        connection.execute(f"LOAD {name}")
    return connection


def attach(connection, url, data_path=None):
    options = f" (DATA_PATH {quoted(data_path)})" if data_path else ""
    connection.execute(f"ATTACH {quoted('ducklake:postgres:' + url)} AS cat{options}")
    return connection


class Catalog:
    """One target's catalog, with a stock client that stays attached through all rounds."""

    def __init__(self, target, scratch):
        self.target = target
        if target["name"] == "postgres":
            admin = pq_connect(target)
            pq_exec(admin, f"DROP DATABASE IF EXISTS {PEER_DATABASE} WITH (FORCE)")
            pq_exec(admin, f"CREATE DATABASE {PEER_DATABASE}")
            admin.finish()
            database, self.data_path = PEER_DATABASE, os.path.join(scratch, "postgres")
        else:
            # The pod says where the lake's files lie.
            database, self.data_path = f"{target['db']}__catalog", None
        self.url = " ".join(f"{key}={value}" for key, value in libpq({**target, "db": database}).items())
        self.client = self.attached()

    def attached(self):
        return attach(connect(), self.url, self.data_path)

    def median_ms(self, calls, work):
        """Median milliseconds of `work(i)`, after two calls that are not counted."""
        times = []
        for i in range(calls + 2):
            started = time.perf_counter()
            work(i)
            times.append(time.perf_counter() - started)
        return round(1000 * statistics.median(times[2:]), 3)


def attach_ms(catalog, calls):
    times = []
    for _ in range(calls):
        connection = connect()
        started = time.perf_counter()
        attach(connection, catalog.url, catalog.data_path)
        times.append(time.perf_counter() - started)
        connection.close()
    return round(1000 * statistics.median(times), 3)


def insert_one(catalog, table, calls):
    value = catalog.median_ms(calls, lambda i: catalog.client.execute(f"INSERT INTO cat.{table} VALUES ({i}, 'one {i}')"))
    expect(catalog, f"SELECT count(*) FROM cat.{table}", calls + 2)
    return value


def insert_many(catalog, table, calls, rows):
    value = catalog.median_ms(calls, lambda i: catalog.client.execute(f"INSERT INTO cat.{table} SELECT r + {i * rows}, 'row ' || r FROM range({rows}) t(r)"))
    expect(catalog, f"SELECT count(*) FROM cat.{table}", (calls + 2) * rows)
    return value


def count(catalog, table, calls, expected):
    def work(_):
        if catalog.client.execute(f"SELECT count(*) FROM cat.{table}").fetchone() != (expected,):
            raise RuntimeError("wrong count")

    return catalog.median_ms(calls, work)


def point(catalog, table, calls, rows):
    def work(i):
        wanted = (i * 7919) % rows
        if catalog.client.execute(f"SELECT id FROM cat.{table} WHERE id = {wanted}").fetchone() != (wanted,):
            raise RuntimeError("wrong row")

    return catalog.median_ms(calls, work)


def writers(catalog, table, processes, commits):
    """Commits per second of all writers together, from the moment the last of them is attached to the last commit."""
    command = [sys.executable, __file__, WORKER, catalog.url, catalog.data_path or "", table, str(commits)]
    running = [subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(processes)]
    for one in running:
        if one.stdout.readline() != "ready\n":
            raise RuntimeError("a writer could not attach")
    started = time.perf_counter()
    for one in running:
        one.stdin.write("go\n")
        one.stdin.flush()
    answers = [one.stdout.readline().split() for one in running]
    wall = time.perf_counter() - started
    for one in running:
        one.stdin.close()
        one.wait(60)
    if any(len(answer) != 3 for answer in answers):
        raise RuntimeError("a writer died")
    done, failed = sum(int(a[0]) for a in answers), sum(int(a[1]) for a in answers)
    expect(catalog, f"SELECT count(*) FROM cat.{table}", done)
    ended = [float(a[2]) for a in answers]
    return {"value": round(done / wall, 1), "failed_commits": failed, "first_done_s": round(min(ended), 2), "last_done_s": round(max(ended), 2)}


def worker(url, data_path, table, commits, number):
    connection = attach(connect(), url, data_path or None)
    print("ready", flush=True)
    sys.stdin.readline()
    started, done, failed = time.perf_counter(), 0, 0
    for i in range(int(commits)):
        try:
            connection.execute(f"INSERT INTO cat.{table} VALUES ({int(number) * 1_000_000 + i}, 'writer {number}')")
            done += 1
        except duckdb.Error as error:
            failed += 1
            print(f"writer {number}: {str(error)[:200]}", file=sys.stderr, flush=True)
    print(done, failed, time.perf_counter() - started, flush=True)


def many_files(catalog, table, files):
    """A table whose catalog entries speak of `files` files. Only planning looks at them, so one real file lends its entry."""
    client = catalog.client
    client.execute(f"CREATE TABLE cat.{table} (id BIGINT, name VARCHAR)")
    client.execute(f"INSERT INTO cat.{table} SELECT r, 'row ' || r FROM range(100) t(r)")
    meta = "__ducklake_metadata_cat.ducklake_"
    file = client.execute(f"SELECT * FROM {meta}data_file ORDER BY data_file_id DESC LIMIT 1")
    columns = [d[0] for d in file.description]
    file = dict(zip(columns, file.fetchone()))
    first, owner = file["data_file_id"], file["table_id"]
    chosen = ", ".join(
        {"data_file_id": "data_file_id + r", "path": "replace(path, '.parquet', '-' || r || '.parquet')", "row_id_start": "row_id_start + 100 * r"}.get(c, f'"{c}"') for c in columns
    )
    client.execute("BEGIN")
    client.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {meta}data_file WHERE data_file_id = {first}")
    client.execute(f"CREATE TEMP TABLE stats AS SELECT * FROM {meta}file_column_stats WHERE data_file_id = {first}")
    client.execute(f"INSERT INTO {meta}data_file SELECT {chosen} FROM one, range(1, {files}) t(r) ORDER BY r")
    columns = [d[0] for d in client.execute("SELECT * FROM stats").description]
    moved = {"data_file_id": "data_file_id + r", "min_value": "CASE WHEN try_cast(min_value AS BIGINT) IS NULL THEN min_value ELSE (min_value::BIGINT + 100 * r)::VARCHAR END"}
    moved["max_value"] = moved["min_value"].replace("min_value", "max_value")
    chosen = ", ".join(moved.get(c, f'"{c}"') for c in columns)
    client.execute(f"INSERT INTO {meta}file_column_stats SELECT {chosen} FROM stats, range(1, {files}) t(r) ORDER BY r")
    client.execute("COMMIT")
    client.execute("DROP TABLE one")
    client.execute("DROP TABLE stats")
    # Ids that are taken must not be given out again, and a fresh client must see it.
    connection = pq_connect({**catalog.target, "db": dict(p.split("=", 1) for p in catalog.url.split(" "))["dbname"]})
    pq_exec(connection, f"UPDATE ducklake_snapshot SET next_file_id = next_file_id + {files} WHERE snapshot_id = (SELECT max(snapshot_id) FROM ducklake_snapshot)")
    pq_exec(connection, f"UPDATE ducklake_table_stats SET record_count = {files * 100}, next_row_id = {files * 100} WHERE table_id = {owner}")
    connection.finish()
    catalog.client = catalog.attached()


def list_files(catalog, table, calls, files):
    def work(_):
        if catalog.client.execute(f"SELECT count(*) FROM ducklake_list_files('cat', '{table}')").fetchone() != (files,):
            raise RuntimeError("wrong number of files")

    return catalog.median_ms(calls, work)


def find_file(catalog, table, calls):
    """A query whose filter leaves one file of all: the entries of all files are asked for and looked through."""

    def work(i):
        if catalog.client.execute(f"SELECT count(*) FROM cat.{table} WHERE id = {i}").fetchone() != (1,):
            raise RuntimeError("wrong row")

    return catalog.median_ms(calls, work)


def many_tables(catalog, tables, number):
    client = catalog.client
    client.execute("BEGIN")
    client.execute(f"CREATE SCHEMA cat.many{number}")
    for i in range(tables):
        client.execute(f"CREATE TABLE cat.many{number}.t{i} (id BIGINT, name VARCHAR, happened TIMESTAMP)")
    client.execute("COMMIT")


def first_plan(catalog, table, calls):
    """Attach, and the first plan over a table: the client loads what it must know of all tables."""
    times = []
    for _ in range(calls):
        connection = connect()
        started = time.perf_counter()
        attach(connection, catalog.url, catalog.data_path).execute(f"EXPLAIN SELECT * FROM cat.{table}").fetchall()
        times.append(time.perf_counter() - started)
        connection.close()
    return round(1000 * statistics.median(times), 3)


def expect(catalog, sql, expected):
    got = catalog.client.execute(sql).fetchone()[0]
    if got != expected:
        raise RuntimeError(f"{sql}: {got} instead of {expected}")


def main():
    p = parser(__doc__)
    p.add_argument("--calls", type=int, default=60)
    p.add_argument("--writers", type=int, default=8)
    p.add_argument("--commits", type=int, default=40, help="of each writer")
    p.add_argument("--files", type=int, default=10_000)
    p.add_argument("--tables", type=int, default=1_000)
    args = p.parse_args()
    recorder = Recorder(args, "catalog")
    scratch = tempfile.mkdtemp(prefix="boilstream-catalog-")
    try:
        measure(recorder, args, [Catalog(target, scratch) for target in targets(args)])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    recorder.summary()


def measure(recorder, args, catalogs):
    rows = 10_000
    # A catalog that stays from run to run has no table of these names.
    run = os.getpid()
    for number in range(args.rounds):

        def each(metric, work, unit="ms"):
            for catalog in catalogs:
                recorder.run(catalog.target, number, metric, lambda: work(catalog), unit)

        for catalog in catalogs:
            for table in ("one", "many", "shared"):
                catalog.client.execute(f"CREATE TABLE cat.{table}_{run}_{number} (id BIGINT, name VARCHAR)")
        each("attach", lambda c: attach_ms(c, 9))
        each("insert_1_row", lambda c: insert_one(c, f"one_{run}_{number}", args.calls))
        each("insert_10k_rows", lambda c: insert_many(c, f"many_{run}_{number}", 20, rows))
        each("count", lambda c: count(c, f"many_{run}_{number}", args.calls, 22 * rows))
        each("point_query", lambda c: point(c, f"many_{run}_{number}", args.calls, 22 * rows))
        each("writers", lambda c: writers(c, f"shared_{run}_{number}", args.writers, args.commits), "commits/s")
    # The large catalogs come last: they would weigh on everything else.
    for catalog in catalogs:
        many_files(catalog, f"filed_{run}", args.files)
    for number in range(args.rounds):
        for metric, work in (
            ("list_many_files", lambda c: list_files(c, f"filed_{run}", 5, args.files)),
            ("find_in_many_files", lambda c: find_file(c, f"filed_{run}", 9)),
        ):
            for catalog in catalogs:
                recorder.run(catalog.target, number, metric, lambda: work(catalog), "ms")
    for catalog in catalogs:
        many_tables(catalog, args.tables, run)
    for number in range(args.rounds):
        for metric, work in (
            ("plan_many_tables", lambda c: first_plan(c, f"many{run}.t{args.tables // 2}", 3)),
            ("plan_again_many_tables", lambda c: c.median_ms(9, lambda _: c.client.execute(f"EXPLAIN SELECT * FROM cat.many{run}.t{args.tables // 2}").fetchall())),
        ):
            for catalog in catalogs:
                recorder.run(catalog.target, number, metric, lambda: work(catalog), "ms")


if len(sys.argv) > 1 and sys.argv[1] == WORKER:
    worker(*sys.argv[2:7])
else:
    main()
