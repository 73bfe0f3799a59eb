"""A stock DuckDB on <lake>__catalog. Arguments: what to do, the catalog's database, the data path, a number for this process."""
import os, sys, threading
import duckdb

what, database, data_path, number = sys.argv[1:5]


def attach():
    connection = duckdb.connect(config={"extension_directory": os.environ["BOILSTREAM_TEST_EXTENSIONS"]})
    for name in ("postgres_scanner", "ducklake"):
        connection.execute(f"LOAD {name}")
    connection.execute(f"ATTACH 'ducklake:postgres:dbname={database}' AS cat (DATA_PATH '{data_path}')")
    connection.execute("USE cat")
    return connection


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def check(got, expected):
    assert got == expected, f"got {got!r}, expected {expected!r}"


def everything():
    c = attach()
    c.execute("CREATE TABLE t(i INT, s VARCHAR, b BLOB, d DECIMAL(10,2), l INT[], ts TIMESTAMP, n STRUCT(x INT, y VARCHAR))")
    # Before there is a second schema with a view in it: a stock 1.5.5 crashes in set_option after that, with a real PostgreSQL too.
    rows(c, "CALL cat.set_option('data_inlining_row_limit', '20')")
    rows(c, "CALL cat.set_option('data_inlining_row_limit', '10')")
    check(rows(c, "SELECT value FROM cat.options() WHERE option_name = 'data_inlining_row_limit'"), [("10",)])
    c.execute("INSERT INTO t VALUES (1, 'ä''\\x6b', '\\xAA\\x00'::BLOB, 1.5, [1, NULL], '2020-01-01 00:00:00', {'x': 1, 'y': 'z'})")
    check(rows(c, "SELECT i, s, b, d::VARCHAR, l, ts::VARCHAR, n FROM t"), [(1, "ä'\\x6b", b"\xaa\x00", "1.50", [1, None], "2020-01-01 00:00:00", {"x": 1, "y": "z"})])
    c.execute("INSERT INTO t SELECT range, 'r' || range, NULL, NULL, NULL, NULL, NULL FROM range(2, 5000)")
    check(rows(c, "SELECT count(*), sum(i), max(s) FROM t"), [(4999, 12497500, "ä'\\x6b")])
    c.execute("UPDATE t SET s = 'changed' WHERE i IN (1, 4999)")
    c.execute("DELETE FROM t WHERE i BETWEEN 10 AND 19")
    check(rows(c, "SELECT count(*), count(*) FILTER (WHERE s = 'changed') FROM t"), [(4989, 2)])
    before = rows(c, "SELECT max(snapshot_id) FROM cat.snapshots()")[0][0]
    c.execute("ALTER TABLE t ADD COLUMN extra BIGINT DEFAULT 7")
    c.execute("ALTER TABLE t RENAME COLUMN s TO text")
    check(rows(c, "SELECT text, extra FROM t WHERE i = 1"), [("changed", 7)])
    check(len(rows(c, f"SELECT * FROM t AT (VERSION => {before}) LIMIT 1")[0]), 7)
    check(rows(c, "SELECT count(*) FROM t AT (VERSION => 2)"), [(1,)])
    c.execute("BEGIN")
    c.execute("INSERT INTO t(i) VALUES (-1)")
    check(rows(c, "SELECT count(*) FROM t WHERE i = -1"), [(1,)])
    c.execute("ROLLBACK")
    check(rows(c, "SELECT count(*) FROM t WHERE i = -1"), [(0,)])
    c.execute("CREATE SCHEMA other")
    c.execute("CREATE VIEW other.v AS SELECT count(*) AS n FROM cat.main.t")
    check(rows(c, "SELECT n FROM other.v"), [(4989,)])
    rows(c, "CALL ducklake_flush_inlined_data('cat')")
    rows(c, "CALL ducklake_merge_adjacent_files('cat')")
    again = attach()
    check(rows(again, "SELECT count(*), max(extra) FROM t"), [(4989, 7)])
    again.execute("DROP TABLE t")


def writer(connection, first):
    for i in range(10):
        connection.execute(f"INSERT INTO shared VALUES ({first + i}, 'p{number}')")


def compete():
    connections = [attach() for _ in range(2)]
    threads = [threading.Thread(target=writer, args=(c, int(number) * 1000 + n * 100)) for n, c in enumerate(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def fails(connection, sql, word):
    try:
        connection.execute(sql)
    except duckdb.Error as error:
        assert word in str(error), f"{word!r} is not in {error}"
        return
    raise AssertionError(f"{sql} was to fail")


def collide():
    """Moving inlined rows to files, from two transactions at once or against an update: the later one loses, in the words DuckLake's users look for."""
    one, two = attach(), attach()
    for c in (one, two):
        c.execute("SET immediate_transaction_mode = true")
    flush = "CALL ducklake_flush_inlined_data('cat')"
    for name, first, second in (
        ("flushed_twice", flush, flush),
        ("updated_then_flushed", "UPDATE updated_then_flushed SET i = i + 1000", flush),
        ("flushed_then_updated", flush, "UPDATE flushed_then_updated SET i = i + 1000"),
    ):
        one.execute(f"CREATE TABLE {name} AS SELECT range AS i FROM range(8)")
        for c in (one, two):
            c.execute("BEGIN")
        one.execute(first)
        if first == second:
            fails(two, second, "Conflict")
            one.execute("COMMIT")
            two.execute("ROLLBACK")
        else:
            two.execute(second)
            one.execute("COMMIT")
            fails(two, "COMMIT", "conflict")
        check(rows(attach(), f"SELECT count(*), min(i) >= 1000 FROM {name}"), [(8, "updated_then" in name)])
        one.execute(f"DROP TABLE {name}")


{"everything": everything, "collide": collide, "prepare": lambda: attach().execute("CREATE TABLE shared(i BIGINT, who VARCHAR)"), "compete": compete,
 "count": lambda: check(rows(attach(), "SELECT count(*), count(DISTINCT i), count(DISTINCT rowid) FROM shared"), [(int(number),) * 3])}[what]()
print("ok")
