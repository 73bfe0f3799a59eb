/**
 * The DuckDB extensions that set-up fetches and the engine loads: version, and SHA-256 of the unpacked, signed file by
 * platform. A file with another hash is neither put into the cache nor loaded. To move to a new DuckDB, change the version
 * here together with the node package's, and take the hashes from the published files.
 */

/** The DuckDB whose extensions are used; the same as that of the node package. */
export const duckdbVersion = 'v1.5.5';

export type ExtensionName = 'ducklake' | 'postgres_scanner' | 'httpfs' | 'tpch';

/** SHA-256 of the binaries as published, by DuckDB's name of the platform. */
export const extensionSha256: Readonly<Record<string, Readonly<Record<ExtensionName, string>>>> = {
  linux_amd64: {
    ducklake: 'e51bf9e8d933d0e83780ae096455501b542cf962569a2ce5613532d702c08302',
    postgres_scanner: 'b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c',
    httpfs: '887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8',
    tpch: '3da16edae72039b20afccf092f49b9e17ebbcf56c93f89a9fcb54a39a027e088',
  },
  linux_arm64: {
    ducklake: 'd0b57c8e261b89a1ae367c7224f0857cfde72ab6cf2609f188e0de9b897b1088',
    postgres_scanner: 'e2469cce1e855e8c842a1487dd8168cf27904c03baaf1f2c227529403315d819',
    httpfs: 'eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9',
    tpch: 'a7a919c6e272442efccbb1cf9ce2724206d6355a6ecb95d499228913d292afc9',
  },
  osx_amd64: {
    ducklake: 'c7baf45b87f19cb3191c228b820857d573761d344c7855570dcc7eb3b8f1ff9e',
    postgres_scanner: '0df780444ce04a75c5a4e7b89896eab5cebe1ca21163fc6c267f3365ffe4a3c1',
    httpfs: 'a2f48ae06834c165ae73db71f2320360a4b30e7acf4c87187b2241caa48a990d',
    tpch: 'a7325244ab7c7f08c5441e0c5128f8ce456b58f49303d51580daf7c17e95c1ed',
  },
  osx_arm64: {
    ducklake: '1b72fc42164dbf21948e5a912cefc383b24071852f9e70209874ebd0a73b7caa',
    postgres_scanner: 'f39dd59bf57679d0242e19e180d90b4222e5cdb691ab67c7506658f3548c0e05',
    httpfs: '10514b4ef19f80bf4ec4bf90c124f5d34625f2606263b40ae8ec7979905bb779',
    tpch: '2ea825d6f14ab0bb3c4a04d136e60528655910a2892ca090331813f1e9ca929f',
  },
};
