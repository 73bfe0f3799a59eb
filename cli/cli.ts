/** What every command is handed: surroundings, chosen format, and the server. */
import type { Call, Json } from './client.ts';
import type { Format } from './output.ts';
import type { Chosen, GlobalOptions } from './place.ts';
import type { Surroundings } from './surroundings.ts';

export interface Cli {
  readonly around: Surroundings;
  readonly format: Format;
  globals(): GlobalOptions;
  /** The server the command goes to. Throws Refused when there is none. */
  chosen(): Chosen;
  /** Asks it. Throws Refused. */
  call(call: Call): Promise<Json>;
}
