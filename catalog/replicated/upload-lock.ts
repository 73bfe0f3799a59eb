/**
 * Keeps the collector from judging chunks that are being uploaded: until the log names them they look like garbage,
 * and one that is deleted while the same bytes are put again would be missing. Uploads share, a collection is alone;
 * whoever came first goes first.
 */
export class UploadLock {
  #uploads = 0;
  #collecting = false;
  #waiting: Array<{ readonly isUpload: boolean; readonly go: () => void }> = [];

  /** Runs `work`, from the first chunk until the log names them all. */
  upload<T>(work: () => Promise<T>): Promise<T> {
    return this.#run(true, work);
  }

  /** Runs `work` while nothing is being uploaded. */
  collect<T>(work: () => Promise<T>): Promise<T> {
    return this.#run(false, work);
  }

  async #run<T>(isUpload: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || !this.#mayGo(isUpload)) await new Promise<void>((go) => this.#waiting.push({ isUpload, go }));
    else this.#enter(isUpload);
    try {
      return await work();
    } finally {
      if (isUpload) this.#uploads--;
      else this.#collecting = false;
      this.#wake();
    }
  }

  #mayGo(isUpload: boolean): boolean {
    return !this.#collecting && (isUpload || this.#uploads === 0);
  }

  #enter(isUpload: boolean): void {
    if (isUpload) this.#uploads++;
    else this.#collecting = true;
  }

  #wake(): void {
    for (let first = this.#waiting[0]; first && this.#mayGo(first.isUpload); first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#enter(first.isUpload);
      first.go();
    }
  }
}
