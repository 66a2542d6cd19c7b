import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { WorkItem } from '@certctl/api'
import { unusedPort } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import { createScene, type RunningAgent, type Scene } from './start-agent.js'

type Challenge = NonNullable<WorkItem['challenge']>
const thumbprint = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'

let scene: Scene
let port: number

beforeEach(async () => {
  scene = await createScene()
  port = await unusedPort()
  const policy = join(scene.directory, 'policy.json')
  await writeFile(policy, JSON.stringify({ challenge_ports: [port] }), { mode: 0o600 })
  Object.assign(scene.environment, { CERTCTL_AGENT_POLICY_FILE: policy, CERTCTL_CHALLENGE_HOST: '127.0.0.1' })
})
afterEach(() => scene.close())

function challenge(token: string, more: Partial<Challenge> = {}): Challenge {
  return {
    kind: 'http-01',
    name: 'www.example.test',
    token,
    key_authorization: `${token}.${thumbprint}`,
    port,
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    ...more,
  }
}

/** As the server does: queued, claimed, reported. */
async function told(what: Challenge) {
  const { reports } = scene.server.state
  const before = reports.length
  scene.server.state.queue({ kind: 'challenge', challenge: what })
  await eventually('the job is reported', () => reports.length > before)
  return reports.at(-1)?.report
}

/** Status and body; nothing where nobody listens. */
async function ask(token: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const path = `/.well-known/acme-challenge/${token}`
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = `${response.statusCode} `
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      response.once('close', () => resolve(body))
    })
    asked.once('error', () => resolve(undefined))
    asked.end()
  })
}

async function restarted(running: RunningAgent): Promise<RunningAgent> {
  await running.stop()
  return await scene.start()
}

describe('a challenge job', () => {
  it('is reported once this host answers, and withdrawn once it does not any more', async () => {
    await scene.start()
    expect(await told(challenge('one'))).toMatchObject({ outcome: 'done' })
    expect(await told(challenge('two', { name: 'api.example.test' }))).toMatchObject({ outcome: 'done' })
    expect([await ask('one'), await ask('two'), await ask('three')]).toEqual([
      `200 one.${thumbprint}`,
      `200 two.${thumbprint}`,
      '404 ',
    ])
    expect(await told(challenge('one', { withdrawn: true }))).toMatchObject({ outcome: 'done' })
    expect([await ask('one'), await ask('two')]).toEqual(['404 ', `200 two.${thumbprint}`])
    await told(challenge('two', { name: 'api.example.test', withdrawn: true }))
    expect(await ask('two')).toBeUndefined()
  })

  it('may be done twice, and its withdrawal too', async () => {
    await scene.start()
    for (let time = 0; time < 2; time++) await told(challenge('one'))
    for (let time = 0; time < 2; time++)
      expect(await told(challenge('one', { withdrawn: true }))).toMatchObject({ outcome: 'done' })
    expect(await ask('one')).toBeUndefined()
  })

  it('of tls-alpn-01 is answered in the handshake', async () => {
    await scene.start()
    await told(challenge('one', { kind: 'tls-alpn-01' }))
    const shown = await new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, servername: 'www.example.test', ALPNProtocols: ['acme-tls/1'] }
      const socket = connect({ ...options, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subjectaltname)
        socket.destroy()
      })
      socket.once('error', reject)
    })
    expect(shown).toBe('DNS:www.example.test')
  })

  it('ends by itself when its time is over', async () => {
    await scene.start()
    await told(challenge('one', { expires_at: new Date(Date.now() + 1500).toISOString() }))
    await eventually('it is not answered any more', async () => (await ask('one')) === undefined)
  })

  it('outlives a restart of the agent, and not the end of its time', async () => {
    const running = await scene.start()
    await told(challenge('one'))
    const ends = Date.now() + 1500
    await told(challenge('short', { expires_at: new Date(ends).toISOString() }))
    await running.stop()
    expect(await ask('one')).toBeUndefined()
    await eventually('the time of one is over', () => Date.now() > ends)
    const again = await restarted(running)
    await eventually('the other is answered again', async () => (await ask('one')) === `200 one.${thumbprint}`)
    await eventually('the short one is not', async () => (await ask('short')) === '404 ')
    await again.stop()
  })
})

describe('what a server may not make an agent do', () => {
  it('is open a port that policy does not list: the refusal prints the line to add', async () => {
    await scene.start()
    const report = await told(challenge('one', { port: 1 + (port % 60_000) }))
    expect(report).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    expect(report?.message).toMatch(/add \d+ to "challenge_ports" in /)
  })

  it('is open any but the ports of CAs where there is no policy file', async () => {
    delete scene.environment.CERTCTL_AGENT_POLICY_FILE
    await scene.start()
    expect(await told(challenge('one'))).toMatchObject({ outcome: 'refused', code: 'policy_denied' })
    expect(await ask('one')).toBeUndefined()
  })

  it.each<[string, Partial<Challenge>]>([
    ['say anything it likes', { key_authorization: '<html>hello</html>' }],
    ['say it at any path', { token: '../index.html', key_authorization: `../index.html.${thumbprint}` }],
    ['speak for a wildcard', { name: '*.example.test' }],
  ])('is %s', async (_, more) => {
    await scene.start()
    expect(await told(challenge('one', more))).toMatchObject({ outcome: 'failed' })
    expect(await ask('one')).toBeUndefined()
  })
})

describe('a port that another program holds', () => {
  it('is reported with the remedy, and remembered by nobody', async () => {
    const other = createServer((socket) => socket.on('error', () => undefined).destroy())
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    await scene.start()
    try {
      const report = await told(challenge('one'))
      expect(report).toMatchObject({ outcome: 'refused', code: 'conflict' })
      expect(report?.message).toMatch(new RegExp(`Port ${port} .*another program holds it. Stop`))
    } finally {
      await new Promise<void>((resolve) => other.close(() => resolve()))
    }
    expect(await told(challenge('two'))).toMatchObject({ outcome: 'done' })
    expect([await ask('one'), await ask('two')]).toEqual(['404 ', `200 two.${thumbprint}`])
  })
})
