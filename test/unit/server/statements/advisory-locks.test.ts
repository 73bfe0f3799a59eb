import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdvisoryLocks, locksMax, type Wanted } from '../../../../server/statements/advisory-locks.ts';

const [ann, ben, cem] = [{ pid: 1 }, { pid: 2 }, { pid: 3 }];
const wanted = (key: string, more: Partial<Wanted> = {}): Wanted => ({ key, isShared: false, isTransaction: false, ...more });

test('one session holds a lock, as often as it likes, until it has given it back as often', () => {
  const locks = new AdvisoryLocks();
  assert.ok(locks.tryLock(ann, wanted('a')));
  assert.ok(locks.tryLock(ann, wanted('a')));
  assert.ok(!locks.tryLock(ben, wanted('a')));
  assert.ok(locks.tryLock(ben, wanted('b')));
  assert.ok(locks.unlock(ann, wanted('a')));
  assert.ok(!locks.tryLock(ben, wanted('a')));
  assert.ok(locks.unlock(ann, wanted('a')));
  assert.ok(!locks.unlock(ann, wanted('a')));
  assert.ok(locks.tryLock(ben, wanted('a')));
});

test('shared holds go together and exclude the exclusive one', () => {
  const locks = new AdvisoryLocks();
  const shared = wanted('a', { isShared: true });
  assert.ok(locks.tryLock(ann, shared) && locks.tryLock(ben, shared));
  assert.ok(!locks.tryLock(ann, wanted('a')));
  assert.ok(locks.unlock(ben, shared));
  assert.ok(locks.tryLock(ann, wanted('a')));
  assert.ok(!locks.tryLock(ben, shared));
  assert.ok(!locks.unlock(ann, wanted('a', { isTransaction: true })), 'holds of the transaction are others');
});

test('the end of a transaction, of a session and unlock_all free what is theirs', () => {
  const locks = new AdvisoryLocks();
  locks.tryLock(ann, wanted('session'));
  locks.tryLock(ann, wanted('transaction', { isTransaction: true }));
  locks.unlockAll(ann);
  assert.deepEqual(
    locks.list().map(({ key }) => key),
    ['transaction'],
  );
  locks.endTransaction(ann);
  assert.deepEqual(locks.list(), []);
  locks.tryLock(ann, wanted('session'));
  locks.tryLock(ann, wanted('transaction', { isTransaction: true }));
  locks.leave(ann);
  assert.deepEqual(locks.list(), []);
});

test('those who wait are woken when a holder lets go, in the order they came', () => {
  const locks = new AdvisoryLocks();
  const woken: number[] = [];
  locks.tryLock(ann, wanted('a'));
  locks.wait(ben, wanted('a'), () => woken.push(2));
  const stop = locks.wait(cem, wanted('a'), () => woken.push(3));
  assert.deepEqual(
    locks.list().map(({ pid, isGranted }) => [pid, isGranted]),
    [
      [1, true],
      [2, false],
      [3, false],
    ],
  );
  stop();
  locks.unlock(ann, wanted('a'));
  assert.deepEqual(woken, [2]);
  locks.wait(cem, wanted('a'), () => woken.push(3));
  assert.deepEqual(woken, [2, 3], 'a free lock is not waited for');
});

test('who would wait for itself over others is told of the deadlock', () => {
  const locks = new AdvisoryLocks();
  for (const [holder, key] of [
    [ann, 'a'],
    [ben, 'b'],
    [cem, 'c'],
  ] as const)
    locks.tryLock(holder, wanted(key));
  locks.wait(ann, wanted('b'), () => undefined);
  locks.wait(ben, wanted('c'), () => undefined);
  assert.throws(() => locks.wait(cem, wanted('a'), () => undefined), { code: 'deadlock' });
  assert.throws(() => locks.wait(cem, wanted('b'), () => undefined), { code: 'deadlock' });
});

test('a session holds a bounded number', () => {
  const locks = new AdvisoryLocks();
  for (let i = 0; i < locksMax; i++) locks.tryLock(ann, wanted(String(i)));
  assert.throws(() => locks.tryLock(ann, wanted('one more')), { code: 'limit_exceeded' });
  assert.ok(locks.tryLock(ann, wanted('0')), 'what it holds it may take again');
});
