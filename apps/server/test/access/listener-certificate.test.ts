import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCertificate, splitCertificates } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createListenerCertificate } from '../../src/access/listener-certificate.js'
import { type KeyPair, openServerAuthority, type ServerAuthority } from '../../src/access/server-authority.js'
import { readConfig } from '../../src/config.js'
import { createTestServices, type TestServices } from '../postgres.js'

const day = 86_400

describe('the certificate of the listener', () => {
  let services: TestServices
  let authority: ServerAuthority
  const folder = mkdtempSync(join(tmpdir(), 'cct-tls-'))
  const [certificatePath, keyPath] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]

  beforeAll(async () => {
    services = await createTestServices()
    authority = await openServerAuthority(services)
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    await services.close()
  })

  const serialOf = ({ certificatePem }: KeyPair) =>
    parseCertificate(splitCertificates(certificatePem)[0] ?? '').serialNumber
  const pairFor = async (commonName: string) =>
    await authority.issue({
      commonName,
      names: [{ type: 'dns', value: commonName }],
      notBefore: services.clock.now(),
      notAfter: new Date(services.clock.now().getTime() + day * 1000),
    })
  const write = ({ certificatePem, privateKeyPem }: KeyPair) => {
    writeFileSync(certificatePath, certificatePem)
    writeFileSync(keyPath, privateKeyPem)
  }
  const withFiles = () => ({
    ...services,
    config: readConfig({ CERTCTL_SERVER_TLS_CERT_PATH: certificatePath, CERTCTL_SERVER_TLS_KEY_PATH: keyPath }),
  })

  it('of its own is replaced when two thirds of its life are over, and not before', async () => {
    const certificate = await createListenerCertificate(services, authority)
    const seen: string[] = []
    certificate.onChange((pair) => seen.push(serialOf(pair)))
    const first = serialOf(certificate.current())
    services.clock.advance(59 * day)
    await certificate.reload()
    expect(serialOf(certificate.current())).toBe(first)
    // What is under way when more is asked for has seen the time of before.
    const early = certificate.reload()
    services.clock.advance(2 * day)
    await certificate.reload()
    await early
    certificate.close()
    expect(seen).toEqual([serialOf(certificate.current())])
    expect(seen).not.toEqual([first])
  })

  it('of its own covers the public name', async () => {
    const config = readConfig({ CERTCTL_PUBLIC_URL: 'https://certctl.example.com' })
    const certificate = await createListenerCertificate({ ...services, config }, authority)
    certificate.close()
    const { names, notAfter } = parseCertificate(splitCertificates(certificate.current().certificatePem)[0] ?? '')
    expect(names).toContainEqual({ type: 'dns', value: 'certctl.example.com' })
    expect((notAfter.getTime() - services.clock.now().getTime()) / 1000 / day).toBeCloseTo(90)
  })

  it('of the operator is taken up when its files change, also through a link', async () => {
    write(await pairFor('one.test'))
    renameSync(certificatePath, join(folder, 'real.crt'))
    symlinkSync('real.crt', certificatePath)
    const certificate = await createListenerCertificate(withFiles(), authority)
    const seen: KeyPair[] = []
    certificate.onChange((pair) => seen.push(pair))
    await certificate.reload()
    expect(seen).toEqual([])
    const second = await pairFor('two.test')
    write(second)
    await certificate.reload()
    certificate.close()
    expect(seen).toEqual([second])
    expect(certificate.current()).toEqual(second)
    rmSync(certificatePath)
  })

  it.each([
    [
      'a key of another certificate',
      async () => ({ ...(await pairFor('x.test')), privateKeyPem: (await pairFor('y.test')).privateKeyPem }),
    ],
    [
      'half a file',
      async () => ({ ...(await pairFor('x.test')), certificatePem: '-----BEGIN CERTIFICATE-----\nMIIB' }),
    ],
    ['an empty file', async () => ({ ...(await pairFor('x.test')), certificatePem: '' })],
  ])('of the operator stays the old one in the face of %s, with a warning', async (_what, broken) => {
    const good = await pairFor('good.test')
    write(good)
    const certificate = await createListenerCertificate(withFiles(), authority)
    write(await broken())
    await certificate.reload()
    certificate.close()
    expect(certificate.current()).toEqual(good)
    expect(services.logged.at(-1)).toMatchObject({ level: 40, msg: expect.stringContaining('the old one stays') })
    expect(JSON.stringify(services.logged)).not.toContain('PRIVATE KEY')
  })

  it('of the operator that cannot be used stops the start, and says which file', async () => {
    write({ ...(await pairFor('x.test')), privateKeyPem: (await pairFor('y.test')).privateKeyPem })
    await expect(createListenerCertificate(withFiles(), authority)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(keyPath),
    })
    rmSync(keyPath)
    await expect(createListenerCertificate(withFiles(), authority)).rejects.toMatchObject({ code: 'config_invalid' })
  })
})
