import { z } from 'zod'
import { discoveryReportSchema, discoveryScanSchema } from './discoveries.js'
import { jobStatuses, jobTypes } from './jobs.js'
import { op } from './op.js'
import {
  commaList,
  emptySchema,
  idParams,
  idSchema,
  jsonObjectSchema,
  pemSchema,
  sha256Schema,
  textSchema,
  timeSchema,
  wholeNumber,
} from './scalars.js'

export const generalNameSchema = z
  .object({ type: z.enum(['dns', 'ip', 'email', 'uri']), value: z.string() })
  .meta({ id: 'GeneralName' })

export const wireEndpointSchema = z
  .object({ host: z.string(), port: z.number(), server_name: z.string().optional(), start_tls: z.string().optional() })
  .meta({ id: 'Endpoint' })

/** What to deploy, read when the job was claimed. The report names the fingerprint and both generations again. */
const deploymentSchema = z
  .object({
    id: z.string().describe('Stable over attempts.'),
    fingerprint: sha256Schema,
    spki_sha256: sha256Schema,
    not_after: timeSchema,
    certificate_generation: z.number(),
    target_generation: z.number(),
    time_limit_seconds: z.number(),
  })
  .meta({ id: 'Deployment' })

const challengeSchema = z
  .object({
    kind: z.enum(['http-01', 'tls-alpn-01']),
    name: z.string(),
    token: z.string().optional(),
    key_authorization: z.string(),
    port: z.number().optional(),
    expires_at: timeSchema.optional().describe('Given until then, unless withdrawn before.'),
    withdrawn: z.boolean().optional(),
  })
  .meta({ id: 'Challenge' })

/** One job as an agent gets it. What older agents know comes first and keeps its meaning. */
export const workItemSchema = z
  .object({
    id: z.string(),
    type: z.enum(jobTypes),
    certificate_id: z.string(),
    common_name: z.string().optional(),
    sans: z.array(z.string()).optional(),
    target_id: z.string().optional(),
    target_type: z.string().optional(),
    target_config: jsonObjectSchema.optional().describe('With its secrets: this answer is for the owning agent alone.'),
    status: z.enum(jobStatuses),
    lease: z.string().optional(),
    locked_until: timeSchema.optional(),
    attempt: z.number().optional(),
    deployment: deploymentSchema.optional(),
    previous_fingerprint: sha256Schema.optional(),
    sibling_fingerprints: z
      .array(sha256Schema)
      .optional()
      .describe(
        "Current certificates of the same names under other holders' keys: meeting one in a handshake is neutral.",
      ),
    endpoints: z.array(wireEndpointSchema).optional(),
    names: z.array(generalNameSchema).optional().describe('Exactly what the CSR must name.'),
    key: z.string().optional().describe('How to make the key: EC-P256, RSA-3072, …'),
    extended_key_usages: z.array(z.string()).optional(),
    must_staple: z.boolean().optional(),
    challenge: challengeSchema.optional(),
  })
  .meta({ id: 'WorkItem' })
export type WorkItem = z.output<typeof workItemSchema>

export const workAnswerSchema = z
  .object({
    jobs: z.array(workItemSchema),
    count: z.number(),
    server_time: timeSchema,
    keys: z
      .array(z.object({ certificate_id: z.string(), spki_sha256: z.array(sha256Schema) }))
      .optional()
      .describe('Keys that are still needed; an agent removes no key that is listed.'),
  })
  .meta({ id: 'Work' })
export type WorkAnswer = z.output<typeof workAnswerSchema>

/** What a handshake with one endpoint showed. */
export const servedSchema = z
  .strictObject({
    endpoint: z.string().max(300).describe('host:port'),
    fingerprint: sha256Schema.optional().describe('Absent where no handshake came about.'),
    chain_ok: z.boolean(),
    at: timeSchema,
    detail: textSchema.optional(),
  })
  .meta({ id: 'Served' })

export const heldSchema = z
  .strictObject({
    matches: z.boolean(),
    location: textSchema,
    found_fingerprint: sha256Schema.optional(),
    found_serial_number: z.string().max(64).optional(),
  })
  .meta({ id: 'Held' })

const receiptSchema = z.strictObject({
  changed: z.boolean(),
  served: z.enum(['served', 'later', 'unverifiable']),
  location: textSchema,
  effective: z.enum(['now', 'after-restart']),
  metadata: z.record(z.string().max(128), textSchema).optional(),
})

export const jobReportSchema = z
  .strictObject({
    lease: z.string().min(1).max(64),
    outcome: z.enum(['done', 'failed', 'torn', 'refused']),
    code: z.string().max(64).optional(),
    message: textSchema.optional(),
    fingerprint: sha256Schema.optional().describe('What was deployed.'),
    certificate_generation: z.int().optional(),
    target_generation: z.int().optional(),
    receipt: receiptSchema.optional(),
    verification: heldSchema.optional(),
    served: z.array(servedSchema).max(64).optional(),
    detail: textSchema.optional().describe('What a test saw.'),
    duration_ms: z.number().nonnegative(),
  })
  .meta({ id: 'JobReport' })
export type JobReport = z.output<typeof jobReportSchema>

export const observationsSchema = z.strictObject({
  placements: z
    .array(
      z.strictObject({
        target_id: idSchema,
        certificate_id: idSchema,
        file: heldSchema.optional(),
        served: z.array(servedSchema).max(64).optional(),
      }),
    )
    .max(1000),
})
export type Observations = z.output<typeof observationsSchema>

