/**
 * A small S3 on loopback, in this process: path style, conditional writes, ranges, list v2, multipart, versions. It does
 * not check signatures. Faults are handed in; every kind stands for something a real store or network was seen to do.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { S3Access } from './s3-access.ts';

export type S3Operation = 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'LIST' | 'POST';

export interface S3Request {
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  /** Counts all requests from 1. */
  readonly count: number;
}

export type S3Fault =
  /** Answered so, nothing happens. */
  | { readonly t: 'status'; readonly status: number; readonly code: string }
  /** It happens, then the connection breaks. */
  | { readonly t: 'lost-answer' }
  /** It happens, then this is answered (a 500 after success). */
  | { readonly t: 'status-after'; readonly status: number; readonly code: string }
  /** The connection breaks before anything happens. */
  | { readonly t: 'cut' }
  /** GET: the connection breaks in the middle of the body. */
  | { readonly t: 'cut-body' }
  /** It happens `delayMs` later. */
  | { readonly t: 'delay'; readonly delayMs: number }
  | { readonly t: 'ignored-condition' }
  /** LIST shows the moment of the last `freezeListing()`. */
  | { readonly t: 'stale-list' };

export interface S3ServerOptions {
  readonly fault?: (request: S3Request) => S3Fault | null;
  /** How ETags look: as on AWS; without quotes; GET/HEAD tell another than PUT; GET/HEAD tell none. */
  readonly etags?: 'quoted' | 'unquoted' | 'differ-on-get' | 'none-on-get';
  /** If-Match is only understood without quotes (seen at one vendor). */
  readonly ifMatchWithoutQuotesOnly?: boolean;
  readonly ignoresIfNoneMatch?: boolean;
  readonly ignoresIfMatch?: boolean;
  /** Conditions are judged, then this many ms pass, then the object is written: right in sequence, wrong in a race (moto, s3proxy). */
  readonly raceWindowMs?: number;
  /** Deleting leaves a delete marker, replacing keeps the old version; create-only succeeds over a delete marker, as on AWS. */
  readonly versioned?: boolean;
  /** Who may do what, and a token service at the same address. Default: anybody everything. */
  readonly access?: S3Access;
  /** Speaks HTTPS with this certificate (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Most keys in one list page. */
  readonly pageSize?: number;
  /** Lists in no order, as directory buckets do. */
  readonly listsUnordered?: boolean;
}

interface Version {
  readonly body: Buffer;
  readonly etag: string;
  readonly modified: Date;
  /** A delete marker. */
  readonly deleted: boolean;
}

export class S3Server {
  /** Changeable while a test runs. */
  fault: (request: S3Request) => S3Fault | null;
  readonly requests: S3Request[] = [];
  readonly #options: S3ServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #buckets = new Map<string, Map<string, Version[]>>();
  readonly #uploads = new Map<string, { readonly bucket: string; readonly key: string; readonly parts: Map<number, Buffer> }>();
  #frozen: readonly [string, Version][] = [];
  #count = 0;

  private constructor(options: S3ServerOptions) {
    this.#options = options;
    this.fault = options.fault ?? (() => null);
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch((error: unknown) => {
        if (!response.headersSent) sendError(response, 500, 'InternalError', String(error));
      });
    };
    this.#server = options.tls ? createTlsServer(options.tls, serve) : createServer(serve);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(buckets: readonly string[], options: S3ServerOptions = {}): Promise<S3Server> {
    const server = new S3Server(options);
    for (const bucket of buckets) server.#buckets.set(bucket, new Map());
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Number of TCP connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Multipart uploads that were begun and neither completed nor aborted. */
  get danglingUploads(): number {
    return this.#uploads.size;
  }

  body(bucket: string, key: string): Buffer | undefined {
    return this.#current(bucket, key)?.body;
  }

  keys(bucket: string): string[] {
    return this.#listing(bucket).map(([key]) => key);
  }

