#!/usr/bin/env python3
"""TPC-H over the PostgreSQL wire: loads the eight tables by COPY, compares the answers of the 22 queries with those of
DuckDB on the same data, value by value and type by type, and times them against DuckDB in this process on the same
Parquet files.

  tpch.py --target ... --sf 1 --load --check --time

What is measured goes to stdout as JSON lines; how far it is, what is wrong and the table of the queries to stderr.
"""

import collections
import datetime
import decimal
import json
import os
import re
import sys
import resource
import statistics
import tempfile
import time

import duckdb
import psycopg
from common import Recorder, parser, pg_dsn, server_cpu, targets

EXTENSIONS = os.environ["BOILSTREAM_TEST_EXTENSIONS"]
TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
# Type oids that PostgreSQL drivers must see for DuckDB's types
OIDS = {"BIGINT": (20,), "INTEGER": (23,), "HUGEINT": (1700,), "DECIMAL": (1700,), "VARCHAR": (25, 1043), "DATE": (1082,), "DOUBLE": (701,)}


def say(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def reference(scale):
    """DuckDB with the generated tables, kept in the cache between runs."""
    folder = os.environ.get("BOILSTREAM_TPCH_CACHE", tempfile.gettempdir())
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"tpch-{scale}.duckdb")
    if not os.path.exists(path):
        part = f"{path}.{os.getpid()}"
        say(f"generating the tables at scale factor {scale} (once)")
        with connect(part) as c:
            c.execute("LOAD tpch")
            c.execute(f"CALL dbgen(sf={scale})")
        os.replace(part, path)
    c = connect(path, read_only=True)
    c.execute("LOAD tpch")
    return c


def connect(path=":memory:", **options):
    return duckdb.connect(path, config={"extension_directory": EXTENSIONS}, **options)


def load(target, ref):
    """Creates each table with DuckDB's own types and fills it by COPY FROM STDIN (FORMAT csv). Returns seconds by table."""
    seconds = {}
    with psycopg.connect(pg_dsn(target), autocommit=True) as c:
        for table in TABLES:
            columns = ref.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]).fetchall()
            rows = ref.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            with tempfile.TemporaryDirectory() as folder:
                ref.execute(f"COPY {table} TO '{folder}/rows.csv' (FORMAT csv, HEADER false)")
                c.execute(f"DROP TABLE IF EXISTS {table}")
                c.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
                start = time.perf_counter()
                with c.cursor() as cursor:
                    with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy, open(f"{folder}/rows.csv", "rb") as f:
                        while piece := f.read(1 << 20):
                            copy.write(piece)
                    if cursor.rowcount != rows:
                        raise SystemExit(f"COPY {table} said {cursor.rowcount} rows, {rows} were sent")
                seconds[table] = round(time.perf_counter() - start, 2)
                say(f"{table}: {rows:,} rows by COPY in {seconds[table]:.1f} s")
            got = c.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            if got != rows:
                raise SystemExit(f"{table} has {got} rows, {rows} were sent")
    return seconds


def announced(name):
    """An unnamed call goes by its function's name on the PostgreSQL wire: count, not count_star()."""
    call = re.fullmatch(r"([a-z_][a-z0-9_]*)\([^()]*\)", name)
    return name if call is None else call[1].replace("count_star", "count")


def normal(value):
    """A value as type and exact text, so that 1, 1.0, Decimal('1') and Decimal('1.00') all differ."""
    if value is None or isinstance(value, (str, bool, int, datetime.date)):
        return type(value).__name__, str(value)
    if isinstance(value, float):
        return "float", value.hex()
    if isinstance(value, decimal.Decimal):
        # HUGEINT has no type of its own on the wire; it comes as numeric without a fraction
        return ("int" if value.as_tuple().exponent == 0 else "Decimal"), str(value)
    raise TypeError(f"no answer of TPC-H has a {type(value).__name__}")


def check(target, ref):
    """Runs all queries in both formats; returns what differs, by query."""
    wrong = {}
    with psycopg.connect(pg_dsn(target), autocommit=True) as c:
        for number, sql in ref.execute("SELECT query_nr, query FROM tpch_queries() ORDER BY 1").fetchall():
            expected = ref.execute(sql)
            names = [announced(d[0]) for d in expected.description]
            kinds = [str(d[1]).split("(")[0] for d in expected.description]
            rows = [tuple(map(normal, row)) for row in expected.fetchall()]
            for binary in (False, True):
                with c.cursor(binary=binary) as cursor:
                    cursor.execute(sql)
                    got = [tuple(map(normal, row)) for row in cursor.fetchall()]
                    problems = []
                    if [d.name for d in cursor.description] != names:
                        problems.append(f"column names {[d.name for d in cursor.description]} instead of {names}")
                    if any(d.type_code not in OIDS[kind] for d, kind in zip(cursor.description, kinds)):
                        problems.append(f"type oids {[d.type_code for d in cursor.description]} for {kinds}")
                    # Rows that tie in ORDER BY may change places, and nothing else may
                    if collections.Counter(got) != collections.Counter(rows):
                        first = next(iter((collections.Counter(rows) - collections.Counter(got)).elements()), None)
                        problems.append(f"{len(got)} rows instead of {len(rows)}, or other values; missing: {first}")
                    if problems:
                        wrong[f"q{number:02d} {'binary' if binary else 'text'}"] = problems
    return wrong


