import { randomUUID } from 'node:crypto'
import type { Message } from '@certctl/core'

/** A warning that a certificate is about to end, as the server words it. */
export function createTestMessage(overrides: Partial<Message> = {}): Message {
  return {
    id: randomUUID(),
    event: 'certificate.expiring',
    data: { certificate_id: 'web-frontend', days_left: 7 },
    severity: 'warning',
    title: 'web-frontend ends in 7 days',
    text: 'The certificate web-frontend (www.example.test) ends on 2 December; its renewal has failed twice.',
    facts: [
      { label: 'Certificate', value: 'web-frontend' },
      { label: 'Days left', value: '7' },
    ],
    links: [{ label: 'Open', url: 'https://certctl.example.test/certificates/web-frontend' }],
    recipients: ['ops@example.test'],
    at: new Date('2026-11-25T12:00:00Z'),
    signal: new AbortController().signal,
    ...overrides,
  }
}
