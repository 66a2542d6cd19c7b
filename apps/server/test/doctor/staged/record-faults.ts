import { caa, txt } from '../world.js'
import { inZone } from './change-zone.js'
import { type Staged, site } from './staged.js'

/** Faults of records that CAs read: CAA, and those of the challenges. */
export const recordFaults: readonly Staged[] = [
  {
    fault: 'CAA for another CA',
    stage: (world) => inZone(world, ({ records }) => records.push(caa('example.com', 'other-ca.test'))),
    expected: ['caa_forbids'],
    says: 'let only other-ca.test issue, and this CA goes by ca.test',
    remedy: 'example.com. CAA 0 issue "ca.test"',
  },
  {
    fault: 'CAA that lets nobody issue wildcards',
    name: '*.example.com',
    method: 'dns-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(caa('example.com', 'ca.test'), caa('example.com', ';', { tag: 'issuewild' })),
      ),
    expected: ['caa_forbids'],
    says: 'let nobody issue',
    remedy: 'example.com. CAA 0 issuewild "ca.test"',
  },
  {
    fault: 'CAA for another account',
    stage: (world) =>
      inZone(world, ({ records }) => records.push(caa(site, 'ca.test; accounturi=https://ca.test/account/8'))),
    expected: ['caa_account'],
    says: 'https://ca.test/account/8 issue, and ours is https://ca.test/account/7',
  },
  {
    fault: 'CAA for an account, and ours is not known',
    stage: (world) => {
      world.account = undefined
      inZone(world, ({ records }) => records.push(caa(site, 'ca.test; accounturi=https://ca.test/account/8')))
    },
    expected: ['caa_account_unknown'],
  },
  {
    fault: 'CAA for another method',
    stage: (world) =>
      inZone(world, ({ records }) => records.push(caa('example.com', 'ca.test; validationmethods=dns-01'))),
    expected: ['caa_method'],
    says: 'allow dns-01, and the name is to be proven by http-01',
  },
  {
    fault: 'a critical CAA tag that nobody knows',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(caa('example.com', 'ca.test'), caa('example.com', 'x', { tag: 'isue', flags: 128 })),
      ),
    expected: ['caa_critical'],
    says: 'critical tag isue',
  },
  {
    fault: 'a CAA record that cannot be read',
    stage: (world) =>
      inZone(world, ({ records }) => records.push(caa('example.com', 'ca.test'), caa('example.com', 'ca test; %'))),
    expected: ['caa_malformed'],
  },
  {
    fault: 'values of earlier orders',
    method: 'dns-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(txt(`_acme-challenge.${site}`, 'o'.repeat(43)), txt(`_acme-challenge.${site}`, 'p'.repeat(43))),
      ),
    expected: ['leftovers_found'],
    says: '2 TXT values',
  },
  {
    fault: 'a standing record of another account',
    method: 'dns-persist-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(txt(`_validation-persist.${site}`, 'ca.test; accounturi=https://ca.test/account/8')),
      ),
    expected: ['persist_account'],
    remedy: `_validation-persist.${site}. TXT "ca.test; accounturi=https://ca.test/account/7"`,
  },
  {
    fault: 'a standing record that has ended',
    method: 'dns-persist-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(
          txt(`_validation-persist.${site}`, 'ca.test; accounturi=https://ca.test/account/7; persistUntil=1700000000'),
        ),
      ),
    expected: ['persist_ended'],
    says: '2023-11-14T22:13:20.000Z',
  },
  {
    fault: 'a standing record that covers no wildcard',
    name: '*.example.com',
    method: 'dns-persist-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(txt('_validation-persist.example.com', 'ca.test; accounturi=https://ca.test/account/7')),
      ),
    expected: ['persist_policy'],
    remedy: 'policy=wildcard',
  },
  {
    fault: 'no standing record',
    method: 'dns-persist-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(txt(`_validation-persist.${site}`, 'other-ca.test; accounturi=https://other')),
      ),
    expected: ['persist_missing'],
    remedy: `_validation-persist.${site}. TXT "ca.test; accounturi=https://ca.test/account/7"`,
  },
  {
    fault: 'a standing record that cannot be read',
    method: 'dns-persist-01',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(txt(`_validation-persist.${site}`, 'ca.test; accounturi=https://x; accounturi=https://y')),
      ),
    expected: ['persist_malformed', 'persist_missing'],
  },
]
