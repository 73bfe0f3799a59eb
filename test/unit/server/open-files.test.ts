import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger } from '../../../base/log.ts';
import { openFilesLimit, warnOfFewFiles } from '../../../server/open-files.ts';

test('a limit too low for the sessions of the settings is said at start, with what to raise', () => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  warnOfFewFiles(10_000, logger, 20_000);
  warnOfFewFiles(10_000, logger, Number.POSITIVE_INFINITY);
  assert.deepEqual(lines, []);
  warnOfFewFiles(10_000, logger, 1024);
  assert.match(lines.join(''), /1024 files open.*BOILSTREAM_PGWIRE_MAX_CONNECTIONS=10000.*11000/);
});

test('the limit is read as the system tells it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'open-files-'));
  const file = join(folder, 'limits');
  try {
    writeFileSync(
      file,
      'Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files     \n',
    );
    assert.equal(openFilesLimit(file), 1024);
    writeFileSync(file, 'Max open files            unlimited            unlimited            files     \n');
    assert.equal(openFilesLimit(file), Number.POSITIVE_INFINITY);
    assert.equal(openFilesLimit(join(folder, 'nowhere')), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
