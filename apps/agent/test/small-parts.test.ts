import { commandLine, targetSettingsSchema } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createAgentEnd } from '../src/agent-end.js'
import { commandText } from '../src/command-text.js'
import { createContact } from '../src/contact.js'
import { endpointsOf, serverNameOf } from '../src/endpoints.js'
import { createLanes } from '../src/lanes.js'
import { nearestName } from '../src/nearest-name.js'
import { backoffSeconds, jittered } from '../src/pauses.js'
import { endpointText } from '../src/probe.js'
import { createServerClock } from '../src/server-clock.js'

describe('endpoints', () => {
  const settings = (raw: unknown) => targetSettingsSchema.parse(raw)
  const own = [{ host: 'from.connector', port: 443 }]

  it("of the operator win over the connector's", () => {
    expect(endpointsOf(settings({ endpoints: [{ host: 'a' }] }), own)).toEqual([{ host: 'a', port: 443 }])
    expect(endpointsOf(settings({}), own)).toEqual(own)
    expect(endpointsOf(settings({ endpoints: [] }), own)).toEqual([])
  })

  it('of post_deploy_verify come on top, once each', () => {
    const raw = { endpoints: [{ host: 'a' }, { host: 'b' }], post_deploy_verify: { endpoint: 'a:443' } }
    expect(endpointsOf(settings(raw), own)).toEqual([
      { host: 'a', port: 443 },
      { host: 'b', port: 443 },
    ])
    expect(endpointsOf(settings({ post_deploy_verify: { endpoint: '[::1]:8443' } }), own)).toEqual([
      { host: '::1', port: 8443 },
    ])
    expect(endpointsOf(settings({ post_deploy_verify: { endpoint: 'web' } }), own)).toEqual([
      { host: 'web', port: 443 },
    ])
  })

  it('are none where looking is switched off', () => {
    expect(endpointsOf(settings({ endpoints: [{ host: 'a' }], post_deploy_verify: { enabled: false } }), own)).toEqual(
      [],
    )
  })

  it('that cannot be read are refused', () => {
    expect(() => endpointsOf(settings({ post_deploy_verify: { endpoint: 'https://a' } }), own)).toThrow(
      /must be host:port/,
    )
    expect(() => endpointsOf(settings({ post_deploy_verify: { endpoint: 'a:99999' } }), own)).toThrow(/port/)
  })

  it('are asked by name: given, host, first name, and a wildcard by a name below it', () => {
    const dns = (value: string) => ({ type: 'dns' as const, value })
    expect(serverNameOf({ host: 'h', port: 1, serverName: 's' }, [dns('a')])).toBe('s')
    expect(serverNameOf({ host: 'h', port: 1 }, [dns('a')])).toBe('h')
    expect(serverNameOf({ host: '10.0.0.1', port: 1 }, [dns('*.a.b'), dns('c')])).toBe('c')
    expect(serverNameOf({ host: '10.0.0.1', port: 1 }, [dns('*.a.b')])).toBe('www.a.b')
    expect(serverNameOf({ host: '::1', port: 1 }, [{ type: 'ip', value: '::1' }])).toBeUndefined()
  })

  it('are written with brackets round an IPv6 address', () => {
    expect(endpointText({ host: '::1', port: 443 })).toBe('[::1]:443')
    expect(endpointText({ host: 'a', port: 1 })).toBe('a:1')
  })
})

describe('a command as text', () => {
  it('reads back as the same words, whatever is in them', () => {
    const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[;&|<>$(){}`\r\n\0*?~#!]/.test(text))
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (argv) => {
        expect(commandLine().parse(commandText(argv))).toEqual(argv)
      }),
    )
  })
})

describe('the nearest name', () => {
  it('takes the fewest edits', () => {
    expect(nearestName('CERTCTL_SERVER_ULR', ['CERTCTL_AGENT_ID', 'CERTCTL_SERVER_URL'])).toBe('CERTCTL_SERVER_URL')
    expect(nearestName('', ['ab', 'a'])).toBe('a')
  })
})

describe('pauses', () => {
  it('are spread by a fifth to either side', () => {
    expect(jittered(10, () => 0)).toBe(8)
    expect(jittered(10, () => 1)).toBeCloseTo(12)
  })

  it('after failures double up to twenty seconds, and obey the server up to five minutes', () => {
    const middle = () => 0.5
    expect([1, 2, 3, 6, 7, 50].map((failures) => backoffSeconds(failures, middle))).toEqual([1, 2, 4, 20, 20, 20])
    expect(backoffSeconds(1, middle, 17)).toBe(17)
    expect(backoffSeconds(1, middle, 86_400)).toBe(300)
  })
})

describe('lanes', () => {
  it('run one after the other in one lane, at the same time in two, whatever becomes of each', async () => {
    const lanes = createLanes()
    const order: string[] = []
    let open = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    const first = lanes('a', async () => {
      order.push('first begins')
      await gate
      order.push('first ends')
      throw new Error('failed')
    })
    const second = lanes('a', async () => void order.push('second'))
    await lanes('b', async () => void order.push('other lane'))
    open()
    await expect(first).rejects.toThrow('failed')
    await second
    expect(order).toEqual(['first begins', 'other lane', 'first ends', 'second'])
  })
})

describe('the clock', () => {
  it("is this host's until the server was heard, and the server's from then on, whatever is done to this host's", () => {
    let wall = new Date('2020-01-01T00:00:00Z')
    let monotonic = 1000
    const clock = createServerClock({ wall: () => wall, monotonicMs: () => monotonic })
    expect(clock.now().toISOString()).toBe('2020-01-01T00:00:00.000Z')
    clock.heard(new Date('2026-05-01T00:00:00Z'))
    monotonic += 5000
    wall = new Date('1999-01-01T00:00:00Z')
    expect(clock.now().toISOString()).toBe('2026-05-01T00:00:05.000Z')
  })
})

describe('the end', () => {
  it('comes once, and its first reason stays', () => {
    const end = createAgentEnd()
    expect(end.reason).toBeUndefined()
    end.retire()
    end.stop()
    expect(end.reason).toBe('retired')
    expect(end.signal.aborted).toBe(true)
  })
})

describe('contact', () => {
  it('is away after the last request had no answer', () => {
    const contact = createContact()
    expect(contact.isAway()).toBe(false)
    contact.lost()
    expect(contact.isAway()).toBe(true)
    contact.heard()
    expect(contact.isAway()).toBe(false)
  })
})
