/** The lakes one may use. */
import { z } from 'zod';
import { adminCommand } from '../command.ts';
import { lakeShape, toLake } from '../shapes.ts';

export const listDucklakes = adminCommand({
  name: 'list-ducklakes',
  summary: 'The ducklakes you may use, with your access',
  needs: 'anyone',
  args: z.strictObject({}),
  result: z.object({ ducklakes: z.array(lakeShape) }),
  http: { method: 'GET', path: '/ducklakes' },
  sql: { syntax: 'SHOW DUCKLAKES', begins: [['show', 'ducklakes']], tag: 'SHOW', parse: () => [{}] },
  table: {
    columns: ['name', 'access', 'created_by', 'created_at', 'data_path'],
    rows: ({ ducklakes }) => ducklakes.map((lake) => [lake.name, lake.access, lake.created_by, lake.created_at, lake.data_path]),
  },
  run: async (_args, { control, principal }) => ({ ducklakes: (await control.lakesOf(principal)).map(toLake) }),
});
