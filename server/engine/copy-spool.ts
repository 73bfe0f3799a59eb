/** One file of received COPY data: created under an unguessable name, written in large pieces, always removed. */
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { LakeError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';

/** Received data is gathered into blocks of this size; one block is on its way to the disk while the next fills. */
const blockBytes = 1024 * 1024;

export class Spool {
  readonly path: string;
  /** Bytes taken so far. */
  bytes = 0;
  readonly #file: FileHandle;
  #block = Buffer.allocUnsafeSlow(blockBytes);
  #spare = Buffer.allocUnsafeSlow(blockBytes);
  #used = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: LakeError | null = null;
  #removed = false;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Creates the file (0600, never an existing one). Throws disk_full or internal. */
  static async create(directory: string, random: Random): Promise<Spool> {
    const path = join(directory, `copy-${random.bytes(16).toString('hex')}.csv`);
    try {
      return new Spool(path, await open(path, 'wx', 0o600));
    } catch (error) {
      throw spoolError(error);
    }
  }

  /** Takes a copy of `data`; resolves when there is room for more. */
  async write(data: Buffer): Promise<void> {
    this.bytes += data.length;
    let from = 0;
    while (from < data.length) {
      const taken = data.copy(this.#block, this.#used, from);
      this.#used += taken;
      from += taken;
      if (this.#used === blockBytes) await this.#turn();
    }
  }

  /** Everything is in the file and the file is closed. */
  async end(): Promise<void> {
    await this.#turn();
    await this.#writing;
    if (this.#failure) throw this.#failure;
    await this.#file.close();
  }

  /** Removes the file; idempotent, never throws. */
  async remove(): Promise<void> {
    if (this.#removed) return;
    this.#removed = true;
    await this.#writing;
    await this.#file.close().catch(() => undefined);
    await unlink(this.path).catch(() => undefined);
  }

  /** Sends the full block off once the one before has been written. */
  async #turn(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure;
    const full = this.#block.subarray(0, this.#used);
    [this.#block, this.#spare] = [this.#spare, this.#block];
    this.#used = 0;
    this.#writing = writeAll(this.#file, full).catch((error: unknown) => {
      this.#failure = spoolError(error);
    });
  }
}

async function writeAll(file: FileHandle, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; ) at += (await file.write(data, at)).bytesWritten;
}

function spoolError(error: unknown): LakeError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LakeError('disk_full', 'the pod has no disk space left to receive this COPY', {
      hint: 'Nothing of it was stored. Free space in the data directory, or send the data in smaller pieces.',
      cause: error,
    });
  }
  return new LakeError('internal', 'the pod cannot write its spool for COPY', {
    hint: 'Nothing of it was stored; the pod log has the cause.',
    cause: error,
  });
}
