import { z } from 'zod'
import { op } from './op.js'
import { flag, idParams, idSchema } from './scalars.js'

/** Whose certificate, where several hold keys of it; the one that was received last where not given. */
const which = { agent_id: idSchema.optional(), version_id: idSchema.optional() }

const pkcs12File = z.custom<AsyncIterable<Uint8Array>>(
  (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
  'must be octets',
)

export const exportOperations = {
  exportCertificatePem: op('exportCertificatePem', 'GET /api/v1/certificates/{id}/export/pem', {
    summary: 'The current certificate and its chain; with download=true as a file',
    permission: 'certificates.export',
    params: idParams,
    query: z.strictObject({ download: flag().optional(), ...which }),
    responses: {
      200: z.union([
        z.object({ cert_pem: z.string(), chain_pem: z.string(), full_pem: z.string() }),
        z.string().describe('With download=true: application/x-pem-file.'),
      ]),
    },
  }),
  exportCertificatePkcs12: op('exportCertificatePkcs12', 'POST /api/v1/certificates/{id}/export/pkcs12', {
    summary: 'The current certificate and its chain as a PKCS #12 trust store; never a key',
    permission: 'certificates.export',
    params: idParams,
    body: z
      .strictObject({
        password: z.string().max(1024).optional().describe('Empty where not given.'),
        format: z
          .enum(['modern', 'legacy'])
          .optional()
          .describe('modern: AES-256 and SHA-256. legacy: Triple DES and SHA-1, for importers that read nothing else.'),
        encoding: z.enum(['file', 'base64']).optional().describe('file where not given; base64 within JSON.'),
        ...which,
      })
      .prefault({}),
    responses: {
      200: z.union([
        z.object({ pkcs12_base64: z.string(), fingerprint_sha256: z.string() }),
        pkcs12File.describe('application/x-pkcs12'),
      ]),
    },
  }),
}
