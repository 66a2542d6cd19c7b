/** What can go wrong while a certificate is put on a server, on a real NGINX, with a handshake every 50 ms throughout. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Placement } from '@certctl/api'
import { createMaterial } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect } from '@jest/globals'
import { type ControlPlane, startControlPlane } from './harness/control-plane.js'
import { needs } from './harness/needs.js'
import { nginxVersion, startNginx, type TestNginx } from './harness/nginx.js'
import { startAgent, type TestAgent } from './harness/test-agent.js'
import { until } from './harness/until.js'
import { type EndpointWatch, shakeHands, watchEndpoint } from './harness/watch-endpoint.js'

interface Site {
  name: string
  folder: string
  nginx: TestNginx
  certificateId: string
  watch: EndpointWatch
  first: string
}
interface Fault {
  name: string
  needs?: 'root'
  code: RegExp
  says: RegExp
  /** Breaks the site; returns what takes the fault away. */
  cause(site: Site): Promise<() => Promise<void>> | (() => Promise<void>)
}

/** Turns a site's wrapper script into another one; the agent's policy and the target's configuration stay as they are. */
function script(site: Site, which: 'validate' | 'reload', lines: readonly string[]): () => Promise<void> {
  const path = join(site.folder, which)
  const good = readFileSync(path, 'utf8')
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  return async () => writeFileSync(path, good)
}

const faults: readonly Fault[] = [
  {
    name: 'a configuration that is broken',
    code: /^deploy_failed$/,
    says: /nginx|configuration/i,
    cause(site) {
      site.nginx.configure('this is no configuration;\n')
      return async () => site.nginx.configure()
    },
  },
  {
    name: 'a key that does not fit, forced in between writing and reload',
    code: /^deploy_failed$/,
    says: /key values mismatch|mismatch|reload/i,
    async cause(site) {
      const { leafs } = await createMaterial()
      writeFileSync(join(site.folder, 'other.key'), leafs[0]?.privateKeyPem.reveal() ?? '')
      // Asked before writing and after it: only then is the new key there to be replaced.
      return script(site, 'validate', [
        `if [ -e ${site.folder}/asked ]; then cat ${site.folder}/other.key > ${site.nginx.keyFile}; fi`,
        `touch ${site.folder}/asked`,
      ])
    },
  },
  {
    name: 'a disk that is full',
    needs: 'root',
    code: /^deploy_failed$/,
    says: /space|ENOSPC/i,
    cause(site) {
      const filler = join(site.folder, 'certificates', 'filler')
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k', 'count=4096'])
      return async () => rmSync(filler)
    },
  },
  {
    name: 'a directory that is read-only',
    needs: 'root',
    code: /^deploy_failed$/,
    says: /read-only|EROFS/i,
    async cause(site) {
      const place = join(site.folder, 'certificates')
      const remount = (how: 'ro' | 'rw') =>
        // Refused for as long as somebody has a file there open for writing.
        until(`it is mounted ${how}`, 60, () =>
          spawnSync('mount', ['-o', `remount,${how}`, place]).status === 0 ? true : undefined,
        )
      await remount('ro')
      return async () => void (await remount('rw'))
    },
  },
  {
    name: 'a reload that fails',
    code: /^deploy_(failed|torn)$/,
    says: /cannot reload today/,
    cause: (site) => script(site, 'reload', ['echo cannot reload today >&2', 'exit 3']),
  },
  {
    name: 'a reload that hangs',
    code: /^deploy_(failed|torn)$/,
    says: /did not end|time|seconds|hang/i,
    cause: (site) => script(site, 'reload', ['exec sleep 600']),
  },
  {
    name: 'a reload that does nothing',
    code: /^deploy_failed$/,
    says: /serve/i,
    cause: (site) => script(site, 'reload', ['exit 0']),
  },
]

const version = nginxVersion()
const isRoot = process.getuid?.() === 0
const whole = needs({ nginx: version !== undefined })

