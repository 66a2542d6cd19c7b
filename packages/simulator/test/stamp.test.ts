import { buildChain, checkProofOfPossession, encodePem, parseCertificate, parseCsr } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import { makeCsr } from '../src/model/agent-model.js'
import { createAuthority } from '../src/model/authority.js'

const now = new Date('2026-03-01T10:20:30Z')
const item = {
  id: 'job-1',
  type: 'Issuance' as const,
  certificate_id: 'cert-1',
  status: 'AwaitingCSR' as const,
  common_name: 'www-1.example.test',
  names: [{ type: 'dns' as const, value: 'www-1.example.test' }],
}

describe('CSRs and certificates that are stamped from the first of their kind', () => {
  it('are signed by their own key, each CSR for a key of its own', async () => {
    const made = [await makeCsr(item), await makeCsr(item), await makeCsr(item)]
    expect(new Set(made.map(({ spki }) => spki)).size).toBe(3)
    for (const { csrPem, spki } of made) {
      const csr = parseCsr(csrPem)
      expect(csr.publicKey.spkiSha256).toBe(spki)
      expect(csr.names).toEqual(item.names)
      expect(() => checkProofOfPossession(csr)).not.toThrow()
    }
  })

  it('have the key, the serial number and the times they were made with, and a signature of their CA', async () => {
    const authority = await createAuthority('A CA', now)
    for (const [index, days] of [90, 6, 398].entries()) {
      const { csrPem } = await makeCsr(item)
      const { spki, spkiSha256 } = parseCsr(csrPem).publicKey
      const serialNumber = Uint8Array.from({ length: 16 }, (_, at) => 0x41 + at + index)
      const notBefore = new Date(now.getTime() + index * 86_400_000)
      const notAfter = new Date(notBefore.getTime() + days * 86_400_000)
      const der = await authority.sign({
        names: item.names,
        commonName: item.common_name,
        spki,
        serialNumber,
        notBefore,
        notAfter,
      })
      const certificate = parseCertificate(der)
      expect(certificate.spkiSha256).toBe(spkiSha256)
      expect(certificate.serialNumber.toLowerCase()).toBe(Buffer.from(serialNumber).toString('hex'))
      expect([certificate.notBefore, certificate.notAfter]).toEqual([notBefore, notAfter])
      const chain = buildChain(encodePem('CERTIFICATE', der), [authority.certificatePem])
      expect(chain.complete).toBe(true)
    }
  })
})
