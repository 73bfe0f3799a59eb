import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INTEGER, LIST, VARCHAR } from '@duckdb/node-api';
import { DeeperArray } from '../../../../server/statements/deeper-arrays.ts';

test('the parameter and the casts after it get the dimensions it was sent with; nothing else changes', () => {
  const deeper = new DeeperArray(2, LIST(LIST(VARCHAR)), LIST(VARCHAR));
  assert.equal(
    deeper.deepen("SELECT $1::text[], $2 :: text[] = '{$2}', $2::text[][], /* $2 */ $2, $22"),
    "SELECT $1::text[], CAST($2 AS VARCHAR[][]) :: text[][] = '{$2}', CAST($2 AS VARCHAR[][])::text[][], /* $2 */ CAST($2 AS VARCHAR[][]), $22",
  );
});

test('where planning again does not help, the client is told what to write', () => {
  const deeper = new DeeperArray(1, LIST(LIST(INTEGER)), LIST(INTEGER));
  assert.equal(deeper.code, 'feature_not_supported');
  assert.match(deeper.message, /2 dimensions does not fit INTEGER\[\]/);
});
