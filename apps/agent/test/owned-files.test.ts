import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileSystem } from '@certctl/core'
import { createFileSystem } from '@certctl/kit'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createOwnedFiles, type Installation, requireNotForeign } from '../src/owned-files.js'

let directory: string
let file: string

const one: Installation = { id: 'one', hostname: 'web-1', stateDirectory: '/var/lib/certctl-agent' }
const other: Installation = { id: 'two', hostname: 'web-1', stateDirectory: '/srv/other-agent' }
const filesOf = (installation: Installation): FileSystem => createOwnedFiles(createFileSystem(), installation)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-owned-'))
  file = join(directory, 'cert.pem')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a file', () => {
  it('is marked beside it by the first agent that writes it, and refused to the second', async () => {
    await filesOf(one).replace(file, 'a', {})
    await expect(filesOf(other).replace(file, 'b', {})).rejects.toMatchObject({ code: 'conflict' })
    await expect(filesOf(other).remove(file)).rejects.toMatchObject({ code: 'conflict' })
    await expect(requireNotForeign(file, other)).rejects.toThrow(
      /another agent \(host web-1, state in \/var\/lib\/certctl-agent\)/,
    )
    expect(await readFile(file, 'utf8')).toBe('a')
    await filesOf(one).replace(file, 'c', {})
    expect(await readFile(file, 'utf8')).toBe('c')
    expect((await readdir(directory)).sort()).toEqual(['.cert.pem.certctl-owner', 'cert.pem'])
  })

  it('goes to exactly one of two agents that come at the same moment', async () => {
    const outcomes = await Promise.allSettled([
      filesOf(one).replace(file, 'a', {}),
      filesOf(other).replace(file, 'b', {}),
    ])
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('is free again when its owner has removed it', async () => {
    await filesOf(one).replace(file, 'a', {})
    await filesOf(one).remove(file)
    expect(await readdir(directory)).toEqual([])
    await expect(filesOf(other).replace(file, 'b', {})).resolves.toBeUndefined()
  })

  it('reached by a link has its marker where the file is', async () => {
    await mkdir(join(directory, 'real'))
    await writeFile(join(directory, 'real', 'cert.pem'), '')
    await symlink(join(directory, 'real', 'cert.pem'), file)
    await filesOf(one).replace(file, 'a', {})
    await expect(filesOf(other).replace(join(directory, 'real', 'cert.pem'), 'b', {})).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('of an installation that was in this state directory before is ours', async () => {
    await filesOf(one).replace(file, 'a', {})
    const reinstalled = { ...one, id: 'three' }
    await filesOf(reinstalled).replace(file, 'b', {})
    expect(await readFile(join(directory, '.cert.pem.certctl-owner'), 'utf8')).toContain('three')
  })

  it('of an agent with the same state directory on another host is not: two containers may share a volume', async () => {
    await filesOf(one).replace(file, 'a', {})
    await expect(filesOf({ ...one, id: 'three', hostname: 'web-2' }).replace(file, 'b', {})).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('with a marker that nobody can read is taken over', async () => {
    await writeFile(join(directory, '.cert.pem.certctl-owner'), '')
    await expect(filesOf(one).replace(file, 'a', {})).resolves.toBeUndefined()
  })

  it('is only read without any claim', async () => {
    await writeFile(file, 'a')
    expect(Buffer.from(await filesOf(one).read(file)).toString()).toBe('a')
    expect(await filesOf(one).list(directory)).toEqual(['cert.pem'])
    expect(await readdir(directory)).toEqual(['cert.pem'])
  })

  it.each([
    ['that is not there', 'no', 'is not there'],
    ['that is a file', 'file', 'is not a folder'],
  ])('in a folder %s fails as a deployment, naming the folder and what to do', async (_, name, fault) => {
    await writeFile(join(directory, 'file'), '')
    const folder = join(directory, name)
    await expect(filesOf(one).replace(join(folder, 'cert.pem'), 'a', {})).rejects.toMatchObject({
      code: 'deploy_failed',
      message: `The folder ${folder} for cert.pem ${fault} on this host; create it, or correct the path in the target: certctl targets update`,
    })
  })

  it('of another agent is free when its marker is removed, as the refusal says', async () => {
    await filesOf(other).replace(file, 'a', {})
    const refusal: unknown = await filesOf(one)
      .replace(file, 'b', {})
      .catch((error: unknown) => error)
    const [, marker = ''] = /remove (\S+): retiring an agent leaves it there/.exec(String(refusal)) ?? []
    await rm(marker)
    await expect(filesOf(one).replace(file, 'b', {})).resolves.toBeUndefined()
    await expect(filesOf(other).replace(file, 'a', {})).rejects.toMatchObject({ code: 'conflict' })
  })
})
