import type { ConnectorNames } from './names.js'

export type TemplateKind = 'issuer' | 'target' | 'notifier'
export interface ManifestOptions {
  kind: TemplateKind
  names: ConnectorNames
  /** Of our packages, as they are now. */
  versions: { core: string; kit: string; testing: string; typescript: string; nodeTypes: string }
}

/** The manifest of a package in this workspace. */
export function workspaceManifest({ kind, names }: ManifestOptions): object {
  return {
    name: `@certctl/${kind}-${names.slug}`,
    version: '0.1.0',
    description: `certctl ${kind}: ${names.type}`,
    license: 'Apache-2.0',
    type: 'module',
    certctl: { kind, contract: 1 },
    exports: {
      '.': { '@certctl/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', 'README.md'],
    engines: { node: '>=20.19' },
    peerDependencies: { '@certctl/core': 'workspace:^' },
    dependencies: { '@certctl/kit': 'workspace:^' },
    devDependencies: { '@certctl/core': 'workspace:^', '@certctl/testing': 'workspace:^' },
    publishConfig: {
      access: 'public',
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './package.json': './package.json',
      },
    },
  }
}

/** The manifest of a package that stands alone: it builds and tests itself with the compiler and Node's own runner. */
export function standAloneManifest({ kind, names, versions }: ManifestOptions): object {
  return {
    name: `certctl-${kind}-${names.slug}`,
    version: '0.1.0',
    description: `certctl ${kind}: ${names.type}`,
    type: 'module',
    certctl: { kind, contract: 1 },
    exports: {
      '.': { types: './build/src/index.d.ts', default: './build/src/index.js' },
      './package.json': './package.json',
    },
    files: ['build/src', 'README.md'],
    engines: { node: '>=20.19' },
    scripts: {
      build: 'tsc',
      test: 'tsc && node --test build/test/contract.test.js',
      prepack: 'tsc',
    },
    peerDependencies: { '@certctl/core': `^${versions.core}` },
    dependencies: { '@certctl/kit': `^${versions.kit}` },
    devDependencies: {
      '@certctl/core': `^${versions.core}`,
      '@certctl/testing': `^${versions.testing}`,
      '@types/node': versions.nodeTypes,
      typescript: `^${versions.typescript}`,
    },
  }
}

/** Compiler settings of a package that stands alone: ours, without our private condition. */
export const standAloneTsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: true,
    declaration: true,
    sourceMap: true,
    rootDir: '.',
    outDir: 'build',
  },
  include: ['src', 'test'],
}
