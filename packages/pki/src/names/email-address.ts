import { asciiHost } from './dns-name.js'
import { rejected } from './rejected.js'

// RFC 5321 §4.1.2 Dot-string; quoted local parts exist on paper only.
const dotString = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i

/** An rfc822Name: local part as written, host as lower-case A-labels (RFC 5280 §4.2.1.6, §7.5). Throws `identifier_rejected`. */
export function canonicalEmail(text: string): string {
  const at = text.lastIndexOf('@')
  if (at < 1) throw rejected('e-mail', text, 'has no @ between mailbox and host')
  const mailbox = text.slice(0, at)
  if (mailbox.length > 64 || !dotString.test(mailbox))
    throw rejected(
      'e-mail',
      text,
      "has a mailbox that rfc822Name cannot carry: ASCII letters, digits and .!#$%&'*+/=?^_`{|}~- only, at most 64",
    )
  return `${mailbox}@${asciiHost(text.slice(at + 1), text)}`
}
