import { posix } from 'node:path'
import { CertctlError, type FileOptions, type FileStat, type FileSystem } from '@certctl/core'

export interface MemoryFile {
  content: Uint8Array
  mode: number
  owner: string
  group: string
  /** Marked as a file of ours that is not certificate material. */
  own: boolean
  modifiedAt: Date
}

/** A file system in memory. Directories exist as soon as a file names them; readers see the old or the new content. */
export interface MemoryFiles extends FileSystem {
  /** Puts a file there as somebody else would, outside every journal and fault. */
  put(path: string, content: string | Uint8Array, attributes?: Partial<Omit<MemoryFile, 'content'>>): void
  /** Makes `path` a symbolic link; replacing through it changes what it points to. */
  link(path: string, target: string): void
  /** Every file as text, by path; links are left out. */
  texts(): ReadonlyMap<string, string>
  /** Content, mode, owner and group of every file in one comparable text each, by path. Dot-named files are left out. */
  snapshot(): ReadonlyMap<string, string>
  file(path: string): MemoryFile | undefined
}

/** @param now where modification times come from */
export function createMemoryFiles(now: () => Date): MemoryFiles {
  const files = new Map<string, MemoryFile>()
  const links = new Map<string, string>()
  const accounts = new Map<string, number>([['root', 0]])

  const resolved = (path: string, depth = 0): string => {
    const target = links.get(posix.normalize(path))
    if (target === undefined) return posix.normalize(path)
    if (depth > 8) throw new CertctlError('deploy_failed', `${path}: too many symbolic links`)
    return resolved(posix.resolve(posix.dirname(path), target), depth + 1)
  }
  const accountId = (name: string): number => {
    if (/^\d+$/.test(name)) return Number(name)
    const id = accounts.get(name) ?? 1000 + accounts.size
    accounts.set(name, id)
    return id
  }
  const childrenOf = (path: string): string[] => {
    const prefix = path.endsWith('/') ? path : `${path}/`
    const below = [...files.keys(), ...links.keys()].filter((name) => name.startsWith(prefix))
    return [...new Set(below.map((name) => name.slice(prefix.length).split('/')[0] ?? ''))].sort()
  }
  const write = (path: string, content: string | Uint8Array, attributes: Partial<Omit<MemoryFile, 'content'>>) => {
    const known = files.get(path)
    files.set(path, {
      content: bytesOf(content),
      mode: attributes.mode ?? known?.mode ?? 0o644,
      owner: attributes.owner ?? known?.owner ?? 'root',
      group: attributes.group ?? known?.group ?? 'root',
      own: attributes.own ?? known?.own ?? false,
      modifiedAt: now(),
    })
  }

  return {
    async read(path, options = {}) {
      const file = files.get(resolved(path))
      if (file === undefined) throw new CertctlError('not_found', `${path} does not exist`)
      if (file.content.length > (options.maxBytes ?? Number.POSITIVE_INFINITY))
        throw new CertctlError('too_large', `${path} is larger than ${options.maxBytes} bytes`)
      return file.content.slice()
    },
    async stat(path) {
      const realPath = resolved(path)
      const file = files.get(realPath)
      if (file !== undefined) return statOf(file, realPath, accountId)
      if (childrenOf(realPath).length === 0) return undefined
      return { kind: 'directory', size: 0, mode: 0o755, uid: 0, gid: 0, realPath, modifiedAt: now() }
    },
    async list(path) {
      const children = childrenOf(resolved(path))
      if (children.length === 0) throw new CertctlError('not_found', `${path} is not a directory`)
      return children
    },
    async replace(path, content, options) {
      write(resolved(path), content, attributesOf(options, files.has(resolved(path))))
    },
    async remove(path) {
      if (!links.delete(posix.normalize(path))) files.delete(posix.normalize(path))
    },
    put: (path, content, attributes = {}) => write(resolved(path), content, attributes),
    link: (path, target) => void links.set(posix.normalize(path), target),
    texts: () => new Map([...files].map(([path, file]) => [path, Buffer.from(file.content).toString('utf8')])),
    snapshot: () => snapshotOf(files),
    file: (path) => files.get(resolved(path)),
  }
}

function attributesOf(options: FileOptions, exists: boolean): Partial<Omit<MemoryFile, 'content'>> {
  const mode = options.mode ?? (!exists && options.secret === true ? 0o600 : undefined)
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(options.owner === undefined ? {} : { owner: options.owner }),
    ...(options.group === undefined ? {} : { group: options.group }),
    ...(options.own === undefined ? {} : { own: true }),
  }
}

function statOf(file: MemoryFile, realPath: string, accountId: (name: string) => number): FileStat {
  return {
    kind: 'file',
    size: file.content.length,
    mode: file.mode,
    uid: accountId(file.owner),
    gid: accountId(file.group),
    realPath,
    modifiedAt: file.modifiedAt,
  }
}

function snapshotOf(files: ReadonlyMap<string, MemoryFile>): ReadonlyMap<string, string> {
  const visible = [...files].filter(([path]) => !posix.basename(path).startsWith('.'))
  const text = ({ mode, owner, group, content }: MemoryFile) =>
    `${mode.toString(8)} ${owner}:${group} ${Buffer.from(content).toString('base64')}`
  return new Map(visible.map(([path, file]): [string, string] => [path, text(file)]).sort())
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content.slice()
}
