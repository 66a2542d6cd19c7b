import { describe, expect, it } from '@jest/globals'
import { createActivities } from '../src/activities.js'
import { createAgenda } from '../src/agenda.js'
import { createRandom } from '../src/random.js'

describe('the agenda', () => {
  it('goes through what was written down by time, and in the order of writing within one moment', async () => {
    const agenda = createAgenda(0)
    const random = createRandom('agenda')
    const seen: [number, number][] = []
    for (let number = 0; number < 500; number++) {
      const ms = random.whole(1, 40)
      agenda.at(ms, () => void seen.push([ms, number]))
    }
    await agenda.runUntil(100)
    expect(seen).toHaveLength(500)
    expect(seen).toEqual(seen.toSorted(([a, m], [b, n]) => a - b || m - n))
  })

  it('ends each thing before the next begins, and has its time meanwhile', async () => {
    const agenda = createAgenda(1000)
    const seen: string[] = []
    agenda.at(2000, async () => {
      await Promise.resolve()
      await Promise.resolve()
      seen.push(`first at ${agenda.now()}`)
    })
    agenda.at(2000, () => void seen.push(`second at ${agenda.now()}`))
    agenda.after(5, () => void seen.push(`third at ${agenda.now()}`))
    await agenda.runUntil(10_000)
    expect(seen).toEqual(['first at 2000', 'second at 2000', 'third at 6000'])
    expect(agenda.now()).toBe(10_000)
  })

  it('does not go back: what should have been is now', async () => {
    const agenda = createAgenda(1000)
    const seen: number[] = []
    agenda.at(10, () => void seen.push(agenda.now()))
    await agenda.runUntil(2000)
    expect(seen).toEqual([1000])
  })

  it('leaves what is later than asked for, and everything once it was stopped', async () => {
    const agenda = createAgenda(0)
    const seen: number[] = []
    for (const ms of [1, 2, 3]) agenda.at(ms, () => void seen.push(ms))
    await agenda.runUntil(1)
    expect(seen).toEqual([1])
    agenda.at(2, () => agenda.stop())
    await agenda.runUntil(10)
    expect(seen).toEqual([1, 2])
    expect(agenda.now()).toBe(2)
  })

  it('rejects with what something on it threw', async () => {
    const agenda = createAgenda(0)
    agenda.at(1, async () => await Promise.reject(new Error('broken')))
    await expect(agenda.runUntil(2)).rejects.toThrow('broken')
  })
})

describe('an activity', () => {
  it('lets other things happen while it waits, and goes on at its time', async () => {
    const agenda = createAgenda(0)
    const activities = createActivities(agenda)
    const seen: string[] = []
    agenda.at(1000, async () => {
      await activities.begin(async () => {
        seen.push(`asks at ${agenda.now()}`)
        await activities.pause(10)
        seen.push(`hears at ${agenda.now()}`)
        await activities.pause(5)
        seen.push(`ends at ${agenda.now()}`)
      })
      seen.push('the agenda goes on')
    })
    agenda.at(2000, () => void seen.push('something else'))
    await agenda.runUntil(60_000)
    expect(seen).toEqual(['asks at 1000', 'the agenda goes on', 'something else', 'hears at 11000', 'ends at 16000'])
  })

  it('is told from another one that waits at the same time', async () => {
    const agenda = createAgenda(0)
    const activities = createActivities(agenda)
    const seen: string[] = []
    const work = (name: string, seconds: number) => async () => {
      await activities.pause(seconds)
      await activities.pause(1)
      seen.push(`${name} ${agenda.now()}`)
    }
    agenda.at(0, async () => await activities.begin(work('slow', 3)))
    agenda.at(0, async () => await activities.begin(work('fast', 2)))
    await agenda.runUntil(60_000)
    expect(seen).toEqual(['fast 3000', 'slow 4000'])
  })

  it('fails whoever began it where it fails before it waits, and nobody may wait outside of one', async () => {
    const activities = createActivities(createAgenda(0))
    await expect(activities.begin(async () => await Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    await expect(activities.pause(1)).rejects.toThrow('only an activity')
  })
})
