import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { emptyHead, headHash, hexOf, leafHash, merkleRoot } from '../src/index.js'
import {
  type Batch,
  check,
  checkpointOf,
  entryOf,
  key,
  linked,
  newKey,
  plan,
  record,
  recordsOf,
  sha256,
  type Written,
} from './audit-record.js'

describe('RFC 6962 hashing', () => {
  it('gives the roots of the RFC', () => {
    const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
    const hashed = leaves.map((hex) => sha256(Buffer.concat([Buffer.of(0), Buffer.from(hex, 'hex')])))
    expect(hexOf(merkleRoot([], sha256))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(hexOf(merkleRoot(hashed.slice(0, 1), sha256))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
    expect(hexOf(merkleRoot(hashed.slice(0, 3), sha256))).toBe(
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    )
    expect(hexOf(merkleRoot(hashed, sha256))).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
  })

  const plain = (lead: number[], ...parts: Uint8Array[]) => sha256(Buffer.concat([Buffer.from(lead), ...parts]))
  const rootOf = (leaves: Uint8Array[]): Uint8Array => {
    const [only] = leaves
    if (only === undefined || leaves.length === 1) return only ?? plain([])
    let split = 1
    while (2 * split < leaves.length) split *= 2
    return plain([1], rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
  }

  it('is that of plain code for texts of every length, one after the other, in batches of every size', () => {
    const lengths = [0, 1, 1364, 1365, 1366, 4095, 4096, 4097, 9000, 2]
    const ends = ['', 'x', 'é', '€', '\u{1f511}', '\ud800']
    const texts = lengths.flatMap((length) =>
      ends.flatMap((end) => [end + 'a'.repeat(length), '€'.repeat(length) + end]),
    )
    const hashed = texts.map((text) => leafHash(text, sha256))
    expect(hashed).toEqual(texts.map((text) => plain([0], Buffer.from(text))))
    for (let size = 0; size <= 70; size++)
      expect(merkleRoot(hashed.slice(0, size), sha256)).toEqual(rootOf(hashed.slice(0, size)))
    for (const leaf of hashed) expect(headHash(leaf, emptyHead, sha256)).toEqual(plain([], leaf, emptyHead))
    // As somebody may have written them into a database.
    for (const [previous, root] of [
      [0, 0],
      [64, 32],
      [32, 33],
      [31, 33],
    ].map((sizes) => sizes.map((n) => Buffer.alloc(n, n))))
      expect(headHash(previous ?? emptyHead, root ?? emptyHead, sha256)).toEqual(
        plain([], previous ?? emptyHead, root ?? emptyHead),
      )
  })
})

describe('a record that nobody touched', () => {
  it('verifies, and says how much there was', async () => {
    expect(await check(recordsOf(record(plan)))).toEqual({
      ok: true,
      entries: 12,
      batches: 5,
      checkpoints: 2,
      key_ids: [key.keyId],
      last_checkpoint_at: '2026-11-25T12:01:00.000Z',
    })
  })

  it('verifies when it is empty', async () => {
    expect(await check(recordsOf({ heads: [], batches: [], checkpoints: [] }))).toMatchObject({ ok: true, entries: 0 })
  })

  it('verifies whatever was written in whatever order', async () => {
    const plans = fc.array(
      fc.record({
        head: fc.integer({ min: 0, max: 3 }),
        size: fc.integer({ min: 1, max: 9 }),
        checkpoint: fc.boolean(),
      }),
      { maxLength: 20 },
    )
    await fc.assert(
      fc.asyncProperty(plans, async (any) => expect((await check(recordsOf(record(any)))).ok).toBe(true)),
      { numRuns: 50 },
    )
  })
})

describe('any entry', () => {
  const written = record(plan)
  const places = written.batches.flatMap(({ entries }, batch) => entries.map((_, leaf) => ({ batch, leaf })))
  const changedAt = (place: { batch: number; leaf: number }, change: (batch: Batch, leaf: number) => Batch) => ({
    ...written,
    batches: written.batches.map((batch, index) => (index === place.batch ? change(batch, place.leaf) : batch)),
  })

  it('that is changed is named', async () => {
    for (const place of places) {
      const changed = changedAt(place, (batch, leaf) => ({
        ...batch,
        entries: batch.entries.map((entry, at) =>
          at === leaf ? { ...entry, canonical: entry.canonical.replace('thing.made', 'thing.gone') } : entry,
        ),
      }))
      const { head, batch } = written.batches[place.batch] ?? { head: -1, batch: -1 }
      expect((await check(recordsOf(changed))).fault).toMatchObject({
        kind: 'changed',
        entry_id: `audit-${head}-${batch}-${place.leaf}`,
        message: expect.stringContaining('thing.gone'),
      })
    }
  })

  it('that is changed together with its hash is noticed, and its batch named', async () => {
    for (const place of places) {
      const changed = changedAt(place, (batch, leaf) => ({
        ...batch,
        entries: batch.entries.map((entry, at) => (at === leaf ? entryOf('audit-forged', leaf) : entry)),
      }))
      const { head, batch } = written.batches[place.batch] ?? {}
      expect((await check(recordsOf(changed))).fault).toMatchObject({ kind: 'changed', head, batch })
    }
  })

  it('that is removed is missed at its place', async () => {
    for (const place of places) {
      const removed = changedAt(place, (batch, leaf) => ({
        ...batch,
        entries: batch.entries.filter((_, at) => at !== leaf),
      }))
      const { head, batch } = written.batches[place.batch] ?? {}
      expect((await check(recordsOf(removed))).fault).toMatchObject({ kind: 'removed', head, batch, leaf: place.leaf })
    }
  })

  it('that is added is named, at every place', async () => {
    for (const { batch: index } of places)
      for (const leaf of [0, 1, written.batches[index]?.entries.length ?? 0]) {
        const added = changedAt({ batch: index, leaf }, (batch) => ({
          ...batch,
          entries: [...batch.entries.slice(0, leaf), entryOf('audit-added', leaf), ...batch.entries.slice(leaf)],
        }))
        expect((await check(recordsOf(added))).fault).toMatchObject({
          kind: expect.stringMatching(/^(added|changed)$/),
        })
      }
  })
})

describe('batches', () => {
  const written = record(plan)

  it('that are removed from the middle or the end are missed', async () => {
    for (const gone of written.batches) {
      const without = { ...written, batches: written.batches.filter((batch) => batch !== gone) }
      expect((await check(recordsOf(without))).fault).toMatchObject({
        kind: 'removed',
        head: gone.head,
        batch: gone.batch,
      })
    }
  })

  it('that are cut off together with their head are missed by the checkpoint that names them', async () => {
    const shorter = record(plan.slice(0, 3))
    const cut = { ...shorter, checkpoints: written.checkpoints }
    expect((await check(recordsOf(cut))).fault).toMatchObject({
      kind: 'removed',
      head: 0,
      batch: 3,
      message: expect.stringContaining('checkpoint 2'),
    })
  })

  it('that are added behind the head are named', async () => {
    const longer = record([...plan, { head: 3, size: 1 }])
    expect((await check(recordsOf({ ...longer, heads: written.heads }))).fault).toMatchObject({
      kind: 'added',
      head: 3,
      batch: 3,
    })
    const stranger = record([...plan, { head: 9, size: 1 }])
    expect((await check(recordsOf({ ...stranger, heads: written.heads }))).fault).toMatchObject({
      kind: 'added',
      head: 9,
      batch: 1,
    })
  })

  it('that stand twice are named', async () => {
    const [first] = written.batches
    if (first === undefined) throw new Error('no batch')
    expect((await check(recordsOf({ ...written, batches: [...written.batches, first] }))).fault).toMatchObject({
      kind: 'added',
    })
  })
})

describe('a chain that was rewritten as a whole', () => {
  const written = record(plan)
  /** What somebody with the whole database can do: another entry, and every hash after it made again. */
  const forged = rewrite(written)

  it('differs from the checkpoints signed before', async () => {
    expect((await check(recordsOf({ ...forged, checkpoints: written.checkpoints }))).fault).toMatchObject({
      kind: 'changed',
      head: 0,
      batch: 1,
      entry_id: 'audit-0-1-0',
      message: expect.stringContaining('checkpoint 1'),
    })
  })

  it('cannot be signed again by whoever has not the key', async () => {
    const thief = newKey()
    const signed = [checkpointOf(forged.heads, [], thief)]
    const records = recordsOf({ ...forged, checkpoints: signed.map((found) => ({ ...found, key_id: key.keyId })) })
    expect((await check(records)).fault).toMatchObject({
      kind: 'changed',
      message: expect.stringContaining('signature'),
    })
    expect((await check(recordsOf({ ...forged, checkpoints: signed }))).fault).toMatchObject({ kind: 'changed' })
  })

  it('and signed with a key the thief brought along is refused where the true one is known', async () => {
    const thief = newKey()
    const records = recordsOf({ ...forged, checkpoints: [checkpointOf(forged.heads, [], thief)] }).map((found) =>
      found.kind === 'header' ? { ...found, keys: [{ key_id: thief.keyId, public_key_pem: thief.pem }] } : found,
    )
    expect((await check(records)).ok).toBe(true)
    expect((await check(records, { trustedKeyIds: [key.keyId] })).fault).toMatchObject({ kind: 'changed' })
  })

  it('with its checkpoints removed is given away by one kept outside, and by nothing else', async () => {
    const silent = recordsOf({ ...forged, checkpoints: [] })
    expect((await check(silent)).ok).toBe(true)
    expect((await check(silent, { shipped: written.checkpoints })).fault).toMatchObject({
      kind: 'changed',
      message: expect.stringContaining('kept outside'),
    })
  })

  it('and rolled back to an older state is given away by a checkpoint kept outside', async () => {
    const older = record(plan.slice(0, 2))
    expect((await check(recordsOf(older))).ok).toBe(true)
    expect((await check(recordsOf(older), { shipped: written.checkpoints })).fault).toMatchObject({
      kind: 'removed',
      head: 0,
      batch: 3,
    })
  })
})

function rewrite(written: Written): Written {
  const previous = new Map<number, string>()
  const batches = written.batches.map((batch, index) => {
    const entries = index === 0 ? [entryOf('audit-0-1-0', 0, 'thing.forged')] : batch.entries
    const made = linked({ ...batch, entries }, previous.get(batch.head) ?? hexOf(emptyHead))
    previous.set(batch.head, made.hash)
    return made
  })
  return { ...written, batches, heads: written.heads.map((head) => ({ ...head, hash: previous.get(head.head) ?? '' })) }
}

describe('checkpoints', () => {
  const written = record([...plan, { head: 1, size: 1, checkpoint: true }])

  it('that are removed or reordered are missed, but for the newest', async () => {
    const [first, second, third] = written.checkpoints
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few')
    for (const checkpoints of [
      [second, third],
      [first, third],
      [second, first, third],
    ])
      expect((await check(recordsOf({ ...written, checkpoints }))).fault).toMatchObject({ kind: 'removed' })
    expect((await check(recordsOf({ ...written, checkpoints: [first, second] }))).ok).toBe(true)
    expect((await check(recordsOf({ ...written, checkpoints: [first, second] }), { shipped: [third] })).ok).toBe(true)
  })

  it('whose text was changed are refused by their signature', async () => {
    const checkpoints = written.checkpoints.map((found, index) =>
      index === 1 ? { ...found, canonical: found.canonical.replace('12:01', '12:00') } : found,
    )
    expect((await check(recordsOf({ ...written, checkpoints }))).fault).toMatchObject({
      message: expect.stringContaining('signature'),
    })
  })
})
