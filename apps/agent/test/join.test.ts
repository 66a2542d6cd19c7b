import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '@certctl/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { parseJoinToken } from '../src/join-token.js'
import { eventually } from './eventually.js'
import { createFakeControlPlane } from './fake-control-plane.js'
import { createScene, type Scene } from './start-agent.js'

let scene: Scene

beforeEach(async () => {
  scene = await createScene()
})
afterEach(() => scene.close())

const stateDirectory = () => join(scene.directory, 'state')

async function everyFile(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

describe('joining', () => {
  it('exchanges the token for a key of its own, which later starts use without the token', async () => {
    const first = await scene.start()
    await first.stop()
    const again = await scene.start({ CERTCTL_JOIN_TOKEN: '' })
    expect(again.agent.id).toBe(first.agent.id)
    expect(scene.server.state.agents).toHaveLength(1)
  })

  it('describes this host', async () => {
    await scene.start({ CERTCTL_AGENT_NAME: 'web-1' })
    expect(scene.server.state.agents[0]).toMatchObject({ name: 'web-1' })
  })

  it('works again when the answer was lost, since no key was used yet', async () => {
    let lost = 0
    scene.server.meddle((operationId, when) => {
      if (operationId !== 'joinAgent' || when !== 'after' || lost > 0) return undefined
      lost += 1
      return 'lose'
    })
    await expect(scene.start()).rejects.toMatchObject({ code: 'upstream_unavailable' })
    const running = await scene.start()
    expect(scene.server.state.agents).toHaveLength(1)
    expect(running.agent.id).toBe('agent-1')
  })

  it('keeps its key sealed, readable by its owner only, and the token nowhere', async () => {
    const running = await scene.start()
    await running.stop()
    expect((await stat(stateDirectory())).mode & 0o777).toBe(0o700)
    for (const file of await everyFile(stateDirectory())) {
      expect((await stat(file)).mode & 0o077).toBe(0)
      const content = await readFile(file, 'latin1')
      expect(content).not.toContain('cca_')
      expect(content).not.toContain('ccj_')
    }
  })

  it('sends nothing to a server that does not hold the pinned key', async () => {
    const impostor = await createFakeControlPlane()
    const { p: _, ...content } = JSON.parse(
      Buffer.from((scene.environment.CERTCTL_JOIN_TOKEN ?? '').slice(4), 'base64url').toString(),
    )
    const forged = `ccj_${Buffer.from(JSON.stringify({ ...content, u: impostor.url, p: scene.server.pin })).toString('base64url')}`
    await expect(scene.start({ CERTCTL_JOIN_TOKEN: forged })).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(impostor.state.calls).toEqual([])
    await impostor.close()
  })

  it('goes by the CA bundle where the operator gives one', async () => {
    const bundle = join(scene.directory, 'ca.pem')
    await writeFile(bundle, scene.server.ca.rootPem)
    const running = await scene.start({ CERTCTL_SERVER_CA_BUNDLE_PATH: bundle })
    expect(running.agent.id).toBe('agent-1')
  })

  it('is refused with a token that was used, by what the server says', async () => {
    const running = await scene.start()
    await eventually('its key was used', () => scene.server.state.agents[0]?.keyUsed)
    await running.stop()
    await rm(stateDirectory(), { recursive: true })
    await expect(scene.start()).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('without a token says how to get one', async () => {
    await expect(scene.start({ CERTCTL_JOIN_TOKEN: '' })).rejects.toThrow(/certctl agents join-token/)
  })
})

describe('an agent that was registered by hand', () => {
  it('uses the id and the key it was given', async () => {
    const bundle = join(scene.directory, 'ca.pem')
    await writeFile(bundle, scene.server.ca.rootPem)
    const apiKey = scene.server.state.addAgent('ag-nginx-01')
    const running = await scene.start({
      CERTCTL_JOIN_TOKEN: '',
      CERTCTL_SERVER_URL: scene.server.url,
      CERTCTL_AGENT_ID: 'ag-nginx-01',
      CERTCTL_API_KEY: apiKey,
      CERTCTL_SERVER_CA_BUNDLE_PATH: bundle,
    })
    expect(running.agent.id).toBe('ag-nginx-01')
  })
})

describe('a retired agent', () => {
  it('ends, stays ended with its old token, and begins anew under another id with a new one', async () => {
    const running = await scene.start()
    scene.server.state.retire(running.agent.id)
    expect(await running.ended).toBe('retired')
    await expect(scene.start({ CERTCTL_JOIN_TOKEN: '' })).rejects.toMatchObject({ code: 'gone' })
    await expect(scene.start()).rejects.toMatchObject({ code: 'gone' })
    const anew = await scene.start({ CERTCTL_JOIN_TOKEN: scene.server.joinToken() })
    expect(anew.agent.id).toBe('agent-2')
    expect(await anew.agent.journal.placements.all()).toEqual([])
  })
})

describe('a second agent', () => {
  it('with the same state directory is refused while the first runs', async () => {
    const first = await scene.start()
    await expect(scene.start()).rejects.toMatchObject({ code: 'conflict' })
    await first.stop()
    await expect(scene.start()).resolves.toBeDefined()
  })
})

describe('another control plane', () => {
  it("is joined with its token, and the old one's journal stays apart", async () => {
    const first = await scene.start()
    await first.stop()
    const other = await createFakeControlPlane()
    const moved = await scene.start({ CERTCTL_JOIN_TOKEN: other.joinToken() })
    expect(other.state.agents).toHaveLength(1)
    await moved.stop()
    await other.close()
  })

  it('is not joined by a token of the same one: the identity stays', async () => {
    const first = await scene.start()
    await first.stop()
    const again = await scene.start({ CERTCTL_JOIN_TOKEN: scene.server.joinToken() })
    expect(again.agent.id).toBe(first.agent.id)
    expect(again.log).toContainEqual(
      expect.objectContaining({ message: 'this agent has joined before: the join token is not needed' }),
    )
  })
})

describe('a join token', () => {
  it.each([
    '',
    'ccj_',
    'ccj_!!!',
    'xyz',
    `ccj_${Buffer.from('{"v":1,"u":"http://a","s":"x"}').toString('base64url')}`,
    `ccj_${Buffer.from('{"v":2,"u":"https://a","s":"x"}').toString('base64url')}`,
  ])('that is not whole is refused without being quoted: %s', (text) => {
    expect(() => parseJoinToken(new Secret(text))).toThrow(/is not a whole join token/)
  })

  it('may come without a pin, where the system is to be trusted', () => {
    const token = new Secret(`ccj_${Buffer.from('{"v":1,"u":"https://a:8443/","s":"x"}').toString('base64url')}`)
    expect(parseJoinToken(token)).toMatchObject({ url: 'https://a:8443', pin: undefined })
  })
})
