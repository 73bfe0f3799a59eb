/** Asks the pod of this machine over its Unix socket: what `boilstream drain` and `boilstream status` do. */
import { request } from 'node:http';
import { type ErrorCode, LakeError } from '../../base/errors.ts';

const answerBytesMax = 1 << 20;

/** The JSON answer. Throws the pod's own LakeError, or `cannot_connect_now` when no pod runs there. */
export function callLocalPod<T>(
  socketPath: string,
  call: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: object; readonly timeoutMs: number },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const text = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const sent = request({ socketPath, method: call.method, path: call.path, headers, timeout: call.timeoutMs }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > answerBytesMax) sent.destroy(new LakeError('too_large', 'the answer of the pod is too large'));
        else parts.push(part);
      });
      response.on('end', () => {
        try {
          const answer = JSON.parse(Buffer.concat(parts).toString('utf8')) as T & {
            error?: { code: ErrorCode; message: string; hint?: string };
          };
          if (answer.error)
            reject(
              new LakeError(
                answer.error.code,
                answer.error.message,
                answer.error.hint === undefined ? {} : { hint: answer.error.hint },
              ),
            );
          else resolve(answer);
        } catch (error) {
          reject(new LakeError('protocol_violation', 'the pod gave an answer that is no JSON', { cause: error }));
        }
      });
      response.on('error', reject);
    });
    sent.on('timeout', () =>
      sent.destroy(new LakeError('deadline_exceeded', `the pod has not answered within ${Math.round(call.timeoutMs / 1000)} s`)),
    );
    sent.on('error', (error) => {
      if (error instanceof LakeError) return reject(error);
      reject(
        new LakeError('cannot_connect_now', 'no pod answers in this data directory', {
          hint: 'Start one, or set BOILSTREAM_DATA_DIR (--data-dir) to the folder of the pod you mean.',
          cause: error,
        }),
      );
    });
    sent.end(text);
  });
}
