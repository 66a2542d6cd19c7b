import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { useScene } from './run-cli.js'

const scene = useScene()
const sent = (operationId: string) => scene().server.world.seen.findLast((one) => one.operationId === operationId)?.body
const create = (flags: string, stdin?: string) =>
  scene().run(`certctl targets create --id t --type files --agent agent-web ${flags}`, { stdin })

describe('what --set says', () => {
  it('is text, truth, list or object as the connector has it', async () => {
    await create(`--set cert_path=8443 --set post_deploy_verify.enabled=false --set 'files=[{"path":"/a"}]'`)
    expect(sent('createTarget')).toMatchObject({
      config: { cert_path: '8443', post_deploy_verify: { enabled: false }, files: [{ path: '/a' }] },
    })
  })

  it('is text where the connector is not known, so that the server decides', async () => {
    await scene().run('certctl targets create --type strange --agent agent-web --set port=8443')
    expect(sent('createTarget')).toMatchObject({ type: 'strange', config: { port: '8443' } })
  })

  it('may hold an equals sign, or nothing', async () => {
    await create('--set cert_path=a=b')
    expect(sent('createTarget')).toMatchObject({ config: { cert_path: 'a=b' } })
    await create('--set cert_path=')
    expect(sent('createTarget')).toMatchObject({ config: { cert_path: '' } })
  })

  it('comes from a file or from standard input without its last line end', async () => {
    const file = join(scene().home, 'value')
    writeFileSync(file, 'from a file\n')
    await create(`--set cert_path=@${file}`)
    expect(sent('createTarget')).toMatchObject({ config: { cert_path: 'from a file' } })
    await create('--set cert_path=@-', 'from outside\r\n')
    expect(sent('createTarget')).toMatchObject({ config: { cert_path: 'from outside' } })
    const missing = await create('--set cert_path=@/none')
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('/none cannot be read: ENOENT') })
  })

  it('wins over the file it adds to, and leaves the rest of it', async () => {
    const file = JSON.stringify({
      name: 'n',
      config: { cert_path: '/old', grace: '1h', post_deploy_verify: { enabled: true, timeout: '5s' } },
    })
    await create('--file - --set cert_path=/new --set post_deploy_verify.enabled=false', file)
    expect(sent('createTarget')).toMatchObject({
      name: 'n',
      config: { cert_path: '/new', grace: '1h', post_deploy_verify: { enabled: false, timeout: '5s' } },
    })
  })

  it.each([
    ['--set cert_path', '--set takes key=value, not "cert_path"'],
    ['--set =x', '--set takes key=value, not "=x"'],
    ['--set files=many', 'files takes a JSON list, not "many"'],
    ['--file /none', '/none cannot be read: ENOENT'],
  ])('is refused with the reason: %s', async (flags, reason) => {
    const { exitCode, stderr } = await create(flags)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(reason)
    expect(sent('createTarget')).toBeUndefined()
  })

  it('never carries a secret, nor repeats one', async () => {
    const { exitCode, stdout, stderr } = await scene().run('certctl issuers update iss-local --set passphrase=hunter2')
    expect(exitCode).toBe(2)
    expect(stdout + stderr).not.toContain('hunter2')
    expect(sent('updateIssuer')).toBeUndefined()
  })
})

describe('a change', () => {
  it('sends what was said and nothing else', async () => {
    await scene().run('certctl issuers update iss-local --name "New name"')
    expect(sent('updateIssuer')).toEqual({ name: 'New name' })
    await scene().run('certctl issuers update iss-local --set validity_days=30 --enable')
    expect(sent('updateIssuer')).toEqual({ config: { validity_days: 30 }, enabled: true })
    await scene().run('certctl issuers update iss-local --file -', { stdin: '{"passphrase":null}' })
    expect(sent('updateIssuer')).toEqual({ config: { passphrase: null } })
  })

  it('cannot be two opposite things', async () => {
    expect((await scene().run('certctl issuers update iss-local --enable --disable')).exitCode).toBe(2)
  })
})

describe('a file for something that is shown once', () => {
  const path = () => join(scene().home, 'new.key')
  const make = () => scene().run(`certctl api-keys create --name bot --role viewer --out ${path()}`)

  it('is new, for its owner only, and holds it', async () => {
    const { exitCode, stdout } = await make()
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    expect(readFileSync(path(), 'utf8')).toBe('ccl_made_0123456789\n')
    expect(statSync(path()).mode & 0o777).toBe(0o600)
  })

  it('that cannot be made stops it from being made', async () => {
    writeFileSync(path(), 'precious')
    expect((await make()).exitCode).toBe(2)
    expect(readFileSync(path(), 'utf8')).toBe('precious')
    expect(scene().server.world.apiKeys.size).toBe(1)
    expect((await scene().run('certctl api-keys create --name bot --role viewer --out /none/key')).stderr).toContain(
      '/none/key cannot be written: ENOENT',
    )
  })

  it('does not stay when nothing was made', async () => {
    const { exitCode } = await scene().run(`certctl api-keys create --name bot --role viewer --out ${path()}`, {
      environment: { ...scene().environment, CERTCTL_API_KEY: 'ccl_unknown_0123456789' },
    })
    expect(exitCode).toBe(4)
    expect(existsSync(path())).toBe(false)
  })
})
