"""Libraries that people put over a driver, against the pod that libpq's variables name: `python tools.py NAME`.
Each does what its documentation shows first, and looks at the schema as its tools do. Prints ok or a traceback."""

import datetime
import decimal
import os
import sys
import urllib.parse

e = os.environ
QUERY = f"host={e['PGHOST']}&port={e['PGPORT']}&sslmode={e['PGSSLMODE']}&sslrootcert={urllib.parse.quote(e['PGSSLROOTCERT'])}&passfile={urllib.parse.quote(e['PGPASSFILE'])}"
URL = f"//{urllib.parse.quote(e['PGUSER'], safe='')}@/{e['PGDATABASE']}?{QUERY}"
ADBC = f"postgresql://{urllib.parse.quote(e['PGUSER'], safe='')}@{e['PGHOST']}:{e['PGPORT']}/{e['PGDATABASE']}?sslmode={e['PGSSLMODE']}&sslrootcert={urllib.parse.quote(e['PGSSLROOTCERT'])}&passfile={urllib.parse.quote(e['PGPASSFILE'])}"


def sqlalchemy_(driver):
    import sqlalchemy as sa
    from sqlalchemy import orm

    engine = sa.create_engine(f"postgresql+{driver}:{URL}")
    prefix = f"sa_{driver}"
    with engine.connect() as c:
        assert c.execute(sa.text("SELECT 1")).scalar() == 1
        c.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {prefix}"))
        c.commit()
    meta = sa.MetaData()
    items = sa.Table(
        f"{prefix}_items",
        meta,
        # DuckLake keeps no keys: the mapper knows the key, the table does not.
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(40)),
        sa.Column("price", sa.Numeric(12, 2)),
        sa.Column("made", sa.DateTime(timezone=True)),
        sa.Column("ok", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("tags", sa.ARRAY(sa.Text)),
        sa.Column("raw", sa.LargeBinary),
    )
    meta.create_all(engine)
    meta.create_all(engine)
    made = datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)
    rows = [
        {"id": i, "name": f"n{i}", "price": decimal.Decimal(i) / 4, "made": made, "tags": ["a,b", '"', None], "raw": b"\x00\xff\\"}
        for i in range(200)
    ]
    with engine.begin() as c:
        c.execute(items.insert(), rows)
    with engine.connect() as c:
        row = c.execute(sa.select(items).where(items.c.id == 7)).mappings().one()
        assert (row["name"], row["price"], row["made"], row["ok"], row["tags"]) == ("n7", decimal.Decimal("1.75"), made, True, ["a,b", '"', None]), row
        assert bytes(row["raw"]) == b"\x00\xff\\"
        assert c.execute(sa.select(sa.func.count()).where(items.c.name.in_(["n1", "n2"]))).scalar() == 2
        assert len(c.execution_options(stream_results=True, yield_per=50).execute(sa.select(items)).fetchall()) == 200

    class Item:
        pass

    registry = orm.registry()
    registry.map_imperatively(Item, items, primary_key=[items.c.id])
    with orm.Session(engine) as session:
        item = session.get(Item, 3)
        item.name = "changed"
        session.add(new := Item())
        new.id, new.name, new.ok = 1000, "new", False
        session.commit()
        assert session.scalars(sa.select(Item).where(Item.name.in_(["changed", "new"])).order_by(Item.id)).all() == [item, new]
        session.delete(new)
        session.commit()
        # A savepoint around reads, left by an error of the caller.
        try:
            with session.begin_nested():
                session.get(Item, 5)
                raise KeyError
        except KeyError:
            pass
        assert session.get(Item, 5).name == "n5"
    try:
        with engine.begin() as c:
            c.execute(sa.text("SELECT * FROM nowhere"))
        raise AssertionError("no error")
    except sa.exc.ProgrammingError as error:
        assert getattr(error.orig, "sqlstate", None) or error.orig.pgcode == "42P01"

    inspector = sa.inspect(engine)
    assert f"{prefix}_items" in inspector.get_table_names()
    assert prefix in inspector.get_schema_names() and "public" in inspector.get_schema_names()
    columns = {c["name"]: c for c in inspector.get_columns(f"{prefix}_items")}
    shown = {name: (str(c["type"]), c["nullable"]) for name, c in columns.items()}
    assert shown["id"] == ("INTEGER", False), shown
    assert shown["price"] == ("NUMERIC(12, 2)", True), shown
    assert isinstance(columns["made"]["type"], sa.DateTime) and columns["made"]["type"].timezone
    assert isinstance(columns["tags"]["type"], sa.ARRAY) and isinstance(columns["raw"]["type"], sa.LargeBinary), shown
    assert inspector.get_pk_constraint(f"{prefix}_items")["constrained_columns"] == []
    assert inspector.get_foreign_keys(f"{prefix}_items") == [] and inspector.get_indexes(f"{prefix}_items") == []
    assert inspector.get_unique_constraints(f"{prefix}_items") == [] and inspector.get_check_constraints(f"{prefix}_items") == []
    assert inspector.has_table(f"{prefix}_items") and not inspector.has_table("nowhere")
    with engine.begin() as c:
        c.execute(sa.text(f"CREATE VIEW {prefix}_view AS SELECT id, name FROM {prefix}_items"))
        c.execute(sa.text(f"COMMENT ON TABLE {prefix}_items IS 'what we sell'"))
        c.execute(sa.text(f"COMMENT ON COLUMN {prefix}_items.name IS 'what it is called'"))
    inspector = sa.inspect(engine)
    assert inspector.get_view_names() == [f"{prefix}_view"] and "SELECT" in inspector.get_view_definition(f"{prefix}_view")
    assert inspector.get_table_comment(f"{prefix}_items")["text"] == "what we sell"
    reflected = sa.Table(f"{prefix}_items", sa.MetaData(), autoload_with=engine)
    assert reflected.c.name.comment == "what it is called" and len(reflected.c) == 7
    everything = sa.MetaData()
    everything.reflect(engine, views=True)
    assert {f"{prefix}_items", f"{prefix}_view"} <= set(everything.tables)
    with engine.begin() as c:
        c.execute(sa.text(f"DROP VIEW {prefix}_view"))
        c.execute(sa.text(f"DROP SCHEMA {prefix}"))
    meta.drop_all(engine)
    engine.dispose()


