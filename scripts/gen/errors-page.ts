import { type CodeMeaning, errorCodes } from '@certctl/core'

/** `docs/errors.md`: what each code means at every edge. */
export function errorsPage(): string {
  const rows = Object.entries(errorCodes).map(([code, meaning]) => `| ${cellsOf(code, meaning).join(' | ')} |`)
  return [
    '<!-- generated: pnpm gen. Do not edit. -->',
    '',
    '# Errors',
    '',
    'Every failure has one of these codes, a sentence for an operator, and never a secret. REST carries the code in the `code` of its problem',
    'document; the command line prints it and ends with the exit code. *Again* says whether the same call may succeed later without anybody',
    "changing anything. A protocol's own rule wins at its edge.",
    '',
    '| Code | Means | HTTP | Again | ACME type | SCEP failInfo | CLI exit |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function cellsOf(code: string, { title, http, retry, acme, scepFailInfo, cliExit }: CodeMeaning): string[] {
  return [
    `\`${code}\``,
    title,
    String(http),
    retry ? 'yes' : 'no',
    acme ?? '–',
    String(scepFailInfo ?? '–'),
    String(cliExit),
  ]
}
