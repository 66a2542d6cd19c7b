import { CertctlError, type FileSystem, type PlannedChange, type TargetHost } from '@certctl/core'

/** `changes`: what would have been done until now, in order. */
export type Rehearsal = { host: TargetHost; changes(): readonly PlannedChange[] }

/** A host that records writes and commands instead of doing them. Reads show what would have been written; commands succeed in silence; state keeps nothing.
 * Connectors that call an API plan for themselves, so connections are refused (`unsupported`). */
export function createRehearsalHost(inner: TargetHost): Rehearsal {
  const changes: PlannedChange[] = []
  const refuse = async (): Promise<never> => {
    throw new CertctlError('unsupported', 'This connector works over the network and cannot be rehearsed')
  }
  return {
    changes: () => changes,
    host: {
      ...inner,
      files: rehearsedFiles(inner.files, changes),
      async run(argv) {
        changes.push({ what: 'run', detail: argv.join(' ') })
        return { exitCode: 0, stdout: '', stderr: '', timedOut: false }
      },
      shared: (_key, action) => action(),
      http: () => ({ request: refuse }),
      connect: refuse,
      startTls: refuse,
      state: { ...inner.state, put: async (key, value) => ({ key, value, version: 0 }), delete: async () => undefined },
      // Where nothing would be written, what is served is taken to be right: a rehearsal shakes no hands.
      confirmServed: async () => (changes.length === 0 ? 'served' : 'unverifiable'),
    },
  }
}

function rehearsedFiles(inner: FileSystem, changes: PlannedChange[]): FileSystem {
  const written = new Map<string, Uint8Array | undefined>()
  return {
    list: (path) => inner.list(path),
    async stat(path) {
      const stat = await inner.stat(path)
      if (!written.has(path)) return stat
      const content = written.get(path)
      const fresh = { kind: 'file', mode: 0o600, uid: 0, gid: 0, realPath: path, modifiedAt: new Date(0) } as const
      return content && { ...fresh, ...stat, size: content.length }
    },
    async read(path, options) {
      const content = written.get(path)
      if (content !== undefined) return content
      if (written.has(path)) throw new CertctlError('not_found', `${path} would have been removed`)
      return await inner.read(path, options)
    },
    async replace(path, content, { mode }) {
      const verb = (await inner.stat(path)) === undefined ? 'create' : 'replace'
      const attributes = mode === undefined ? '' : ` (mode ${mode.toString(8).padStart(4, '0')})`
      changes.push({ what: 'write', detail: `${verb} ${path}${attributes}` })
      written.set(path, Buffer.from(content))
    },
    async remove(path) {
      changes.push({ what: 'write', detail: `remove ${path}` })
      written.set(path, undefined)
    },
  }
}
