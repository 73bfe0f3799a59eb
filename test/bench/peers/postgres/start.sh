#!/bin/bash
# PostgreSQL 15 to compare with: a private cluster on 127.0.0.1:$PORT with TLS, user bench, database bench. Stays in the
# foreground; data, pgpass and pid lie in $PEERS_HOME/postgres. Run by test/bench/run.ts. Debian: apt-get install postgresql-15
set -euo pipefail
: "${PEERS_HOME:?folder for the data}" "${PORT:?port to listen on}"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -x "$bin/initdb" ] || { echo "PostgreSQL's server is not here: apt-get install postgresql-15" >&2; exit 1; }
home=$PEERS_HOME/postgres
data=$home/data
mkdir -p "$home"

# PostgreSQL refuses to run as root, so root becomes its user (PEERS_HOME must be within that user's reach); anyone else
# runs it as themselves.
if [ "$(id -u)" = 0 ]; then
  become=(setpriv --reuid=postgres --regid=postgres --init-groups)
  chown postgres:postgres "$home"
else
  become=()
fi
as() { "${become[@]}" "$@"; }

if [ ! -f "$data/PG_VERSION" ]; then
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077; printf '127.0.0.1:*:*:bench:%s\n' "$password" > "$home/pgpass"; printf '%s' "$password" > "$home/password")
  [ "$(id -u)" != 0 ] || chown postgres:postgres "$home/password"
  cd "$home"
  as "$bin/initdb" -D "$data" -U bench --pwfile="$home/password" --auth-host=scram-sha-256 --auth-local=trust -E UTF8 --locale=C > /dev/null
  as openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
    -keyout "$data/server.key" -out "$data/server.crt" 2> /dev/null
  as chmod 600 "$data/server.key"
  cp "$data/server.crt" "$home/ca.pem"
  # Memory as on a machine that PostgreSQL has been tuned for, so that the comparison is fair.
  as tee -a "$data/postgresql.conf" > /dev/null <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = '$data'
ssl = on
shared_buffers = 1GB
work_mem = 128MB
maintenance_work_mem = 512MB
max_wal_size = 8GB
max_connections = 200
SETTINGS
  as "$bin/pg_ctl" -D "$data" -o "-p $PORT" -w -l "$data/first.log" start > /dev/null
  "$bin/psql" -h "$data" -p "$PORT" -U bench -d postgres -qc 'CREATE DATABASE bench'
  as "$bin/pg_ctl" -D "$data" -w stop > /dev/null
fi
cd "$data"
exec "${become[@]}" "$bin/postgres" -D "$data" -p "$PORT"
