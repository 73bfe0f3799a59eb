/**
 * The DuckDB extensions that the project loads, by version, platform and SHA-256 of the unpacked, signed file. A file with
 * another hash is never put into the cache. To move to a new DuckDB: change the version here and in package.json, run
 * `npm run setup`, and take the hashes from the wheels' own index.
 */

export const extensionVersion = '1.5.5';

export type ExtensionName = 'ducklake' | 'httpfs' | 'postgres_scanner' | 'tpch';

/** What the pod loads, and what only tests and benchmarks load. */
export const productExtensions: readonly ExtensionName[] = ['ducklake', 'postgres_scanner', 'httpfs'];
export const testExtensions: readonly ExtensionName[] = ['tpch'];

export interface Pin {
  readonly bytes: number;
  readonly sha256: string;
}

export const extensionPins: Readonly<Record<string, Readonly<Record<ExtensionName, Pin>>>> = {
  linux_amd64: {
    ducklake: { bytes: 36436086, sha256: 'e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302' },
    httpfs: { bytes: 21570542, sha256: '887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8' },
    postgres_scanner: { bytes: 41696558, sha256: 'b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c' },
    tpch: { bytes: 17270958, sha256: '3da16edae72039b20afccf092f49b9e17ebbcf56c93f89a9fcb54a39a027e088' },
  },
  linux_arm64: {
    ducklake: { bytes: 32143862, sha256: 'd0b57c8e261b89a1ae367c7224f0857cfde72ab6cf2609f188e0de9b897b1088' },
    httpfs: { bytes: 19861758, sha256: 'eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9' },
    postgres_scanner: { bytes: 37305766, sha256: 'e2469cce1e855e8c842a1487dd8168cf27904c03baaf1f2c227529403315d819' },
    tpch: { bytes: 15701518, sha256: 'a7a919c6e272442efccbb1cf9ce2724206d6355a6ecb95d499228913d292afc9' },
  },
  osx_amd64: {
    ducklake: { bytes: 30396022, sha256: 'c7baf45b87f19cb3191c228b820857d573761d344c7855570dcc7eb3b8f1ff9e' },
    httpfs: { bytes: 17543806, sha256: 'a2f48ae06834c165ae73db71f2320360a4b30e7acf4c87187b2241caa48a990d' },
    postgres_scanner: { bytes: 34052022, sha256: '0df780444ce04a75c5a4e7b89896eab5cebe1ca21163fc6c267f3365ffe4a3c1' },
    tpch: { bytes: 14867662, sha256: 'a7325244ab7c7f08c5441e0c5128f8ce456b58f49303d51580daf7c17e95c1ed' },
  },
  osx_arm64: {
    ducklake: { bytes: 27580398, sha256: '1b72fc42164dbf21948e5a912cefc383b24071852f9e70209874ebd0a73b7caa' },
    httpfs: { bytes: 16010974, sha256: '10514b4ef19f80bf4ec4bf90c124f5d34625f2606263b40ae8ec7979905bb779' },
    postgres_scanner: { bytes: 30945398, sha256: 'f39dd59bf57679d0242e19e180d90b4222e5cdb691ab67c7506658f3548c0e05' },
    tpch: { bytes: 13639534, sha256: '2ea825d6f14ab0bb3c4a04d136e60528655910a2892ca090331813f1e9ca929f' },
  },
};
