import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AuditVerdict, emptyHead, headHash, hexOf, leafHash, merkleRoot, type Sha256 } from '@certctl/api'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { useScene } from './run-cli.js'

const scene = useScene()
const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const keyId = createHash('sha256')
  .update(publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex')

/** An export of one head with two batches, and a signed checkpoint over both. */
function exportedLines(): string[] {
  const texts = [['one', 'two', 'three'], ['four']].map((batch) =>
    batch.map((id) => JSON.stringify({ action: 'x', at: '2026-01-31T12:00:00Z', id })),
  )
  let previous = emptyHead
  const batches = texts.map((entries, index) => {
    const leaves = entries.map((text) => leafHash(text, sha256))
    previous = headHash(previous, merkleRoot(leaves, sha256), sha256)
    const listed = entries.map((canonical, leaf) => ({
      leaf,
      canonical,
      leaf_hash: hexOf(leafHash(canonical, sha256)),
    }))
    return { kind: 'batch', head: 0, batch: index + 1, size: entries.length, hash: hexOf(previous), entries: listed }
  })
  const heads = [{ head: 0, batch: 2, hash: hexOf(previous) }]
  const canonical = JSON.stringify({ at: '2026-01-31T12:01:00.000Z', heads, previous: '0'.repeat(64), sequence: 1 })
  const signature = sign(null, Buffer.from(canonical), privateKey).toString('base64')
  return [
    {
      kind: 'header',
      format: 1,
      exported_at: '2026-01-31T12:02:00.000Z',
      heads,
      keys: [{ key_id: keyId, public_key_pem: publicPem }],
    },
    { kind: 'checkpoint', canonical, key_id: keyId, signature },
    ...batches,
    { kind: 'end', batches: 2, entries: 4 },
  ].map((line) => JSON.stringify(line))
}

let path: string
beforeEach(() => {
  path = join(scene().home, 'audit.jsonl')
})

async function verified(
  lines: readonly string[],
  flags = '',
): Promise<{ verdict: AuditVerdict; exitCode: number; stderr: string }> {
  writeFileSync(path, `${lines.join('\n')}\n`)
  const { stdout, stderr, exitCode } = await scene().run(`certctl audit verify --file ${path} --json ${flags}`, {
    environment: {},
  })
  return { verdict: JSON.parse(stdout) as AuditVerdict, exitCode, stderr }
}

describe('an export checked without the server', () => {
  it('is good when nothing was changed, and says who signed', async () => {
    const { verdict, exitCode } = await verified(exportedLines())
    expect({ exitCode, verdict }).toMatchObject({
      exitCode: 0,
      verdict: { ok: true, entries: 4, batches: 2, checkpoints: 1, key_ids: [keyId] },
    })
  })

  it('names the entry that was changed', async () => {
    const { verdict, exitCode, stderr } = await verified(
      exportedLines().map((line) => line.replace('\\"two\\"', '\\"too\\"')),
    )
    expect(exitCode).toBe(1)
    expect(verdict).toMatchObject({ ok: false, fault: { kind: 'changed', head: 0, batch: 1, leaf: 1 } })
    expect(JSON.parse(stderr)).toMatchObject({ error: { message: expect.stringContaining('was changed') } })
  })

  it('names what was removed, also from the end', async () => {
    const lines = exportedLines()
    expect((await verified(lines.filter((_, index) => index !== 2))).verdict.fault).toMatchObject({
      kind: 'removed',
      batch: 1,
    })
    expect((await verified(lines.slice(0, -1))).verdict.fault).toMatchObject({ kind: 'removed' })
  })

  it('is not believed when a stranger signed, or nobody readable', async () => {
    expect((await verified(exportedLines(), `--trust-key ${'00'.repeat(32)}`)).exitCode).toBe(1)
    const unreadable = exportedLines().map((line) => line.replace('BEGIN PUBLIC KEY', 'BEGIN PUBLIC NONSENSE'))
    expect((await verified(unreadable)).verdict).toMatchObject({ ok: false, fault: { kind: 'changed' } })
    const forged = exportedLines().map((line) => line.replace(/"signature":"[^"]{8}/, '"signature":"AAAAAAAA'))
    expect((await verified(forged)).verdict.ok).toBe(false)
  })

  it('is held to checkpoints that were kept outside', async () => {
    const lines = exportedLines()
    const outside = join(scene().home, 'checkpoints.jsonl')
    writeFileSync(outside, `${lines[1]}\n`)
    expect((await verified(lines, `--checkpoints ${outside}`)).exitCode).toBe(0)
    writeFileSync(outside, 'nonsense\n')
    expect((await scene().run(`certctl audit verify --file ${path} --checkpoints ${outside}`)).exitCode).toBe(2)
  })
})
