/** Every command of the control catalog. Adding one: its file, and a line here. */
import type { Command } from '../command.ts';
import { abandonLake } from './abandon-lake.ts';
import { activateLake } from './activate-lake.ts';
import { closeSessions } from './close-sessions.ts';
import { createCredential } from './create-credential.ts';
import { createLake } from './create-lake.ts';
import { createUser } from './create-user.ts';
import { deleteUser } from './delete-user.ts';
import { dropLake } from './drop-lake.ts';
import { ensureSuperadmin } from './ensure-superadmin.ts';
import { forgetLake } from './forget-lake.ts';
import { grantAccess } from './grant-access.ts';
import { openSession } from './open-session.ts';
import { recordEvent } from './record-event.ts';
import { recordMaintenance } from './record-maintenance.ts';
import { restoreLake } from './restore-lake.ts';
import { revokeAccess } from './revoke-access.ts';
import { revokeCredential } from './revoke-credential.ts';
import { setMaintenance } from './set-maintenance.ts';

const all = [
  createLake,
  activateLake,
  abandonLake,
  dropLake,
  restoreLake,
  createUser,
  deleteUser,
  ensureSuperadmin,
  grantAccess,
  revokeAccess,
  createCredential,
  revokeCredential,
  openSession,
  closeSessions,
  recordEvent,
  setMaintenance,
  recordMaintenance,
  forgetLake,
];

export const commands: ReadonlyMap<string, Command> = new Map(all.map((each) => [each.name, each as unknown as Command]));
