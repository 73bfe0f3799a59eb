/** A process that races others on one directory store: creates numbered keys and adds to a counter by compare-and-swap. */
import { systemClock } from '../../base/clock.ts';
import { LakeError } from '../../base/errors.ts';
import { openDirectoryStore } from '../../storage/directory.ts';

const [path = '', name = '', rounds = '0'] = process.argv.slice(2);
const store = await openDirectoryStore({ path, clock: systemClock });
const won: string[] = [];
let added = 0;
const refused = (thrown: unknown): void => {
  if (!(thrown instanceof LakeError) || thrown.code !== 'precondition_failed') throw thrown;
};
for (let round = 0; round < Number(rounds); round++) {
  const key = `race/${round}`;
  await store.putIfAbsent(key, Buffer.from(name)).then(() => won.push(key), refused);
  for (let done = false; !done; ) {
    const now = await store.get('counter');
    if (now === null) throw new Error('the counter is gone');
    await store.putIfMatch('counter', Buffer.from(String(Number(now.body) + 1)), now.etag).then(() => (done = true), refused);
  }
  added++;
}
await store.close();
process.send?.({ won, added }, () => process.disconnect());
