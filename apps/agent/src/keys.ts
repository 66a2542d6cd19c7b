import { createHash, createPublicKey } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CertctlError, Secret } from '@certctl/core'
import { generateKey } from '@certctl/pki'
import { isAbsence } from './errno.js'

export type KeyAlgorithm = Parameters<typeof generateKey>[0]

export interface KeyRef {
  certificateId: string
  spkiSha256: string
}
export interface HeldKey extends KeyRef {
  madeAt: Date
}

/** The private keys of this host: one file per key, never written over. */
export interface KeyStore {
  /** Makes a new key; resolves when it is on the disk for good. */
  make(certificateId: string, algorithm: KeyAlgorithm): Promise<KeyRef & { privateKeyPem: Secret }>
  /** Also finds the one key per certificate that agents before this one kept as `<certificate id>.key`. */
  find(ref: KeyRef): Promise<Secret | undefined>
  list(): Promise<readonly HeldKey[]>
  remove(ref: KeyRef): Promise<void>
}

const idShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const hashShape = /^[0-9a-f]{64}$/

export function createKeyStore(directory: string): KeyStore {
  return {
    async make(certificateId, algorithm) {
      const { privateKeyPem, spki } = await generateKey(algorithm)
      const ref = { certificateId, spkiSha256: createHash('sha256').update(spki).digest('hex') }
      await writeKey(directory, ref, privateKeyPem)
      return { ...ref, privateKeyPem: new Secret(privateKeyPem) }
    },
    async find(ref) {
      const own = await readIfThere(pathOf(directory, ref))
      if (own !== undefined) return new Secret(own)
      const old = await readIfThere(join(directory, `${checkedId(ref.certificateId)}.key`))
      return old !== undefined && spkiOf(old) === ref.spkiSha256 ? new Secret(old) : undefined
    },
    list: () => listKeys(directory),
    async remove(ref) {
      await rm(pathOf(directory, ref), { force: true })
      await rmdir(join(directory, ref.certificateId)).catch(() => undefined) // Not empty: other keys of it remain.
    },
  }
}

/** Ids come from the server and become names here, so they are checked here again. */
function checkedId(certificateId: string): string {
  if (!idShape.test(certificateId))
    throw new CertctlError(
      'request_malformed',
      `"${certificateId.slice(0, 80)}" is not an id that may become a file name`,
    )
  return certificateId
}

function pathOf(directory: string, { certificateId, spkiSha256 }: KeyRef): string {
  if (!hashShape.test(spkiSha256))
    throw new CertctlError('request_malformed', 'A key is named by the SHA-256 of its SPKI, in hex')
  return join(directory, checkedId(certificateId), `${spkiSha256}.key`)
}

/** Written under a dot-name, synced, then linked: a name that is there holds a whole key, and no key is ever replaced. */
async function writeKey(directory: string, ref: KeyRef, pem: string): Promise<void> {
  const path = pathOf(directory, ref)
  const folder = join(directory, ref.certificateId)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const half = join(folder, `.${ref.spkiSha256}.half`)
  const file = await open(half, 'wx', 0o600)
  try {
    await file.writeFile(pem)
    await file.sync()
  } finally {
    await file.close()
  }
  await link(half, path)
  await unlink(half)
  await syncDirectory(folder)
  await syncDirectory(directory)
}

async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function listKeys(directory: string): Promise<HeldKey[]> {
  const folders = await readdir(directory, { withFileTypes: true }).catch(noneIfAbsent)
  const ids = folders.filter((entry) => entry.isDirectory() && idShape.test(entry.name)).map((entry) => entry.name)
  const perId = await Promise.all(ids.map((certificateId) => keysOf(directory, certificateId)))
  return perId.flat()
}

async function keysOf(directory: string, certificateId: string): Promise<HeldKey[]> {
  const folder = join(directory, certificateId)
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.key$/.test(name))
  return await Promise.all(
    names.map(async (name) => ({
      certificateId,
      spkiSha256: name.slice(0, 64),
      madeAt: (await stat(join(folder, name))).mtime,
    })),
  )
}

/** What a killed start left half written holds part of a key and is of no use. */
export async function removeHalfWrittenKeys(directory: string): Promise<void> {
  const folders = await readdir(directory, { withFileTypes: true }).catch(noneIfAbsent)
  for (const folder of folders.filter((entry) => entry.isDirectory() && idShape.test(entry.name))) {
    const names = await readdir(join(directory, folder.name))
    const halves = names.filter((name) => /^\.[0-9a-f]{64}\.half$/.test(name))
    await Promise.all(halves.map((name) => rm(join(directory, folder.name, name), { force: true })))
  }
}

function noneIfAbsent(error: unknown): [] {
  if (isAbsence(error)) return []
  throw error
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw error
  }
}

function spkiOf(privateKeyPem: string): string {
  const spki = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}
