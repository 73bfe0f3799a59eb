/** The key vendor as the settings say: which token service, which configured keys, which address clients are told. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ControlCatalog } from '../control/control-catalog.ts';
import type { Sts } from '../../storage/sts.ts';
import { fileKeys, type KeyFiles, podKeys, type StoreSettings, storePlace } from '../../storage/data-keys.ts';
import { KeyVendor } from './key-vendor.ts';

/** The settings `s3_*`, as far as clients are concerned. */
export interface VendSettings extends StoreSettings {
  readonly caPath?: string;
  readonly vend: 'auto' | 'sts' | 'keys' | 'off';
  readonly vendTtlMs: number;
  readonly stsEndpoint?: string;
  readonly stsRoleArn?: string;
  /** The store as clients reach it. */
  readonly publicEndpoint?: string;
  readonly clientKeys?: KeyFiles;
  /** For grants that only read. */
  readonly clientReadKeys?: KeyFiles;
}

export interface OpenVendorOptions {
  readonly config: VendSettings;
  readonly control: Pick<ControlCatalog, 'principalOf' | 'execute'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the vendor; no request is made yet. */
export async function openKeyVendor(options: OpenVendorOptions): Promise<KeyVendor> {
  const { config, control, clock, logger } = options;
  const sts = await tokenService(config, clock);
  const write = config.clientKeys ? fileKeys(config.clientKeys, clock) : podKeys(config, clock);
  const read = config.clientReadKeys ? fileKeys(config.clientReadKeys, clock) : write;
  return new KeyVendor({
    mode: config.vend,
    place: storePlace(config, config.publicEndpoint ?? config.endpoint),
    sts,
    ttlMs: config.vendTtlMs,
    keysFor: (right) => (right === 'read' ? read() : write()),
    async rightOf(principal, lakeName) {
      const { id, credentialId } = principal;
      const now = await control.principalOf(credentialId === undefined ? { userId: id } : { credentialId });
      return now?.rights.get(lakeName);
    },
    audit: (target, detail) =>
      control.execute(
        { name: 'record-event', args: { action: 'keys-vended', target, detail } },
        { principal: { id: 'pod', kind: 'pod' } },
      ),
    clock,
    logger,
  });
}

/** AWS's keys are always somebody's: without a role there is nothing to make temporary ones of. */
async function tokenService(config: VendSettings, clock: Clock): Promise<Sts | undefined> {
  const endpoint = config.stsEndpoint ?? config.endpoint;
  if (config.vend === 'off' || config.vend === 'keys') return undefined;
  if (endpoint === undefined && config.stsRoleArn === undefined) return undefined;
  // Loaded late: the embedded default does without the SDK.
  const { openSts } = await import('../../storage/sts.ts');
  const { region, stsRoleArn, accessKeyPath, secretKeyPath, caPath } = config;
  return openSts({
    clock,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(stsRoleArn === undefined ? {} : { roleArn: stsRoleArn }),
    ...(accessKeyPath === undefined ? {} : { accessKeyPath }),
    ...(secretKeyPath === undefined ? {} : { secretKeyPath }),
    ...(caPath === undefined ? {} : { caPath }),
  });
}
