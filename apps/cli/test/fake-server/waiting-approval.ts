import type { Approval } from '@certctl/api'

/** One that waits, asked for with the key of this name. */
export function waitingApproval(id: string, requestedBy: string, at: string): Approval {
  return {
    id,
    certificate_id: 'cert-1',
    job_id: 'job-7',
    profile_id: 'prof-two',
    requested_by: requestedBy,
    state: 'pending',
    metadata: {
      certificate_name: 'www.example.test',
      common_name: 'www.example.test',
      names: ['www.example.test', 'api.example.test'],
      subject: [{ type: 'O', value: 'Example' }],
      extended_key_usages: ['serverAuth'],
      must_staple: true,
      validity_seconds: 30 * 86_400 - 3600,
      environment: 'production',
      generation: 1,
      issuer_id: 'iss-local',
      issuer_name: 'Local CA',
      issuer_type: 'GenericCA',
      key_algorithm: 'EC-P256',
      spki_sha256: 'ab'.repeat(32),
      key_custody: 'agent',
      agent_id: 'agent-web',
      renewal: false,
      targets: [
        {
          id: 'web-1',
          name: 'web-1',
          type: 'NGINX',
          agent_id: 'agent-web',
          generation: 1,
          commands: ['nginx -t', 'systemctl reload nginx'],
          last_reload_at: at,
        },
      ],
    },
    expires_at: '2026-02-07T11:00:00.000Z',
    created_at: at,
    updated_at: at,
  }
}
