#!/usr/bin/env node
// `npx boilstream` in a checkout, where nothing is compiled: the same command line, run by the launcher.
process.argv.splice(2, 0, 'start');
await import('../run.mjs');
