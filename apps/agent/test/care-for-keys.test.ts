import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryState } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Agent } from '../src/agent.js'
import { careForKeys, isWanted } from '../src/care-for-keys.js'
import { createJournal, type PlacementRecord } from '../src/journal.js'
import { createKeyStore, type KeyRef } from '../src/keys.js'
import type { AgentLog } from '../src/log.js'

const hour = 3_600_000
let directory: string
let now: Date
let agent: Agent

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-care-'))
  now = new Date('2026-06-01T00:00:00Z')
  const log: AgentLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const parts: Pick<Agent, 'clock' | 'keys' | 'journal' | 'log'> = {
    clock: { now: () => now, heard: () => {} },
    keys: createKeyStore(directory),
    journal: createJournal(
      createMemoryState(() => now),
      log,
    ),
    log,
  }
  agent = parts as Agent
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function make(certificateId = 'mc-1'): Promise<KeyRef> {
  const ref = await agent.keys.make(certificateId, 'EC-P256')
  await utimes(join(directory, certificateId, `${ref.spkiSha256}.key`), now, now)
  return ref
}
const listing = (...keys: KeyRef[]) =>
  keys.map((key) => ({ certificate_id: key.certificateId, spki_sha256: [key.spkiSha256] }))
const later = (hours: number) => {
  now = new Date(now.getTime() + hours * hour)
}
const left = async () => (await agent.keys.list()).map((key) => key.spkiSha256).sort()

function placementOf(key: KeyRef, more: Partial<PlacementRecord> = {}): PlacementRecord {
  return {
    target_id: 't-1',
    certificate_id: key.certificateId,
    target_type: 'Files',
    target_config: {},
    names: [],
    certificate_pem: '',
    chain_pem: '',
    fingerprint: 'f',
    spki_sha256: key.spkiSha256,
    certificate_generation: 1,
    target_generation: 1,
    confirmed: 'served',
    deployed_at: now.toISOString(),
    cleaned_up: true,
    ...more,
  }
}

describe('a key', () => {
  it('that is listed stays, however old', async () => {
    const key = await make()
    await careForKeys(agent, listing(key))
    later(24 * 365)
    await careForKeys(agent, listing(key))
    expect(await left()).toEqual([key.spkiSha256])
  })

  it('that is not listed any more goes after a day, not before', async () => {
    const [old, current] = [await make(), await make()]
    await careForKeys(agent, listing(old, current))
    later(1)
    await careForKeys(agent, listing(current))
    later(23)
    await careForKeys(agent, listing(current))
    expect(await left()).toHaveLength(2)
    later(2)
    await careForKeys(agent, listing(current))
    expect(await left()).toEqual([current.spkiSha256])
  })

  it('that is listed again in between begins its day anew', async () => {
    const key = await make()
    await careForKeys(agent, listing(key))
    await careForKeys(agent, [])
    later(20)
    await careForKeys(agent, listing(key))
    later(20)
    await careForKeys(agent, [])
    later(20)
    await careForKeys(agent, [])
    expect(await left()).toEqual([key.spkiSha256])
  })

  it('that the server has never listed waits thirty days: its CSR may wait for a person', async () => {
    const key = await make()
    await careForKeys(agent, [])
    later(24 * 29)
    await careForKeys(agent, [])
    expect(await left()).toEqual([key.spkiSha256])
    later(24 * 2)
    await careForKeys(agent, [])
    expect(await left()).toEqual([])
  })

  it('that is deployed stays, although it is not listed, while its certificate lives', async () => {
    const [deployed, next] = [await make(), await make()]
    await agent.journal.placements.put('t-1/mc-1', placementOf(deployed))
    await careForKeys(agent, listing(deployed, next))
    await careForKeys(agent, listing(next))
    later(100)
    await careForKeys(agent, listing(next))
    expect(await left()).toEqual([deployed.spkiSha256, next.spkiSha256].sort())
  })

  it('of the pair before the deployed one is kept for undoing, for a day', async () => {
    const [before, current] = [await make(), await make()]
    const { certificate_pem, chain_pem, fingerprint } = placementOf(before)
    const previous = { certificate_pem, chain_pem, fingerprint, spki_sha256: before.spkiSha256 }
    await agent.journal.placements.put('t-1/mc-1', placementOf(current, { previous }))
    await careForKeys(agent, listing(before, current))
    await careForKeys(agent, listing(current))
    later(23)
    await careForKeys(agent, listing(current))
    expect(await left()).toHaveLength(2)
    later(2)
    await careForKeys(agent, listing(current))
    expect(await left()).toEqual([current.spkiSha256])
    expect(await agent.journal.placements.get('t-1/mc-1')).not.toHaveProperty('previous')
  })

  it('of a certificate the server does not know any more goes with its placement', async () => {
    const key = await make()
    await agent.journal.placements.put('t-1/mc-1', placementOf(key))
    await careForKeys(agent, listing(key))
    await careForKeys(agent, [])
    later(23)
    await careForKeys(agent, [])
    expect(await agent.journal.placements.all()).toHaveLength(1)
    later(2)
    await careForKeys(agent, [])
    expect(await agent.journal.placements.all()).toEqual([])
    expect(await left()).toEqual([])
  })
})

describe('a certificate', () => {
  it('is wanted until the server is heard to list none of its keys', async () => {
    const key = await make()
    expect(await isWanted(agent, 'mc-1')).toBe(true)
    await careForKeys(agent, listing(key))
    expect(await isWanted(agent, 'mc-1')).toBe(true)
    await careForKeys(agent, [])
    expect(await isWanted(agent, 'mc-1')).toBe(false)
    expect(await isWanted(agent, 'mc-other')).toBe(true)
  })
})
