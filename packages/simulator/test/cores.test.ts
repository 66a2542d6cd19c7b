import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { createCores, moveTo } from '../src/cores.js'
import { numbersIn } from '../src/numbers-in.js'

const allowed = (pid: number | string): string | undefined =>
  /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

describe('numbers in a text', () => {
  it('are single ones and ranges', () => {
    expect(numbersIn('1-3,7')).toEqual([1, 2, 3, 7])
  })

  it.each(['', '1,', '-3', 'one', '1.5', '3-1', '1-2-3'])('are not in "%s"', (text) => {
    expect(() => numbersIn(text)).toThrow('is not like 1-3,7')
  })
})

describe('processes on cores', () => {
  it('are shared out, and one moves to where another one ended', () => {
    const cores = createCores<string>([4, 7])
    expect(['one', 'two', 'three'].map(cores.enter)).toEqual([4, 7, 4])
    expect(cores.leave('two')).toEqual({ process: 'three', core: 7 })
    expect(cores.leave('one')).toBeUndefined()
    expect(cores.enter('four')).toBe(4)
    expect(cores.leave('four')).toBeUndefined()
    expect(cores.leave('three')).toBeUndefined()
  })

  it('are left to the system where it does not say which there are', () => {
    const cores = createCores<string>([])
    expect(cores.enter('one')).toBeUndefined()
    expect(cores.leave('one')).toBeUndefined()
  })
})

describe('a process that is moved', () => {
  it('takes along those it has started', async () => {
    const shell = spawn('sh', ['-c', 'sleep 300 & echo $!; wait'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = await once(shell.stdout, 'data')
    const child = Number(String(line))
    try {
      const last = Number(allowed('self')?.split(/[,-]/).at(-1))
      moveTo(last, [shell.pid ?? 0])
      expect([allowed(shell.pid ?? 0), allowed(child)]).toEqual([String(last), String(last)])
    } finally {
      process.kill(child)
      await once(shell, 'exit')
    }
  })

  it('must be there', () => {
    expect(() => moveTo(0, [2 ** 22 + 1])).toThrow()
  })
})