def pandas_():
    import pandas as pd
    import sqlalchemy as sa

    engine = sa.create_engine(f"postgresql+psycopg:{URL}")
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [0.5, None, 2.5],
            "t": ["a", None, "č"],
            "b": [True, False, True],
            "made": pd.to_datetime(["2024-01-01 00:00:00.123456", "2024-06-01 12:00:00.5", None]),
        }
    )
    for method in (None, "multi"):
        frame.to_sql("pandas_rows", engine, index=False, if_exists="replace", method=method)
        frame.to_sql("pandas_rows", engine, index=False, if_exists="append", method=method)
        back = pd.read_sql("SELECT * FROM pandas_rows", engine)
        assert len(back) == 6 and list(back.columns) == list(frame.columns), back
    assert str(pd.read_sql_table("pandas_rows", engine)["made"].dtype).startswith("datetime64")
    picked = pd.read_sql(sa.text("SELECT sum(i) AS s FROM pandas_rows WHERE b = :b"), engine, params={"b": True})
    assert picked["s"][0] == 8
    assert sum(len(part) for part in pd.read_sql("SELECT * FROM range(2500) t(i)", engine, chunksize=1000)) == 2500
    with engine.begin() as c:
        c.execute(sa.text("DROP TABLE pandas_rows"))
    engine.dispose()


def polars_():
    import polars as pl
    import sqlalchemy as sa

    engine = sa.create_engine(f"postgresql+psycopg:{URL}")
    frame = pl.DataFrame({"i": [1, 2, 3], "t": ["a", None, "č"], "d": [datetime.date(2024, 2, 29)] * 3, "f": [0.5, None, 1.5]})
    frame.write_database("polars_rows", ADBC, engine="adbc", if_table_exists="replace")
    frame.write_database("polars_rows", ADBC, engine="adbc", if_table_exists="append")
    back = pl.read_database_uri("SELECT * FROM polars_rows ORDER BY i", ADBC, engine="adbc")
    assert back.shape == (6, 4) and back["t"].to_list().count(None) == 2, back
    with engine.connect() as c:
        read = pl.read_database("SELECT i, t, d FROM polars_rows WHERE i > 1", c)
        assert read.shape == (4, 3) and read["d"][0] == datetime.date(2024, 2, 29)
    with engine.begin() as c:
        c.execute(sa.text("DROP TABLE polars_rows"))
    engine.dispose()