describe(`deployment faults on ${version ?? 'nginx'}`, () => {
  let folder: string
  let plane: ControlPlane
  let agent: TestAgent
  const outcomes = new Map<string, Promise<void>>()
  const sites: Site[] = []

  beforeAll(async () => {
    if (whole.skip) return
    folder = mkdtempSync(join(tmpdir(), 'certctl-faults-'))
    plane = await startControlPlane({ folder })
    const names = faults.map((_, index) => `site-${index}.fault.test`)
    const commands = names.flatMap((name) => [[join(folder, name, 'validate')], [join(folder, name, 'reload')]])
    agent = await startAgent({ folder: join(folder, 'agent'), name: 'edge', plane, commands })
    // All faults at once, each on a site of its own: what takes long is the pause before the next attempt.
    for (const [index, fault] of faults.entries()) {
      if (fault.needs === 'root' && !isRoot) continue
      const outcome = suffer(fault, names[index] ?? '')
      outcome.catch(() => undefined)
      outcomes.set(fault.name, outcome)
    }
  }, 600_000)

  afterAll(async () => {
    if (whole.skip) return
    await Promise.allSettled(outcomes.values())
    for (const site of sites) {
      await site.watch.stop()
      await site.nginx.stop()
    }
    await agent?.running.stop()
    await plane?.stop()
    for (const site of sites) if (isMounted(site)) spawnSync('umount', [join(site.folder, 'certificates')])
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }, 900_000)

  async function suffer(fault: Fault, name: string): Promise<void> {
    const site = await startSite(name, fault.needs === 'root')
    const repair = await fault.cause(site)
    await plane.api.renewCertificate({ params: { id: site.certificateId }, query: {}, body: {} })
    const failed = await until(`${fault.name} shows on the placement`, 600, async () => {
      const placement = await placementOf(site)
      return placement.cause !== undefined && placement.failures > 0 ? placement : undefined
    })
    expect(failed.cause?.code).toMatch(fault.code)
    expect(failed.cause?.message).toMatch(fault.says)
    expect(failed.next_attempt_at).toBeDefined()
    expect(site.watch.seen().fingerprints).toEqual([site.first])
    await repair()
    await until(`${name} converges when the fault is gone`, 900, async () => {
      const { state, served_fingerprint, desired_fingerprint } = await placementOf(site)
      return state === 'served' && served_fingerprint === desired_fingerprint && served_fingerprint !== site.first
        ? true
        : undefined
    })
    const seen = await site.watch.stop()
    expect(seen.failures).toEqual([])
    expect(seen.fingerprints).toEqual([site.first, (await placementOf(site)).served_fingerprint])
  }

  async function placementOf(site: Site): Promise<Placement> {
    const { body } = await plane.api.listCertificatePlacements({ params: { id: site.certificateId } })
    const [placement] = body.data
    if (placement === undefined) throw new Error('no placement')
    return placement
  }

  async function startSite(name: string, ownMount: boolean, by: TestAgent = agent): Promise<Site> {
    const place = join(folder, name)
    mkdirSync(join(place, 'certificates'), { recursive: true })
    if (ownMount)
      expect(
        spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'certctl-test', join(place, 'certificates')]).status,
      ).toBe(0)
    const { leafs } = await createMaterial()
    const [, before] = leafs
    writeFileSync(
      join(place, 'certificates', 'fullchain.pem'),
      (before?.certificatePem ?? '') + (before?.chainPem ?? ''),
    )
    writeFileSync(join(place, 'certificates', 'key.pem'), before?.privateKeyPem.reveal() ?? '', { mode: 0o600 })
    const nginx = await startNginx(place, name)
    for (const [which, argv] of [
      ['validate', nginx.validateCommand],
      ['reload', nginx.reloadCommand],
    ] as const) {
      writeFileSync(join(place, which), `#!/bin/sh\nexec ${argv.join(' ')}\n`)
      chmodSync(join(place, which), 0o755)
    }
    const { body: target } = await plane.api.createTarget({
      body: {
        name,
        type: 'NGINX',
        agent_id: by.id,
        config: {
          cert_path: nginx.certificateFile,
          key_path: nginx.keyFile,
          validate_command: [join(place, 'validate')],
          reload_command: [join(place, 'reload')],
          endpoints: [{ host: '127.0.0.1', port: nginx.port, serverName: name }],
          // Some twenty seconds: a web server may stand still for half of them.
          post_deploy_verify: { attempts: 10, backoff: '300ms', timeout: '20s' },
        },
      },
    })
    const { body: certificate } = await plane.api.createCertificate({
      body: { name, sans: [name], issuer_id: 'iss-local', target_ids: [target.id] },
    })
    const site = {
      name,
      folder: place,
      nginx,
      certificateId: certificate.id,
      first: '',
      watch: watchEndpoint({ port: nginx.port, serverName: name }),
    }
    sites.push(site)
    const served = await until(`${name} is served`, 600, async () => {
      const { state, served_fingerprint } = await placementOf(site)
      return state === 'served' ? served_fingerprint : undefined
    })
    await nginx.settled()
    expect(await shakeHands(nginx.port, name)).toBe(served)
    site.first = served
    site.watch.forget()
    return site
  }

  for (const fault of faults) {
    const may = needs({ nginx: version !== undefined, 'root, for mounts': fault.needs !== 'root' || isRoot })
    may.test(
      `${fault.name}: the old certificate stays served, the placement says why, and it converges when the fault is gone`,
      async () => {
        await outcomes.get(fault.name)
      },
      2_400_000,
    )
  }

  whole.test(
    'an agent killed between the two renames: it repairs the pair before it asks for work, and deploys',
    async () => {
      const plan = await suffersDeath()
      expect(plan.seen.failures).toEqual([])
      expect(plan.seen.fingerprints).toEqual([plan.first, plan.last])
    },
    1_800_000,
  )

  async function isServedAnew(site: Site): Promise<string> {
    return await until(`${site.name} is served with another certificate`, 600, async () => {
      const { state, served_fingerprint, desired_fingerprint } = await placementOf(site)
      const isNew = served_fingerprint === desired_fingerprint && served_fingerprint !== site.first
      return state === 'served' && isNew ? served_fingerprint : undefined
    })
  }

  /** An agent of its own whose rename of the certificate never happens: it is killed while it waits for that, with the key renamed. */
  async function suffersDeath(): Promise<{ seen: ReturnType<EndpointWatch['seen']>; first: string; last: string }> {
    const name = 'torn.fault.test'
    const own = await startAgent({
      folder: join(folder, 'mortal'),
      name: 'mortal',
      plane,
      commands: [[join(folder, name, 'validate')], [join(folder, name, 'reload')]],
    })
    try {
      const site = await startSite(name, false, own)
      const { certificateFile, keyFile } = site.nginx
      const before = { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
      await own.running.stop()
      const hung = join(site.folder, 'hung')
      await own.restart(['env', `NODE_OPTIONS=--import=${hangRename(site.folder, { of: certificateFile, hung })}`])
      await plane.api.renewCertificate({ params: { id: site.certificateId }, query: { force: true }, body: {} })
      await until('the certificate is about to be renamed', 600, () => (existsSync(hung) ? true : undefined))
      await own.running.kill9()
      expect(readFileSync(keyFile, 'utf8')).not.toBe(before.key)
      expect(readFileSync(certificateFile, 'utf8')).toBe(before.certificate)
      await own.restart()
      const last = await isServedAnew(site)
      return { seen: await site.watch.stop(), first: site.first, last }
    } finally {
      await own.running.stop()
    }
  }
})

/** A module for Node to begin with: a rename to this file never happens, and another file says so. Returns its path. */
function hangRename(folder: string, { of, hung }: { of: string; hung: string }): string {
  const path = join(folder, 'hang-rename.mjs')
  const lines = [
    "import fs from 'node:fs'",
    "import { syncBuiltinESMExports } from 'node:module'",
    'const { rename } = fs.promises',
    'fs.promises.rename = (from, to) => {',
    `  if (to !== ${JSON.stringify(of)}) return rename(from, to)`,
    `  fs.writeFileSync(${JSON.stringify(hung)}, from)`,
    '  return new Promise(() => undefined)',
    '}',
    'syncBuiltinESMExports()',
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

function isMounted(site: Site): boolean {
  return readFileSync('/proc/mounts', 'utf8').includes(` ${join(site.folder, 'certificates')} `)
}
