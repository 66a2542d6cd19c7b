import { CertctlError, type FileSystem } from '@certctl/core'
import { createMaterial, createMemoryFiles, type MemoryFiles } from '@certctl/testing'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { ownMarker } from '../src/certificate-material.js'
import { type FileChange, replaceFiles } from '../src/replace-files.js'

const { leafs, chainPem } = await createMaterial()
const [old, next] = leafs
const cert = '/etc/tls/cert.pem'
const key = '/etc/tls/key.pem'
const chain = '/etc/tls/chain.pem'
const never = new AbortController().signal

const changes: readonly FileChange[] = [
  { path: cert, content: next.certificatePem + chainPem, mode: 0o644 },
  { path: chain, content: chainPem, mode: 0o644 },
  { path: key, content: next.privateKeyPem.reveal(), mode: 0o600, secret: true },
]

let files: MemoryFiles
beforeEach(() => {
  files = createMemoryFiles(() => new Date(0))
})
const text = (path: string): string | undefined => files.texts().get(path)
const deploy = (validate?: () => Promise<never>) => replaceFiles(files, changes, { signal: never, validate })
const no = async (): Promise<never> => {
  throw new Error('no')
}
const failureOf = async (work: Promise<unknown>): Promise<CertctlError> => {
  try {
    await work
  } catch (error) {
    if (error instanceof CertctlError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('what is refused', () => {
  it.each([cert, key, chain])('is to write over something else at %s, before anything is touched', async (path) => {
    files.put(path, 'user nginx;\n')
    const error = await failureOf(deploy())
    expect(error).toMatchObject({ code: 'deploy_failed', message: expect.stringContaining(path) })
    expect([...files.texts()]).toEqual([[path, 'user nginx;\n']])
  })

  it('is to write over a directory, or over a file too large to be a certificate', async () => {
    files.put(`${cert}/inside`, '')
    expect((await failureOf(deploy())).message).toContain('not a regular file')
    const huge: FileSystem = {
      ...files,
      stat: async (path) => ({
        ...(await files.stat('/x')),
        kind: 'file',
        size: 2 ** 30,
        mode: 0,
        uid: 0,
        gid: 0,
        realPath: path,
        modifiedAt: new Date(0),
      }),
      read: async () => Promise.reject(new Error('read')),
    }
    expect((await failureOf(replaceFiles(huge, changes, { signal: never }))).message).toContain('something other')
  })

  it('is a file of ours without the mark', async () => {
    const change: FileChange = { path: '/etc/tls/list.txt', content: 'a', own: true }
    expect(await failureOf(replaceFiles(files, [change], { signal: never }))).toMatchObject({ code: 'internal' })
    const marked = { ...change, content: `# ${ownMarker}\na` }
    await replaceFiles(files, [marked], { signal: never })
    expect(await replaceFiles(files, [{ ...marked, content: `# ${ownMarker}\nb` }], { signal: never })).toMatchObject({
      changed: true,
    })
  })

  it('is one file under two names', async () => {
    files.put(cert, '')
    files.link('/etc/tls/alias.pem', cert)
    const twice: FileChange[] = [
      { path: cert, content: '' },
      { path: '/etc/tls/alias.pem', content: 'x' },
    ]
    expect(await failureOf(replaceFiles(files, twice, { signal: never }))).toMatchObject({ code: 'config_invalid' })
    const same: FileChange[] = [
      { path: '/new', content: '' },
      { path: '/new', content: 'x' },
    ]
    expect(await failureOf(replaceFiles(files, same, { signal: never }))).toMatchObject({ code: 'config_invalid' })
  })
})

describe('a write through a link', () => {
  it('is undone where the link leads', async () => {
    files.link(cert, '/srv/real.pem')
    await failureOf(deploy(no))
    expect([...files.texts().keys()]).toEqual([])
    files.put('/srv/real.pem', old.certificatePem)
    await failureOf(deploy(no))
    expect(text('/srv/real.pem')).toBe(old.certificatePem)
  })
})
