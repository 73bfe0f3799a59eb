/**
 * Explores a Quint model exhaustively, with Quint's own parser and evaluator: every alternative of `step`, every choice of
 * every `oneOf`, breadth first, every state once. Quint itself explores at random, or hands over to checkers in Java.
 * Quint lies in `.cache/node-clients`; its evaluator is not a published interface, so its version is pinned there.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export interface Exploration {
  readonly states: number;
  /** Names of the invariants that do not hold somewhere, with a shortest way there, state by state. */
  readonly broken: ReadonlyMap<string, readonly string[]>;
  /** Names of the witnesses that hold somewhere. */
  readonly witnessed: ReadonlySet<string>;
  /** False: `statesMax` was reached. */
  readonly isComplete: boolean;
}

export interface ExplorationOptions {
  /** Where Quint is installed. */
  readonly directory: string;
  readonly text: string;
  readonly invariants: readonly string[];
  readonly witnesses?: readonly string[];
  readonly statesMax?: number;
}

/** The parts of Quint that are used, as they are in the pinned version. */
interface Register {
  value: { isRight(): boolean; readonly value: unknown };
}
interface RuntimeValue {
  toQuintEx(ids: { nextId(): bigint }): unknown;
}
interface Place {
  readonly state: Register['value'];
  readonly before: Place | null;
}
type Evaluate = (context: unknown) => { isRight(): boolean; readonly value: { toBool(): boolean } };

/** Stops at the first broken invariant. Throws what Quint says of a model that is none. */
export function explore({ directory, text, invariants, witnesses = [], statesMax = Infinity }: ExplorationOptions): Exploration {
  const require = createRequire(join(directory, 'package.json'));
  const part = (name: string) => require(`@informalsystems/quint/dist/src/${name}.js`);
  const { Set: ImmutableSet } = require('immutable');
  const parsing = part('parsing/quintParserFrontend');
  const path = join(directory, 'model.qnt');
  const idGen = part('idGenerator').newIdGenerator();
  const resolver = part('parsing/sourceResolver').fileSourceResolver(new Map([[path, text]]));
  let model = parsing.parsePhase1fromText(idGen, text, path);
  model = parsing.parsePhase2sourceResolution(idGen, resolver, resolver.lookupPath(directory, 'model.qnt'), model);
  model = parsing.parsePhase4toposort(parsing.parsePhase3importAndNameResolution(model));
  if (model.errors.length > 0) throw new Error(`the model is none: ${model.errors.map((e: Error) => e.message).join('; ')}`);

  const choice = new Choices();
  const { Evaluator } = part('runtime/impl/evaluator');
  const rng = { next: (bound: bigint) => choice.next(bound), getState: () => 0n, setState: () => undefined };
  const evaluator = new Evaluator(model.resolver.table, part('runtime/trace').noExecutionListener, rng);
  const { buildExpr } = part('runtime/impl/builder');
  const declarations = model.modules.at(-1).declarations as Array<{ name?: string; expr?: { opcode?: string; args: unknown[] } }>;
  const bodyOf = (name: string) => {
    const found = declarations.find((declaration) => declaration.name === name)?.expr;
    if (!found) throw new Error(`the model defines no ${name}`);
    return found;
  };
  const build = (expression: unknown): Evaluate => buildExpr(evaluator.builder, expression);
  const init = build(bodyOf('init'));
  const actions = bodyOf('step').args.map(build);
  const checks = invariants.map((name) => [name, build(bodyOf(name))] as const);
  const hopes = witnesses.map((name) => [name, build(bodyOf(name))] as const);

  const storage = evaluator.ctx.varStorage;
  const only = (registers: { size: number; first(): Register }): Register => {
    if (registers.size !== 1) throw new Error('the model keeps its state in one variable');
    return registers.first();
  };
  const isTrue = (evaluate: Evaluate): boolean => {
    const result = evaluate(evaluator.ctx);
    if (!result.isRight()) throw new Error(`the model cannot be evaluated: ${JSON.stringify(result.value)}`);
    return result.value.toBool();
  };
  const unset = { isRight: () => false, isLeft: () => true, value: { code: 'QNT502', message: 'not set' } };

  const seen = ImmutableSet().asMutable();
  const witnessed = new Set<string>();
  const broken = new Map<string, readonly string[]>();
  let frontier: Place[] = [];
  const { expressionToString } = part('ir/IRprinting');
  const wayTo = (place: Place | null): string[] =>
    place
      ? [...wayTo(place.before), expressionToString((place.state.value as RuntimeValue).toQuintEx({ nextId: () => 0n }))]
      : [];
  const reach = (state: Register['value'], before: Place | null, into: Place[]): void => {
    if (seen.has(state.value)) return;
    seen.add(state.value);
    const place = { state, before };
    into.push(place);
    only(storage.vars).value = state;
    storage.clearCaches();
    for (const [name, holds] of checks) if (!isTrue(holds)) broken.set(name, wayTo(place));
    for (const [name, holds] of hopes) if (!witnessed.has(name) && isTrue(holds)) witnessed.add(name);
  };
  const next = (from: Place | null, evaluate: Evaluate, into: Place[]): void => {
    choice.restart();
    do {
      if (from) only(storage.vars).value = from.state;
      only(storage.nextVars).value = unset as unknown as Register['value'];
      storage.clearCaches();
      if (isTrue(evaluate)) reach(only(storage.nextVars).value, from, into);
    } while (choice.advance());
  };

  next(null, init, frontier);
  while (frontier.length > 0 && broken.size === 0 && seen.size < statesMax) {
    const reached: Place[] = [];
    for (const place of frontier) {
      for (const action of actions) next(place, action, reached);
      if (broken.size > 0 || seen.size >= statesMax) break;
    }
    frontier = reached;
  }
  return { states: seen.size, broken, witnessed, isComplete: frontier.length === 0 };
}

/** Answers a model's choices so that all ways to choose come, one after the other. */
class Choices {
  #made: Array<{ bound: bigint; value: bigint }> = [];
  #at = 0;

  restart(): void {
    this.#made = [];
    this.#at = 0;
  }

  next(bound: bigint): bigint {
    const made = this.#made[this.#at++] ?? { bound, value: 0n };
    this.#made[this.#at - 1] = made;
    if (made.bound !== bound) throw new Error('the model chooses differently in the same state');
    return made.value;
  }

  /** Goes to the next way to choose; false when there is none. */
  advance(): boolean {
    this.#made.length = this.#at;
    this.#at = 0;
    for (;;) {
      const last = this.#made.at(-1);
      if (!last) return false;
      if (++last.value < last.bound) return true;
      this.#made.pop();
    }
  }
}

/** The text of a file. */
export function readModel(path: string): string {
  return readFileSync(path, 'utf8');
}
