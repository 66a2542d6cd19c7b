import { CertctlError } from '@certctl/core'
import type { HttpAnswer, SeenRequest } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { decodeMacKey } from '../src/account/binding.js'
import { createFakeWorld } from './fake-world.js'
import { dns, never, pending, requestFor, settle, start, valid } from './orders.js'

describe('the MAC key of an external account binding', () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 64 })

  it('is the same bytes in base64 and base64url, padded or not, with blanks around', () => {
    fc.assert(
      fc.property(bytes, (key) => {
        const canonical = Buffer.from(key).toString('base64url')
        const base64 = Buffer.from(key).toString('base64')
        for (const text of [canonical, base64, base64.replace(/=+$/, ''), ` ${base64}\n`, base64.replaceAll('+', '-')])
          expect(decodeMacKey(text)).toBe(canonical)
      }),
    )
  })

  it('that was encoded twice, as Google’s API gives it, is opened twice', () => {
    const inner = Buffer.alloc(32, 0xa7).toString('base64url')
    expect(decodeMacKey(Buffer.from(inner).toString('base64'))).toBe(inner)
  })

  it('that is no base64 is refused without a word of what it was', () => {
    for (const text of ['not base64!', 'abcde', ''])
      expect(() => decodeMacKey(text)).toThrow(/neither base64 nor base64url/)
    expect(() => decodeMacKey('not base64!')).not.toThrow(/not base64!/)
  })
})

describe('ZeroSSL', () => {
  const key = Buffer.alloc(32, 0xa7)
  const origin = 'https://acme.zerossl.com'
  const good: HttpAnswer = {
    status: 200,
    json: { success: 1, eab_kid: 'fetched', eab_hmac_key: key.toString('base64url') },
  }

  async function open(answer: HttpAnswer, over: object = {}, at = origin) {
    const asked: SeenRequest[] = []
    const elsewhere = (request: SeenRequest): HttpAnswer => {
      asked.push(request)
      return answer
    }
    const world = await createFakeWorld({ macKey: { kid: 'fetched', key } }, { elsewhere, origin: at })
    const config = { directory_url: world.ca.directoryUrl, email: 'ops@example.test', ...over }
    return { world, asked, connector: start(world.host, config) }
  }

  it('is asked for credentials by e-mail when there are none, and its words with status 200 are understood', async () => {
    const refusal: HttpAnswer = {
      status: 200,
      json: { success: false, error: { code: 2900, type: 'duplicate_domains_found' } },
    }
    const { connector, asked } = await open(refusal)
    await expect(connector.issue(await requestFor([dns('z.test')]))).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringMatching(/2900 duplicate_domains_found.*dashboard/),
    })
    const [request] = asked
    expect(request?.url.href).toBe('https://api.zerossl.com/acme/eab-credentials-email')
    expect(request?.text()).toBe('email=ops%40example.test')
  })

  it.each([
    ['a page in HTML', { status: 200, body: '<html>' }, 'upstream_protocol'],
    ['a limit', { status: 429, headers: { 'retry-after': '60' }, body: '' }, 'rate_limited'],
    ['a fault', { status: 502, body: '<html>' }, 'upstream_unavailable'],
  ] as const)('%s of it becomes the right code', async (_, answer, code) => {
    const { connector } = await open(answer)
    await expect(connector.issue(await requestFor([dns('z.test')]))).rejects.toMatchObject({ code })
  })

  it('without an e-mail address says what to set, also when it is only tested', async () => {
    const { connector, asked } = await open(good, { email: undefined })
    await expect(connector.issue(await requestFor([dns('z.test')]))).rejects.toMatchObject({ code: 'config_invalid' })
    await expect(connector.test?.(never)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(asked).toEqual([])
  })

  it('issues with nothing but an e-mail address, and is asked once, also where the answer of the CA was lost', async () => {
    const { world, connector, asked } = await open(good)
    const { host } = world
    let isLost = false
    const losing: typeof host = {
      ...host,
      http: (options) => {
        const client = host.http(options)
        return {
          async request(request) {
            const answer = await client.request(request)
            if (!String(request.path).endsWith('/new-account') || isLost) return answer
            isLost = true
            throw new CertctlError('upstream_unavailable', 'its answer was lost')
          },
        }
      },
    }
    const config = { directory_url: world.ca.directoryUrl, email: 'ops@example.test' }
    await expect(start(losing, config).issue(await requestFor([dns('z.test')]))).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    valid(await settle(host, () => connector, await requestFor([dns('z.test')])))
    expect(asked).toHaveLength(1)
  })

  it('is known by its exact host: a directory that looks like it gets no address', async () => {
    const { connector, asked } = await open(good, {}, 'https://acme.zerossl.com.example.test')
    await expect(connector.issue(await requestFor([dns('z.test')]))).rejects.toMatchObject({ code: 'config_invalid' })
    expect(asked).toEqual([])
  })

  it('configured credentials win', async () => {
    const world = await createFakeWorld({ macKey: { kid: 'mine', key } })
    const config = { directory_url: world.ca.directoryUrl, eab_kid: 'mine', eab_hmac: key.toString('base64') }
    pending(await start(world.host, config).issue(await requestFor([dns('z.test')])))
  })
})
