//! tokio-postgres against the pod that libpq's variables name. Prints ok or ends with an error.
use std::error::Error;
use std::sync::Arc;

use futures_util::{pin_mut, SinkExt, StreamExt, TryStreamExt};
use time::macros::{date, datetime};
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, IsolationLevel, SimpleQueryMessage};
use uuid::Uuid;

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Done {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())?;
    println!("ok");
    Ok(())
}

async fn run() -> Done {
    let (mut client, tls) = connect().await?;
    types(&client).await?;
    pipelined(&client).await?;
    copies(&client).await?;
    transactions(&mut client).await?;
    portals(&mut client).await?;
    errors(&client).await?;
    cancel(&client, tls).await?;
    Ok(())
}

fn variable(name: &str) -> Done<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

/// TLS checked against the pod's authority, the password from the passfile's last field.
async fn connect() -> Done<(Client, tokio_postgres_rustls::MakeRustlsConnect)> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(variable("PGSSLROOTCERT")?)?;
    for certificate in rustls_pemfile::certs(&mut pem.as_slice()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = tokio_postgres_rustls::MakeRustlsConnect::new(config);
    let passfile = std::fs::read_to_string(variable("PGPASSFILE")?)?;
    let password = passfile.trim().rsplit(':').next().ok_or("the passfile is empty")?.to_owned();
    let (client, connection) = Config::new()
        .host(variable("PGHOST")?)
        .port(variable("PGPORT")?.parse()?)
        .user(variable("PGUSER")?)
        .dbname(variable("PGDATABASE")?)
        .password(password)
        .ssl_mode(tokio_postgres::config::SslMode::Require)
        .connect(tls.clone())
        .await?;
    tokio::spawn(connection);
    Ok((client, tls))
}

async fn types(c: &Client) -> Done {
    c.batch_execute("CREATE OR REPLACE TABLE rust_rows (i integer, l bigint, f double precision, b boolean, s text, r bytea, d date, t timestamptz, u uuid)").await?;
    let id = Uuid::from_u128(5);
    let raw: &[u8] = &[0, 255, 92];
    let at = datetime!(2026-07-01 10:00:00.123456 UTC);
    let row: [&(dyn ToSql + Sync); 9] = [&7i32, &(1i64 << 40), &0.1f64, &true, &"žluť 'q' \\", &raw, &date!(2026 - 02 - 28), &at, &id];
    let insert = c.prepare("INSERT INTO rust_rows VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)").await?;
    assert_eq!(insert.params()[7], Type::TIMESTAMPTZ);
    assert_eq!(c.execute(&insert, &row).await?, 1);
    let nothing: Option<i32> = None;
    assert_eq!(c.execute("INSERT INTO rust_rows (i) VALUES ($1)", &[&nothing]).await?, 1);
    let got = c.query_one("SELECT * FROM rust_rows WHERE i = ANY($1)", &[&vec![7i32, 8]]).await?;
    assert_eq!(got.get::<_, i64>("l"), 1 << 40);
    assert_eq!(got.get::<_, f64>("f"), 0.1);
    assert!(got.get::<_, bool>("b"));
    assert_eq!(got.get::<_, &str>("s"), "žluť 'q' \\");
    assert_eq!(got.get::<_, &[u8]>("r"), raw);
    assert_eq!(got.get::<_, time::Date>("d"), date!(2026 - 02 - 28));
    assert_eq!(got.get::<_, time::OffsetDateTime>("t"), at);
    assert_eq!(got.get::<_, Uuid>("u"), id);
    assert_eq!(c.query_one("SELECT [1, 2]::integer[]", &[]).await?.get::<_, Vec<i32>>(0), [1, 2]);
    assert!(c.query_opt("SELECT i FROM rust_rows WHERE i = 99", &[]).await?.is_none());
    // What the driver does not know it looks up in pg_type; a name it knows it does not.
    assert_eq!(c.prepare("SELECT 'x'::json").await?.columns()[0].type_(), &Type::JSON);
    let said = c.simple_query("SELECT 1; SELECT 'two'").await?;
    let words: Vec<_> = said.iter().filter_map(|one| if let SimpleQueryMessage::Row(row) = one { row.get(0) } else { None }).collect();
    assert_eq!(words, ["1", "two"]);
    Ok(())
}

/// Queries in flight at once on one connection.
async fn pipelined(c: &Client) -> Done {
    let statement = c.prepare("SELECT $1::bigint * 2").await?;
    let all = futures_util::future::join_all((0..50i64).map(|n| {
        let statement = statement.clone();
        async move { c.query_one(&statement, &[&n]).await.map(|row| row.get::<_, i64>(0)) }
    }));
    for (n, got) in all.await.into_iter().enumerate() {
        assert_eq!(got?, n as i64 * 2);
    }
    Ok(())
}

