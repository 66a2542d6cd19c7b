import { describe, expect, it } from '@jest/globals'
import { nouns } from '../src/nouns.js'
import { whereToLook } from '../src/output/where-to-look.js'
import { useScene } from './run-cli.js'

const scene = useScene()
const bulk = 'certctl certificates bulk-renew --environment bulk'
const beginCertificates = async () => {
  for (const name of ['a', 'b']) await scene().run(`certctl certificates request ${name}.example --environment bulk`)
}
const begunJobs = () => scene().server.world.bulk.size

describe('a change whose answer is lost', () => {
  it.each([
    ['the server was killed and is back', ['the server is killed']],
    ['the server was killed', ['the server is killed for good']],
    ['every answer is lost', ['the server is killed', 'its answer is lost']],
    ['a proxy stands before a server that was killed', ['the server is killed', 'a proxy has no answer']],
    ['the key was taken back meanwhile', ['the server is killed', 'the key is taken back']],
    ['a server that may have done it is at fault after it', ['the server is killed', 'the server is at fault']],
    ['another proxy stands before it', ['the server is killed', 'a proxy says 503']],
    ['the server does not know whether its database kept it', ['the database is lost']],
  ] as const)('is not called one to ask again, but says where to look: %s', async (_, faults) => {
    await beginCertificates()
    scene().server.faults.push(...faults)
    const { exitCode, lines } = await scene().run(bulk)
    expect(exitCode).toBe(1)
    expect(lines).toEqual([
      expect.stringMatching(
        /^! error: 127\.0\.0\.1:\d+ was asked, and its answer was lost \(.+\): whether it was done is not known; look before you ask again$/,
      ),
      '! next: certctl jobs list --type Bulk',
    ])
    expect(begunJobs()).toBe(1)
  })

  it('says so to a script too', async () => {
    scene().server.faults.push('the server is killed')
    const { exitCode, stderr } = await scene().run(`${bulk} --json`)
    expect(exitCode).toBe(1)
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'conflict',
        message: expect.stringContaining('whether it was done is not known'),
        next: 'certctl jobs list --type Bulk',
      },
    })
  })

  it('may have been done where a proxy says that it has no answer', async () => {
    scene().server.faults.push('a proxy has no answer', 'a proxy has no answer')
    const { exitCode, stderr } = await scene().run(bulk)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('its answer was lost (HTTP 502 of a proxy): whether it was done is not known')
  })

  it.each(['its answer is lost', 'does not arrive', 'a proxy has no answer', 'a proxy says 503'] as const)(
    'is asked for once more under its key, and done once: %s',
    async (fault) => {
      await beginCertificates()
      const before = scene().server.once.begun.size
      scene().server.faults.push(fault)
      const { exitCode, stdout } = await scene().run(bulk)
      expect({ exitCode, stdout }).toEqual({
        exitCode: 0,
        stdout: '2 matched: renewal begun for 2, 0 passed over, 0 failed\n',
      })
      expect(begunJobs()).toBe(1)
      expect(scene().server.once.begun.size - before).toBe(1)
    },
  )

  it('is refused in the words of the operation where it was not done the first time', async () => {
    await scene().run('certctl certificates request a.example')
    scene().server.faults.push('does not arrive')
    const { exitCode, stderr } = await scene().run('certctl certificates request a.example')
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'error: There is a certificate named "a.example" already\n',
    })
  })

  it.each([
    ['certctl certificates archive a.example', 'deleteCertificate', 'certctl certificates list --status Archived'],
    ['certctl teams delete test', 'deleteTeam', 'certctl teams list'],
    ['certctl api-keys create --name ci --role viewer', 'createApiKey', 'certctl api-keys list'],
  ])('that has no key is not asked for again: %s', async (line, operation, next) => {
    await beginCertificates()
    await scene().run('certctl teams create Testers --id test')
    const before = scene().server.once.begun.size
    scene().server.faults.push('its answer is lost')
    const { exitCode, stderr } = await scene().run(line)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('whether it was done is not known')
    expect(stderr).toContain(`next: ${next}\n`)
    expect(scene().server.world.seen.filter(({ operationId }) => operationId === operation)).toHaveLength(1)
    expect(scene().server.once.begun.size).toBe(before)
  })

  it('has another key each time it is asked for by a person', async () => {
    await scene().run(bulk)
    await scene().run(bulk)
    expect(scene().server.once.begun.size).toBe(2)
  })
})

describe('what may be asked again', () => {
  it('is a change that was never sent', async () => {
    await scene().server.close()
    const { exitCode, stderr } = await scene().run(bulk)
    expect(exitCode).toBe(5)
    expect(stderr).toMatch(/cannot be reached: .*\nnext: certctl config explain/)
  })

  it('is nothing where the server does not hold the pinned key', async () => {
    const { exitCode, stderr } = await scene().run(`${bulk} --pin ${'ab'.repeat(32)}`, {
      environment: { ...scene().environment, CERTCTL_SERVER_CA_BUNDLE_PATH: undefined },
    })
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(
      /was reached, and is not trusted \(the server does not prove .*what is trusted comes from --pin/,
    )
  })

  it('is nothing where the server is not trusted', async () => {
    const { exitCode, stderr } = await scene().run(bulk, {
      environment: { ...scene().environment, CERTCTL_SERVER_CA_BUNDLE_PATH: undefined },
    })
    // It is not one to try again later: nothing mends by itself.
    expect(exitCode).toBe(2)
    expect(stderr).toContain(
      'was reached, and is not trusted (self-signed certificate in certificate chain); nothing was sent',
    )
    expect(stderr).toMatch(/--ca-bundle FILE.*--pin.*certctl login --server https/)
    expect(scene().server.world.seen).toEqual([])
  })

  it.each([
    'certctl issuers test iss-local',
    'certctl audit verify',
    'certctl agents join-token --name web-9',
    `${bulk} --dry-run`,
  ])('is a question: %s', async (line) => {
    scene().server.faults.push('its answer is lost')
    expect((await scene().run(line)).exitCode).toBe(5)
    expect(scene().server.once.begun.size).toBe(0)
  })
})

describe('a server that cannot be asked what came of it', () => {
  it.each([
    [bulk, 'certctl jobs list --type Bulk'],
    ['certctl certificates renew a.example --wait', 'certctl jobs list --type Renewal'],
  ])('is not one to begin again with: %s', async (line, next) => {
    await beginCertificates()
    scene().server.faults.push('the server ends after it')
    const { exitCode, stderr } = await scene().run(line)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('has begun what it was asked, and cannot be asked what came of it')
    expect(stderr).toContain(`next: ${next}\n`)
  })
})

describe('a look that fails', () => {
  it('is to be asked again, unless something was begun before it', async () => {
    scene().server.faultsOfLooks.push('a proxy has no answer')
    expect((await scene().run('certctl issuers list')).exitCode).toBe(5)
    scene().server.faultsOfLooks.push('a proxy has no answer')
    const { exitCode, stderr } = await scene().run(bulk)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('cannot be asked what came of it (HTTP 502); look before you ask again')
    expect(begunJobs()).toBe(1)
  })
})

describe('where to look', () => {
  it('is a command that there is, whatever was asked', async () => {
    const questions = /^(list|show|items|explain|verify|export|test|history|encryption-key)$/
    for (const noun of nouns)
      for (const verb of noun.verbs.filter(({ name }) => !questions.test(name))) {
        const place = whereToLook([noun.name, verb.name]) ?? ''
        expect([place, (await scene().run(place)).exitCode]).toEqual([place, 0])
      }
  })
})
