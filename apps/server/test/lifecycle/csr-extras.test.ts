import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isCertctlError } from '@certctl/core'
import { generateKey } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { validateCsr } from '../../src/lifecycle/csr/validate-csr.js'
import { applyPolicy } from '../../src/lifecycle/policy/apply-policy.js'
import { defaultProfile, type Profile } from '../../src/lifecycle/policy/default-profile.js'
import { withScene } from './scene.js'
import { addProfile, approvalsOf, workOff } from './two-people.js'

const names = [
  { type: 'dns' as const, value: 'a.example' },
  { type: 'email' as const, value: 'ada@a.example' },
]
const san = 'subjectAltName=DNS:a.example,email:ada@a.example'
const wanted = {
  commonName: 'a.example',
  names,
  subject: [] as { type: string; value: string }[],
  extendedKeyUsages: ['serverAuth'],
  mustStaple: false,
  validitySeconds: undefined,
  issuerId: 'iss-a',
  keyAlgorithm: 'EC-P256',
  custody: 'outside' as const,
}
const profile: Profile = { ...defaultProfile, id: 'prof-web', isDefault: false }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'csr-extras-'))
  await writeFile(join(folder, 'key.pem'), (await generateKey('EC-P256')).privateKeyPem)
  await writeFile(join(folder, 'plain.cnf'), '[req]\ndistinguished_name=dn\n[dn]\n')
  const old = '[req]\nprompt=no\ndistinguished_name=dn\nattributes=more\n[dn]\nCN=a.example\n[more]\nmsExtReq=x\n'
  await writeFile(join(folder, 'old.cnf'), old)
})
afterAll(async () => await rm(folder, { recursive: true }))

function openssl(config: string, ...args: readonly string[]): string {
  const argv = ['req', '-new', '-utf8', '-key', join(folder, 'key.pem'), '-config', join(folder, config), ...args]
  const { stdout, stderr } = spawnSync('openssl', argv, { encoding: 'utf8' })
  if (!stdout.includes('BEGIN')) throw new Error(stderr)
  return stdout
}

const csrOf = (subject: string, ...extensions: readonly string[]) =>
  openssl('plain.cnf', '-subj', subject, ...[san, ...extensions].flatMap((extension) => ['-addext', extension]))

/** What is said against it, or `approved`. */
function verdict(csrPem: string, { under = defaultProfile, asked = wanted } = {}): string {
  try {
    const csr = validateCsr(csrPem, { ...asked, allowsOtherKeys: false })
    applyPolicy(csr, { wanted: asked, profile: under, now: new Date('2026-11-25T12:00:00Z') })
    return 'approved'
  } catch (error) {
    if (!isCertctlError(error)) throw error
    return `${error.code} ${error.message}`
  }
}