async fn copies(c: &Client) -> Done {
    c.batch_execute("CREATE OR REPLACE TABLE rust_copied (i bigint, s text)").await?;
    let sink = c.copy_in("COPY rust_copied FROM STDIN BINARY").await?;
    let writer = BinaryCopyInWriter::new(sink, &[Type::INT8, Type::TEXT]);
    pin_mut!(writer);
    for i in 0..1000i64 {
        writer.as_mut().write(&[&i, &format!("row {i}")]).await?;
    }
    assert_eq!(writer.finish().await?, 1000);
    let sink = c.copy_in("COPY rust_copied FROM STDIN").await?;
    pin_mut!(sink);
    sink.send(bytes::Bytes::from_static(b"1000\tin text\n")).await?;
    assert_eq!(sink.finish().await?, 1);
    let out = c.copy_out("COPY (SELECT i, s FROM rust_copied ORDER BY i) TO STDOUT BINARY").await?;
    let rows: Vec<_> = BinaryCopyOutStream::new(out, &[Type::INT8, Type::TEXT]).try_collect().await?;
    assert_eq!(rows.len(), 1001);
    assert_eq!(rows[1000].get::<&str>(1), "in text");
    Ok(())
}

async fn transactions(c: &mut Client) -> Done {
    let count = |row: tokio_postgres::Row| row.get::<_, i64>(0);
    let transaction = c.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await?;
    transaction.execute("DELETE FROM rust_copied", &[]).await?;
    assert_eq!(count(transaction.query_one("SELECT count(*) FROM rust_copied", &[]).await?), 0);
    drop(transaction);
    assert_eq!(count(c.query_one("SELECT count(*) FROM rust_copied", &[]).await?), 1001);
    let mut transaction = c.transaction().await?;
    let inner = transaction.savepoint("reads").await?;
    assert!(inner.query("SELECT * FROM nowhere", &[]).await.is_err());
    inner.rollback().await?;
    transaction.execute("DELETE FROM rust_copied WHERE i >= 500", &[]).await?;
    transaction.commit().await?;
    assert_eq!(count(c.query_one("SELECT count(*) FROM rust_copied", &[]).await?), 500);
    Ok(())
}

/// Rows in portions, as far as they are asked for.
async fn portals(c: &mut Client) -> Done {
    let transaction = c.transaction().await?;
    let portal = transaction.bind("SELECT i FROM rust_copied ORDER BY i", &[]).await?;
    let mut seen = 0;
    loop {
        let rows = transaction.query_portal(&portal, 120).await?;
        if rows.is_empty() {
            break;
        }
        assert_eq!(rows[0].get::<_, i64>(0), seen);
        seen += rows.len() as i64;
    }
    assert_eq!(seen, 500);
    let stream = transaction.query_raw("SELECT i FROM rust_copied", Vec::<i32>::new()).await?;
    pin_mut!(stream);
    assert!(stream.next().await.is_some());
    transaction.rollback().await?;
    Ok(())
}

async fn errors(c: &Client) -> Done {
    for (sql, state) in [
        ("SELECT * FROM nowhere", SqlState::UNDEFINED_TABLE),
        ("SELEC 1", SqlState::SYNTAX_ERROR),
        ("SELECT nothing FROM rust_rows", SqlState::UNDEFINED_COLUMN),
        ("SELECT 'x'::integer", SqlState::INVALID_TEXT_REPRESENTATION),
    ] {
        match c.query(sql, &[]).await {
            Ok(_) => return Err(format!("{sql} was answered").into()),
            Err(error) => assert_eq!(error.code(), Some(&state), "{sql}: {error}"),
        }
    }
    Ok(())
}

async fn cancel(c: &Client, tls: tokio_postgres_rustls::MakeRustlsConnect) -> Done {
    let token = c.cancel_token();
    let long = c.query("SELECT count(*) FROM range(10000000000) a, range(10) b", &[]);
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        token.cancel_query(tls).await
    };
    let (ran, asked) = futures_util::future::join(long, stop).await;
    asked?;
    match ran {
        Ok(_) => return Err("the query was not cancelled".into()),
        Err(error) => assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error}"),
    }
    assert_eq!(c.query_one("SELECT 1::integer", &[]).await?.get::<_, i32>(0), 1);
    Ok(())
}
