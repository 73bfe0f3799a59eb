"""psycopg 3 against the wire alone: values in both formats, COPY in and out, pipeline, server cursor, cancel. Argument: conninfo."""
import datetime, decimal, sys, threading, time, uuid
import psycopg
from psycopg.rows import tuple_row

conninfo = sys.argv[1]
with psycopg.connect(conninfo, autocommit=True) as c:
    assert c.pgconn.ssl_in_use
    values = {
        "SELECT 1": 1, "SELECT 9223372036854775807": 9223372036854775807, "SELECT 1.50::decimal(6,2)": decimal.Decimal("1.50"),
        "SELECT 1.5::double": 1.5, "SELECT 0.1::float": None, "SELECT true": True, "SELECT 'é✓'": "é✓", "SELECT NULL::int": None,
        "SELECT date '2026-02-03'": datetime.date(2026, 2, 3), "SELECT time '01:02:03.000004'": datetime.time(1, 2, 3, 4),
        "SELECT timestamp '2026-02-03 04:05:06.000007'": datetime.datetime(2026, 2, 3, 4, 5, 6, 7),
        "SELECT timestamptz '2026-02-03 04:05:06+00'": datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc),
        "SELECT interval '1 day 02:03:04.5'": datetime.timedelta(days=1, hours=2, minutes=3, seconds=4, microseconds=500000),
        "SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        "SELECT '\\x00\\xFF'::blob": b"\x00\xff", "SELECT [1, NULL, 3]": [1, None, 3], "SELECT [['a', 'b c'], [NULL, '']]": [["a", "b c"], [None, ""]],
        "SELECT {'a': 1, 'b': [1, 2]}": {"a": 1, "b": [1, 2]}, "SELECT MAP {'k': 1.5}": {"k": 1.5}, "SELECT 170141183460469231731687303715884105727::hugeint": decimal.Decimal(2**127 - 1),
    }
    for binary in (False, True):
        for sql, expected in values.items():
            got = c.execute(sql, binary=binary).fetchone()[0]
            if expected is not None: assert got == expected and type(got) is type(expected), (sql, binary, got, expected)
    given = [1, 2**40, 1.5, "text", True, datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 6), uuid.uuid4(), b"\x00\x01", [1, 2, 3], ["a", None], decimal.Decimal("12.34"),
             datetime.timedelta(days=3, seconds=4), datetime.time(5, 6, 7), datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), None]
    for form in ("%s", "%b", "%t"):
        for value in given:
            if value == ["a", None] and form != "%b": continue  # sent as of unknown type: PostgreSQL gives its text back too
            got = c.execute(f"SELECT {form}", [value], binary=form == "%b").fetchone()[0]
            assert got == value, (form, value, got)
    c.execute("CREATE TABLE t (i bigint, s varchar, d double)")
    with c.cursor().copy("COPY t FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "text", "float8"])
        for i in range(5000): copy.write_row((i, None if i % 7 == 0 else f"row {i}", i / 4))
    assert c.execute("SELECT count(*), count(s), sum(d) FROM t").fetchone() == (5000, 4285, 3124375.0)
    with c.cursor().copy("COPY (SELECT * FROM t ORDER BY i) TO STDOUT") as copy:
        rows = list(copy.rows())
    assert len(rows) == 5000 and rows[0] == ("0", None, "0") and rows[1] == ("1", "row 1", "0.25")
    with c.cursor().copy("COPY (SELECT * FROM t ORDER BY i) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int8", "text", "float8"])
        rows = list(copy.rows())
    assert rows[8] == (8, "row 8", 2.0), rows[8]
    with c.pipeline():
        answers = [c.execute("SELECT %s::int", [i], prepare=True) for i in range(300)]
    assert [one.fetchone()[0] for one in answers] == list(range(300))
    try:
        with c.pipeline() as p:
            c.execute("SELECT 1"); c.execute("SELECT * FROM missing"); c.execute("SELECT 2"); p.sync()
        raise SystemExit("the pipeline had an error")
    except psycopg.errors.UndefinedTable: pass
    assert c.execute("SELECT 3").fetchone() == (3,)
    timer = threading.Timer(0.2, c.cancel_safe if hasattr(c, "cancel_safe") else c.cancel); timer.start()
    began = time.time()
    try:
        c.execute("SELECT count(*) FROM range(100000000000) a, range(100000) b"); raise SystemExit("not cancelled")
    except psycopg.errors.QueryCanceled: pass
    assert time.time() - began < 5
    with c.transaction():
        c.execute("INSERT INTO t VALUES (-1, 'x', 0)")
    try:
        with c.transaction():
            c.execute("INSERT INTO t VALUES (-2, 'x', 0)"); c.execute("SELECT * FROM missing")
    except psycopg.errors.UndefinedTable: pass
    assert c.execute("SELECT count(*) FROM t WHERE i < 0").fetchone() == (1,)
    n = 0
    for row in c.cursor(row_factory=tuple_row).stream("SELECT i FROM range(20000) r(i)"): n += 1
    assert n == 20000
print("ok")
