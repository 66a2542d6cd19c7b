/** A command as an operator would type it into a policy file: words that need it are quoted. */
export function commandText(argv: readonly string[]): string {
  return argv.map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(' ')
}

function quoted(word: string): string {
  return word.includes("'") ? `"${word.replace(/[\\"]/g, '\\$&')}"` : `'${word}'`
}