  freezeListing(bucket: string): void {
    this.#frozen = this.#listing(bucket);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3');
    const [bucket = '', ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
    const key = rest.join('/');
    const method = request.method as S3Operation;
    const operation: S3Operation = method === 'GET' && key === '' ? 'LIST' : method;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const seen: S3Request = { operation, bucket, key, headers: request.headers, count: ++this.#count };
    this.requests.push(seen);
    const fault = this.fault(seen);
    if (fault?.t === 'cut') return void request.socket.destroy();
    if (fault?.t === 'status') return sendError(response, fault.status, fault.code, 'injected');
    if (fault?.t === 'delay') await pause(fault.delayMs);
    const { access } = this.#options;
    if (access) {
      const asked = { ...seen, query: url.searchParams };
      if (method === 'POST' && bucket === '') {
        const { status, code = '', text } = access.assume(asked, new URLSearchParams(body.toString()));
        if (text === undefined) return sendError(response, status, code, 'no keys');
        response.writeHead(status, { 'content-type': 'text/xml' });
        return void response.end(text);
      }
      const refusal = access.refusal(asked);
      if (refusal !== null) return sendError(response, 403, refusal, 'refused');
    }
    if (!this.#buckets.has(bucket)) return sendError(response, 404, 'NoSuchBucket', bucket);
    const call = { bucket, key, url, body, headers: request.headers, fault, response };
    const answer = await this.#perform(operation, call);
    if (fault?.t === 'lost-answer') return void request.socket.destroy();
    if (fault?.t === 'status-after') return sendError(response, fault.status, fault.code, 'injected after it happened');
    if (answer.status >= 400) return sendError(response, answer.status, answer.code ?? 'Error', '');
    response.writeHead(answer.status, answer.headers);
    const text = answer.body ?? Buffer.alloc(0);
    if (fault?.t === 'cut-body') {
      response.write(text.subarray(0, text.length >> 1));
      return void setTimeout(() => request.socket.destroy(), 5);
    }
    response.end(operation === 'HEAD' ? undefined : text);
  }

  #perform(operation: S3Operation, call: Call): Promise<Answer> | Answer {
    const { url } = call;
    switch (operation) {
      case 'LIST':
        return this.#list(call);
      case 'GET':
      case 'HEAD':
        return this.#get(call);
      case 'DELETE':
        if (url.searchParams.has('uploadId'))
          return {
            status: this.#uploads.delete(url.searchParams.get('uploadId') ?? '') ? 204 : 404,
            code: 'NoSuchUpload',
            headers: {},
          };
        this.#remove(call.bucket, call.key);
        return { status: 204, headers: {} };
      case 'PUT':
        if (String(call.headers['x-amz-content-sha256']).startsWith('STREAMING-'))
          return { status: 501, code: 'NotImplemented', headers: {} };
        return url.searchParams.has('uploadId') ? this.#putPart(call) : this.#put(call, call.body);
      case 'POST':
        return this.#post(call);
    }
  }

  #get({ bucket, key, headers }: Call): Answer {
    const found = this.#current(bucket, key);
    if (found === undefined) return { status: 404, code: 'NoSuchKey', headers: {} };
    const common: Record<string, string> = {
      'last-modified': found.modified.toUTCString(),
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
    };
    const etag = this.#etagOnRead(found.etag);
    if (etag !== null) common.etag = etag;
    const range = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '');
    if (range === null)
      return { status: 200, headers: { ...common, 'content-length': String(found.body.length) }, body: found.body };
    const size = found.body.length;
    const start = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
    const end = range[1] === '' || range[2] === '' ? size : Math.min(size, Number(range[2]) + 1);
    if (start >= size) return { status: 416, code: 'InvalidRange', headers: {} };
    const part = found.body.subarray(start, end);
    return {
      status: 206,
      headers: { ...common, 'content-range': `bytes ${start}-${end - 1}/${size}`, 'content-length': String(part.length) },
      body: part,
    };
  }

