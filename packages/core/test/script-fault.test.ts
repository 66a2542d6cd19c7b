import { describe, expect, it } from '@jest/globals'
import type { FileStat } from '../src/host.js'
import { scriptFault } from '../src/script-fault.js'

const ours = 990
const file = (changes: Partial<FileStat> = {}): FileStat => ({
  kind: 'file',
  size: 10,
  mode: 0o755,
  uid: 0,
  gid: 0,
  realPath: '/srv/scripts/sign',
  modifiedAt: new Date(0),
  ...changes,
})
const folder = (changes: Partial<FileStat> = {}): FileStat =>
  file({ kind: 'directory', realPath: '/srv/scripts', ...changes })

describe('a program that the server may run', () => {
  it.each([
    ['root', 0],
    ['the server itself', ours],
  ])('belongs to %s and is written by nobody else', (_who, uid) => {
    expect(scriptFault(file({ uid }), folder({ uid }), ours)).toBeUndefined()
    expect(scriptFault(file({ uid, mode: 0o500 }), folder(), ours)).toBeUndefined()
  })

  it('may lie in a folder for everybody where nobody can replace what belongs to another', () => {
    expect(scriptFault(file(), folder({ mode: 0o1777 }), ours)).toBeUndefined()
  })
})

describe('a program that the server must not run', () => {
  it.each([
    ['is missing', undefined, folder(), 'does not exist'],
    ['is a folder', folder(), folder(), 'is not a file'],
    ['is a device', file({ kind: 'other' }), folder(), 'is not a file'],
    ['is no program', file({ mode: 0o644 }), folder(), 'mode 0755'],
    ['its group may write', file({ mode: 0o775 }), folder(), 'chmod go-w'],
    ['everybody may write', file({ mode: 0o757 }), folder(), 'chmod go-w'],
    ['belongs to somebody else', file({ uid: 1000 }), folder(), 'belongs to user 1000'],
    ['lies where the group may replace it', file(), folder({ mode: 0o775 }), 'lies in /srv/scripts'],
    ['lies where everybody may replace it', file(), folder({ mode: 0o777 }), 'lies in /srv/scripts'],
    ['lies in the folder of somebody else', file(), folder({ uid: 1000 }), 'lies in /srv/scripts'],
    ['lies in the sticky folder of somebody else', file(), folder({ uid: 1000, mode: 0o1777 }), 'lies in /srv/scripts'],
  ])('%s', (_what, program, place, fault) => {
    expect(scriptFault(program, place, ours)).toContain(fault)
  })
})
