// pgjdbc against the pod that libpq's variables name: `java -cp 'jars/*' jdbc-driver.java`. It checks the server's
// certificate and its name and logs in by SCRAM. Prints `ok` or ends with an exception.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

class JdbcDriver {
  static final String[] TYPES = {
    "boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric(18,6)", "text", "varchar(10)", "bytea",
    "date", "time", "timestamp", "timestamptz", "uuid", "integer[]", "text[]",
  };
  static final Object[] VALUES = {
    true, (short) -32768, Integer.MIN_VALUE, Long.MIN_VALUE, 1.5f, 0.1, new BigDecimal("-123456789012.345678"),
    "žluťoučký \"kůň\" \\ \n", "", new byte[] {0, -1, 92}, LocalDate.of(2024, 2, 29), LocalTime.of(23, 59, 59, 999_999_000),
    LocalDateTime.of(1999, 12, 31, 23, 59, 59, 123_456_000), OffsetDateTime.of(2024, 7, 1, 10, 0, 0, 500_000_000, ZoneOffset.UTC),
    UUID.fromString("00000000-0000-4000-8000-0000000000ff"), new Integer[] {1, null, -3}, new String[] {"a,b", "\"", "NULL", null, ""},
  };
  static final String ENDLESS = "SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)";

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.setProperty("user", env("PGUSER"));
    properties.setProperty("password", Files.readString(Path.of(env("PGPASSFILE"))).lines().findFirst().get().replaceAll(".*:", ""));
    properties.setProperty("sslmode", "verify-full");
    properties.setProperty("sslrootcert", env("PGSSLROOTCERT"));
    String url = "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE");
    // Server-side prepare and binary transfer from the first execution, or from the fifth as by default; the simple protocol.
    run(url, properties, "prepareThreshold", "-1");
    run(url, properties, "preferQueryMode", "simple");
    if (args.length > 0 && args[0].equals("long")) {
      run(url, properties, "prepareThreshold", "5");
      run(url, properties, "autosave", "conservative");
      run(url, properties, "channelBinding", "require");
    }
    refusals(url, properties);
    System.out.println("ok");
  }

  static void run(String url, Properties properties, String option, String value) throws Exception {
    Properties all = new Properties();
    all.putAll(properties);
    all.setProperty(option, value);
    boolean simple = value.equals("simple");
    try (Connection c = DriverManager.getConnection(url, all)) {
      types(c, simple);
      batches(c);
      transactions(c);
      fetchSize(c, simple);
      cancel(c);
      copy(c);
      metadata(c);
    } catch (Throwable error) {
      throw new AssertionError("with " + option + "=" + value, error);
    }
  }

  static void types(Connection c, boolean simple) throws Exception {
    try (Statement s = c.createStatement()) {
      s.execute("DROP TABLE IF EXISTS jdbc_types");
      StringBuilder columns = new StringBuilder("n integer");
      for (int i = 0; i < TYPES.length; i++) columns.append(", c").append(i).append(' ').append(TYPES[i]);
      equal(0, s.executeUpdate("CREATE TABLE jdbc_types (" + columns + ")"));
    }
    String marks = "?" + ", ?".repeat(TYPES.length);
    try (PreparedStatement insert = c.prepareStatement("INSERT INTO jdbc_types VALUES (" + marks + ")")) {
      for (int n = 1; n <= 7; n++) {
        insert.setInt(1, n);
        for (int i = 0; i < VALUES.length; i++) {
          if (n == 7 || (simple && notSimple(i))) insert.setNull(i + 2, Types.NULL);
          else if (VALUES[i] instanceof Integer[] list) insert.setArray(i + 2, c.createArrayOf("int4", list));
          else if (VALUES[i] instanceof String[] list) insert.setArray(i + 2, c.createArrayOf("text", list));
          else insert.setObject(i + 2, VALUES[i]);
        }
        equal(1, insert.executeUpdate());
      }
    }
    // Six times the same statement, so that its threshold for server-side prepare is crossed.
    try (PreparedStatement select = c.prepareStatement("SELECT * FROM jdbc_types WHERE n = ?")) {
      for (int n = 1; n <= 7; n++) {
        select.setInt(1, n);
        try (ResultSet r = select.executeQuery()) {
          equal(TYPES.length + 1, r.getMetaData().getColumnCount());
          equal(true, r.next());
          equal(n, r.getInt("n"));
          for (int i = 0; i < VALUES.length; i++) {
            equal(n == 7 || (simple && notSimple(i)) ? null : VALUES[i], read(r, i));
          }
          equal(false, r.next());
        }
      }
    }
    if (simple) return;
    try (PreparedStatement any = c.prepareStatement("SELECT n FROM jdbc_types WHERE n = ANY(?) ORDER BY n")) {
      any.setArray(1, c.createArrayOf("int4", new Integer[] {1, 3, 9}));
      try (ResultSet r = any.executeQuery()) {
        equal(true, r.next() && r.getInt(1) == 1 && r.next() && r.getInt(1) == 3 && !r.next());
      }
    }
    try (PreparedStatement p = c.prepareStatement("SELECT ? AS t, ?::integer + 1 AS i")) {
      p.setString(1, "x");
      p.setInt(2, 41);
      try (ResultSet r = p.executeQuery()) {
        r.next();
        equal("x", r.getString("t"));
        equal(42, r.getInt("i"));
      }
    }
  }

  /** The simple protocol says arrays as '{…}' without a type, which DuckDB does not read. */
  static boolean notSimple(int i) {
    return VALUES[i] instanceof Object[];
  }

  static Object read(ResultSet r, int i) throws SQLException {
    String name = "c" + i;
    Object value = VALUES[i];
    if (value instanceof Short) {
      short found = r.getShort(name);
      return r.wasNull() ? null : found;
    }
    if (value instanceof Object[]) return r.getArray(name) == null ? null : r.getArray(name).getArray();
    if (value instanceof byte[]) return r.getBytes(name);
    return r.getObject(name, value.getClass());
  }

  static void batches(Connection c) throws SQLException {
    try (Statement s = c.createStatement()) {
      s.execute("CREATE OR REPLACE TABLE jdbc_rows (id bigint, name text)");
    }
    c.setAutoCommit(false);
    try (PreparedStatement insert = c.prepareStatement("INSERT INTO jdbc_rows VALUES (?, ?)")) {
      for (int i = 0; i < 500; i++) {
        insert.setLong(1, i);
        insert.setString(2, i % 7 == 0 ? null : "name " + i);
        insert.addBatch();
      }
      equal(500, Arrays.stream(insert.executeBatch()).sum());
    }
    c.commit();
    equal(500L, one(c, "SELECT count(*) FROM jdbc_rows"));
    try (PreparedStatement insert = c.prepareStatement("INSERT INTO jdbc_rows VALUES (CAST(? AS bigint), 'b')")) {
      for (String id : new String[] {"1", "x"}) {
        insert.setString(1, id);
        insert.addBatch();
      }
      insert.executeBatch();
      throw new AssertionError("no error");
    } catch (BatchUpdateException error) {
      equal("22P02", error.getSQLState());
    }
    c.rollback();
    equal(500L, one(c, "SELECT count(*) FROM jdbc_rows"));
    c.setAutoCommit(true);
  }

  static void transactions(Connection c) throws SQLException {
    equal(Connection.TRANSACTION_REPEATABLE_READ, c.getTransactionIsolation());
    c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      equal(500, s.executeUpdate("DELETE FROM jdbc_rows"));
      c.rollback();
      equal(500L, one(c, "SELECT count(*) FROM jdbc_rows"));
      c.rollback();
      state("42P01", () -> s.executeQuery("SELECT * FROM nowhere"));
      c.rollback();
      state("42601", () -> s.executeQuery("SELEC 1"));
      c.rollback();
      state("22P02", () -> s.executeUpdate("INSERT INTO jdbc_rows VALUES (CAST('x' AS bigint), '')"));
      c.rollback();
    }
    c.setAutoCommit(true);
    c.setReadOnly(true);
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      state("25006", () -> s.executeUpdate("DELETE FROM jdbc_rows"));
    }
    c.rollback();
    c.setAutoCommit(true);
    c.setReadOnly(false);
    equal(true, c.isValid(5));
  }

  static void fetchSize(Connection c, boolean simple) throws SQLException {
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.setFetchSize(700);
      long sum = 0;
      try (ResultSet r = s.executeQuery("SELECT i FROM range(5000) t(i)")) {
        while (r.next()) sum += r.getLong(1);
      }
      equal(4999L * 2500L, sum);
      // Left half way: the portal is closed, and the session goes on.
      try (ResultSet r = s.executeQuery("SELECT i FROM range(200000) t(i)")) {
        for (int i = 0; i < 2000; i++) r.next();
      }
      // The simple protocol has no row limit.
      if (simple) return;
      s.setMaxRows(10);
      try (ResultSet r = s.executeQuery("SELECT i FROM range(5000) t(i)")) {
        int n = 0;
        while (r.next()) n++;
        equal(10, n);
      }
    } finally {
      c.commit();
      c.setAutoCommit(true);
    }
  }

  static void cancel(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      Thread stopper = new Thread(() -> {
        try {
          Thread.sleep(300);
          s.cancel();
        } catch (Exception error) {
          throw new RuntimeException(error);
        }
      });
      stopper.start();
      state("57014", () -> s.executeQuery(ENDLESS));
      stopper.join();
      s.setQueryTimeout(1);
      state("57014", () -> s.executeQuery(ENDLESS));
    }
    equal(1L, one(c, "SELECT 1::bigint"));
  }

  static void copy(Connection c) throws Exception {
    CopyManager manager = c.unwrap(PGConnection.class).getCopyAPI();
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 2000; i++) rows.append(i + 10_000).append("\trow ").append(i).append('\n');
    equal(2000L, manager.copyIn("COPY jdbc_rows FROM STDIN", new StringReader(rows.toString())));
    StringWriter out = new StringWriter();
    equal(1L, manager.copyOut("COPY (SELECT * FROM jdbc_rows WHERE id = 11999) TO STDOUT (FORMAT csv)", out));
    equal("11999,row 1999\n", out.toString());
  }

  /** What DBeaver, Tableau and other tools ask of DatabaseMetaData. */
  static void metadata(Connection c) throws SQLException {
    try (Statement s = c.createStatement()) {
      s.execute("CREATE OR REPLACE VIEW jdbc_view AS SELECT id, name FROM jdbc_rows");
      s.execute("COMMENT ON TABLE jdbc_rows IS 'rows of a test'");
      s.execute("COMMENT ON COLUMN jdbc_rows.name IS 'a name'");
    }
    DatabaseMetaData m = c.getMetaData();
    equal("PostgreSQL", m.getDatabaseProductName());
    equal(15, m.getDatabaseMajorVersion());
    contains("lake", column(m.getCatalogs(), "TABLE_CAT"));
    contains("public", column(m.getSchemas(), "TABLE_SCHEM"));
    contains("TABLE", column(m.getTableTypes(), "TABLE_TYPE"));
    equal(List.of("jdbc_rows", "jdbc_types"), column(m.getTables(null, "public", "jdbc\\_%", new String[] {"TABLE"}), "TABLE_NAME"));
    equal(List.of("jdbc_view"), column(m.getTables(null, null, "jdbc_view", null), "TABLE_NAME"));
    equal(List.of("rows of a test"), column(m.getTables(null, "public", "jdbc_rows", null), "REMARKS"));
    equal(List.of("id", "name"), column(m.getColumns(null, "public", "jdbc_rows", "%"), "COLUMN_NAME"));
    equal(List.of("int8", "text"), column(m.getColumns(null, "public", "jdbc_rows", null), "TYPE_NAME"));
    equal(Arrays.asList(null, "a name"), column(m.getColumns(null, "public", "jdbc_rows", null), "REMARKS"));
    equal(String.valueOf(Types.NUMERIC), column(m.getColumns(null, null, "jdbc_types", "c6"), "DATA_TYPE").get(0));
    equal("18", column(m.getColumns(null, null, "jdbc_types", "c6"), "COLUMN_SIZE").get(0));
    // Nothing of these in a lake, and every one answers.
    for (ResultSet none : List.of(
        m.getPrimaryKeys(null, "public", "jdbc_rows"), m.getImportedKeys(null, "public", "jdbc_rows"),
        m.getExportedKeys(null, "public", "jdbc_rows"), m.getIndexInfo(null, "public", "jdbc_rows", false, true),
        m.getCrossReference(null, null, "jdbc_rows", null, null, "jdbc_types"), m.getBestRowIdentifier(null, "public", "jdbc_rows", 0, true)))
      equal(false, none.next());
    contains("int4", column(m.getTypeInfo(), "TYPE_NAME"));
    column(m.getFunctions(null, null, "%"), "FUNCTION_NAME");
    column(m.getProcedures(null, null, "%"), "PROCEDURE_NAME");
    column(m.getTablePrivileges(null, "public", "jdbc_rows"), "GRANTEE");
    column(m.getColumnPrivileges(null, "public", "jdbc_rows", "%"), "GRANTEE");
    column(m.getClientInfoProperties(), "NAME");
    column(m.getUDTs(null, null, "%", null), "TYPE_NAME");
    column(m.getVersionColumns(null, "public", "jdbc_rows"), "COLUMN_NAME");
    m.getSQLKeywords();
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT id, name AS n FROM jdbc_rows LIMIT 0")) {
      equal("id", r.getMetaData().getColumnName(1));
      equal(Types.BIGINT, r.getMetaData().getColumnType(1));
      r.getMetaData().isAutoIncrement(1);
      r.getMetaData().isNullable(1);
    }
    try (Statement s = c.createStatement()) {
      s.execute("DROP VIEW jdbc_view");
    }
  }

  static List<String> column(ResultSet r, String name) throws SQLException {
    List<String> values = new ArrayList<>();
    while (r.next()) values.add(r.getString(name));
    r.close();
    return values;
  }

  static void contains(String wanted, List<String> found) {
    if (!found.contains(wanted)) throw new AssertionError(wanted + " is not in " + found);
  }

  static void refusals(String url, Properties properties) throws SQLException {
    Properties wrong = new Properties();
    wrong.putAll(properties);
    wrong.setProperty("password", "wrong");
    state("28P01", () -> DriverManager.getConnection(url, wrong));
    state("3D000", () -> DriverManager.getConnection(url.replaceAll("/[^/]*$", "/nowhere"), properties));
    try (Connection c = DriverManager.getConnection(url, properties); Statement s = c.createStatement()) {
      s.execute("DROP TABLE jdbc_types");
      s.execute("DROP TABLE jdbc_rows");
    }
  }

  static long one(Connection c, String sql) throws SQLException {
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(sql)) {
      r.next();
      return r.getLong(1);
    }
  }

  interface Work {
    Object run() throws SQLException;
  }

  static void state(String wanted, Work work) {
    try {
      work.run();
    } catch (SQLException error) {
      if (wanted.equals(error.getSQLState())) return;
      throw new AssertionError("wanted " + wanted + ", got " + error.getSQLState(), error);
    }
    throw new AssertionError("no error, wanted " + wanted);
  }

  static void equal(Object wanted, Object found) {
    if (!Objects.deepEquals(wanted, found)) throw new AssertionError("wanted " + show(wanted) + ", got " + show(found));
  }

  static String show(Object value) {
    return value instanceof Object[] list ? Arrays.toString(list) : value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
  }

  static String env(String name) {
    return Objects.requireNonNull(System.getenv(name), name);
  }
}
