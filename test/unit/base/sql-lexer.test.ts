import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, significantTokens, splitStatements, tokenize } from '../../../base/sql-lexer.ts';

const texts = (sql: string) => significantTokens(sql).map((token) => token.text);

test('tokens cover the text exactly, whatever it is', () => {
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const pieces = [
    "'",
    '"',
    '$',
    '$$',
    '$a$',
    '--',
    '\n',
    '/*',
    '*/',
    ';',
    "E'",
    '\\',
    'x',
    '1',
    '.',
    '1e',
    ' ',
    'é',
    '😀',
    '0x',
    "''",
  ];
  for (let round = 0; round < 2000; round++) {
    const sql = Array.from({ length: next(20) }, () => pieces[next(pieces.length)]).join('');
    assert.equal(
      tokenize(sql)
        .map((token) => token.text)
        .join(''),
      sql,
    );
  }
});

test('a semicolon inside a string, a comment, a quoted name or a dollar quote does not split', () => {
  const sql = `select ';', ";", $$;$$, $q$ ; $q$, E'\\';' -- ;\n /* ; /* ; */ ; */ ; select 2;; -- end`;
  assert.equal(splitStatements(sql).length, 2);
  assert.equal(splitStatements(sql)[1], ' select 2');
});

test('space and comments alone are no statement', () => {
  assert.deepEqual(splitStatements(' -- nothing\n/* at all */ '), []);
  assert.deepEqual(splitStatements(''), []);
  assert.deepEqual(splitStatements(';;'), []);
});

test('names fold to lower case unless quoted', () => {
  const [a, b] = significantTokens('FooBar "Foo""Bar"');
  assert.ok(a && b);
  assert.equal(nameOf(a), 'foobar');
  assert.equal(nameOf(b), 'Foo"Bar');
});

test('parameters, numbers and operators are told apart', () => {
  assert.deepEqual(texts("a.b[1]=$12+1.5e-3||x'ff'"), [
    'a',
    '.',
    'b',
    '[',
    '1',
    ']',
    '=',
    '$12',
    '+',
    '1.5e-3',
    '|',
    '|',
    "x'ff'",
  ]);
});

// The gate once could be passed by text that the lexer took for a comment or a string and DuckDB for code.
test('code that DuckDB sees is never taken for a comment or a string', () => {
  const names = (sql: string) =>
    significantTokens(sql)
      .filter((token) => token.kind === 'name')
      .map((token) => token.text);
  assert.ok(names("select 1 --\r, read_text('x')").includes('read_text'), 'a carriage return ends a line comment');
  assert.ok(
    names("select $😀$ ' $😀$, read_text('x') --'").includes('read_text'),
    'any letter of DuckDB may stand in a dollar tag',
  );
  assert.ok(
    names(`select $${'a'.repeat(200)}$ ' $${'a'.repeat(200)}$, read_text('x') --'`).includes('read_text'),
    'a tag may be long',
  );
  assert.ok(
    names("select 1 as 😀$a$, read_text('x'), '$a$'").includes('read_text'),
    'a dollar sign inside a name begins nothing',
  );
});

test('the spaces DuckDB knows outside ASCII are spaces, other characters belong to names', () => {
  assert.deepEqual(texts("upper\u00a0\u200b\u3000('x')"), ['upper', '(', "'x'", ')']);
  assert.deepEqual(texts("upper\u1680('x')"), ['upper\u1680', '(', "'x'", ')']);
});
