import { duplexPair } from 'node:stream'
import { CertctlError, messageOf, Secret, secret, z } from '@certctl/core'
import { keyMatches, parseCertificate } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import { createMaterial, createTestHost, type Fault, watchHost } from '../src/index.js'
import { findLeak, keyCanaries, secretCanaries } from '../src/leaks.js'
import { sweep } from '../src/sweep.js'

const never = new AbortController().signal

function pairUnder(fault?: Fault) {
  const world = createTestHost(() => ({ exitCode: 0 }))
  const { host, watch } = watchHost(world, { fault })
  const work = async () => {
    await host.files.replace('/a.key', 'k', { secret: true })
    await host.files.replace('/a.pem', 'c', {})
    return await host.run(['reload'], { signal: never })
  }
  return { world, host, watch, work }
}

describe('a watched host', () => {
  it('counts every step and says what may have changed something', async () => {
    const { host, watch, work } = pairUnder()
    await work()
    await host.files.stat('/a.pem')
    expect(watch.steps.map(({ kind, detail, changes }) => [kind, detail, changes])).toEqual([
      ['replace', '/a.key', true],
      ['replace', '/a.pem', true],
      ['run', 'reload', true],
      ['read', '/a.pem', false],
    ])
    expect(watch.secretFiles).toEqual([{ path: '/a.key', mode: 0o600 }])
  })

  it('a step that did not happen rejects and leaves no trace', async () => {
    const { world, work, watch } = pairUnder({ step: 2, mode: 'did not happen' })
    await expect(work()).rejects.toMatchObject({ code: 'deploy_failed' })
    expect([...world.files.texts().keys()]).toEqual(['/a.key'])
    expect(watch.reached).toBe(true)
  })

  it('a lost answer rejects although it happened', async () => {
    const { world, work } = pairUnder({ step: 2, mode: 'answer lost' })
    await expect(work()).rejects.toMatchObject({ code: 'deploy_failed' })
    expect([...world.files.texts().keys()]).toEqual(['/a.key', '/a.pem'])
  })

  it('a connection that nobody was told of is ended', async () => {
    const [ours] = duplexPair()
    const { host } = watchHost(createTestHost({ connect: () => ours }), { fault: { step: 1, mode: 'answer lost' } })
    await expect(host.connect({ host: 'x.test', port: 53, signal: never })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    expect(ours.destroyed).toBe(true)
  })

  it('a refused command is a result, a refused request an answer, a refused file an error', async () => {
    expect(await pairUnder({ step: 3, mode: 'refused' }).work()).toMatchObject({ exitCode: 1 })
    const { host } = watchHost(createTestHost({ http: () => ({ status: 200 }) }), {
      fault: { step: 1, mode: 'refused' },
    })
    expect(await host.http({ baseUrl: 'https://x.test' }).request({ method: 'GET', path: '' })).toMatchObject({
      status: 403,
    })
    await expect(pairUnder({ step: 1, mode: 'refused' }).work()).rejects.toMatchObject({ code: 'deploy_failed' })
  })

  it('after its death the process reaches nothing any more, and another one finds the world as it was left', async () => {
    const { world, host, work } = pairUnder({ step: 2, mode: 'died' })
    await expect(work()).rejects.toThrow('died')
    await expect(host.files.remove('/a.key')).rejects.toThrow('died')
    await expect(host.state.put('k', 1)).rejects.toThrow('died')
    await expect(host.delay(1, never)).rejects.toThrow('died')
    const successor = watchHost(world).host
    expect(await successor.files.stat('/a.key')).toBeDefined()
  })

  it('a step that hangs ends when the signal fires, and one without a signal is named', async () => {
    const controller = new AbortController()
    const options = { fault: { step: 1, mode: 'hangs' }, onHang: () => controller.abort() } as const
    const { host, watch } = watchHost(createTestHost(), options)
    await expect(host.run(['reload'])).rejects.toMatchObject({ code: 'aborted' })
    expect(controller.signal.aborted).toBe(true)
    expect(watch.unsignalled).toEqual(['run reload'])
  })

  it('requests from one on can be answered by the test', async () => {
    const world = createTestHost({ http: () => ({ status: 200 }) })
    const http = watchHost(world, { http: { from: 2, answer: { status: 503 } } }).host.http({
      baseUrl: 'https://x.test',
    })
    const ask = async () => (await http.request({ method: 'GET', path: '' })).status
    expect([await ask(), await ask(), await ask()]).toEqual([200, 503, 503])
    const cut = watchHost(world, { http: { from: 1, answer: 'unreachable' } }).host.http({ baseUrl: 'https://x.test' })
    await expect(cut.request({ method: 'GET', path: '' })).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('sees clocks that are read and time that is waited for', async () => {
    const { host, watch } = watchHost(createTestHost())
    host.now()
    await host.delay(7, never)
    expect([watch.clockReads, watch.waitedSeconds]).toEqual([1, 7])
    await expect(host.delay(1_000_000, never)).rejects.toThrow('waits for ever')
  })

  it('keeps what commands were given for others to read', async () => {
    const { host, watch } = watchHost(createTestHost())
    await host.run(['curl', '-u', 'me:pw'], { environment: { TOKEN: 'tk' } })
    expect(watch.commands.join()).toContain('me:pw')
    expect(watch.commands.join()).toContain('tk')
  })
})

describe('the sweep', () => {
  it('goes on until the call passes without meeting the fault', async () => {
    const met: string[] = []
    await sweep(['did not happen', 'refused'], async (fault) => {
      const { work, watch } = pairUnder(fault)
      await work().catch(() => undefined)
      met.push(`${fault.step} ${fault.mode} ${watch.reached}`)
      return watch.reached
    })
    expect(met).toHaveLength(8)
    expect(met.at(-1)).toBe('4 refused false')
  })

  it('says at which step and how, when a scene fails', async () => {
    const failing = sweep(['refused'], async ({ step }) => {
      if (step === 2) throw new Error('the old certificate is gone')
      return true
    })
    await expect(failing).rejects.toThrow('With step 2 (refused): the old certificate is gone')
  })

  it('does not go on for ever', async () => {
    await expect(sweep(['refused'], async () => true)).rejects.toThrow('more than 2000 steps')
  })
})

describe('leaks', () => {
  it('a key is found in texts, objects, errors and their causes, whole or in lines', async () => {
    const [{ privateKeyPem }] = (await createMaterial()).leafs
    const pem = privateKeyPem.reveal()
    const canaries = keyCanaries(pem)
    const cause = new Error(pem)
    const bare = pem
      .split('\n')
      .filter((line) => !line.includes('-----'))
      .join('')
    for (const shown of [pem, { deep: { file: pem } }, new CertctlError('internal', 'x', { cause }), [bare]])
      expect(findLeak(shown, canaries)).toBeDefined()
  })

  it('a secret that prints as itself is no leak', async () => {
    const [leaf] = (await createMaterial()).leafs
    const canaries = keyCanaries(leaf.privateKeyPem.reveal())
    expect(findLeak({ leaf, message: messageOf(new Error('deployment failed')) }, canaries)).toBeUndefined()
  })

  it('the secrets of a configuration are those its schema marks', () => {
    const schema = z.strictObject({
      url: z.string().describe('u'),
      token: secret().describe('t'),
      other: secret().optional().describe('o'),
    })
    expect(secretCanaries(schema, { url: 'https://x.test', token: 'tk-1' })).toEqual(['tk-1'])
    expect(findLeak(new Secret('tk-1'), ['tk-1'])).toBeUndefined()
  })
})

describe('material', () => {
  it('is the same names under different keys, from one CA, made once', async () => {
    const material = await createMaterial()
    const parsed = material.leafs.map(({ certificatePem }) => parseCertificate(certificatePem))
    expect(new Set(parsed.map(({ spkiSha256 }) => spkiSha256)).size).toBe(material.leafs.length)
    expect(new Set(parsed.map(({ names }) => JSON.stringify(names))).size).toBe(1)
    expect(parsed.map(({ fingerprint }) => fingerprint)).toEqual(material.leafs.map(({ fingerprint }) => fingerprint))
    expect(await createMaterial()).toBe(material)
  })

  it('has keys that fit, and one pair that does not', async () => {
    const { leafs, mismatched } = await createMaterial()
    for (const { certificatePem, privateKeyPem } of leafs)
      expect(keyMatches(certificatePem, privateKeyPem.reveal())).toBe(true)
    expect(keyMatches(mismatched.certificatePem, mismatched.privateKeyPem.reveal())).toBe(false)
  })
})
