import { z } from 'zod'
import { issuancePlanSchema } from './issuance-plan.js'
import { op } from './op.js'
import { listQuery, pageOf } from './page.js'
import { placementSchema } from './placement.js'
import {
  causeSchema,
  commaList,
  emptySchema,
  flag,
  idParams,
  idSchema,
  nameSchema,
  pemSchema,
  sha256Schema,
  textSchema,
  timeSchema,
} from './scalars.js'
import { targetSchema } from './targets.js'

/** A view of holders, versions and time, in the words older clients know. */
export const certificateStatuses = [
  'Pending',
  'RenewalInProgress',
  'Active',
  'Expiring',
  'Expired',
  'Revoked',
  'Archived',
  'Failed',
] as const

/** Who has a private key of the certificate. */
export const holderSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['agent', 'external', 'server']),
    agent_id: z.string().optional(),
    version_id: z.string().optional().describe('Its current version.'),
    fingerprint_sha256: sha256Schema.optional(),
    not_after: timeSchema.optional(),
    renew_at: timeSchema.optional(),
    renew_at_reason: z.string().optional().describe('What decided on that time, or why there is none.'),
    renewal_window_start: timeSchema.optional().describe('When its CA wants the renewal (RFC 9773).'),
    renewal_window_end: timeSchema.optional(),
    renewal_info_url: z.string().optional().describe('Where its CA explains that.'),
    cause: causeSchema.optional().describe('Why its next certificate is not there yet.'),
    failures: z.number().optional(),
    next_attempt_at: timeSchema.optional(),
  })
  .meta({ id: 'Holder' })

export const certificateSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    common_name: z.string(),
    sans: z.array(z.string()),
    environment: z.string(),
    owner_id: z.string(),
    team_id: z.string(),
    issuer_id: z.string(),
    target_ids: z.array(z.string()),
    renewal_policy_id: z.string(),
    certificate_profile_id: z.string().optional(),
    status: z.enum(certificateStatuses),
    expires_at: timeSchema.optional().describe('Absent until a certificate is issued.'),
    tags: z.record(z.string(), z.string()),
    last_renewal_at: timeSchema.optional(),
    last_deployment_at: timeSchema.optional(),
    revoked_at: timeSchema.optional(),
    revocation_reason: z.string().optional(),
    created_at: timeSchema,
    updated_at: timeSchema,
    source: z.string().optional(),
    serial_number: z.string().optional(),
    fingerprint_sha256: sha256Schema.optional(),
    key_algorithm: z.string().optional().describe('What its keys are made as: EC-P256, RSA-2048, …'),
    renew_at: timeSchema.optional(),
    generation: z.number().optional().describe('Counts changes of what is wanted.'),
    holders: z.array(holderSchema).optional().describe('On reads of one certificate.'),
    notices: z.array(z.string()).optional().describe('What an operator should know, such as why it is not renewed.'),
  })
  .meta({ id: 'Certificate' })
export type Certificate = z.output<typeof certificateSchema>

const createdCertificateSchema = certificateSchema
  .extend({ issuance: issuancePlanSchema.optional().describe('Only with a CA whose orders cost money or quota.') })
  .meta({ id: 'CreatedCertificate' })

/** In a list with `fields=` only those, and always the id. */
export const certificateListItemSchema = certificateSchema
  .partial()
  .required({ id: true })
  .meta({ id: 'CertificateListItem' })
export type CertificateListItem = z.output<typeof certificateListItemSchema>

export const versionSchema = z
  .object({
    id: z.string(),
    certificate_id: z.string(),
    serial_number: z.string(),
    not_before: timeSchema,
    not_after: timeSchema,
    fingerprint_sha256: sha256Schema,
    pem_chain: z.string().describe('Leaf first, then its chain.'),
    csr_pem: z.string(),
    key_algorithm: z.string().optional(),
    key_size: z.number().optional(),
    created_at: timeSchema,
    issuer_id: z.string().optional(),
    holder_id: z.string().optional(),
    current: z.boolean().optional(),
    spki_sha256: sha256Schema.optional(),
  })
  .meta({ id: 'CertificateVersion' })
export type CertificateVersion = z.output<typeof versionSchema>