  async #put({ bucket, key, headers, fault }: Call, body: Buffer): Promise<Answer> {
    const refusal = fault?.t === 'ignored-condition' ? null : this.#judge(bucket, key, headers);
    if (refusal !== null) return refusal;
    if (this.#options.raceWindowMs) await pause(this.#options.raceWindowMs);
    const etag = createHash('md5').update(body).digest('hex');
    const versions = this.#buckets.get(bucket)?.get(key) ?? [];
    const version: Version = { body, etag, modified: new Date(), deleted: false };
    this.#buckets.get(bucket)?.set(key, this.#options.versioned ? [...versions, version] : [version]);
    return { status: 200, headers: { etag: this.#options.etags === 'unquoted' ? etag : `"${etag}"` } };
  }

  #judge(bucket: string, key: string, headers: IncomingMessage['headers']): Answer | null {
    const current = this.#current(bucket, key);
    const failed: Answer = { status: 412, code: 'PreconditionFailed', headers: {} };
    if (headers['if-none-match'] === '*' && !this.#options.ignoresIfNoneMatch && current !== undefined) return failed;
    const wanted = headers['if-match'];
    if (wanted === undefined || this.#options.ignoresIfMatch) return null;
    if (current === undefined) return { status: 404, code: 'NoSuchKey', headers: {} };
    const known = this.#etagOnRead(current.etag)?.replaceAll('"', '') ?? '';
    if (this.#options.ifMatchWithoutQuotesOnly) return wanted === known ? null : failed;
    return wanted.replaceAll('"', '') === known ? null : failed;
  }

  #list({ bucket, url, fault }: Call): Answer {
    const query = url.searchParams;
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const token = query.get('continuation-token');
    const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
    const most = Math.min(Number(query.get('max-keys') ?? 1000), this.#options.pageSize ?? 1000);
    const all = (fault?.t === 'stale-list' ? this.#frozen : this.#listing(bucket)).filter(
      ([key]) => key.startsWith(prefix) && byBytes(key, after) > 0,
    );
    if (this.#options.listsUnordered) all.reverse();
    const lines: string[] = [];
    const folders = new Set<string>();
    let last = '';
    let truncated = false;
    for (const [key, version] of all) {
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const folder = cut < 0 ? null : key.slice(0, cut + delimiter.length);
      if (folder !== null && (folders.has(folder) || after.startsWith(folder))) continue;
      if (lines.length >= most) {
        truncated = true;
        break;
      }
      last = folder === null ? key : `${folder}\u{10ffff}`;
      if (folder !== null) {
        folders.add(folder);
        lines.push(`<CommonPrefixes><Prefix>${xml(folder)}</Prefix></CommonPrefixes>`);
      } else {
        const etag = this.#options.etags === 'unquoted' ? version.etag : `&quot;${version.etag}&quot;`;
        lines.push(
          `<Contents><Key>${xml(key)}</Key><LastModified>${version.modified.toISOString()}</LastModified><ETag>${etag}</ETag><Size>${version.body.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
        );
      }
    }
    const next = truncated ? `<NextContinuationToken>${Buffer.from(last).toString('base64url')}</NextContinuationToken>` : '';
    const text = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${xml(bucket)}</Name><Prefix>${xml(prefix)}</Prefix><KeyCount>${lines.length}</KeyCount><MaxKeys>${most}</MaxKeys><IsTruncated>${truncated}</IsTruncated>${next}${lines.join('')}</ListBucketResult>`;
    return { status: 200, headers: { 'content-type': 'application/xml' }, body: Buffer.from(text) };
  }

  #putPart({ url, body }: Call): Answer {
    const upload = this.#uploads.get(url.searchParams.get('uploadId') ?? '');
    if (upload === undefined) return { status: 404, code: 'NoSuchUpload', headers: {} };
    upload.parts.set(Number(url.searchParams.get('partNumber')), body);
    return { status: 200, headers: { etag: `"${createHash('md5').update(body).digest('hex')}"` } };
  }

  async #post(call: Call): Promise<Answer> {
    const { bucket, key, url, body } = call;
    const asXml = (text: string): Answer => ({
      status: 200,
      headers: { 'content-type': 'application/xml' },
      body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`),
    });
    if (url.searchParams.has('delete')) {
      const keys = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unxml(match[1] ?? ''));
      for (const name of keys) this.#remove(bucket, name);
      return asXml(`<DeleteResult>${keys.map((name) => `<Deleted><Key>${xml(name)}</Key></Deleted>`).join('')}</DeleteResult>`);
    }
    if (url.searchParams.has('uploads')) {
      const id = `upload-${this.#count}`;
      this.#uploads.set(id, { bucket, key, parts: new Map() });
      return asXml(
        `<InitiateMultipartUploadResult><Bucket>${xml(bucket)}</Bucket><Key>${xml(key)}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    const id = url.searchParams.get('uploadId') ?? '';
    const upload = this.#uploads.get(id);
    if (upload === undefined) return { status: 404, code: 'NoSuchUpload', headers: {} };
    const whole = Buffer.concat([...upload.parts].sort((a, b) => a[0] - b[0]).map(([, part]) => part));
    const put = await this.#put(call, whole); // the condition is judged here, as on AWS
    if (put.status !== 200) return put;
    this.#uploads.delete(id);
    return asXml(
      `<CompleteMultipartUploadResult><Bucket>${xml(bucket)}</Bucket><Key>${xml(key)}</Key><ETag>${xml(put.headers.etag ?? '')}</ETag></CompleteMultipartUploadResult>`,
    );
  }

  #current(bucket: string, key: string): Version | undefined {
    const last = this.#buckets.get(bucket)?.get(key)?.at(-1);
    return last?.deleted ? undefined : last;
  }

  #remove(bucket: string, key: string): void {
    const objects = this.#buckets.get(bucket);
    const versions = objects?.get(key);
    if (versions === undefined) return;
    if (this.#options.versioned) versions.push({ body: Buffer.alloc(0), etag: '', modified: new Date(), deleted: true });
    else objects?.delete(key);
  }

  #listing(bucket: string): [string, Version][] {
    const live: [string, Version][] = [];
    for (const [key, versions] of this.#buckets.get(bucket) ?? []) {
      const last = versions.at(-1);
      if (last !== undefined && !last.deleted) live.push([key, last]);
    }
    return live.sort((a, b) => byBytes(a[0], b[0]));
  }

  #etagOnRead(etag: string): string | null {
    switch (this.#options.etags ?? 'quoted') {
      case 'quoted':
        return `"${etag}"`;
      case 'unquoted':
        return etag;
      case 'differ-on-get':
        return `"${etag}-read"`;
      case 'none-on-get':
        return null;
    }
  }
}

interface Call {
  readonly bucket: string;
  readonly key: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly headers: IncomingMessage['headers'];
  readonly fault: S3Fault | null;
}

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly headers: Record<string, string>;
  readonly body?: Buffer;
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${xml(message)}</Message><RequestId>1</RequestId></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': String(Buffer.byteLength(body)) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const unxml = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
