import { describe, expect, it } from '@jest/globals'
import { resolveAllowed } from '../src/address-policy.js'

const publicAddresses = ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8']
const privateAddresses = ['10.0.0.1', '172.16.3.4', '192.168.1.1', 'fd00::1', '100.64.0.1', '::ffff:10.0.0.1']
const neverAddresses = [
  ...[
    '127.0.0.1',
    '127.8.8.8',
    '::1',
    '::ffff:127.0.0.1',
    '0.0.0.0',
    '::',
    '169.254.169.254',
    'fe80::1',
    'fe80::1%eth0',
  ],
  ...[
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '240.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:1::',
    '192.0.2.1',
  ],
]

describe('addresses that people enter', () => {
  it.each(publicAddresses)('may be %s', async (address) => {
    expect(await resolveAllowed(address, 'public-only')).toEqual([address])
  })

  it.each([...privateAddresses, ...neverAddresses])('may not be %s', async (address) => {
    await expect(resolveAllowed(address, 'public-only')).rejects.toMatchObject({ code: 'policy_denied' })
  })

  it.each(['localhost', '0x7f.1', '2130706433', '127.1'])('may not lead here by another spelling: %s', async (host) => {
    await expect(resolveAllowed(host, 'public-only')).rejects.toMatchObject({
      code: expect.stringMatching(/^(policy_denied|upstream_unavailable)$/),
    })
  })
})

describe('addresses that are scanned', () => {
  it.each([...publicAddresses, ...privateAddresses])('may be %s', async (address) => {
    expect(await resolveAllowed(address, 'scan')).toEqual([address])
  })

  it.each(neverAddresses)('may not be %s', async (address) => {
    await expect(resolveAllowed(address, 'scan')).rejects.toMatchObject({ code: 'policy_denied' })
  })
})

describe('any address', () => {
  it.each([...publicAddresses, ...privateAddresses, ...neverAddresses])('may be %s', async (address) => {
    expect(await resolveAllowed(address, 'any')).toEqual([address])
  })

  it('is looked up where a name is given', async () => {
    expect(await resolveAllowed('localhost', 'any')).toContain('127.0.0.1')
    await expect(resolveAllowed('no-such-host.invalid', 'any')).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })
})
