import { type JsonValue, z } from '@certctl/core'

const publishedSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.enum(['http-01', 'tls-alpn-01']),
    authorization: z.string(),
    at: z.string(),
    by: z.enum(['server', 'agents']),
    name: z.string(),
    port: z.int(),
    token: z.string(),
    key_authorization: z.string(),
  }),
  z.object({
    kind: z.literal('dns'),
    authorization: z.string(),
    at: z.string(),
    /** Where the record is, after delegation. */
    name: z.string(),
    value: z.string(),
    domain: z.string(),
    token: z.string().optional(),
    /** A standing record: not taken away. */
    stands: z.boolean(),
  }),
])
/** An answer that was published and is to be withdrawn. */
export type Published = z.output<typeof publishedSchema>

const progressSchema = z.object({
  placed_at: z.string(),
  /** URL of the account that placed it: no other may look at it. */
  account: z.string().optional(),
  expires: z.string().optional(),
  /** As far as it was stored: what a dead process published beside is found out from the order. */
  published: z.array(publishedSchema).optional(),
  /** The names were proven before: nothing will be published. */
  is_proven: z.boolean().optional(),
  /** Waits until the CA gives an order of its own: see `place`. */
  unplaced: z.boolean().optional(),
})
/** What is known of an order beside what the CA knows. Everything else is asked. */
export type Progress = z.output<typeof progressSchema>

/** Progress that cannot be read is none: the order itself says where it stands. */
export function progressOf(value: JsonValue | undefined, now: Date): Progress {
  const parsed = progressSchema.safeParse(value)
  return parsed.success ? parsed.data : { placed_at: now.toISOString() }
}

export function readPublished(value: JsonValue): Published | undefined {
  return publishedSchema.safeParse(value).data
}
