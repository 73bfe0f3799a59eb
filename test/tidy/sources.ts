/** What the tidy tests look at: the project's own files, and the imports of each. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Rooms of the product: top folders whose code ships. */
export const productRooms = ['base', 'storage', 'auth', 'catalog', 'cluster', 'protocols', 'server', 'cli'];

export interface SourceFile {
  /** Path from the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Every file that git tracks or would track, as paths from the root. */
export function projectFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return listed
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .sort();
}

/** TypeScript files below the given top folders. */
export function typescriptFiles(folders: readonly string[]): SourceFile[] {
  return projectFiles()
    .filter((path) => path.endsWith('.ts') && folders.some((folder) => path.startsWith(`${folder}/`)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** What a file imports or re-exports: project files as paths from the root, packages and `node:` modules by name. */
export function importsOf(file: SourceFile): string[] {
  const code = withoutComments(file.text);
  const found = [
    ...code.matchAll(
      /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
    ),
  ];
  return found
    .map((match) => (match[1] ?? match[2] ?? match[3]) as string)
    .map((name) => (name.startsWith('.') ? normalize(join(dirname(file.path), name)) : name));
}

/** The text with comments blanked out; line numbers stay. Strings and templates are kept as they are. */
export function withoutComments(text: string): string {
  return text.replace(
    /(\/\*[\s\S]*?\*\/)|(\/\/[^\n]*)|('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)/g,
    (whole, block?: string, line?: string) => (block || line ? whole.replace(/[^\n]/g, ' ') : whole),
  );
}

/** Line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
