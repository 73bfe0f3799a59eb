"""One round trip of every common type through a driver, in its own way of passing parameters. Argument: the driver."""

import asyncio
import datetime
import decimal
import os
import ssl
import sys
import uuid

VALUES = {
    "boolean": [True, False, None],
    "smallint": [-32768, 32767, None],
    "integer": [-(2**31), 2**31 - 1, None],
    "bigint": [-(2**63), 2**63 - 1, None],
    "double precision": [0.1, -1.7976931348623157e308, 5e-324, None],
    "numeric(38,9)": [decimal.Decimal("12345678901234567890.123456789"), decimal.Decimal("-0.000000001"), None],
    "varchar": ["", "h\u00e9llo \u4e16\u754c \U0001f980", "tab\tnew\nline\\slash'quote\"", None],
    "bytea": [b"", bytes(range(256)), None],
    "date": [datetime.date(1, 1, 1), datetime.date(2026, 2, 28), datetime.date(9999, 12, 31), None],
    "time": [datetime.time(0, 0), datetime.time(23, 59, 59, 999999), None],
    "timestamp": [datetime.datetime(1, 1, 1), datetime.datetime(2026, 11, 22, 12, 34, 56, 789012), None],
    "timestamptz": [datetime.datetime(2026, 11, 22, 12, 34, 56, 789012, tzinfo=datetime.timezone.utc), None],
    "interval": [datetime.timedelta(days=3, hours=4, microseconds=5), datetime.timedelta(microseconds=-1), None],
    "uuid": [uuid.UUID("00000000-0000-0000-0000-000000000000"), uuid.UUID("ffffffff-ffff-4fff-bfff-ffffffffffff"), None],
}
COLUMNS = ", ".join(f"c{i} {kind}" for i, kind in enumerate(VALUES))
ROWS = [tuple(values[k % len(values)] for values in VALUES.values()) for k in range(max(map(len, VALUES.values())))]
TABLE = f"trip_{sys.argv[1]}"


def compare(got):
    for expected, row in zip(ROWS, got, strict=True):
        for kind, a, b in zip(VALUES, expected, row, strict=True):
            # asyncpg has a UUID of its own, below the standard one
            assert isinstance(b, type(a)) and a == b, f"{kind}: sent {a!r}, got {b!r}"


def psycopg_():
    import psycopg

    with psycopg.connect("", autocommit=True) as c:
        c.execute(f"CREATE TABLE {TABLE} (n int, {COLUMNS})")
        marks = ", ".join(["%s"] * (len(VALUES) + 1))
        with c.transaction(), c.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", [(n, *row) for n, row in enumerate(ROWS)])
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                compare([row[1:] for row in cursor.execute(f"SELECT * FROM {TABLE} ORDER BY n").fetchall()])
        with c.cursor(name="held") as cursor, c.transaction():
            compare([row[1:] for row in cursor.execute(f"SELECT * FROM {TABLE} ORDER BY n").fetchall()])
        # One type for every number of dimensions; before, the inner arrays became text.
        nested = [[["a", "b c"]], [["NULL", None]]]
        for binary in (False, True):
            marks = "%b::text[], %b" if binary else "%s::text[], %s::int[]"
            assert c.execute(f"SELECT {marks}", (nested, [[1, 2], [3, 4]]), binary=binary).fetchone() == (nested, [[1, 2], [3, 4]])
        assert c.execute("SELECT (1, 'a,b', NULL)", binary=binary).fetchone()[0][1] == "a,b"
        try:
            c.execute("SELECT * FROM nowhere")
            raise AssertionError("no error")
        except psycopg.errors.UndefinedTable:
            pass
        try:
            with c.transaction():
                c.execute(f"INSERT INTO {TABLE} (n) VALUES (99)")
                raise KeyError
        except KeyError:
            pass
        assert c.execute(f"SELECT count(*) FROM {TABLE} WHERE n = 99").fetchone() == (0,)
        with c.cursor() as cursor, cursor.copy(f"COPY {TABLE} FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "bool", "int2", "int4", "int8", "float8", "numeric", "text", "bytea", "date", "time", "timestamp", "timestamptz", "interval", "uuid"])
            for n, row in enumerate(ROWS):
                copy.write_row((100 + n, *row))
        with c.cursor(binary=True) as cursor:
            compare([row[1:] for row in cursor.execute(f"SELECT * FROM {TABLE} WHERE n >= 100 ORDER BY n").fetchall()])


def asyncpg_():
    import asyncpg

    async def run():
        context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
        context.check_hostname = False
        c = await asyncpg.connect(ssl=context, passfile=os.environ["PGPASSFILE"])
        await c.execute(f"CREATE TABLE {TABLE} (n int, {COLUMNS})")
        marks = ", ".join(f"${i + 1}" for i in range(len(VALUES) + 1))
        async with c.transaction():
            await c.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", [(n, *row) for n, row in enumerate(ROWS)])
        compare([tuple(row)[1:] for row in await c.fetch(f"SELECT * FROM {TABLE} ORDER BY n")])
        async with c.transaction():
            compare([tuple(row)[1:] async for row in c.cursor(f"SELECT * FROM {TABLE} ORDER BY n", prefetch=2)])
        try:
            await c.fetch("SELECT * FROM nowhere")
            raise AssertionError("no error")
        except asyncpg.UndefinedTableError:
            pass
        assert await c.fetchval("SELECT $1::int + 1", 41) == 42
        await c.close()

    asyncio.run(run())


def pg8000_():
    import pg8000.native

    context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    context.check_hostname = False
    with open(os.environ["PGPASSFILE"], encoding="utf8") as f:
        password = f.readline().rstrip("\n").split(":")[-1]
    e = os.environ
    c = pg8000.native.Connection(e["PGUSER"], host=e["PGHOST"], port=int(e["PGPORT"]), database=e["PGDATABASE"], password=password, ssl_context=context)
    c.run(f"CREATE TABLE {TABLE} (n int, {COLUMNS})")
    marks = ", ".join(f":p{i}::{kind}" for i, kind in enumerate(VALUES))
    for n, row in enumerate(ROWS):
        c.run(f"INSERT INTO {TABLE} VALUES (:n::int, {marks})", n=n, **{f"p{i}": v for i, v in enumerate(row)})
    compare([tuple(row)[1:] for row in c.run(f"SELECT * FROM {TABLE} ORDER BY n")])
    c.close()


{"psycopg": psycopg_, "asyncpg": asyncpg_, "pg8000": pg8000_}[sys.argv[1]]()
print("ok")
