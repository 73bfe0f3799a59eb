/** The role that asks. */
import { type PgView, pg } from '../../view.ts';

export const enabledRoles: PgView = {
  name: 'enabled_roles',
  columns: 'role_name name',
  values: {
    role_name: `${pg('_user')}()`,
  },
  from: 'range(1)',
};
