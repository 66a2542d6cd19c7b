import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { findBreaches } from '../layers/find-breaches.js'
import { rules } from '../layers/rules.js'

type Tree = Readonly<Record<string, string>>

const breachesOf = (tree: Tree) => findBreaches(Object.entries(tree).map(([path, text]) => ({ path, text })))

/** For each never: trees that breach it once, and trees that come close and do not. */
const trees: Readonly<Record<number, { breach: readonly Tree[]; fine: readonly Tree[] }>> = {
  1: {
    breach: [
      { 'packages/core/src/a.ts': "import { splitCertificates } from '@certctl/pki'" },
      { 'packages/core/src/a.ts': "import type { Op } from '../../api/src/op.js'" },
      { 'packages/core/src/a.ts': "type T = import('@certctl/kit').FileChange" },
    ],
    fine: [
      { 'packages/core/src/a.ts': "import { z } from 'zod'\nimport { b } from './b.js'\n// import '@certctl/pki'" },
    ],
  },
  2: {
    breach: [
      { 'packages/target-nginx/src/index.ts': "import files from '@certctl/target-files'" },
      { 'packages/target-nginx/src/index.ts': "import { compose } from '@certctl/server'" },
      { 'packages/target-nginx/src/index.ts': "export { x } from '../../target-files/src/index.js'" },
    ],
    fine: [
      {
        'packages/target-nginx/src/index.ts':
          "import { defineTarget } from '@certctl/core'\nimport { x } from './x.js'",
      },
    ],
  },
  3: {
    breach: [
      { 'apps/agent/src/a.ts': "import { x } from '../../server/src/compose.js'" },
      { 'apps/cli/test/a.test.ts': "import { x } from '../../server/src/compose.js'" },
    ],
    fine: [{ 'apps/agent/src/a.ts': "import { x } from './b.js'" }],
  },
  4: {
    breach: [
      { 'apps/agent/src/a.ts': "import nginx from '@certctl/target-nginx'" },
      { 'apps/server/src/a.ts': "const local = await import('@certctl/issuer-local')" },
    ],
    fine: [{ 'apps/agent/test/a.test.ts': "import nginx from '@certctl/target-nginx'" }],
  },
  5: {
    breach: [
      { 'apps/server/src/http/routes/a.ts': "import { createId } from '../../store/create-id.js'" },
      { 'apps/server/src/schedule/a.ts': "import { createId } from '../store/create-id.js'" },
      { 'apps/server/src/protocols/est/a.ts': "import { createId } from '../../store/create-id.js'" },
      { 'apps/server/src/http/a.ts': 'export const f = (services) => services.store.agents.list()' },
      { 'apps/server/src/doctor/a.ts': 'export const f = (services) => services.store.transaction(() => {})' },
    ],
    fine: [
      { 'apps/server/src/http/routes/a.ts': "import type { AgentRow } from '../../store/agents.js'" },
      { 'apps/server/src/schedule/a.ts': 'export const f = (services) => services.store.jobs.listDue()' },
      { 'apps/server/src/inventory/a.ts': "import { createId } from '../store/create-id.js'" },
    ],
  },
  6: {
    breach: [{ 'apps/server/src/store/a.ts': "import { issue } from '../lifecycle/issue.js'" }],
    fine: [{ 'apps/server/src/store/a.ts': "import { sql } from 'kysely'\nimport { b } from './b.js'" }],
  },
  7: {
    breach: [
      { 'apps/server/src/lifecycle/policy/apply-policy.ts': "import { readFile } from 'node:fs/promises'" },
      { 'apps/server/src/doctor/checks/check-caa.ts': "import { lookup } from 'node:dns/promises'" },
      {
        'apps/server/src/doctor/checks/check-caa.ts': "import { ask } from '../dns/ask.js'",
        'apps/server/src/doctor/dns/ask.ts': "import packet from 'dns-packet'",
      },
      {
        'apps/server/src/lifecycle/csr/validate-csr.ts': "import { helper } from './helper.js'",
        'apps/server/src/lifecycle/csr/helper.ts': "import { Pool } from 'pg'",
      },
    ],
    fine: [
      {
        'apps/server/src/lifecycle/csr/validate-csr.ts':
          "import { parseCsr } from '@certctl/pki'\nimport type { S } from '../stage.js'",
        'apps/server/src/lifecycle/stage.ts': "import type { Csr } from '@certctl/pki'",
      },
    ],
  },
  8: {
    breach: [
      { 'apps/server/src/lifecycle/a.ts': "import express from 'express'" },
      { 'apps/server/src/inventory/a.ts': "import { sql } from 'kysely'" },
      { 'apps/server/src/http/a.ts': "import { sql } from 'kysely'" },
      { 'packages/api/src/bind.ts': "import type { Router } from 'express'" },
    ],
    fine: [
      { 'apps/server/src/http/app.ts': "import express from 'express'" },
      { 'apps/server/src/protocols/acme/router.ts': "import { Router } from 'express'" },
      { 'apps/server/src/store/a.ts': "import { sql } from 'kysely'" },
    ],
  },
  9: {
    breach: [
      { 'apps/server/src/compose.ts': 'const port = process.env.PORT' },
      { 'packages/kit/src/a.ts': 'const { HOME } = process.env' },
      { 'apps/server/src/http/config.ts': 'const port = process.env.PORT' },
    ],
    fine: [
      { 'apps/server/src/config.ts': 'const port = process.env.PORT' },
      { 'apps/server/src/compose.ts': "// process.env is read elsewhere\nconst text = 'process.env'" },
      { 'apps/server/test/a.test.ts': 'const port = process.env.PORT' },
    ],
  },
  10: {
    breach: [
      { 'packages/target-x/src/index.ts': "import { readFile } from 'node:fs/promises'" },
      { 'packages/issuer-x/src/index.ts': "import axios from 'axios'" },
      { 'packages/issuer-x/src/index.ts': 'const now = Date.now()' },
      { 'packages/issuer-x/src/index.ts': 'const now = new Date()' },
      { 'packages/issuer-x/src/index.ts': 'const id = randomUUID()' },
      { 'packages/notifier-x/src/index.ts': "await fetch('https://x.test')" },
      { 'packages/dns-x/src/index.ts': 'setTimeout(f, 1000)' },
    ],
    fine: [
      { 'packages/issuer-x/src/index.ts': "import { createHmac } from 'node:crypto'\nconst at = new Date(text)" },
      { 'packages/issuer-aws/src/index.ts': "import { ACMPCAClient } from '@aws-sdk/client-acm-pca'" },
      { 'packages/kit/src/a.ts': "import { readFile } from 'node:fs/promises'\nconst now = Date.now()" },
      { 'packages/target-x/test/live.test.ts': "import { readFile } from 'node:fs/promises'" },
    ],
  },
  11: {
    breach: [
      { 'packages/kit/src/a.ts': "exec('systemctl reload nginx')" },
      { 'packages/kit/src/a.ts': "spawn('nginx', args, { shell: true })" },
      { 'packages/target-x/src/index.ts': "await host.run(['/bin/sh', '-c', text])" },
      { 'apps/agent/src/a.ts': "spawn('bash', ['-lc', text])" },
    ],
    fine: [
      { 'packages/kit/src/a.ts': "const found = /x/.exec(text)\nspawn('nginx', ['-c', path], { shell: false })" },
      { 'packages/target-x/src/index.ts': "await host.run(['systemctl', 'reload', name])" },
    ],
  },
  12: {
    breach: [
      { 'packages/api/src/agents.ts': 'export const s = z.object({ private_key: z.string() })' },
      { 'packages/api/src/agents.ts': "export const s = z.object({ 'privateKeyPem': z.string() })" },
      { 'apps/agent/src/report.ts': "import { createClient } from '@certctl/api'\nsend({ privateKeyPem })" },
    ],
    fine: [
      { 'packages/api/src/agents.ts': 'export const s = z.object({ public_key: z.string(), key_type: z.string() })' },
      { 'apps/agent/src/run-deployment.ts': "import type { WorkItem } from '@certctl/api'\ndeploy({ privateKeyPem })" },
    ],
  },
  13: {
    breach: [{ 'apps/web/src/features/agents/list.tsx': "import { x } from '../targets/queries.js'" }],
    fine: [
      {
        'apps/web/src/features/agents/list.tsx':
          "import { x } from './queries.js'\nimport { y } from '../../ui/table.js'",
      },
      { 'apps/web/src/routes/home.tsx': "import { x } from '../features/agents/list.js'" },
    ],
  },
  14: {
    breach: [
      { 'packages/kit/src/a.ts': "import { fake } from '../test/fake.js'" },
      { 'apps/server/src/a.ts': "import { createTestHost } from '@certctl/testing'" },
    ],
    fine: [
      { 'apps/cli/src/a.ts': "import { testTarget } from '@certctl/testing'" },
      { 'apps/cli/src/verbs.ts': "import { test } from './test.js'" },
      { 'packages/kit/test/a.test.ts': "import { createTestHost } from '@certctl/testing'" },
    ],
  },
}

