/**
 * The one function of ours inside DuckDB: `session_call(what, first, second)` asks the session whose connection runs the
 * statement, on the main thread, while DuckDB's thread waits. What it may ask is the session's to say; the session is known
 * by its connection, so no text can ask as somebody else.
 */
import { type DuckDBConnection, DuckDBScalarFunction, VARCHAR } from '@duckdb/node-api';

/** Answers a call, or throws an error whose message the statement fails with. It must be quick: a thread of DuckDB waits. */
export type SessionCall = (what: string, first: string, second: string) => string | null;

/** Registers the function with the connection's instance, for all its connections. `callOf` finds the session of one. */
export function registerSessionCall(
  connection: DuckDBConnection,
  callOf: (connectionId: number) => SessionCall | undefined,
): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: 'session_call',
      parameterTypes: [VARCHAR, VARCHAR, VARCHAR],
      returnType: VARCHAR,
      // The same call may answer otherwise a moment later, and some have effects.
      volatile: true,
      bindFunction: (info) => info.setBindData({ connectionId: Number(info.clientContext.connectionId) }),
      mainFunction: (info, input, output) => {
        const { connectionId } = info.bindData as { connectionId: number };
        const call = callOf(connectionId);
        const [what, first, second] = [0, 1, 2].map((column) => input.getColumnVector(column));
        try {
          for (let row = 0; row < input.rowCount; row++) {
            const [name, a, b] = [what, first, second].map((vector) => vector?.getItem(row));
            const isNull = name === null || a === null || b === null;
            output.setItem(row, isNull || call === undefined ? null : call(String(name), String(a), String(b)));
          }
          output.flush();
        } catch (error) {
          info.setError((error as Error).message);
        }
      },
    }),
  );
}
