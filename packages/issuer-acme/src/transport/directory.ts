import { CertctlError, z } from '@certctl/core'

// Unknown keys are expected: Let's Encrypt adds a random one so that clients get used to it.
const directorySchema = z.looseObject({
  newNonce: z.url(),
  newAccount: z.url(),
  newOrder: z.url(),
  revokeCert: z.url().optional(),
  keyChange: z.url().optional(),
  renewalInfo: z.url().optional(),
  meta: z
    .looseObject({
      termsOfService: z.string().optional(),
      externalAccountRequired: z.boolean().optional(),
      profiles: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
})

/** RFC 8555 §7.1.1. */
export type Directory = z.output<typeof directorySchema>

/** Throws `upstream_protocol` for what is no directory: most often the address is that of a web page. */
export function parseDirectory(data: unknown, directoryUrl: string): Directory {
  const parsed = directorySchema.safeParse(data)
  if (parsed.success) return parsed.data
  throw new CertctlError(
    'upstream_protocol',
    `${directoryUrl} does not answer with an ACME directory; check directory_url, which usually ends in /directory`,
  )
}
