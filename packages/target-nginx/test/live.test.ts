import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isCertctlError, parseTargetConfig } from '@certctl/core'
import { createMaterial, createTestTargetHost, type TestLeaf, testTarget } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import nginx from '../src/index.js'
import { type NginxProcess, nginxPath, servedOn, startNginx } from './nginx-process.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const program = nginxPath ?? ''

if (nginxPath === undefined && !required) it.skip('skipped: nginx is not installed', () => undefined)
else if (nginxPath === undefined)
  it('nginx is installed, since CERTCTL_TEST_REAL=required', () => expect(nginxPath).toBeDefined())
else runLive()

function runLive(): void {
  // The laws take one configuration and many worlds, so the paths of each world are put in when it is made.
  describe('contract, on the real product', () => {
    const paths = { cert_path: '/placeholder/cert.pem', key_path: '/placeholder/key.pem' }
    let current: NginxProcess
    const definition: typeof nginx = {
      ...nginx,
      create: (_, host) => nginx.create(parseTargetConfig(nginx, current.config).config, host),
    }
    testTarget({
      test: (name, check) =>
        // This law writes to the configuration's own paths, which exist in no world; it is asked below.
        name.startsWith('a file that holds something other') ? undefined : it(name, check),
      definition,
      config: paths,
      createWorld: async () => {
        current = await startNginx(program)
        return current
      },
    })
  })

  describe('a real NGINX', () => {
    let world: NginxProcess
    let old: TestLeaf
    let next: TestLeaf
    const never = new AbortController().signal
    beforeEach(async () => {
      world = await startNginx(program)
      ;[old, next] = (await createMaterial()).leafs
    })
    afterEach(() => world.close())

    const deploy = (leaf: TestLeaf, over: Record<string, string> = {}, signal = never) =>
      nginx
        .create(parseTargetConfig(nginx, { ...world.config, ...over }).config, createTestTargetHost(world))
        .deploy({ ...leaf, id: 'd', certificateId: 'c', signal })
    const codeOf = async (work: Promise<unknown>): Promise<string> => {
      const error: unknown = await work.then(
        () => new Error('it did not fail'),
        (reason: unknown) => reason,
      )
      return isCertctlError(error) ? error.code : String(error)
    }

    it('serves the chain with the leaf, and the files have their modes', async () => {
      await deploy(next)
      const root = (await createMaterial()).rootPem
      const status = await new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port: world.port, servername: 'localhost', ca: root, agent: false }, (response) => {
          response.resume()
          resolve(response.statusCode)
        }).once('error', reject)
      })
      expect(status).toBe(200)
      expect((await stat(world.config.key_path ?? '')).mode & 0o777).toBe(0o600)
      expect((await stat(world.config.cert_path ?? '')).mode & 0o777).toBe(0o644)
    })

    it('is renewed without a failed handshake', async () => {
      await deploy(old)
      const seen = new Set<string | undefined>()
      let over = false
      const watching = (async () => {
        while (!over) {
          seen.add(await servedOn(world.port))
          await pause(10)
        }
      })()
      await deploy(next)
      over = true
      await watching
      expect(
        [...seen].filter((fingerprint) => fingerprint !== old.fingerprint && fingerprint !== next.fingerprint),
      ).toEqual([])
      expect(await servedOn(world.port)).toBe(next.fingerprint)
    })

    it('whose configuration is broken is not deployed to, keeps the old certificate, and is once it is repaired', async () => {
      await deploy(old)
      await world.configure('no_such_directive on;')
      expect(await codeOf(deploy(next))).toBe('deploy_failed')
      expect(await servedOn(world.port)).toBe(old.fingerprint)
      await world.configure('')
      await expect(deploy(next)).resolves.toMatchObject({ changed: true, served: 'served' })
    })

    it('keeps the old certificate when a foreign hand tears the pair between writing and reload', async () => {
      await deploy(old)
      const tear = join(world.directory, 'tear-then-test')
      const key = join(world.directory, 'foreign.key')
      await writeFile(key, old.privateKeyPem.reveal())
      const command = world.config.validate_command ?? ''
      const script = `#!/bin/sh\nif grep -q '${next.certificatePem.split('\n')[1]}' ${world.config.cert_path}; then cp ${key} ${world.config.key_path}; fi\nexec ${command}\n`
      await writeFile(tear, script, { mode: 0o755 })
      expect(await codeOf(deploy(next, { validate_command: tear }))).toBe('deploy_failed')
      expect(await servedOn(world.port)).toBe(old.fingerprint)
      expect(await readFile(world.config.key_path ?? '', 'utf8')).toBe(old.privateKeyPem.reveal())
      await expect(deploy(next)).resolves.toMatchObject({ served: 'served' })
    })

    it('whose reload fails once keeps the old certificate', async () => {
      await deploy(old)
      const flag = join(world.directory, 'failed-once')
      const flaky = join(world.directory, 'flaky')
      const script = `#!/bin/sh\nif [ ! -e ${flag} ]; then touch ${flag}; echo 'reload failed' >&2; exit 1; fi\nexec ${world.config.reload_command}\n`
      await writeFile(flaky, script, { mode: 0o755 })
      expect(await codeOf(deploy(next, { reload_command: flaky }))).toBe('deploy_failed')
      expect(await servedOn(world.port)).toBe(old.fingerprint)
      await expect(deploy(next, { reload_command: flaky })).resolves.toMatchObject({ served: 'served' })
    })

    it('whose reload hangs is given up when the deployment is, and keeps the old certificate', async () => {
      await deploy(old)
      const hanging = join(world.directory, 'hanging')
      const flag = join(world.directory, 'hung-once')
      const script = `#!/bin/sh\nif [ ! -e ${flag} ]; then touch ${flag}; sleep 600; fi\nexec ${world.config.reload_command}\n`
      await writeFile(hanging, script, { mode: 0o755 })
      const controller = new AbortController()
      const ending = codeOf(deploy(next, { reload_command: hanging }, controller.signal))
      while (!(await readdir(world.directory)).includes('hung-once')) await pause(10)
      controller.abort()
      expect(await ending).toBe('aborted')
      expect(await servedOn(world.port)).toBe(old.fingerprint)
    })

    it('whose reload does nothing is found out, and the files are put back', async () => {
      await deploy(old)
      expect(await codeOf(deploy(next, { reload_command: '/bin/true' }))).toBe('deploy_failed')
      expect(await readFile(world.config.cert_path ?? '', 'utf8')).toBe(old.certificatePem + old.chainPem)
      expect(await servedOn(world.port)).toBe(old.fingerprint)
    })

    it('never gets a file that held something else replaced, and no temporary stays', async () => {
      await writeFile(world.config.cert_path ?? '', 'user nobody;\n')
      expect(await codeOf(deploy(next))).toBe('deploy_failed')
      expect(await readFile(world.config.cert_path ?? '', 'utf8')).toBe('user nobody;\n')
      expect(await readdir(join(world.directory, 'tls'))).toEqual(['www.pem'])
    })
  })
}
