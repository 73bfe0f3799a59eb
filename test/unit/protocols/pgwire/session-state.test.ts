import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageType, type Mode, step } from '../../../../protocols/pgwire/session-state.ts';

const modes: readonly Mode[] = ['ready', 'discarding', 'copying'];

test('while discarding only Sync is handled and only Terminate ends', () => {
  for (const [name, type] of Object.entries(messageType)) {
    const expected = name === 'sync' ? 'handle' : name === 'terminate' ? 'terminate' : name === 'password' ? 'violate' : 'ignore';
    assert.equal(step('discarding', type), expected, name);
  }
});

test('in COPY only its own messages count, Flush and Sync mean nothing, anything else interrupts', () => {
  assert.deepEqual(
    [messageType.copyData, messageType.copyDone, messageType.copyFail].map((type) => step('copying', type)),
    ['copy', 'copy', 'copy'],
  );
  assert.deepEqual(
    [messageType.flush, messageType.sync].map((type) => step('copying', type)),
    ['ignore', 'ignore'],
  );
  assert.deepEqual(
    [messageType.query, messageType.parse, messageType.execute].map((type) => step('copying', type)),
    ['interrupt', 'interrupt', 'interrupt'],
  );
});

test('copy messages outside COPY are left over from a failed one', () => {
  for (const type of [messageType.copyData, messageType.copyDone, messageType.copyFail])
    assert.equal(step('ready', type), 'ignore');
});

test('a type no frontend sends is a violation in every state', () => {
  const known = new Set<number>(Object.values(messageType));
  for (const mode of modes) {
    for (let type = 0; type < 256; type++)
      if (!known.has(type) || type === messageType.password) assert.equal(step(mode, type), 'violate', `${mode} ${type}`);
  }
});
