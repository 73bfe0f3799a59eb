/** Every administrative command. Adding one: its file, and a line here; SQL, REST and documentation follow. */
import type { AdminCommand } from '../command.ts';
import { alterUser } from './alter-user.ts';
import { createCredential } from './create-credential.ts';
import { createDucklake } from './create-ducklake.ts';
import { createUser } from './create-user.ts';
import { deleteUser } from './delete-user.ts';
import { dropDucklake } from './drop-ducklake.ts';
import { grantDucklake } from './grant-ducklake.ts';
import { listAudit } from './list-audit.ts';
import { listCredentials } from './list-credentials.ts';
import { listDucklakes } from './list-ducklakes.ts';
import { listUsers } from './list-users.ts';
import { restoreDucklake } from './restore-ducklake.ts';
import { revokeCredential } from './revoke-credential.ts';
import { revokeDucklake } from './revoke-ducklake.ts';
import { runMaintenance } from './run-maintenance.ts';
import { setMaintenanceCommand } from './set-maintenance.ts';
import { showDucklake } from './show-ducklake.ts';

const all = [
  listDucklakes,
  showDucklake,
  createDucklake,
  dropDucklake,
  setMaintenanceCommand,
  runMaintenance,
  restoreDucklake,
  listUsers,
  createUser,
  alterUser,
  deleteUser,
  grantDucklake,
  revokeDucklake,
  listCredentials,
  createCredential,
  revokeCredential,
  listAudit,
];

export const adminCommands = all as unknown as readonly AdminCommand[];
