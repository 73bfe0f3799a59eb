/**
 * Runs one command: arguments checked, actor judged, idempotency key looked up, done, audited and remembered, all in one
 * transaction. When the promise resolves the command is durable; when it rejects with a LakeError that is not
 * `commit_unknown` or `fenced`, nothing has happened.
 */
import { LakeError } from '../../base/errors.ts';
import { type Actor, type ActorReference, loadActor } from './actor.ts';
import type { Applied, Change, Command, CommandContext } from './command.ts';
import { commands } from './commands/index.ts';
import { idempotencyKey as idempotencyKeySchema } from './names.ts';
import type { ControlStore, Tx } from './store.ts';

/** A repeated request is recognised for a day. */
const rememberedMs = 24 * 3_600_000;

export interface Request {
  readonly name: string;
  readonly args: unknown;
  readonly actor: ActorReference;
  readonly idempotencyKey?: string | undefined;
}

export interface Executed {
  /** The command's result, with what is shown once merged in. */
  readonly answer: Record<string, unknown>;
  readonly changes: readonly Change[];
  /** The key was known: nothing was done now. */
  readonly isRepeated: boolean;
}

/** Throws `invalid_argument` on unknown commands and bad arguments. */
export async function executeOn(
  store: ControlStore,
  request: Request,
  context: Omit<CommandContext, 'actor'>,
): Promise<Executed> {
  const command = commands.get(request.name);
  if (!command) throw new LakeError('invalid_argument', `there is no command "${request.name}"`);
  const args = parseArguments(command, request.args);
  const key = request.idempotencyKey === undefined ? undefined : parseKey(request.idempotencyKey);
  const argumentText = JSON.stringify(args);
  return store.write(async (tx) => {
    const actor = await loadActor(tx, request.actor, context.now);
    if (key !== undefined) {
      const repeated = await findRepeated(tx, key, actor, command.name, argumentText);
      if (repeated) return repeated;
    }
    const applied = await command.run(tx, args, { ...context, actor });
    await writeAudit(tx, command.name, actor, applied, context.now);
    if (key !== undefined) {
      await tx.run('INSERT INTO commands VALUES ($1, $2, $3, $4, $5, $6)', [
        key,
        actor.id,
        command.name,
        argumentText,
        JSON.stringify({ result: applied.result, isShownOnce: applied.shownOnce !== undefined }),
        context.now,
      ]);
    }
    return { answer: { ...applied.result, ...applied.shownOnce }, changes: applied.changes ?? [], isRepeated: false };
  });
}

/**
 * The answer of a command whose work was done before it was executed (a restore), if this request was done already. `asked`
 * stands in its arguments and says what was asked for. Throws `invalid_argument` when the key was used for something else.
 */
export async function findDone(
  tx: Tx,
  request: { readonly name: string; readonly asked: string; readonly actor: Actor; readonly idempotencyKey: string },
): Promise<Record<string, unknown> | undefined> {
  const before = await tx.one<{ actor_id: string; command: string; arguments: string; result: string }>(
    'SELECT * FROM commands WHERE idempotency_key = $1',
    [parseKey(request.idempotencyKey)],
  );
  if (!before) return undefined;
  const { asked } = JSON.parse(before.arguments) as { asked?: string };
  if (before.actor_id !== request.actor.id || before.command !== request.name || asked !== request.asked) throw usedOtherwise();
  return (JSON.parse(before.result) as { result: Record<string, unknown> }).result;
}

/** Forgets idempotency keys older than a day and audit lines older than 400 days. */
export async function forgetOld(store: ControlStore, now: number): Promise<void> {
  await store.write(async (tx) => {
    await tx.run('DELETE FROM commands WHERE done_at < $1', [now - rememberedMs]);
    await tx.run('DELETE FROM audit WHERE happened_at < $1', [now - 400 * rememberedMs]);
  });
}

function parseArguments(command: Command, args: unknown): unknown {
  const parsed = command.args.safeParse(args);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new LakeError(
    'invalid_argument',
    issue?.code === 'custom' || issue?.code === 'too_big' || issue?.code === 'invalid_format'
      ? issue.message
      : `${command.name}: ${where === '' ? '' : `${where}: `}${issue?.message ?? 'wrong arguments'}`,
    { detail: `Argument: ${where === '' ? '(all)' : where}.` },
  );
}

function parseKey(key: string): string {
  const parsed = idempotencyKeySchema.safeParse(key);
  if (!parsed.success)
    throw new LakeError('invalid_argument', 'an idempotency key is 8 to 200 characters of printable ASCII without spaces');
  return parsed.data;
}

async function findRepeated(
  tx: Tx,
  key: string,
  actor: Actor,
  command: string,
  argumentText: string,
): Promise<Executed | undefined> {
  const before = await tx.one<{ actor_id: string; command: string; arguments: string; result: string }>(
    'SELECT * FROM commands WHERE idempotency_key = $1',
    [key],
  );
  if (!before) return undefined;
  if (before.actor_id !== actor.id || before.command !== command || before.arguments !== argumentText) throw usedOtherwise();
  const { result, isShownOnce } = JSON.parse(before.result) as { result: Record<string, unknown>; isShownOnce: boolean };
  if (isShownOnce) {
    throw new LakeError('precondition_failed', 'this request was done already, and its secret is shown only once', {
      hint: `If the answer was lost, revoke ${typeof result.user === 'string' ? `"${result.user}"` : 'it'} and make another.`,
    });
  }
  return { answer: result, changes: [], isRepeated: true };
}

function usedOtherwise(): LakeError {
  return new LakeError('invalid_argument', 'this idempotency key was used for another request', {
    hint: 'Use a new random key for each new request.',
  });
}

async function writeAudit(tx: Tx, command: string, actor: Actor, applied: Applied<object>, now: number): Promise<void> {
  if (!applied.audit) return;
  const { action, ...detail } = applied.audit.detail ?? {};
  const next = await tx.one<{ id: number }>('SELECT coalesce(max(id), 0) + 1 AS id FROM audit');
  await tx.run('INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
    next?.id ?? 1,
    now,
    actor.id,
    actor.name,
    actor.credentialId,
    typeof action === 'string' ? action : command,
    applied.audit.target,
    JSON.stringify(detail),
  ]);
}