def adbc_():
    import adbc_driver_postgresql.dbapi as dbapi
    import pyarrow as pa

    table = pa.table(
        {
            "i": pa.array([1, 2, None], pa.int64()),
            "s": pa.array(["a", "", None]),
            "f": pa.array([0.5, -0.0, None]),
            "b": pa.array([True, False, None]),
            "d": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1970, 1, 1)]),
            "t": pa.array([datetime.datetime(2024, 1, 1, 0, 0, 0, 123456), None, None], pa.timestamp("us")),
            "raw": pa.array([b"\x00\xff", b"", None]),
        }
    )
    with dbapi.connect(ADBC) as c:
        with c.cursor() as cursor:
            assert cursor.adbc_ingest("adbc_rows", table, mode="create") == 3
            assert cursor.adbc_ingest("adbc_rows", table, mode="append") == 3
            cursor.execute("SELECT * FROM adbc_rows ORDER BY i NULLS LAST")
            back = cursor.fetch_arrow_table()
            assert back.num_rows == 6 and back.column("s").to_pylist() == ["a", "a", "", "", None, None], back
            assert back.schema.field("i").type == pa.int64() and back.schema.field("t").type == pa.timestamp("us")
            cursor.execute("SELECT i + $1 AS n FROM adbc_rows WHERE s = $2", (41, "a"))
            assert cursor.fetchall() == [(42,), (42,)]
            try:
                cursor.execute("SELECT * FROM nowhere")
                raise AssertionError("no error")
            except dbapi.Error as error:
                assert error.sqlstate == "42P01", error.sqlstate
        c.rollback()
        with c.cursor() as cursor:
            assert cursor.adbc_ingest("adbc_rows", table, mode="create") == 3
        c.commit()
        objects = c.adbc_get_objects(depth="all", db_schema_filter="public", table_name_filter="adbc_rows").read_all().to_pylist()
        tables = [t for catalog in objects for schema in catalog["catalog_db_schemas"] or [] for t in schema["db_schema_tables"] or []]
        assert [t["table_name"] for t in tables] == ["adbc_rows"], objects
        assert sorted(column["column_name"] for column in tables[0]["table_columns"]) == sorted(table.column_names)
        assert c.adbc_get_table_schema("adbc_rows").names == table.column_names
        with c.cursor() as cursor:
            cursor.execute("DROP TABLE adbc_rows")
        c.commit()


def psycopg2_():
    import psycopg2
    import psycopg2.extras

    c = psycopg2.connect("")
    values = (
        1,
        "žluť 'q' \\ \n",
        True,
        None,
        decimal.Decimal("-123456789.123456"),
        0.1,
        datetime.date(2024, 2, 29),
        datetime.datetime(1999, 12, 31, 23, 59, 59, 123456),
        datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc),
        datetime.time(23, 59, 59, 999999),
        datetime.timedelta(days=3, seconds=4, microseconds=5),
        [1, 2, 3],
        ["a", 'b"', None],
    )
    types = "n int, s text, b boolean, x int, d numeric(18,6), f float8, day date, ts timestamp, tz timestamptz, t time, iv interval, li int[], ls text[], raw bytea"
    with c, c.cursor() as cursor:
        cursor.execute(f"CREATE TABLE psycopg2_rows ({types})")
        marks = ", ".join(["%s"] * (len(values) + 1))
        cursor.execute(f"INSERT INTO psycopg2_rows VALUES ({marks})", (*values, psycopg2.Binary(b"\x00\xff\\'")))
        assert cursor.rowcount == 1
        psycopg2.extras.execute_values(cursor, "INSERT INTO psycopg2_rows (n, s) VALUES %s", [(i, f"s{i}") for i in range(2, 300)])
        cursor.execute("SELECT * FROM psycopg2_rows WHERE n = %s", (1,))
        row = cursor.fetchone()
        assert row[:-1] == values, row
        assert bytes(row[-1]) == b"\x00\xff\\'", bytes(row[-1])
        cursor.execute("SELECT count(*) FROM psycopg2_rows WHERE n = ANY(%s) AND s IN %s", ([1, 2, 3], ("s2", "s3")))
        assert cursor.fetchone() == (2,)
    with c, c.cursor(name="named") as cursor:
        cursor.itersize = 40
        cursor.execute("SELECT n FROM psycopg2_rows ORDER BY n")
        assert [n for (n,) in cursor] == list(range(1, 300))
    with c, c.cursor() as cursor:
        import io

        cursor.copy_expert("COPY psycopg2_rows (n, s) FROM STDIN (FORMAT csv)", io.StringIO("1000,copied\n"))
        out = io.StringIO()
        cursor.copy_expert("COPY (SELECT n, s FROM psycopg2_rows WHERE n = 1000) TO STDOUT", out)
        assert out.getvalue() == "1000\tcopied\n"
    with c.cursor() as cursor:
        try:
            cursor.execute("SELECT * FROM nowhere")
            raise AssertionError("no error")
        except psycopg2.errors.UndefinedTable:
            c.rollback()
        cursor.execute("DROP TABLE psycopg2_rows")
    c.commit()
    c.close()


{
    "sqlalchemy-psycopg": lambda: sqlalchemy_("psycopg"),
    "sqlalchemy-psycopg2": lambda: sqlalchemy_("psycopg2"),
    "pandas": pandas_,
    "polars": polars_,
    "adbc": adbc_,
    "psycopg2": psycopg2_,
}[sys.argv[1]]()
print("ok")