describe('what a CSR says beside its names', () => {
  it.each([
    ['/CN=www.evil.test/CN=a.example', 'CN=www.evil.test'],
    ['/CN=a.example/CN=www.evil.test', 'CN=www.evil.test'],
    ['/CN=Evil Bank/O=Example/CN=a.example', 'CN=Evil Bank'],
  ])('is refused where %s names another, whatever the profile', (subject, part) => {
    for (const under of [defaultProfile, profile])
      expect(verdict(csrOf(subject), { under })).toMatch(
        new RegExp(`^identifier_rejected .*${part}, which is none of the certificate's names; make a CSR without it`),
      )
  })

  it.each([
    '/CN=a.example',
    '/CN=A.Example/CN=a.example',
    '/CN=ada@a.example',
    '/CN=a.example/emailAddress=ada@a.example',
  ])('passes where %s only repeats its names', (subject) => {
    for (const under of [defaultProfile, profile]) expect(verdict(csrOf(subject), { under })).toBe('approved')
  })

  it.each(['ceo@evil.test', 'admin'])('is refused under a profile where its subject has the mailbox %s', (mailbox) => {
    const csr = csrOf(`/CN=a.example/emailAddress=${mailbox}`)
    expect(verdict(csr, { under: profile })).toBe(
      `policy_denied csr_pem: emailAddress=${mailbox} in its subject is not allowed by profile prof-web; make a CSR without it, or ask for it as a name`,
    )
    expect(verdict(csr)).toBe('approved')
  })

  it('passes as usual tools write it', () => {
    const subject = '/C=DE/ST=Hessen/L=Bad Vilbel/O=Müller & Söhne/OU=IT/CN=a.example'
    const usual = [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature,keyEncipherment',
      'extendedKeyUsage=serverAuth,clientAuth',
      'subjectKeyIdentifier=hash',
      'tlsfeature=status_request',
      '1.2.840.113549.1.9.15=DER:3000',
    ]
    for (const under of [defaultProfile, profile]) expect(verdict(csrOf(subject, ...usual), { under })).toBe('approved')
  })

  it.each([
    ['nameConstraints=permitted;DNS:evil.test', 'nameConstraints (2.5.29.30)'],
    ['certificatePolicies=2.23.140.1.1', 'certificatePolicies (2.5.29.32)'],
    ['1.3.6.1.4.1.311.20.2=ASN1:UTF8String:SubCA', '1.3.6.1.4.1.311.20.2'],
    ['1.3.6.1.4.1.311.21.10=DER:300c300a06082b06010505070303', '1.3.6.1.4.1.311.21.10'],
    ['1.3.6.1.4.1.311.25.2=DER:3000', 'microsoftSid (1.3.6.1.4.1.311.25.2)'],
    ['noCheck=ignored', 'ocspNoCheck (1.3.6.1.5.5.7.48.1.5)'],
    ['nsCertType=sslCA', '2.16.840.1.113730.1.1'],
  ])('is refused under a profile where it asks for %s', (extension, named) => {
    const csr = csrOf('/CN=a.example', extension)
    expect(verdict(csr, { under: profile })).toBe(
      `policy_denied csr_pem: its extension ${named} is not allowed by profile prof-web; make a CSR without it`,
    )
    expect(verdict(csr)).toBe('approved')
  })

  it('is refused under a profile where it asks in the attribute of old Windows, which some CAs read', () => {
    const asked = { ...wanted, names: names.slice(0, 1) }
    const under = profile
    expect(verdict(openssl('plain.cnf', '-subj', '/CN=a.example'), { asked, under })).toBe('approved')
    expect(verdict(openssl('old.cnf'), { asked, under })).toMatch(/^policy_denied .*old attribute microsoftExtension/)
    expect(verdict(openssl('old.cnf'), { asked })).toBe('approved')
  })

  it('is held to its profile when the certificate is asked for', async () => {
    await withScene({}, async (scene) => {
      await addProfile(scene, { id: 'prof-made' })
      const csrPem = csrOf('/CN=a.example/emailAddress=ceo@evil.test')
      await expect(scene.request({ csrPem, certificateProfileId: 'prof-made' })).rejects.toThrow(
        /emailAddress=ceo@evil.test in its subject is not allowed by profile prof-made/,
      )
      await scene.request({ csrPem: csrOf('/O=Example/CN=a.example'), certificateProfileId: 'prof-made' })
      await scene.request({ csrPem, name: 'without a profile' })
    })
  })

  it('is shown to whoever has to agree to it', async () => {
    await withScene({}, async (scene) => {
      await addProfile(scene, { id: 'prof-agreed', requires_approval: true })
      const csrPem = csrOf('/O=Evil Bank/OU=system:masters/CN=a.example')
      const { id } = await scene.request({ csrPem, certificateProfileId: 'prof-agreed' })
      await workOff(scene)
      const [approval] = await approvalsOf(scene, id)
      expect(approval?.shown).toMatchObject({
        subject: [
          { type: 'O', value: 'Evil Bank' },
          { type: 'OU', value: 'system:masters' },
        ],
      })
    })
  })
})
