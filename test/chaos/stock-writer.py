"""A stock DuckDB that commits through the lake's metadata database until the pod dies, then waits to be told again.

Reads one JSON line per round: {"connection": libpq string, "round": n}. Writes lines: "try ID ROWS", "ack ID", "error ID TEXT",
"over". An operation writes all of its rows in one DuckLake transaction.
"""
import json
import os
import sys

import duckdb


def check_of(op, n):
    value = 2166136261
    for byte in f"{op}/{n}".encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def say(*parts):
    sys.stdout.write(" ".join(str(part) for part in parts).replace("\n", " ") + "\n")
    sys.stdout.flush()


def attach(connection):
    database = duckdb.connect(config={"extension_directory": os.environ["BOILSTREAM_TEST_EXTENSIONS"]})
    for extension in ("ducklake", "postgres_scanner"):
        database.execute(f"LOAD {extension}")
    database.execute(f"ATTACH 'ducklake:postgres:{connection}' AS lake")
    database.execute("USE lake")
    return database


for line in sys.stdin:
    order = json.loads(line)
    round_number = order["round"]
    op = "-"
    try:
        database = attach(order["connection"])
        say("attached")
        for number in range(1_000_000):
            op = f"r{round_number}-stock-{number}"
            count = 1 + number % 4
            rows = ", ".join(f"('{op}', {round_number}, {n}, {check_of(op, n)})" for n in range(count))
            say("try", op, count)
            database.execute(f"INSERT INTO chaos_rows (op, round, n, check_sum) VALUES {rows}")
            say("ack", op)
    except Exception as error:  # the pod was killed, or something is wrong: the test reads the text
        say("error", op, type(error).__name__, error)
    try:
        database.close()
    except Exception:
        pass
    say("over")
