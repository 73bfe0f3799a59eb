"""psqlODBC against the pod that libpq's variables name; argument: the driver library. Prints ok."""

import datetime
import decimal
import os
import sys
import uuid

import pyodbc

with open(os.environ["PGPASSFILE"]) as f:
    PASSWORD = f.readline().rstrip("\n").split(":")[-1]
BASE = (
    f"Driver={sys.argv[1]};Server=localhost;Port={os.environ['PGPORT']};Database={os.environ['PGDATABASE']};"
    f"UID={os.environ['PGUSER']};PWD={PASSWORD};SSLmode=verify-full;"
)
COLUMNS = "i int, l bigint, f double precision, n numeric(12,3), s varchar, b boolean, d date, t timestamp, u uuid, r bytea, h time"
ROW = (
    1,
    2**40,
    1.5,
    decimal.Decimal("12.345"),
    "žluť 'q' \\ 🦀",
    True,
    datetime.date(2026, 2, 28),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 678000),
    uuid.UUID(int=5),
    b"\x00\xffA",
    datetime.time(1, 2, 3),
)


def check(options, row=ROW):
    c = pyodbc.connect(BASE + options, autocommit=True)
    cursor = c.cursor()
    assert c.getinfo(pyodbc.SQL_DBMS_NAME) == "PostgreSQL"
    cursor.execute(f"CREATE OR REPLACE TABLE odbc_rows ({COLUMNS})")
    marks = ", ".join("?" * len(ROW))
    # The same statement handle again and again: the driver deallocates and prepares under one name.
    assert cursor.execute(f"INSERT INTO odbc_rows VALUES ({marks})", row).rowcount == 1
    assert cursor.execute(f"INSERT INTO odbc_rows VALUES ({marks})", (2,) + (None,) * (len(ROW) - 1)).rowcount == 1
    cursor.executemany("INSERT INTO odbc_rows (i, s) VALUES (?, ?)", [(n, str(n)) for n in range(10, 30)])
    first, second = cursor.execute("SELECT * FROM odbc_rows ORDER BY i LIMIT 2").fetchall()
    for sent, got in zip(row, first, strict=True):
        # booleans and uuids come as text unless the connection says otherwise
        assert sent == got or str(sent) == got or (sent is True and got == "1"), (sent, got)
    assert tuple(second)[1:] == (None,) * (len(ROW) - 1)
    assert cursor.execute("SELECT count(*) FROM odbc_rows WHERE i > ?", 9).fetchval() == 20
    assert [r.i for r in cursor.execute("SELECT i FROM odbc_rows WHERE s LIKE ? ORDER BY i", "2%")] == list(range(20, 30))

    assert [tuple(r)[1:4] for r in cursor.tables(table="odbc_rows")] == [("public", "odbc_rows", "TABLE")]
    kinds = {r.column_name: r.type_name for r in cursor.columns(table="odbc_rows")}
    assert kinds["l"] == "int8" and kinds["n"] == "numeric" and kinds["t"] == "timestamp", kinds
    # A lake has none of these, and says so with an empty list.
    for keys in (cursor.primaryKeys, cursor.statistics, cursor.rowIdColumns):
        assert keys("odbc_rows").fetchall() == []
    assert cursor.foreignKeys("odbc_rows").fetchall() == []
    assert len(cursor.getTypeInfo().fetchall()) > 20

    for sql, state in [("SELECT * FROM nowhere", "42P01"), ("SELEC 1", "42601"), ("SELECT 'x'::int", "22P02")]:
        try:
            cursor.execute(sql).fetchall()
            raise AssertionError(f"{sql} was answered")
        except pyodbc.Error as error:
            assert error.args[0] in (state, "42000", "HY000"), error

    c.autocommit = False
    cursor.execute("DELETE FROM odbc_rows")
    c.rollback()
    cursor.execute("DELETE FROM odbc_rows WHERE i >= 20")
    c.commit()
    c.autocommit = True
    assert cursor.execute("SELECT count(*) FROM odbc_rows").fetchval() == 12
    c.close()


# As it comes, and with cursors that fetch a few rows at a time.
for options in ("", "UseDeclareFetch=1;Fetch=3;", "BoolsAsChar=0;ByteaAsLongVarBinary=1;"):
    check(options)
# Parameters put into the text: bytes arrive there as text without a type, so none are sent.
check("UseServerSidePrepare=0;", tuple(None if isinstance(one, bytes) else one for one in ROW))
print("ok")
