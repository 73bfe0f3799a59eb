#!/usr/bin/env python3
"""Rows out: (bigint, double, varchar, timestamp) by cursor in text and binary, and by COPY in text, csv and binary."""

import sys
import time

from common import Recorder, parser, pq_connect, pq_exec, pq_ok, received_bytes, targets
from psycopg import pq

TABLE = "bench_fetch"


def set_up(target, rows):
    connection = pq_connect(target)
    try:
        try:
            count = int(pq_exec(connection, f"SELECT count(*) FROM {TABLE}").get_value(0, 0))
        except RuntimeError:
            count = -1
        if count != rows:
            pq_exec(connection, f"DROP TABLE IF EXISTS {TABLE}")
            pq_exec(
                connection,
                f"CREATE TABLE {TABLE} AS SELECT CAST(i AS bigint) AS a, CAST(i AS double precision) * 1.5 AS b, "
                "'row-' || CAST(i AS varchar) AS c, timestamp '2026-01-01 00:00:00' + i * interval '1 second' AS d "
                f"FROM generate_series(1, {rows}) g(i)",
            )
    finally:
        connection.finish()


def result(rows, received, wall):
    return {"value": round(rows / wall), "mb_s": round(received / wall / 1e6, 1), "bytes": received}


def cursor(target, rows, binary, chunk):
    connection = pq_connect(target)
    before, start, count = received_bytes(connection.socket), time.perf_counter(), 0
    connection.send_query_params(f"SELECT * FROM {TABLE}".encode(), [], result_format=int(binary))
    if chunk:
        connection.set_chunked_rows_mode(chunk)
    while (r := connection.get_result()) is not None:
        if r.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.TUPLES_CHUNK):
            raise RuntimeError(r.error_message.decode())
        count += r.ntuples
        if binary and r.ntuples and r.fformat(0) != 1:
            raise RuntimeError("the server ignored the binary result format")
        r.clear()
    wall = time.perf_counter() - start
    received = received_bytes(connection.socket) - before
    connection.finish()
    if count != rows:
        raise RuntimeError(f"{count} rows instead of {rows}")
    return result(rows, received, wall)


def copy(target, rows, fmt):
    connection = pq_connect(target)
    start, received, lines = time.perf_counter(), 0, 0
    r = connection.exec_(f"COPY (SELECT * FROM {TABLE}) TO STDOUT (FORMAT {fmt})".encode())
    if r.status != pq.ExecStatus.COPY_OUT:
        raise RuntimeError(r.error_message.decode().strip() or f"no CopyOutResponse ({r.status})")
    while True:
        size, data = connection.get_copy_data(0)
        if size < 0:
            break
        received += size
        if fmt != "binary":
            lines += bytes(data).count(b"\n")
    pq_ok(connection.get_result())
    wall = time.perf_counter() - start
    connection.finish()
    # A binary row of this table has 2 + 4 * 4 + 8 * 3 bytes and its text
    if (fmt != "binary" and lines != rows) or received < rows * (46 if fmt == "binary" else 10):
        raise RuntimeError(f"{lines} lines, {received} bytes")
    return result(rows, received, wall)


def main():
    p = parser(__doc__)
    p.add_argument("--rows", type=int, default=1_000_000)
    args = p.parse_args()
    recorder = Recorder(args, "pg_fetch")
    servers = targets(args)
    for t in servers:
        set_up(t, args.rows)
    chunked = hasattr(pq.PGconn, "set_chunked_rows_mode") and pq.version() >= 170000
    if not chunked:
        print("libpq is older than 17: no chunked rows", file=sys.stderr)
    for number in range(args.rounds):
        for metric, binary, chunk in (("cursor_text", False, 0), ("cursor_binary", True, 0), ("cursor_text_chunked", False, 8192)):
            for t in servers:
                if chunked or not chunk:
                    recorder.run(t, number, metric, lambda: cursor(t, args.rows, binary, chunk), "rows/s")
        for fmt in ("text", "csv", "binary"):
            for t in servers:
                recorder.run(t, number, f"copy_out_{fmt}", lambda: copy(t, args.rows, fmt), "rows/s")
    recorder.summary()


main()
