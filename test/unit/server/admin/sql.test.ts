import assert from 'node:assert/strict';
import { describe, it, before, after } from 'node:test';
import type { ErrorCode } from '../../../../base/errors.ts';
import { type AdminPod, startAdminPod } from '../../../support/admin-pod.ts';
import { refusedWith } from '../../../support/control.ts';

describe('administrative SQL', () => {
  let pod: AdminPod;
  before(async () => {
    pod = await startAdminPod();
  });
  after(() => pod.close());

  const parsed = (sql: string): [string, readonly unknown[]] | null => {
    const statement = pod.admin.parse(sql);
    return statement && [statement.command.name, statement.args];
  };
  const run = async (sql: string): Promise<string> => {
    const statement = pod.admin.parse(sql) ?? assert.fail(`not ours: ${sql}`);
    const answer = await pod.admin.run(statement, await pod.superadminPrincipal());
    return answer.rows ? answer.rows.rows.map((row) => row.slice(0, 3).join('|')).join('\n') : answer.tag;
  };

  it('reads every form that the documentation shows', () => {
    for (const [sql, name, args] of [
      ['CREATE DUCKLAKE sales', 'create-ducklake', [{ name: 'sales' }]],
      ['CREATE DUCKLAKE s WITH (initialize = false)', 'create-ducklake', [{ name: 's', initialize: false }]],
      [
        'create ducklake if not exists "sales" with (data_path = \'/mnt/x\');',
        'create-ducklake',
        [{ name: 'sales', if_not_exists: true, data_path: '/mnt/x' }],
      ],
      ['-- why\n/* not */ DROP DUCKLAKE IF EXISTS sales CASCADE', 'drop-ducklake', [{ name: 'sales', if_exists: true }]],
      ['show ducklakes', 'list-ducklakes', [{}]],
      ['CREATE USER alice WITH LOGIN SUPERUSER', 'create-user', [{ name: 'alice', admin: true }]],
      ['create role "alice@example.com"', 'create-user', [{ name: 'alice@example.com' }]],
      ["create user 'alice@example.com'", 'create-user', [{ name: 'alice@example.com' }]],
      ['DROP USER a, b', 'delete-user', [{ name: 'a' }, { name: 'b' }]],
      ['alter user alice nosuperuser', 'alter-user', [{ name: 'alice', admin: false }]],
      ['GRANT SELECT ON DUCKLAKE sales TO alice', 'grant-ducklake', [{ user: 'alice', ducklake: 'sales', access: 'read' }]],
      [
        'grant select, insert on database sales, other to alice, group bob',
        'grant-ducklake',
        ['sales', 'other'].flatMap((ducklake) => ['alice', 'bob'].map((user) => ({ user, ducklake, access: 'write' }))),
      ],
      [
        'GRANT ALL PRIVILEGES ON DUCKLAKE sales TO alice',
        'grant-ducklake',
        [{ user: 'alice', ducklake: 'sales', access: 'write' }],
      ],
      ['GRANT OWNER ON DUCKLAKE sales TO alice', 'grant-ducklake', [{ user: 'alice', ducklake: 'sales', access: 'owner' }]],
      ['REVOKE ALL ON DUCKLAKE sales FROM alice', 'revoke-ducklake', [{ user: 'alice', ducklake: 'sales' }]],
      ['revoke insert on ducklake sales from alice', 'revoke-ducklake', [{ user: 'alice', ducklake: 'sales', keep: 'read' }]],
      [
        "CREATE CREDENTIAL FOR alice ON DUCKLAKE sales ONLY READ ONLY TTL '30d'",
        'create-credential',
        [{ user: 'alice', ducklake: 'sales', only_ducklake: true, read_only: true, ttl: '30d' }],
      ],
      ['DROP CREDENTIAL alice_abc', 'revoke-credential', [{ user: 'alice_abc' }]],
      ['SHOW CREDENTIALS', 'list-credentials', [{}]],
      ['SHOW USERS', 'list-users', [{}]],
    ] as const)
      assert.deepEqual(parsed(sql), [name, args], sql);
  });

  it('leaves all other SQL alone', () => {
    for (const sql of [
      'select 1',
      'CREATE TABLE ducklake (a int)',
      'create schema users',
      'DROP TABLE user',
      'show tables',
      'show search_path',
      'alter table t add column x int',
      '',
      '-- nothing',
      'show',
      'create',
      `${'/**/'.repeat(5000)} select 1`,
    ]) {
      assert.equal(parsed(sql), null, sql.slice(0, 60));
    }
  });

  it('refuses what it cannot do with the way that works', () => {
    for (const [sql, code, message] of [
      ["CREATE USER alice PASSWORD 'x'", 'feature_not_supported', /the server never sees one/],
      ["ALTER USER alice WITH ENCRYPTED PASSWORD 'SCRAM-SHA-256$4096:x'", 'feature_not_supported', /never sees/],
      ['GRANT SELECT ON t TO alice', 'feature_not_supported', /on ducklakes as a whole/],
      ['GRANT admins TO alice', 'syntax_error', /admins/],
      ['GRANT READ ON DUCKLAKE a TO b WITH GRANT OPTION', 'feature_not_supported', /GRANT OPTION/],
      ["CREATE DUCKLAKE a WITH (nonsense = '1')", 'invalid_argument', /nonsense/],
      ['CREATE DUCKLAKE', 'syntax_error', /end of input/],
      ['CREATE DUCKLAKE a b', 'syntax_error', /near "b"/],
      ['DROP USER a; DROP USER b', 'syntax_error', /near ";"/],
      ['CREATE CREDENTIAL TTL 5', 'syntax_error', /near "5"/],
    ] as const satisfies readonly (readonly [string, ErrorCode, RegExp])[])
      assert.throws(() => parsed(sql), refusedWith(code, message), sql);
  });

  it("does it, and answers with PostgreSQL's tags or rows", async () => {
    assert.equal(await run('CREATE DUCKLAKE sales'), 'CREATE DUCKLAKE');
    assert.equal(await run('CREATE USER alice'), 'CREATE ROLE');
    assert.equal(await run('GRANT ALL ON DUCKLAKE sales TO alice'), 'GRANT');
    assert.equal(await run('SHOW USERS'), 'admin@localhost|yes|sales:owner\nalice|no|sales:write');
    assert.equal(await run('REVOKE UPDATE ON DUCKLAKE sales FROM alice'), 'REVOKE');
    assert.equal(await run('SHOW USERS'), 'admin@localhost|yes|sales:owner\nalice|no|sales:read');
    const [login, secret] = (await run('CREATE CREDENTIAL FOR alice ON DUCKLAKE sales')).split('|');
    assert.match(secret as string, /^[A-Za-z0-9]{28}$/);
    assert.equal(await run(`DROP CREDENTIAL ${login}`), 'DROP CREDENTIAL');
    assert.equal(await run('DROP USER IF EXISTS nobody, alice'), 'DROP ROLE');
    assert.equal(await run('DROP DUCKLAKE sales'), 'DROP DUCKLAKE');
    await assert.rejects(run('DROP DUCKLAKE sales'), refusedWith('undefined_database'));
  });
});

