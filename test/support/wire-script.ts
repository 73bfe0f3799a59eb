/**
 * Wire scripts: what to send, until which message to read, what must have come. The same file runs against us and
 * against PostgreSQL. One statement a line:
 *
 *   send        lines of frontend messages follow, indented; all go out in one write
 *     Query "sql" · Parse name "sql" [oid …] · Bind portal statement [value …] [result=0|1] · Describe S|P name ·
 *     Execute portal max · Close S|P name · Flush · Sync · CopyData "…" · CopyDone · CopyFail "why" · FunctionCall ·
 *     Terminate · Raw hex      (a name of "" is the unnamed one; a value is "text", NULL or 0xhex for binary)
 *   until Z [n] reads up to the n-th (first) message of this type, or `closed`
 *   expected    lines of backend messages follow, indented: everything that was read since the last `until`
 *
 * ParameterStatus and NoticeResponse are left out; of errors the severity and SQLSTATE count, texts are our own.
 */
import { cstring, dataRow, fieldsOf, frontend, int16, int32, type Message, type WireClient } from './wire-client.ts';

export interface ScriptResult {
  readonly line: number;
  readonly expected: readonly string[];
  readonly actual: readonly string[];
}

/** Runs a script; returns one result per `expected` block. Throws on a script that cannot be read. */
export async function runScript(client: WireClient, text: string): Promise<ScriptResult[]> {
  const results: ScriptResult[] = [];
  let seen: string[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] as string).replace(/^#.*/, '').trimEnd();
    if (line === '') continue;
    const block: string[] = [];
    while (/^\s+\S/.test(lines[at + 1] ?? '')) block.push((lines[++at] as string).trim());
    const [word, ...rest] = line.split(' ');
    if (word === 'send') client.send(...block.map(toFrontend));
    else if (word === 'until') seen = await receive(client, rest[0] as string, Number(rest[1] ?? 1));
    else if (word === 'expected') results.push({ line: at + 1, expected: block, actual: seen });
    else throw new Error(`line ${at + 1}: ${line}`);
  }
  return results;
}

async function receive(client: WireClient, until: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  for (let left = count; left > 0; ) {
    const message = await client.receive();
    if (message === null) {
      lines.push('closed');
      break;
    }
    const line = toLine(message);
    if (line !== null) lines.push(line);
    if (message.type === until) left--;
  }
  return lines;
}

const plain: Readonly<Record<string, string>> = {
  '1': 'ParseComplete',
  '2': 'BindComplete',
  '3': 'CloseComplete',
  n: 'NoData',
  s: 'PortalSuspended',
  I: 'EmptyQueryResponse',
  c: 'CopyDone',
};

function toLine({ type, body }: Message): string | null {
  switch (type) {
    case 'S':
    case 'N':
      return null;
    case 'Z':
      return `ReadyForQuery ${body.toString('latin1')}`;
    case 'C':
      return `CommandComplete ${body.toString('utf8', 0, body.length - 1)}`;
    case 'E': {
      const fields = fieldsOf(body);
      return `ErrorResponse ${fields['S']} ${fields['C']}`;
    }
    case 'D':
      return `DataRow ${dataRow(body)
        .map((value) =>
          value === null ? 'NULL' : /^[ -~]*$/.test(value.toString('latin1')) ? value.toString() : `0x${value.toString('hex')}`,
        )
        .join('|')}`;
    case 'T':
      return `RowDescription ${columns(body)}`;
    case 't':
      return `ParameterDescription ${Array.from({ length: body.readInt16BE(0) }, (_, i) => body.readInt32BE(2 + i * 4)).join(' ')}`.trimEnd();
    case 'G':
    case 'H':
      return `${type === 'G' ? 'CopyInResponse' : 'CopyOutResponse'} ${body[0]} ${Array.from({ length: body.readInt16BE(1) }, (_, i) => body.readInt16BE(3 + i * 2)).join(' ')}`;
    case 'd':
      return `CopyData ${/^[ -~\t\n]*$/.test(body.toString('latin1')) ? JSON.stringify(body.toString('utf8')) : `0x${body.toString('hex')}`}`;
    default:
      return plain[type] ?? `unknown ${type}`;
  }
}

/** name:oid:format of each column. */
function columns(body: Buffer): string {
  const parts: string[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at);
    parts.push(`${body.toString('utf8', at, end)}:${body.readUInt32BE(end + 7)}:${body.readInt16BE(end + 17)}`);
    at = end + 19;
  }
  return parts.join(' ');
}

function toFrontend(line: string): Buffer {
  const words = (line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) =>
    word.startsWith('"') ? (JSON.parse(word) as string) : word,
  );
  const raw = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const [kind, a, b, ...rest] = words as [string, string, string, ...string[]];
  switch (kind) {
    case 'Query':
      return frontend('Q', cstring(a));
    case 'Parse':
      return frontend('P', cstring(a), cstring(b), int16(rest.length), ...rest.map((id) => int32(Number(id))));
    case 'Bind': {
      const values = raw.slice(3).filter((word) => !word.startsWith('result='));
      const results = raw.filter((word) => word.startsWith('result=')).map((word) => int16(Number(word.slice(7))));
      const decoded = values.map((word): [number, Buffer | null] =>
        word === 'NULL'
          ? [0, null]
          : word.startsWith('0x')
            ? [1, Buffer.from(word.slice(2), 'hex')]
            : [0, Buffer.from(JSON.parse(word) as string)],
      );
      return frontend(
        'B',
        cstring(a),
        cstring(b),
        int16(decoded.length),
        ...decoded.map(([format]) => int16(format)),
        int16(decoded.length),
        ...decoded.flatMap(([, value]) => (value === null ? [int32(-1)] : [int32(value.length), value])),
        int16(results.length),
        ...results,
      );
    }
    case 'Describe':
      return frontend('D', Buffer.from(a), cstring(b));
    case 'Close':
      return frontend('C', Buffer.from(a), cstring(b));
    case 'Execute':
      return frontend('E', cstring(a), int32(Number(b ?? 0)));
    case 'Flush':
      return frontend('H');
    case 'Sync':
      return frontend('S');
    case 'CopyData':
      return frontend('d', a.startsWith('0x') ? Buffer.from(a.slice(2), 'hex') : Buffer.from(a));
    case 'CopyDone':
      return frontend('c');
    case 'CopyFail':
      return frontend('f', cstring(a));
    case 'FunctionCall':
      return frontend('F', int32(1), int16(0), int16(0), int16(0));
    case 'Terminate':
      return frontend('X');
    case 'Raw':
      return Buffer.from(a, 'hex');
    default:
      throw new Error(`unknown frontend message ${kind}`);
  }
}