const keyAlgorithms = ['EC-P256', 'EC-P384', 'EC-P521', 'Ed25519', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const
const sans = z.array(z.string().trim().min(1).max(1024)).max(1000, 'must not have more than 1,000 names')
const tags = z.record(z.string().min(1).max(128), z.string().max(1024))
const targetIds = z.array(idSchema).max(500)
/** Reads show what is not set as empty text, and clients send back what they read. */
const named = z
  .string()
  .max(64)
  .transform((id) => (id === '' ? null : id))
const environment = z.string().trim().max(128, 'must not be longer than 128 characters')

const createBody = z
  .strictObject({
    id: idSchema.optional(),
    name: nameSchema.optional().describe('Unique; the first name of the certificate where not given.'),
    common_name: z.string().trim().max(253).optional(),
    sans: sans.optional(),
    environment: environment.optional(),
    owner_id: named.nullish(),
    team_id: named.nullish(),
    issuer_id: idSchema.optional().describe('The default issuer where not given.'),
    renewal_policy_id: named.nullish(),
    certificate_profile_id: named.nullish(),
    key_algorithm: z.enum(keyAlgorithms).optional(),
    tags: tags.optional(),
    target_ids: targetIds.optional().describe('Where to put it; each becomes a placement.'),
    csr_pem: pemSchema.optional().describe('For a key that somebody else holds.'),
  })
  .refine((body) => (body.common_name ?? '') !== '' || (body.sans ?? []).length > 0 || body.csr_pem !== undefined, {
    path: ['common_name'],
    message: 'must be given, or at least one entry of sans, or csr_pem',
  })

const updateBody = z.strictObject({
  name: nameSchema.optional(),
  common_name: z.string().trim().max(253).nullable().optional(),
  sans: sans.nullable().optional(),
  environment: environment.nullable().optional(),
  owner_id: named.nullish(),
  team_id: named.nullish(),
  issuer_id: idSchema.optional(),
  renewal_policy_id: named.nullish(),
  certificate_profile_id: named.nullish(),
  key_algorithm: z.enum(keyAlgorithms).nullable().optional(),
  tags: tags.nullable().optional(),
  target_ids: targetIds.optional().describe('The whole set: what is missing is taken away.'),
})

/** The status and the times are computed; older clients send them all the same. */
const readOnly = Object.keys(certificateSchema.shape).filter((name) => name !== 'id' && !(name in updateBody.shape))

const sortable = [
  'notAfter',
  'expiresAt',
  'createdAt',
  'updatedAt',
  'commonName',
  'name',
  'status',
  'environment',
] as const
export type CertificateSort = { by: (typeof sortable)[number]; descending: boolean }

const sort = z.string().transform((value, context): CertificateSort => {
  const descending = value.startsWith('-')
  const by = sortable.find((name) => name === value.replace(/^-/, ''))
  if (by !== undefined) return { by, descending }
  context.addIssue({ code: 'custom', message: `must be one of ${sortable.join(', ')}, with - in front for descending` })
  return z.NEVER
})

const fieldNames = Object.keys(certificateSchema.shape)
const fields = commaList(fieldNames.length).refine((names) => names.every((name) => fieldNames.includes(name)), {
  message: `must name fields of a certificate: ${fieldNames.join(', ')}`,
})

/** `key:value`; a value may have colons. */
const tag = z
  .union([z.string(), z.array(z.string()).max(20, 'must not be given more than 20 times')])
  .transform((given, context) =>
    [given].flat().flatMap((text) => {
      const colon = text.indexOf(':')
      if (colon > 0) return [{ key: text.slice(0, colon), value: text.slice(colon + 1) }]
      context.addIssue({ code: 'custom', message: 'must be key:value' })
      return []
    }),
  )

const searchText = z.string().trim().min(1, 'must not be empty').max(253, 'must not be longer than 253 characters')
const domain = searchText.transform((text) => text.replace(/^(\*\.|\.)/, '').replace(/\.$/, ''))

const targetParams = z.strictObject({ id: idSchema, target_id: idSchema })

export const certificateOperations = {
  listCertificates: op('listCertificates', 'GET /api/v1/certificates', {
    summary: 'Managed certificates',
    permission: 'certificates.read',
    query: listQuery({
      status: z.enum(certificateStatuses).optional(),
      environment: textSchema.optional(),
      owner_id: textSchema.optional(),
      team_id: textSchema.optional(),
      issuer_id: textSchema.optional(),
      agent_id: textSchema.optional(),
      profile_id: textSchema.optional(),
      target_id: textSchema.optional(),
      name: textSchema.optional().describe('A name of the certificate, or the certificate’s own.'),
      q: searchText.optional().describe('Part of a name; where many names have it, a domain is found much faster.'),
      domain: domain.optional().describe('A domain: certificates with a name that is it or below it.'),
      tag: tag.optional().describe('key:value; given several times, all of them.'),
      expires_before: timeSchema.optional(),
      expires_after: timeSchema.optional(),
      created_after: timeSchema.optional(),
      updated_after: timeSchema.optional(),
      sort: sort.optional().describe('createdAt, oldest first, where not given.'),
      fields: fields.optional(),
    }),
    responses: { 200: pageOf(certificateListItemSchema, 'Certificate') },
  }),
  createCertificate: op('createCertificate', 'POST /api/v1/certificates', {
    summary: 'Asks for a certificate; issuance starts as soon as somebody can hold the key',
    permission: 'certificates.write',
    body: createBody,
    ignores: readOnly,
    responses: { 201: createdCertificateSchema },
  }),
  importCertificate: op('importCertificate', 'POST /api/v1/certificates/import', {
    summary:
      'Takes a certificate that was issued elsewhere into care; without a CSR or a target it is watched and not renewed',
    permission: 'certificates.write',
    body: z.strictObject({
      certificate_pem: pemSchema.describe('The certificate, and behind it its chain where it is known.'),
      chain_pem: pemSchema.optional(),
      csr_pem: pemSchema.optional().describe('Its renewals use it: of whoever holds the key.'),
      id: idSchema.optional(),
      name: nameSchema.optional().describe('Unique; the first name of the certificate where not given.'),
      environment: environment.optional(),
      owner_id: named.nullish(),
      team_id: named.nullish(),
      issuer_id: idSchema.optional().describe('Who issues its renewals; the default issuer where not given.'),
      renewal_policy_id: named.nullish(),
      certificate_profile_id: named.nullish(),
      tags: tags.optional(),
    }),
    responses: { 201: certificateSchema },
  }),
  getCertificate: op('getCertificate', 'GET /api/v1/certificates/{id}', {
    summary: 'One certificate',
    permission: 'certificates.read',
    params: idParams,
    responses: { 200: certificateSchema },
  }),
  updateCertificate: op('updateCertificate', 'PUT /api/v1/certificates/{id}', {
    summary: 'Changes what is given; the rest stays, null clears',
    permission: 'certificates.write',
    params: idParams,
    body: updateBody,
    ignores: ['id', ...readOnly],
    responses: { 200: certificateSchema },
  }),
  deleteCertificate: op('deleteCertificate', 'DELETE /api/v1/certificates/{id}', {
    summary: 'Archives it: kept, shown, never renewed or deployed',
    permission: 'certificates.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
  listCertificateVersions: op('listCertificateVersions', 'GET /api/v1/certificates/{id}/versions', {
    summary: 'Every certificate that was issued for it, newest first',
    permission: 'certificates.read',
    params: idParams,
    query: listQuery({}),
    responses: { 200: pageOf(versionSchema, 'CertificateVersion') },
  }),
  listCertificateDeployments: op('listCertificateDeployments', 'GET /api/v1/certificates/{id}/deployments', {
    summary: 'The targets of a certificate, in the form older clients read',
    permission: 'certificates.read',
    params: idParams,
    responses: { 200: z.object({ data: z.array(targetSchema), total: z.number() }) },
  }),
  renewCertificate: op('renewCertificate', 'POST /api/v1/certificates/{id}/renew', {
    summary: 'Renews now; 409 while a renewal is under way, unless forced',
    permission: 'certificates.write',
    params: idParams,
    query: z.strictObject({ force: flag().optional() }),
    body: z
      .strictObject({
        force: z.boolean().optional(),
        csr_pem: pemSchema.optional().describe('A new CSR, from whoever holds the key outside.'),
      })
      .prefault({}),
    responses: {
      202: z.object({
        status: z.literal('renewal_triggered'),
        job_id: z.string().optional(),
        job_ids: z.array(z.string()),
      }),
    },
  }),
  deployCertificate: op('deployCertificate', 'POST /api/v1/certificates/{id}/deploy', {
    summary: 'Deploys the current version again, to one target or to all',
    permission: 'certificates.write',
    params: idParams,
    body: z.strictObject({ target_id: idSchema.optional() }).prefault({}),
    responses: { 202: z.object({ status: z.literal('deployment_triggered'), job_ids: z.array(z.string()) }) },
  }),
  listCertificateTargets: op('listCertificateTargets', 'GET /api/v1/certificates/{id}/targets', {
    summary: 'Where a certificate goes',
    permission: 'certificates.read',
    params: idParams,
    responses: { 200: z.object({ data: z.array(targetSchema), total: z.number() }) },
  }),
  addCertificateTarget: op('addCertificateTarget', 'POST /api/v1/certificates/{id}/targets', {
    summary: 'Sends a certificate to one more target',
    permission: 'certificates.write',
    params: idParams,
    body: z.strictObject({ target_id: idSchema }),
    responses: { 201: placementSchema },
  }),
  removeCertificateTarget: op('removeCertificateTarget', 'DELETE /api/v1/certificates/{id}/targets/{target_id}', {
    summary: 'Stops sending a certificate there; what is there stays',
    permission: 'certificates.write',
    params: targetParams,
    responses: { 204: emptySchema },
  }),
  listCertificatePlacements: op('listCertificatePlacements', 'GET /api/v1/certificates/{id}/placements', {
    summary: 'Desired, deployed and served, target by target',
    permission: 'certificates.read',
    params: idParams,
    responses: { 200: z.object({ data: z.array(placementSchema), total: z.number() }) },
  }),
}