describe('making a ducklake', () => {
  it('gives the name back when DuckLake cannot make its tables, and tells the first reason', async () => {
    let isBroken = true;
    const pod = await startAdminPod({
      async initialise() {
        if (isBroken) throw new Error('disk on fire');
      },
    });
    const token = await pod.login();
    const failed = await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'sales' } });
    assert.deepEqual([failed.status, failed.body.error.code], [500, 'internal']);
    assert.ok(!JSON.stringify(failed.body).includes('fire'), 'causes are for the log');
    assert.deepEqual((await pod.call('GET', '/api/v1/ducklakes', { token })).body.ducklakes, []);
    isBroken = false;
    assert.equal((await pod.call('POST', '/api/v1/ducklakes', { token, body: { name: 'sales' } })).status, 201);
    await pod.close();
  });

  it('goes on at the next start where a crash stopped it, and makes the first lake once', async () => {
    const pod = await startAdminPod();
    await pod.control.execute({ name: 'create-lake', args: { name: 'halfway' } }, { principal: { id: 'pod', kind: 'pod' } });
    await pod.admin.finishCreating('lake');
    assert.deepEqual(
      (await pod.control.lakes()).map(({ name }) => name),
      ['halfway'],
      'there is one, so no first one is made',
    );
    await pod.admin.finishCreating('lake');
    await pod.control.execute({ name: 'drop-lake', args: { name: 'halfway' } }, { principal: { id: 'pod', kind: 'pod' } });
    await pod.admin.finishCreating('lake');
    await pod.admin.finishCreating('lake');
    assert.deepEqual(
      pod.initialised.map(({ name }) => name),
      ['halfway', 'lake'],
    );
    await pod.close();
  });
});