def lake_in_process(target, ref_sql):
    """DuckDB in this process over the very Parquet files that hold the lake's tables."""
    c = connect()
    c.execute("LOAD ducklake")
    c.execute("LOAD postgres_scanner")
    settings = pg_dsn({**target, "db": f"{target['db']}__catalog"}).replace("'", "")
    c.execute(f"ATTACH 'ducklake:postgres:{settings}' AS lake (READ_ONLY)")
    for table in TABLES:
        files = c.execute(f"SELECT data_file FROM ducklake_list_files('lake', '{table}')").fetchall()
        if sum(c.execute("SELECT num_rows FROM parquet_file_metadata(?)", [f]).fetchone()[0] for (f,) in files) == c.execute(f"SELECT count(*) FROM lake.{table}").fetchone()[0]:
            c.execute(f"CREATE VIEW {table} AS FROM read_parquet({[f for (f,) in files]})")
        else:
            # A few rows that the lake keeps inlined in its metadata: there is no file to read
            c.execute(f"CREATE TABLE {table} AS FROM lake.{table}")
    c.execute("DETACH lake")
    for _, sql in ref_sql:
        c.execute(sql).fetchall()
    return c


def own_cpu():
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(args, server, ref):
    """Times every query on both sides, one after the other, and who is first changes with every round."""
    recorder = Recorder(args, "tpch")
    queries = ref.execute("SELECT query_nr, query FROM tpch_queries() ORDER BY 1").fetchall()
    local = lake_in_process(server, queries)
    ours = server["name"]
    with psycopg.connect(pg_dsn(server), autocommit=True) as c:
        runs = {"duckdb": (lambda sql: local.execute(sql).fetchall(), own_cpu), ours: (lambda sql: c.execute(sql).fetchall(), lambda: server_cpu(server) or 0)}
        for _, sql in queries:
            c.execute(sql).fetchall()
        for number in range(args.rounds):
            wall, cpu = dict.fromkeys(runs, 0.0), dict.fromkeys(runs, 0.0)
            for query, sql in queries:
                for name, (run, used) in list(runs.items())[:: 1 if number % 2 == 0 else -1]:
                    before, start = used(), time.perf_counter()
                    run(sql)
                    took = time.perf_counter() - start
                    wall[name] += took
                    cpu[name] += used() - before
                    recorder.add({"target": name, "round": number, "metric": f"q{query:02d}", "unit": "ms", "value": round(took * 1e3, 1)})
            for name in runs:
                recorder.add({"target": name, "round": number, "metric": "total", "unit": "ms", "value": round(wall[name] * 1e3, 1), "server_cpu_s": round(cpu[name], 2)})
    table(recorder.rows, ours)


def table(rows, ours):
    """Medians of each query side by side. The CPU seconds of DuckDB are this process's, with its client in it."""

    def median(metric, target, field="value"):
        return statistics.median(row[field] for row in rows if row["metric"] == metric and row["target"] == target)

    say(f"{'':6}{'DuckDB ms':>11}{ours + ' ms':>16}{'ratio':>8}")
    for metric in sorted({row["metric"] for row in rows}):
        theirs, mine = median(metric, "duckdb"), median(metric, ours)
        say(f"{metric:6}{theirs:11.0f}{mine:16.0f}{mine / theirs:7.2f}x")
    theirs, mine = median("total", "duckdb", "server_cpu_s"), median("total", ours, "server_cpu_s")
    say(f"{'CPU s':6}{theirs:11.2f}{mine:16.2f}{mine / theirs:7.2f}x")


def main():
    p = parser(__doc__)
    p.add_argument("--sf", default="1", help="scale factor, 1 is about 1 GB of CSV")
    p.add_argument("--load", action="store_true")
    p.add_argument("--check", action="store_true")
    p.add_argument("--time", action="store_true")
    args = p.parse_args()
    server, ref = targets(args)[0], reference(args.sf)
    if args.load:
        print(json.dumps({"loaded": load(server, ref)}), flush=True)
    if args.check:
        wrong = check(server, ref)
        print(json.dumps({"queries": 22, "formats": 2, "wrong": wrong}), flush=True)
        for query, problems in wrong.items():
            say(f"{query}: {'; '.join(problems)}")
        if wrong:
            raise SystemExit(f"{len(wrong)} of 44 answers differ from DuckDB's on the same data")
        say("the answers of 22 queries, text and binary, equal DuckDB's on the same data")
    if args.time:
        measure(args, server, ref)


main()
