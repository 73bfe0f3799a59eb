"""What Grafana and Metabase ask of a database when it is added, and then of its tables. Argument: the tool. Prints ok."""

import sys

import psycopg
from psycopg.rows import dict_row

c = psycopg.connect("", autocommit=True, row_factory=dict_row)
c.execute("CREATE SCHEMA IF NOT EXISTS shop")
c.execute("CREATE OR REPLACE TABLE orders (id bigint NOT NULL, placed timestamptz, total numeric(12,2), note varchar)")
c.execute("CREATE OR REPLACE TABLE shop.lines (order_id bigint, item varchar)")
c.execute("CREATE OR REPLACE VIEW shop.large AS SELECT * FROM orders WHERE total > 100")
c.execute("COMMENT ON TABLE orders IS 'what was bought'")
c.execute("COMMENT ON COLUMN orders.note IS 'as written'")
c.execute(
    "INSERT INTO orders SELECT i, TIMESTAMPTZ '2026-11-22 10:00:00+00' + i * INTERVAL 1 minute, i, 'n' || i FROM range(120) t(i)"
)


def all_(sql, *parameters):
    return c.execute(sql, parameters or None).fetchall()


def grafana():
    assert int(all_("SELECT current_setting('server_version_num')::int / 100 AS version")[0]["version"]) >= 1200
    assert all_("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") == []
    path = """SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
              FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                                   array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
                   string_to_array(current_setting('search_path'), ',') s"""
    tables = all_(
        f"""SELECT CASE WHEN quote_ident(table_schema) IN ({path}) THEN quote_ident(table_name)
                   ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
            FROM information_schema.tables
            WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache')
            ORDER BY CASE WHEN quote_ident(table_schema) IN ({path}) THEN 0 ELSE 1 END, 1"""
    )
    assert [row["table"] for row in tables] == ["orders", "shop.large", "shop.lines"], tables
    for name in ("orders", "shop.lines"):
        columns = all_(
            f"""SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
                WHERE CASE WHEN array_length(parse_ident('{name}'), 1) = 2
                      THEN quote_ident(table_schema) = (parse_ident('{name}'))[1] AND quote_ident(table_name) = (parse_ident('{name}'))[2]
                      ELSE quote_ident(table_name) = '{name}' AND quote_ident(table_schema) IN ({path}) END"""
        )
        expected = ["id", "placed", "total", "note"] if name == "orders" else ["order_id", "item"]
        assert [row["column"] for row in columns] == expected, columns
    # $__timeGroupAlias(placed, '1h') and $__timeFilter(placed), as the plugin writes them out
    hours = all_(
        """SELECT floor(extract(epoch from placed)/3600)*3600 AS "time", count(*) AS value, avg(total) AS "mean" FROM orders
           WHERE placed BETWEEN '2026-11-22T10:00:00Z' AND '2026-11-22T11:59:59Z' GROUP BY 1 ORDER BY 1"""
    )
    assert [(float(row["time"]), row["value"]) for row in hours] == [(1795341600, 60), (1795345200, 60)], hours


def metabase():
    assert "PostgreSQL" in all_("SELECT version() AS v")[0]["v"]
    all_("SHOW timezone")
    tables = all_(
        """SELECT n.nspname AS "schema", c.relname AS "name", d.description,
                  CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' END AS "type",
                  stat.n_live_tup AS estimated_row_count
           FROM pg_catalog.pg_class AS c
           INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
           LEFT JOIN pg_catalog.pg_description AS d ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
           LEFT JOIN pg_stat_user_tables AS stat ON n.nspname = stat.schemaname AND c.relname = stat.relname
           WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'f', 'm')
           ORDER BY "type", "schema", "name" """
    )
    assert [(row["schema"], row["name"], row["type"], row["description"], row["estimated_row_count"]) for row in tables] == [
        ("public", "orders", "TABLE", "what was bought", 120),
        ("shop", "lines", "TABLE", None, 0),
        ("shop", "large", "VIEW", None, None),
    ], tables
    fields = all_(
        """SELECT c.column_name AS "name",
                  CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN format('%%s', c.udt_name)
                       ELSE format('"%%s"."%%s"', c.udt_schema, c.udt_name) END AS "database-type",
                  c.ordinal_position - 1 AS "position", c.table_schema, c.table_name, pk.column_name IS NOT NULL AS "pk?",
                  col_description(CAST(CAST(format('%%I.%%I', CAST(c.table_schema AS TEXT), CAST(c.table_name AS TEXT)) AS REGCLASS) AS OID),
                                  c.ordinal_position) AS "comment",
                  (column_default IS NULL OR lower(column_default) = 'null') AND is_nullable = 'NO' AND is_identity <> 'YES' AS "required"
           FROM information_schema.columns AS c
           LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints AS tc
                      INNER JOIN information_schema.key_column_usage AS kc
                        ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema AND tc.table_name = kc.table_name
                      WHERE tc.constraint_type = 'PRIMARY KEY') AS pk
             ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name
           WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_name = %s
           ORDER BY c.ordinal_position""",
        "orders",
    )
    assert [(row["name"], row["database-type"], row["pk?"], row["required"], row["comment"]) for row in fields] == [
        ("id", "int8", False, True, None),
        ("placed", "timestamptz", False, False, None),
        ("total", "numeric", False, False, None),
        ("note", "text", False, False, "as written"),
    ], fields
    rights = all_(
        """WITH rights AS (
             SELECT NULL AS role, t.schemaname AS "schema", t.objectname AS "table",
                    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || replace(t.objectname, '"', '""') || '"', 'select') AS "select",
                    pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || replace(t.objectname, '"', '""') || '"', 'delete') AS "delete"
             FROM (SELECT schemaname, tablename AS objectname FROM pg_catalog.pg_tables
                   UNION SELECT schemaname, viewname FROM pg_catalog.pg_views
                   UNION SELECT schemaname, matviewname FROM pg_catalog.pg_matviews) t
             WHERE t.schemaname !~ '^pg_' AND t.schemaname <> 'information_schema'
               AND pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
           SELECT * FROM rights ORDER BY "schema", "table" """
    )
    assert [(row["table"], row["select"]) for row in rights] == [("orders", True), ("large", True), ("lines", True)], rights
    # A question with a breakout by day, and the fingerprint of a column.
    days = all_(
        """SELECT CAST("public"."orders"."placed" AS date) AS "placed", count(*) AS "count" FROM "public"."orders"
           GROUP BY CAST("public"."orders"."placed" AS date) ORDER BY CAST("public"."orders"."placed" AS date) ASC"""
    )
    assert [row["count"] for row in days] == [120], days
    month = all_("""SELECT DATE_TRUNC('month', "placed") AS "month", SUM("total") AS "sum" FROM "public"."orders" GROUP BY DATE_TRUNC('month', "placed")""")
    assert [row["sum"] for row in month] == [7140], month


{"grafana": grafana, "metabase": metabase}[sys.argv[1]]()
print("ok")