export const reportedConnectorSchema = z.strictObject({
  kind: z.enum(['target', 'discovery']),
  type: z.string().min(1).max(64),
  aliases: z.array(z.string().max(64)).max(32).prefault([]),
  schema: jsonObjectSchema.describe('JSON Schema with marks: x-certctl secret, file, command, …'),
  capabilities: jsonObjectSchema,
  package: z.string().max(214),
  version: z.string().max(64),
})

const own = { permission: 'agent.act', agent: 'own' } as const
const jobParams = z.strictObject({ id: idSchema, job_id: idSchema })
const described = z.string().max(256)
const boot = z.string().max(64).optional().describe('Made at each start; two that alternate are a cloned machine.')

export const agentWorkOperations = {
  agentHeartbeat: op('agentHeartbeat', 'POST /api/v1/agents/{id}/heartbeat', {
    summary: 'The agent lives; 410 once it is retired',
    ...own,
    params: idParams,
    body: z
      .strictObject({
        version: described.optional(),
        hostname: described.optional(),
        os: described.optional(),
        architecture: described.optional(),
        ip_address: described.optional(),
        holding: z.array(idSchema).max(500).optional().describe('Jobs whose leases to prolong.'),
        boot,
      })
      .prefault({}),
    responses: { 200: z.object({ status: z.literal('heartbeat_recorded'), server_time: timeSchema.optional() }) },
  }),
  submitAgentCsr: op('submitAgentCsr', 'POST /api/v1/agents/{id}/csr', {
    summary: "An older agent's CSR for a certificate it was asked for",
    ...own,
    params: idParams,
    body: z.strictObject({ csr_pem: pemSchema, certificate_id: z.string().max(64).optional() }),
    responses: {
      202: z.object({ status: z.enum(['csr_signed', 'csr_accepted', 'order_pending', 'awaiting_approval']) }),
    },
  }),
  getAgentCertificate: op('getAgentCertificate', 'GET /api/v1/agents/{id}/certificates/{cert_id}', {
    summary:
      'The public part of a certificate whose key the agent holds: its current one, or the one named by fingerprint',
    ...own,
    params: z.strictObject({ id: idSchema, cert_id: idSchema }),
    query: z.strictObject({ fingerprint: sha256Schema.optional() }),
    responses: {
      200: z
        .object({
          certificate_pem: z.string().describe('Leaf, newline, chain.'),
          leaf_pem: z.string(),
          chain_pem: z.string(),
          fingerprint: sha256Schema,
          not_after: timeSchema,
        })
        .meta({ id: 'AgentCertificate' }),
    },
  }),
  getAgentWork: op('getAgentWork', 'GET /api/v1/agents/{id}/work', {
    summary: 'Jobs for this agent; waits for some where asked to. Counts as heartbeat',
    ...own,
    params: idParams,
    query: z.strictObject({
      wait: wholeNumber(0, 55).optional().describe('Seconds to wait while there is nothing to do.'),
      lease: wholeNumber(10, 300).optional().describe('Seconds a claimed job stays ours.'),
      holding: commaList().optional().describe('Jobs under way: their leases are prolonged, others are offered again.'),
      boot,
    }),
    responses: { 200: workAnswerSchema },
  }),
  setAgentJobStatus: op('setAgentJobStatus', 'POST /api/v1/agents/{id}/jobs/{job_id}/status', {
    summary: "An older agent's word on a job",
    ...own,
    params: jobParams,
    body: z.strictObject({ status: z.enum(['Running', 'Completed', 'Failed']), error: textSchema.optional() }),
    responses: { 200: z.object({ status: z.literal('updated') }) },
  }),
  submitJobCsr: op('submitJobCsr', 'POST /api/v1/agents/{id}/jobs/{job_id}/csr', {
    summary: 'The CSR a job waits for; the same again is the same answer, 409 when the lease is lost',
    ...own,
    params: jobParams,
    body: z.strictObject({ csr_pem: pemSchema, lease: z.string().min(1).max(64) }),
    responses: { 202: z.object({ status: z.enum(['csr_signed', 'order_pending', 'awaiting_approval']) }) },
  }),
  reportJob: op('reportJob', 'POST /api/v1/agents/{id}/jobs/{job_id}/report', {
    summary: 'How a job ended; 409 when the lease is lost, and the report is kept as an observation',
    ...own,
    params: jobParams,
    body: jobReportSchema,
    responses: { 200: z.object({ status: z.literal('recorded') }) },
  }),
  reportObservations: op('reportObservations', 'POST /api/v1/agents/{id}/observations', {
    summary: 'What targets hold and endpoints serve, without a job',
    ...own,
    params: idParams,
    body: observationsSchema,
    responses: { 204: emptySchema },
  }),
  reportDiscoveries: op('reportDiscoveries', 'POST /api/v1/agents/{id}/discoveries', {
    summary: 'Certificates found on the host, whole or in batches',
    ...own,
    params: idParams,
    body: discoveryReportSchema,
    responses: { 202: discoveryScanSchema },
  }),
  describeAgentConnectors: op('describeAgentConnectors', 'PUT /api/v1/agents/{id}/connectors', {
    summary: 'The target and discovery types the agent carries',
    ...own,
    params: idParams,
    body: z.strictObject({ connectors: z.array(reportedConnectorSchema).max(500) }),
    responses: { 204: emptySchema },
  }),
  retireSelf: op('retireSelf', 'POST /api/v1/agents/{id}/retire-self', {
    summary: 'The agent leaves',
    ...own,
    params: idParams,
    body: z.strictObject({ reason: textSchema.optional() }).prefault({}),
    responses: { 200: z.object({ status: z.literal('retired'), retired_at: timeSchema }) },
  }),
}
