import { CertctlError, type FileOptions, type FileSystem } from '@certctl/core'
import { createMaterial, createMemoryFiles, type MemoryFiles } from '@certctl/testing'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { type FileChange, type ReplaceSteps, replaceFiles } from '../src/replace-files.js'

const { leafs, chainPem } = await createMaterial()
const [old, next] = leafs
const cert = '/etc/tls/cert.pem'
const key = '/etc/tls/key.pem'
const chain = '/etc/tls/chain.pem'
const never = new AbortController().signal

const changesOf = ({ certificatePem, privateKeyPem }: typeof old): FileChange[] => [
  { path: cert, content: certificatePem + chainPem, mode: 0o644 },
  { path: chain, content: chainPem, mode: 0o644 },
  { path: key, content: privateKeyPem.reveal(), mode: 0o600, secret: true },
]

/** A server that reads its files when told to, and a diary of what happened. */
let files: MemoryFiles
let diary: string[]
let served: string | undefined
const text = (path: string): string | undefined => files.texts().get(path)

beforeEach(() => {
  files = createMemoryFiles(() => new Date(0))
  diary = []
  served = undefined
})

type Deed = keyof FileSystem
const failing: Partial<Record<string, (count: number) => void>> = {}
const watched = (): FileSystem => {
  const counts: Record<string, number> = {}
  const meet = (deed: Deed, path: string): void => {
    counts[deed] = (counts[deed] ?? 0) + 1
    failing[deed]?.(counts[deed])
    if (deed === 'replace' || deed === 'remove') diary.push(`${deed} ${path}`)
  }
  const counted =
    <Args extends readonly [string, ...unknown[]], R>(deed: Deed, act: (...given: Args) => Promise<R>) =>
    async (...given: Args): Promise<R> => {
      meet(deed, given[0])
      return await act(...given)
    }
  return {
    read: counted('read', files.read),
    stat: counted('stat', files.stat),
    list: files.list,
    replace: counted('replace', files.replace),
    remove: counted('remove', files.remove),
  }
}
beforeEach(() => {
  for (const deed of Object.keys(failing)) delete failing[deed]
})

const steps = (over: Partial<ReplaceSteps> = {}): ReplaceSteps => ({
  signal: never,
  validate: async () => void diary.push('validate'),
  activate: async () => {
    diary.push('activate')
    served = text(cert)
  },
  confirm: async () => {
    diary.push('confirm')
    if (served === next.certificatePem + chainPem) return 'served'
    throw new CertctlError('deploy_failed', 'The old certificate is served')
  },
  ...over,
})
const deploy = (over: Partial<ReplaceSteps> = {}, changes = changesOf(next)) =>
  replaceFiles(watched(), changes, steps(over))
