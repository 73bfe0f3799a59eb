#!/usr/bin/env python3
"""Rows in: COPY FROM STDIN in csv, text and binary; INSERT of many rows; prepared INSERTs in a transaction and pipelined."""

import struct
import time

from common import Recorder, parser, pq_connect, pq_exec, pq_ok, targets
from psycopg import pq

TABLE = "bench_ingest"
COLUMNS = "(a bigint, b double precision, c varchar, d timestamp)"
# 2026-01-01 in microseconds since 2000-01-01, PostgreSQL's binary timestamp
BASE_MICROS = 820_454_400 * 1_000_000


def payload(fmt, rows):
    """The bytes to send, in pieces of 64 kB, as a client that streams would."""
    if fmt == "binary":
        out = [b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)]
        for i in range(rows):
            name = b"row-%d" % i
            out.append(struct.pack("!hiqidi", 4, 8, i, 8, i * 1.5, len(name)) + name + struct.pack("!iq", 8, BASE_MICROS + i * 1_000_000))
        out.append(struct.pack("!h", -1))
        data = b"".join(out)
    else:
        s = "," if fmt == "csv" else "\t"
        data = "".join(f"{i}{s}{i * 1.5}{s}row-{i}{s}2026-01-{1 + i % 28:02d} {i % 24:02d}:{i % 60:02d}:00\n" for i in range(rows)).encode()
    return [data[i : i + 65536] for i in range(0, len(data), 65536)]


def fresh(target):
    connection = pq_connect(target)
    pq_exec(connection, f"DROP TABLE IF EXISTS {TABLE}")
    pq_exec(connection, f"CREATE TABLE {TABLE} {COLUMNS}")
    return connection


def check(connection, rows):
    """Nothing counts that is not in the table afterwards."""
    got = pq_exec(connection, f"SELECT count(*), sum(a) FROM {TABLE}")
    if (int(got.get_value(0, 0)), int(got.get_value(0, 1))) != (rows, rows * (rows - 1) // 2):
        raise RuntimeError(f"count {got.get_value(0, 0)}, sum {got.get_value(0, 1)} instead of {rows} rows")
    connection.finish()


def copy(target, fmt, pieces, rows):
    connection = fresh(target)
    start = time.perf_counter()
    r = connection.exec_(f"COPY {TABLE} FROM STDIN (FORMAT {fmt})".encode())
    if r.status != pq.ExecStatus.COPY_IN:
        raise RuntimeError(r.error_message.decode().strip() or f"no CopyInResponse ({r.status})")
    for piece in pieces:
        connection.put_copy_data(piece)
    connection.put_copy_end()
    pq_ok(connection.get_result())
    wall = time.perf_counter() - start
    while connection.get_result():
        pass
    check(connection, rows)
    return {"value": round(rows / wall), "mb_s": round(sum(map(len, pieces)) / wall / 1e6, 1)}


def multi(target, per_statement, rows):
    connection = fresh(target)
    statements = [
        f"INSERT INTO {TABLE} VALUES " + ",".join(f"({i},{i * 1.5},'row-{i}','2026-01-01 00:00:00')" for i in range(k, k + per_statement))
        for k in range(0, rows, per_statement)
    ]
    start = time.perf_counter()
    for statement in statements:
        pq_exec(connection, statement)
    wall = time.perf_counter() - start
    check(connection, rows)
    return {"value": round(rows / wall), "statement_ms": round(1000 * wall / len(statements), 2)}


def prepared(target, rows, pipelined):
    connection = fresh(target)
    pq_ok(connection.prepare(b"i1", f"INSERT INTO {TABLE} VALUES ($1::bigint, $2::double precision, $3::varchar, $4::timestamp)".encode(), None))

    def values(i):
        return [b"%d" % i, b"%f" % (i * 1.5), b"row-%d" % i, b"2026-01-01 00:00:00"]

    start = time.perf_counter()
    pq_exec(connection, "BEGIN")
    if pipelined:
        connection.enter_pipeline_mode()
        for k in range(0, rows, 200):
            for i in range(k, min(rows, k + 200)):
                connection.send_query_prepared(b"i1", values(i))
            connection.pipeline_sync()
            while (r := connection.get_result()) is None or r.status != pq.ExecStatus.PIPELINE_SYNC:
                if r is not None:
                    pq_ok(r)
        connection.exit_pipeline_mode()
    else:
        for i in range(rows):
            pq_ok(connection.exec_prepared(b"i1", values(i)))
    pq_exec(connection, "COMMIT")
    wall = time.perf_counter() - start
    check(connection, rows)
    return round(rows / wall)


def main():
    p = parser(__doc__)
    p.add_argument("--rows", type=int, default=1_000_000)
    p.add_argument("--insert-rows", type=int, default=100_000, help="a multiple of 1000")
    p.add_argument("--single-rows", type=int, default=2000)
    args = p.parse_args()
    recorder = Recorder(args, "pg_ingest")
    servers = targets(args)
    payloads = {fmt: payload(fmt, args.rows) for fmt in ("csv", "text", "binary") if recorder.want(f"copy_in_{fmt}")}
    for number in range(args.rounds):
        for fmt, pieces in payloads.items():
            for t in servers:
                recorder.run(t, number, f"copy_in_{fmt}", lambda: copy(t, fmt, pieces, args.rows), "rows/s")
        for per_statement in (100, 1000):
            for t in servers:
                recorder.run(t, number, f"insert_{per_statement}_rows", lambda: multi(t, per_statement, args.insert_rows), "rows/s")
        for pipelined in (False, True):
            for t in servers:
                metric = "insert_prepared_pipeline" if pipelined else "insert_prepared_tx"
                recorder.run(t, number, metric, lambda: prepared(t, args.single_rows, pipelined), "rows/s")
    recorder.summary()


main()
