import { describe, expect, it } from '@jest/globals'
import { channelsOf } from '../../src/notify/channels.js'

const notifier = (id: string, type: string, enabled = true) => ({ id, name: `The ${id}`, type, enabled })
const mail = notifier('mail-1', 'Email')
const pager = notifier('pager-1', 'PagerDuty')
const old = notifier('old-1', 'Slack', false)

const told = (channels: unknown, notifiers = [mail, pager, old]) => {
  const found = channelsOf({ data: { channels } }, notifiers)
  return { told: found.told.map(({ id }) => id), faults: found.faults }
}

describe('an event', () => {
  it('that names no channels is told to every notifier that is enabled', () => {
    expect(told(undefined)).toEqual({ told: ['mail-1', 'pager-1'], faults: [] })
    expect(told('PagerDuty').told).toEqual(['mail-1', 'pager-1'])
  })

  it('that names channels is told to those, by type, name or id, and to nobody else', () => {
    expect(told(['pager-duty'])).toEqual({ told: ['pager-1'], faults: [] })
    expect(told(['the MAIL-1'])).toEqual({ told: ['mail-1'], faults: [] })
    expect(told(['mail-1', 'PagerDuty'])).toEqual({ told: ['mail-1', 'pager-1'], faults: [] })
  })

  it('that names an empty list is told to nobody', () => {
    expect(told([])).toEqual({ told: [], faults: [] })
  })

  it('that names what is no notifier, or one that is disabled, says so of each, and tells those that are left', () => {
    const { told: reached, faults } = told(['Email', 'OpsGenie', 'Slack'])
    expect(reached).toEqual(['mail-1'])
    expect(faults).toMatchObject([
      { channel: 'OpsGenie', reason: expect.stringContaining('certctl notifiers create --type OpsGenie') },
      { channel: 'Slack', reason: expect.stringContaining('certctl notifiers update old-1 --enable') },
    ])
  })

  it('of which nobody that is meant can be told is told to everybody rather than to nobody', () => {
    expect(told(['OpsGenie']).told).toEqual(['mail-1', 'pager-1'])
  })

  it('of a type that two notifiers have, of which one is disabled, is told to the other', () => {
    const second = notifier('old-2', 'Slack')
    expect(told(['slack'], [old, second])).toEqual({ told: ['old-2'], faults: [] })
  })
})