const seed = (): ReadonlyMap<string, string> => {
  for (const { path, content, mode = 0o644 } of changesOf(old))
    files.put(path, content, { mode, owner: 'www', group: 'tls' })
  served = text(cert)
  return files.snapshot()
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

describe('replacing a set of files', () => {
  it('writes keys before the certificate, then validates, activates and confirms', async () => {
    expect(await deploy()).toEqual({ changed: true, confirmed: 'served' })
    expect(diary).toEqual([`replace ${chain}`, `replace ${key}`, `replace ${cert}`, 'validate', 'activate', 'confirm'])
    expect(text(key)).toBe(next.privateKeyPem.reveal())
  })

  it('is asked about beforehand only where something would be written', async () => {
    const prepare = async () => void diary.push('prepare')
    await deploy({ prepare })
    expect(diary.slice(0, 2)).toEqual(['prepare', `replace ${chain}`])
    diary = []
    await deploy({ prepare })
    expect(diary).toEqual(['confirm'])
  })

  it('does not begin when it is not wise', async () => {
    const before = seed()
    const prepare = async () => Promise.reject(new CertctlError('deploy_failed', 'already broken'))
    await expect(deploy({ prepare })).rejects.toThrow('already broken')
    expect(diary).toEqual([])
    expect(files.snapshot()).toEqual(before)
  })

  it('hands on mode, owner, group and marks', async () => {
    const given: [string, FileOptions][] = []
    const spy: FileSystem = { ...files, replace: async (path, _, options) => void given.push([path, options]) }
    await replaceFiles(spy, [{ path: key, content: '', mode: 0o640, owner: 'a', group: 'b', secret: true }], {
      signal: never,
    })
    expect(given).toEqual([[key, { mode: 0o640, owner: 'a', group: 'b', secret: true }]])
  })

  it('leaves a file alone that is right already', async () => {
    seed()
    await deploy()
    expect(diary).not.toContain(`replace ${chain}`)
  })

  it('is unverifiable where nothing confirms', async () => {
    expect(await deploy({ confirm: undefined })).toEqual({ changed: true, confirmed: 'unverifiable' })
    expect(await replaceFiles(files, changesOf(old), { signal: never })).toMatchObject({ confirmed: 'unverifiable' })
  })

  it.each(['served', 'later', 'unverifiable'] as const)('passes on that it is %s', async (confirmed) => {
    expect(await deploy({ confirm: async () => confirmed })).toEqual({ changed: true, confirmed })
  })

  it('corrects a mode alone', async () => {
    seed()
    served = undefined
    files.put(key, old.privateKeyPem.reveal(), { mode: 0o644 })
    await replaceFiles(files, changesOf(old), steps({ confirm: undefined }))
    expect(files.file(key)?.mode).toBe(0o600)
  })

  it('corrects an owner that the machine knows, and takes an unknown one for no difference', async () => {
    files.put('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/false\n')
    files.put(cert, old.certificatePem)
    const change = { path: cert, content: old.certificatePem, owner: 'www' }
    expect(await replaceFiles(files, [change], { signal: never })).toMatchObject({ changed: true })
    const directory = { ...change, owner: 'in-the-directory-only' }
    expect(await replaceFiles(files, [directory], { signal: never })).toMatchObject({ changed: false })
  })
})

describe('the same files again', () => {
  it('are confirmed, and nothing else happens', async () => {
    await deploy()
    diary = []
    expect(await deploy()).toEqual({ changed: false, confirmed: 'served' })
    expect(diary).toEqual(['confirm'])
  })

  it('are taken into use when an earlier attempt died before the reload', async () => {
    await deploy()
    served = undefined
    diary = []
    expect(await deploy()).toEqual({ changed: false, confirmed: 'served' })
    expect(diary).toEqual(['confirm', 'validate', 'activate', 'confirm'])
  })

  it.each(['unverifiable', 'later'] as const)('are taken into use when a handshake says %s', async (answer) => {
    await deploy()
    diary = []
    expect(await deploy({ confirm: async () => answer })).toEqual({ changed: false, confirmed: answer })
    expect(diary).toEqual(['validate', 'activate'])
  })

  it('that cannot be taken into use are reported as such, and nothing is undone', async () => {
    await deploy()
    served = undefined
    diary = []
    const broken = async () => {
      throw new CertctlError('deploy_failed', 'reload ended with exit code 1')
    }
    await expect(deploy({ activate: broken })).rejects.toMatchObject({ code: 'deploy_failed' })
    expect(diary).toEqual(['confirm', 'validate'])
  })

  it('do not turn an abort into a reload', async () => {
    await deploy()
    diary = []
    const confirm = async () => {
      throw new CertctlError('aborted', 'Interrupted')
    }
    await expect(deploy({ confirm })).rejects.toMatchObject({ code: 'aborted' })
    expect(diary).toEqual([])
  })
})

describe('a failure', () => {
  const boom = async (): Promise<never> => {
    throw new CertctlError('deploy_failed', 'it broke')
  }

  it.each<[string, Partial<ReplaceSteps>]>([
    ['validation', { validate: boom }],
    ['the handshake', { confirm: boom }],
  ])('of %s puts everything back, and makes the server read it', async (_, over) => {
    const before = seed()
    const error = await failureOf(deploy(over))
    expect(error).toMatchObject({ code: 'deploy_failed', message: expect.stringContaining('it broke') })
    expect(error.message).toContain(cert)
    expect(files.snapshot()).toEqual(before)
    expect(served).toBe(old.certificatePem + chainPem)
    expect(diary.at(-1)).toBe('activate')
  })

  it('of the reload is followed by a reload of the old files, under a signal of its own', async () => {
    const before = seed()
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    const activate = async (signal: AbortSignal) => {
      signals.push(signal)
      if (signals.length > 1) return
      controller.abort()
      throw new CertctlError('aborted', 'interrupted')
    }
    await expect(deploy({ signal: controller.signal, activate })).rejects.toMatchObject({ code: 'aborted' })
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false])
    expect(files.snapshot()).toEqual(before)
  })

  it('removes what was not there before', async () => {
    await failureOf(deploy({ validate: boom }))
    expect([...files.snapshot().keys()]).toEqual([])
  })

  it('does not shake hands while undoing', async () => {
    seed()
    let looks = 0
    const confirm = async () => {
      looks += 1
      return await boom()
    }
    await failureOf(deploy({ confirm }))
    expect(looks).toBe(1)
  })

  it.each([1, 2])('of write %d undoes the ones before', async (count) => {
    const before = seed()
    failing.replace = (current) => {
      if (current === count) throw new CertctlError('deploy_failed', 'disk full')
    }
    expect(await failureOf(deploy())).toMatchObject({
      code: 'deploy_failed',
      message: expect.stringContaining('disk full'),
    })
    expect(files.snapshot()).toEqual(before)
    expect(served).toBe(old.certificatePem + chainPem)
  })

  it('whose write happened all the same is undone too', async () => {
    const before = seed()
    const inner = watched()
    const lossy: FileSystem = {
      ...inner,
      async replace(path, content, options) {
        await inner.replace(path, content, options)
        if (path === key && content === next.privateKeyPem.reveal()) throw new Error('answer lost')
      },
    }
    await failureOf(replaceFiles(lossy, changesOf(next), steps()))
    expect(files.snapshot()).toEqual(before)
  })

  it('on a full disk needs no space to leave things as they were', async () => {
    const before = seed()
    failing.replace = () => {
      throw new CertctlError('deploy_failed', 'disk full')
    }
    expect(await failureOf(deploy())).toMatchObject({ code: 'deploy_failed' })
    expect(files.snapshot()).toEqual(before)
    expect(diary).toEqual([])
  })

  it('that cannot be undone is torn, and says exactly what is left', async () => {
    seed()
    failing.replace = (count) => {
      if (count > 2) throw new Error('read-only')
    }
    const error = await failureOf(deploy({ validate: boom }))
    expect(error.code).toBe('deploy_torn')
    expect(error.message).toContain(`${cert} could not be put back (read-only)`)
    expect(error.message).toContain(`${key} could not be put back (read-only)`)
    expect(error.message).not.toContain(chain)
  })

  it('after which the server, which has read the new files, cannot be told is torn', async () => {
    const before = seed()
    let reloads = 0
    const activate = async () => {
      reloads += 1
      if (reloads > 1) await boom()
    }
    const error = await failureOf(deploy({ activate, confirm: boom }))
    expect(error).toMatchObject({
      code: 'deploy_torn',
      message: expect.stringContaining('may not have read the old files'),
    })
    expect(files.snapshot()).toEqual(before)
  })

  it('is no tear when the server refuses the new files and the old: it goes on with what it has', async () => {
    const before = seed()
    expect(await failureOf(deploy({ activate: boom }))).toMatchObject({ code: 'deploy_failed' })
    expect(files.snapshot()).toEqual(before)
  })

  it('is torn when nobody knows what a reload did that ended without an answer', async () => {
    seed()
    const lost = async () => {
      throw new CertctlError('aborted', 'interrupted')
    }
    expect(await failureOf(deploy({ activate: lost }))).toMatchObject({ code: 'deploy_torn' })
  })

  it('before any reload is no tear when the reload of the old files fails', async () => {
    seed()
    expect(await failureOf(deploy({ validate: boom, activate: boom }))).toMatchObject({ code: 'deploy_failed' })
  })

  it.each(['policy_denied', 'aborted', 'config_invalid'] as const)(
    'that trying again does not help keeps its code: %s',
    async (code) => {
      seed()
      const validate = async () => {
        throw new CertctlError(code, 'no')
      }
      expect(await failureOf(deploy({ validate }))).toMatchObject({ code })
    },
  )

  it('keeps its cause, and what is not ours becomes deploy_failed', async () => {
    const cause = new Error('surprise')
    const validate = async () => {
      throw cause
    }
    expect(await failureOf(deploy({ validate }))).toMatchObject({ code: 'deploy_failed', cause })
  })

  it('to read what is there changes nothing', async () => {
    seed()
    failing.read = () => {
      throw new CertctlError('forbidden', 'no')
    }
    await expect(deploy()).rejects.toMatchObject({ code: 'forbidden' })
    expect(diary).toEqual([])
  })
})

describe('an abort', () => {
  it('before the beginning touches nothing', async () => {
    seed()
    await expect(deploy({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    expect(diary).toEqual([])
  })

  it('between two files puts the first back', async () => {
    const before = seed()
    const controller = new AbortController()
    failing.replace = (count) => {
      if (count === 1) controller.abort()
    }
    await expect(deploy({ signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' })
    expect(files.snapshot()).toEqual(before)
    expect(diary).not.toContain(`replace ${cert}`)
  })
})
