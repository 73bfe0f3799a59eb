/** Runs set-up steps by name: `node scripts/setup.ts extensions test-clients`. scripts/run.mjs calls it when a step's stamp is stale. */
import { setUpExtensions } from './setup/extensions.ts';
import { setUpTestClients } from './setup/test-clients.ts';

const steps: Readonly<Record<string, () => Promise<void>>> = {
  extensions: setUpExtensions,
  'test-clients': setUpTestClients,
};

for (const name of process.argv.slice(2)) {
  const step = steps[name];
  if (!step) throw new Error(`no set-up step is called ${name}: ${Object.keys(steps).join(', ')}`);
  try {
    await step();
  } catch (error) {
    process.stderr.write(`boilstream: set-up of ${name}: ${(error as Error).message}\n`);
    process.exit(1);
  }
}
