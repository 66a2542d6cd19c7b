import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMaterial } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createFileSystem, removeLeftovers } from '../src/file-system.js'
import { replaceFiles } from '../src/replace-files.js'

const files = createFileSystem()
const isRoot = process.getuid?.() === 0
const whenRoot = isRoot
  ? it
  : (name: string, _check: () => unknown) => it.skip(`skipped: not root: ${name}`, () => undefined)

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-files-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))
const at = (name: string) => join(directory, name)
const modeOf = async (name: string) => (await stat(at(name))).mode & 0o7777
const text = (name: string) => readFile(at(name), 'utf8')

describe('replacing a file', () => {
  it('makes a new one, for all to read', async () => {
    await files.replace(at('a'), 'content', {})
    expect([await text('a'), await modeOf('a')]).toEqual(['content', 0o644])
  })

  it('makes a secret one for its owner only', async () => {
    await files.replace(at('a'), Buffer.from([1, 2, 3]), { secret: true })
    expect([await readFile(at('a')), await modeOf('a')]).toEqual([Buffer.from([1, 2, 3]), 0o600])
  })

  it('gives the mode that was asked for, whatever the umask', async () => {
    const before = process.umask(0o077)
    try {
      await files.replace(at('a'), '', { mode: 0o664 })
    } finally {
      process.umask(before)
    }
    expect(await modeOf('a')).toBe(0o664)
  })

  it('keeps the mode of what it replaces, and gives the new content a new inode', async () => {
    await writeFile(at('a'), 'old', { mode: 0o600 })
    await chmod(at('a'), 0o640)
    const { ino } = await stat(at('a'))
    await files.replace(at('a'), 'new', {})
    expect([await text('a'), await modeOf('a'), (await stat(at('a'))).ino === ino]).toEqual(['new', 0o640, false])
  })

  it('keeps set-uid bits off', async () => {
    await writeFile(at('a'), 'old')
    await chmod(at('a'), 0o4755)
    await files.replace(at('a'), 'new', {})
    expect(await modeOf('a')).toBe(0o755)
  })

  whenRoot('keeps owner and group, and changes them where it is told to', async () => {
    await writeFile(at('a'), 'old')
    await chown(at('a'), 12, 34)
    await files.replace(at('a'), 'new', {})
    expect(await stat(at('a'))).toMatchObject({ uid: 12, gid: 34 })
    await files.replace(at('a'), 'new', { owner: 'nobody' })
    expect((await stat(at('a'))).uid).toBe(65_534)
    expect((await stat(at('a'))).gid).toBe(34)
    await files.replace(at('a'), 'new', { owner: '7', group: 'daemon' })
    expect(await stat(at('a'))).toMatchObject({ uid: 7, gid: 1 })
  })

  it('refuses an owner that does not exist, and leaves nothing behind', async () => {
    await expect(files.replace(at('a'), '', { owner: 'no-such-user' })).rejects.toMatchObject({
      code: 'deploy_failed',
      message: expect.stringContaining('There is no user "no-such-user"'),
    })
    await expect(files.replace(at('a'), '', { group: 'no-such-group' })).rejects.toThrow('no group')
    expect(await readdir(directory)).toEqual([])
  })

  it('writes where a link leads, and keeps the link', async () => {
    await mkdir(at('real'))
    await writeFile(at('real/a'), 'old')
    await symlink('real/a', at('first'))
    await symlink(at('first'), at('second'))
    await files.replace(at('second'), 'new', {})
    expect(await text('real/a')).toBe('new')
    expect([await readlink(at('second')), await readlink(at('first'))]).toEqual([at('first'), 'real/a'])
    expect((await lstat(at('real/a'))).isSymbolicLink()).toBe(false)
  })

  it('makes what a link promises', async () => {
    await mkdir(at('real'))
    await symlink('real/a', at('link'))
    await files.replace(at('link'), 'new', {})
    expect(await text('real/a')).toBe('new')
  })

  it('gives up on links that go round', async () => {
    await symlink(at('b'), at('a'))
    await symlink(at('a'), at('b'))
    await expect(files.replace(at('a'), '', {})).rejects.toThrow(/leads nowhere|links/)
  })

  it.each([
    ['missing/a', 'there is no such file or directory'],
    ['file/a', 'not a directory'],
    ['x'.repeat(300), 'the name is too long'],
  ])('says what to do when it cannot write to %s', async (name, remedy) => {
    await writeFile(at('file'), '')
    await expect(files.replace(at(name), '', {})).rejects.toMatchObject({
      code: 'deploy_failed',
      message: expect.stringMatching(new RegExp(`^Cannot write ${directory}.*${remedy}`)),
    })
  })

  it('does not replace a directory, and leaves no temporary', async () => {
    await mkdir(at('a'))
    await expect(files.replace(at('a'), '', {})).rejects.toMatchObject({ code: 'deploy_failed' })
    expect(await readdir(directory)).toEqual(['a'])
  })

  it('takes a name as long as there can be', async () => {
    const name = 'x'.repeat(255)
    await files.replace(at(name), 'new', {})
    expect(await readdir(directory)).toEqual([name])
  })

  it('never shows a reader anything but the old or the new content', async () => {
    const [old, next] = ['a'.repeat(100_000), 'b'.repeat(100_000)]
    await writeFile(at('a'), old)
    let over = false
    const seen = new Set<string>()
    const reading = (async () => {
      while (!over) seen.add(await text('a'))
    })()
    for (let round = 0; round < 20; round += 1) await files.replace(at('a'), round % 2 === 0 ? next : old, {})
    over = true
    await reading
    expect([...seen].every((content) => content === old || content === next)).toBe(true)
  })
})

