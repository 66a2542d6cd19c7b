import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { timeLimit } from '../src/index.js'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

describe('a time limit', () => {
  it('fires although nobody remembers it and garbage is collected meanwhile', async () => {
    const patient = new AbortController()
    let fired = 0
    const wait = () => timeLimit(0.2, patient.signal).addEventListener('abort', () => (fired += 1))
    wait()
    const waited = once(timeLimit(0.2, patient.signal), 'abort')
    await new Promise(setImmediate)
    collectGarbage()
    await waited
    expect(fired).toBe(1)
    expect(patient.signal.aborted).toBe(false)
  })

  it('says that time is over, which is another reason than that of the caller', async () => {
    const limit = timeLimit(0.01)
    await once(limit, 'abort')
    expect(limit.reason).toMatchObject({ name: 'TimeoutError', message: '0.01 s are over' })
  })

  it('fires with any of the others, also where one has fired before', () => {
    const controller = new AbortController()
    const limit = timeLimit(60, undefined, controller.signal)
    expect(limit.aborted).toBe(false)
    controller.abort(new Error('enough'))
    expect(limit.reason).toMatchObject({ message: 'enough' })
    expect(timeLimit(60, AbortSignal.abort()).aborted).toBe(true)
  })
})
