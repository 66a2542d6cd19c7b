import { readFileSync } from 'node:fs'
import { CertctlError } from '@certctl/core'

/** Whom PostgreSQL runs as. Empty: as ourselves. */
export interface RunAs {
  uid?: number
  gid?: number
}

/** PostgreSQL refuses to run as root, so root runs it as `postgres`, else as `nobody`; everybody else as themselves. */
export function runAs(ourUid: number | undefined = process.getuid?.(), accounts = '/etc/passwd'): RunAs {
  if (ourUid !== 0) return {}
  const lines = readFileSync(accounts, 'utf8').split('\n')
  const found = ['postgres', 'nobody'].flatMap((name) => lines.filter((line) => line.startsWith(`${name}:`)))[0]
  if (found === undefined)
    throw new CertctlError(
      'config_invalid',
      `PostgreSQL does not run as root, and ${accounts} has neither "postgres" nor "nobody"; add one of them, run certctl-server as an ordinary user, or set CERTCTL_DATABASE_URL`,
    )
  const [, , uid, gid] = found.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}