describe('a disk that does not take it', () => {
  const mounted = async (options: string, act: (path: string) => Promise<void>): Promise<void> => {
    await mkdir(at('disk'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at('disk')])
    try {
      await act(at('disk'))
    } finally {
      execFileSync('umount', ['-l', at('disk')])
    }
  }
  const canMount = isRoot && mountWorks()
  const whenMounted = canMount
    ? it
    : (name: string, _check: () => unknown) => it.skip(`skipped: no right to mount: ${name}`, () => undefined)

  whenMounted('because it is full keeps the old content, and says so', async () => {
    await mounted('size=64k', async (disk) => {
      await writeFile(join(disk, 'a'), 'old')
      await expect(files.replace(join(disk, 'a'), 'x'.repeat(200_000), {})).rejects.toMatchObject({
        code: 'deploy_failed',
        message: expect.stringContaining('the disk is full; free some space'),
      })
      expect(await readFile(join(disk, 'a'), 'utf8')).toBe('old')
      expect(await readdir(disk)).toEqual(['a'])
    })
  })

  whenMounted('because it is full lets a set of files stay as it was', async () => {
    const [old, next] = (await createMaterial()).leafs
    await mounted('size=16k', async (disk) => {
      const [cert, key] = [join(disk, 'cert.pem'), join(disk, 'key.pem')]
      await writeFile(cert, old.certificatePem)
      await writeFile(key, old.privateKeyPem.reveal(), { mode: 0o600 })
      const fill = execFileSync('sh', ['-c', `dd if=/dev/zero of=${join(disk, 'fill')} 2>&1 || true`])
      expect(fill.toString()).toContain('No space')
      const changes = [
        { path: cert, content: next.certificatePem },
        { path: key, content: next.privateKeyPem.reveal(), secret: true },
      ]
      const signal = new AbortController().signal
      await expect(replaceFiles(files, changes, { signal })).rejects.toMatchObject({ code: 'deploy_failed' })
      expect(await readFile(cert, 'utf8')).toBe(old.certificatePem)
      expect(await readFile(key, 'utf8')).toBe(old.privateKeyPem.reveal())
      await rm(join(disk, 'fill'))
      await expect(replaceFiles(files, changes, { signal })).resolves.toMatchObject({ changed: true })
    })
  })

  whenMounted('because it is read-only says so', async () => {
    await mounted('size=64k', async (disk) => {
      await writeFile(join(disk, 'a'), 'old')
      execFileSync('mount', ['-o', 'remount,ro', disk])
      await expect(files.replace(join(disk, 'a'), 'new', {})).rejects.toThrow('the file system is read-only')
    })
  })

  whenMounted('because the file is a mount of its own says what to mount', async () => {
    await writeFile(at('source'), 'old')
    await writeFile(at('a'), '')
    execFileSync('mount', ['--bind', at('source'), at('a')])
    try {
      await expect(files.replace(at('a'), 'new', {})).rejects.toThrow('mount its directory into the container')
      expect((await readdir(directory)).sort()).toEqual(['a', 'source'])
    } finally {
      execFileSync('umount', ['-l', at('a')])
    }
  })
})

