/** Names of the objects below `cluster_state/`. */
import { LakeError } from '../base/errors.ts';

/** Who leads, with its heartbeat. */
export const leaderKey = 'cluster_state/leader';

/** Below it one record for each pod, under its node name. */
export const brokersPrefix = 'cluster_state/brokers/';

/** A node name as people give it: host-name letters, at most 63. Throws `config_invalid`. */
export function checkNode(node: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(node)) return node;
  throw new LakeError('config_invalid', `a node cannot be called "${node}"`, {
    hint: 'Set BOILSTREAM_NODE_NAME to letters, digits, "-", "_" and "." (63 at most), beginning and ending in a letter or digit.',
  });
}

/** Key of a pod's own record. */
export function brokerKey(node: string): string {
  return `${brokersPrefix}${node}`;
}
