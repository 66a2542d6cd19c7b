import { z } from 'zod'
import { op } from './op.js'
import { idSchema, textSchema } from './scalars.js'

export const doctorReportSchema = z
  .object({
    issuer_id: z.string().optional().describe('Absent where none was given and there is none by default.'),
    method: z.string().describe('How the name is to be proven; none where its issuer solves no challenges.'),
    findings: z.array(
      z.object({
        code: z.string().describe('One of those that docs/doctor.md lists.'),
        severity: z.enum(['error', 'warning', 'ok']),
        seen: z.string(),
        cause: z.string().optional(),
        remedy: z.string().optional().describe('The line to type, or the record to create. Not with ok.'),
      }),
    ),
  })
  .meta({ id: 'DoctorReport' })
export type DoctorReport = z.output<typeof doctorReportSchema>

export const doctorOperations = {
  examineName: op('examineName', 'POST /api/v1/doctor', {
    summary: 'Why a certificate for a name can, or cannot, be had. Looks from this server, and changes nothing',
    permission: 'issuers.write',
    body: z.strictObject({
      name: textSchema.describe('A DNS name, with *. in front or without, or an IP address.'),
      issuer_id: idSchema.optional(),
      method: z.enum(['http-01', 'dns-01', 'dns-persist-01', 'tls-alpn-01']).optional(),
    }),
    responses: { 200: doctorReportSchema },
  }),
}