describe('the fourteen nevers', () => {
  it('are fourteen, and each has trees that show it', () => {
    expect(rules.map(({ number }) => number)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1))
    expect(Object.keys(trees)).toHaveLength(14)
  })

  for (const { number, never } of rules) {
    const { breach = [], fine = [] } = trees[number] ?? {}
    it.each(breach)(`${number}. ${never}: a breach is found (%#)`, (tree) => {
      expect(breachesOf(tree).filter((line) => line.includes(`(never ${number}:`))).toHaveLength(1)
    })
    it.each(fine)(`${number}. ${never}: what is allowed passes (%#)`, (tree) => {
      expect(breachesOf(tree).filter((line) => line.includes(`(never ${number}:`))).toEqual([])
    })
  }

  it('a breach says where it is', () => {
    expect(breachesOf({ 'apps/agent/src/a.ts': "\n\nimport nginx from '@certctl/target-nginx'" })).toEqual([
      'apps/agent/src/a.ts:3 imports @certctl/target-nginx  (never 4: an app does not import a connector by name)',
    ])
  })
})

describe('the arrows', () => {
  it.each([
    ['packages/pki/src/a.ts', '@certctl/kit'],
    ['packages/testing/src/a.ts', '@certctl/kit'],
    ['packages/api/src/a.ts', '@certctl/core'],
    ['packages/target-x/src/index.ts', '@certctl/api'],
    ['apps/web/src/a.ts', '@certctl/core'],
    ['apps/agent/src/a.ts', '@certctl/testing'],
  ])('%s does not stand on %s', (path, specifier) => {
    expect(breachesOf({ [path]: `import { x } from '${specifier}'` })).toHaveLength(1)
  })

  it.each([
    ['packages/kit/src/a.ts', '@certctl/pki'],
    ['packages/target-x/src/index.ts', '@certctl/kit'],
    ['apps/cli/src/a.ts', '@certctl/testing'],
    ['apps/server/src/a.ts', '@certctl/api'],
  ])('%s stands on %s', (path, specifier) => {
    expect(breachesOf({ [path]: `import { x } from '${specifier}'` })).toEqual([])
  })

  it('a room that no arrow leads from is named', () => {
    expect(breachesOf({ 'packages/misc/src/a.ts': '' })[0]).toContain('no arrow leads from: misc')
  })
})

describe('pnpm check:layers', () => {
  const script = join(import.meta.dirname, '..', 'check-layers.ts')
  const tsx = join(import.meta.dirname, '..', '..', 'node_modules', 'tsx', 'dist', 'cli.mjs')

  it('fails when there is a breach, and names it', () => {
    const root = mkdtempSync(join(tmpdir(), 'certctl-layers-'))
    const path = join(root, 'packages', 'core', 'src', 'a.ts')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, "import { x } from '@certctl/pki'\n")
    const { status, stdout } = spawnSync(process.execPath, [tsx, script, '--root', root], {
      encoding: 'utf8',
      env: plainEnvironment(),
    })
    rmSync(root, { recursive: true })
    expect(stdout).toContain('packages/core/src/a.ts:1 imports @certctl/pki')
    expect(stdout).toContain('1 files, 14 nevers, 1 breaches')
    expect(status).toBe(1)
  })
})

/** Without what the test runner itself needs of Node. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: '' }
}
