import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, humanLine } from '../../../base/log.ts';

test('a secret among the fields does not reach the log', () => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  logger.info({ password: 'hunter2', login: { token: 'abc123' }, user: 'ann' }, 'login');
  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines.join(), /hunter2|abc123/);
  assert.match(lines.join(), /ann/);
});

test('on a terminal a line says when, where and what, then the facts', () => {
  const line = humanLine(
    '{"level":"info","time":"2026-01-02T03:04:05.678Z","room":"pod","port":5432,"path":"a b","msg":"listening"}',
  );
  assert.equal(line, '03:04:05 pod: listening  port=5432 path="a b"\n');
});

test('what is no JSON is shown as it came', () => {
  assert.equal(humanLine('plain\n'), 'plain\n');
});
