import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { policyExample, readPolicy } from '../src/policy.js'

let directory: string
let file: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-policy-'))
  file = join(directory, 'policy.json')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const proposed = [['nginx', '-t']]

async function policyOf(rules: unknown) {
  await writeFile(file, JSON.stringify(rules), { mode: 0o600 })
  return await readPolicy(file)
}

describe('commands', () => {
  it('of a connector package are allowed without a policy file, and nothing else is', async () => {
    const policy = await readPolicy(undefined)
    expect(() => policy.allowCommand(['nginx', '-t'], proposed)).not.toThrow()
    expect(() => policy.allowCommand(['nginx', '-t', '-c', '/tmp/x'], proposed)).toThrow(/not allowed on this host/)
    expect(() => policy.allowCommand(['nginx'], proposed)).toThrow(/not allowed on this host/)
  })

  it('listed in the file are allowed word by word', async () => {
    const policy = await policyOf({ commands: ["docker exec web 'nginx' -s reload"] })
    expect(() => policy.allowCommand(['docker', 'exec', 'web', 'nginx', '-s', 'reload'], [])).not.toThrow()
    expect(() => policy.allowCommand(['docker', 'exec', 'web', 'nginx', '-s', 'reload', '--privileged'], [])).toThrow()
    expect(() => policy.allowCommand(['docker', 'exec web', 'nginx', '-s', 'reload'], [])).toThrow()
  })

  it('that are refused come with the line that would allow them, and that line does', async () => {
    const policy = await policyOf({})
    const argv = ['docker', 'exec', 'my web', "it's", '-s', 'reload']
    let message = ''
    try {
      policy.allowCommand(argv, [])
    } catch (error) {
      message = (error as Error).message
      expect(error).toMatchObject({ code: 'policy_denied' })
    }
    const line = JSON.parse(/add ("(?:[^"\\]|\\.)*") to "commands"/.exec(message)?.[1] ?? '""')
    const after = await policyOf({ commands: [line] })
    expect(() => after.allowCommand(argv, [])).not.toThrow()
    expect(message).toContain(file)
  })
})

describe('writing', () => {
  it('is allowed anywhere where no directories are listed', async () => {
    await expect((await readPolicy(undefined)).allowWrite('/anywhere/at/all')).resolves.toBeUndefined()
  })

  it('stays below the listed directories, wherever links lead', async () => {
    const inside = join(directory, 'tls')
    const outside = join(directory, 'etc')
    await mkdir(inside)
    await mkdir(outside)
    await symlink(join(outside, 'shadow'), join(inside, 'link'))
    await symlink(outside, join(inside, 'dir'))
    await writeFile(join(outside, 'shadow'), '')
    const policy = await policyOf({ write_directories: [inside] })
    await expect(policy.allowWrite(join(inside, 'new.pem'))).resolves.toBeUndefined()
    await expect(policy.allowWrite(join(inside, 'sub', 'new.pem'))).resolves.toBeUndefined()
    await expect(policy.allowWrite(join(outside, 'new.pem'))).rejects.toMatchObject({ code: 'policy_denied' })
    await expect(policy.allowWrite(join(inside, 'link'))).rejects.toMatchObject({ code: 'policy_denied' })
    await expect(policy.allowWrite(join(inside, 'dir', 'new.pem'))).rejects.toMatchObject({ code: 'policy_denied' })
    await expect(policy.allowWrite(`${inside}-other/x`)).rejects.toMatchObject({ code: 'policy_denied' })
  })
})

describe('answering challenges', () => {
  it('is allowed where CAs come to, and elsewhere only as listed', async () => {
    const none = await readPolicy(undefined)
    expect(() => none.allowChallengePort(80)).not.toThrow()
    expect(() => none.allowChallengePort(443)).not.toThrow()
    expect(() => none.allowChallengePort(22)).toThrow(/add 22 to "challenge_ports"/)
    const policy = await policyOf({ challenge_ports: [8080] })
    expect(() => policy.allowChallengePort(8080)).not.toThrow()
    expect(() => policy.allowChallengePort(80)).toThrow(expect.objectContaining({ code: 'policy_denied' }))
    const never = await policyOf({ challenge_ports: [] })
    expect(() => never.allowChallengePort(80)).toThrow(expect.objectContaining({ code: 'policy_denied' }))
  })
})

describe('secrets by reference', () => {
  it('come from listed directories only', async () => {
    const none = await readPolicy(undefined)
    await expect(none.allowSecretFile('/etc/shadow')).rejects.toThrow(/add "\/etc" to "secret_directories"/)
    const policy = await policyOf({ secret_directories: [directory] })
    await expect(policy.allowSecretFile(join(directory, 'f5'))).resolves.toBeUndefined()
    await expect(policy.allowSecretFile('/etc/shadow')).rejects.toMatchObject({ code: 'policy_denied' })
  })

  it('come from variables made for it, or listed', async () => {
    const policy = await policyOf({ secret_environment: ['F5_PASSWORD'] })
    expect(() => policy.allowSecretVariable('F5_PASSWORD')).not.toThrow()
    expect(() => policy.allowSecretVariable('CERTCTL_SECRET_X')).not.toThrow()
    expect(() => policy.allowSecretVariable('CERTCTL_API_KEY')).toThrow(/not allowed/)
    expect(() => policy.allowSecretVariable('HOME')).toThrow(/not allowed/)
  })
})

describe('a policy file', () => {
  it('that others can write is refused with the way to mend it', async () => {
    await writeFile(file, '{}')
    await chmod(file, 0o666)
    await expect(readPolicy(file)).rejects.toThrow(`run: chmod go-w ${file}`)
  })

  it('with a word nobody knows is refused by that word', async () => {
    await expect(policyOf({ comands: [] })).rejects.toThrow(/comands: is not a known field/)
  })

  it('that is missing or no JSON is refused, never taken for an empty one', async () => {
    await expect(readPolicy(file)).rejects.toMatchObject({ code: 'config_invalid' })
    await writeFile(file, 'commands: []', { mode: 0o600 })
    await expect(readPolicy(file)).rejects.toThrow(/is not JSON/)
  })

  it('counts from the next question on when it was edited', async () => {
    await policyOf({})
    expect(() => undefined).not.toThrow()
    const edited = await policyOf({ commands: ['true'] })
    expect(() => edited.allowCommand(['true'], [])).not.toThrow()
  })

  it('is what the printed example is', async () => {
    await expect(policyOf(JSON.parse(policyExample))).resolves.toBeDefined()
  })
})