function mountWorks(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('reading', () => {
  it('gives bytes, and no more than is wanted', async () => {
    await writeFile(at('a'), 'content')
    expect(Buffer.from(await files.read(at('a'))).toString()).toBe('content')
    expect(await files.read(at('a'), { maxBytes: 7 })).toHaveLength(7)
    await expect(files.read(at('a'), { maxBytes: 6 })).rejects.toMatchObject({ code: 'too_large' })
  })

  it('refuses what has no end, whatever it says of its size', async () => {
    execFileSync('mkfifo', [at('pipe')])
    for (const path of ['/dev/null', at('pipe')])
      await expect(files.read(path, { maxBytes: 7 })).rejects.toMatchObject({
        code: 'not_found',
        message: `${path} is no regular file`,
      })
  })

  it('says that something is not there', async () => {
    await expect(files.read(at('a'))).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(at('a')),
    })
    await expect(files.list(at('a'))).rejects.toMatchObject({ code: 'not_found' })
    expect(await files.stat(at('a'))).toBeUndefined()
    await writeFile(at('file'), '')
    expect(await files.stat(at('file/below'))).toBeUndefined()
  })

  it('lists names in order', async () => {
    await writeFile(at('b'), '')
    await writeFile(at('a'), '')
    expect(await files.list(directory)).toEqual(['a', 'b'])
  })

  it('says what a path leads to', async () => {
    await writeFile(at('a'), 'content', { mode: 0o600 })
    await utimes(at('a'), 1000, 1000)
    await symlink(at('a'), at('link'))
    expect(await files.stat(at('link'))).toEqual({
      kind: 'file',
      size: 7,
      mode: 0o600,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
      realPath: at('a'),
      modifiedAt: new Date(1_000_000),
    })
    expect(await files.stat(directory)).toMatchObject({ kind: 'directory' })
    expect(await files.stat('/dev/null')).toMatchObject({ kind: 'other' })
  })
})

describe('removing', () => {
  it('removes, and does not mind what is gone', async () => {
    await writeFile(at('a'), '')
    await files.remove(at('a'))
    await files.remove(at('a'))
    expect(await readdir(directory)).toEqual([])
  })

  it('says when it cannot', async () => {
    await mkdir(at('a'))
    await expect(files.remove(at('a'))).rejects.toMatchObject({
      code: 'deploy_failed',
      message: expect.stringContaining('Cannot remove'),
    })
  })
})

describe('leftovers', () => {
  it('of a process that died are recognised by name, and nothing else is touched', async () => {
    const ours = ['.www.pem.certctl-0123456789ab', '.x.certctl-abcdefabcdef']
    const foreign = [
      'www.pem',
      '.www.pem',
      '.certctl-0123456789ab',
      'www.pem.certctl-0123456789ab',
      '.www.pem.certctl-xyz',
    ]
    for (const name of [...ours, ...foreign]) await writeFile(at(name), '')
    expect(await removeLeftovers([directory, directory, at('missing')])).toEqual(ours.map(at))
    expect((await readdir(directory)).sort()).toEqual(foreign.sort())
  })
})
