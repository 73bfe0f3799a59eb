/** Metrics of the PostgreSQL port. */
import { Gauge, type Registry } from 'prom-client';

/** Registers them; `counts` is asked whenever they are read. Call once per registry. */
export function createPgwireMetrics(
  registry: Registry,
  counts: () => { readonly sessions: number; readonly unauthenticated: number },
): void {
  const registers = [registry];
  new Gauge({
    name: 'boilstream_pgwire_sessions',
    help: 'Sessions on the PostgreSQL port',
    registers,
    collect() {
      this.set(counts().sessions);
    },
  });
  new Gauge({
    name: 'boilstream_pgwire_logging_in',
    help: 'Connections on the PostgreSQL port that have not logged in yet',
    registers,
    collect() {
      this.set(counts().unauthenticated);
    },
  });
}
