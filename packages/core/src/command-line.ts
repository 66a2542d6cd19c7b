type Parsed = { ok: true; argv: readonly string[] } | { ok: false; fault: string }

const shellSyntax = /[;&|<>$(){}`\r\n\0*?~#!]/

/** Splits a command as a shell would split words, with single and double quotes and backslash; whatever else a shell would interpret is a fault. */
export function parseCommandLine(line: string): Parsed {
  const meaning = shellSyntax.exec(line)
  if (meaning !== null)
    return fault(`contains ${JSON.stringify(meaning[0])}, which only a shell understands; commands run without one`)
  const argv: string[] = []
  let rest = line.trimStart()
  while (rest !== '') {
    const word = readWord(rest)
    if (word === undefined) return fault('has a quote or a backslash without its partner')
    argv.push(word.text)
    rest = word.rest.trimStart()
  }
  if (argv[0] === undefined || argv[0] === '') return fault('must name a program')
  return { ok: true, argv }
}

function fault(text: string): Parsed {
  return { ok: false, fault: text }
}

const piece = /^(?:'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\.)*)"|\\(?<escaped>.)|(?<bare>[^\s'"\\]+))/

function readWord(line: string): { text: string; rest: string } | undefined {
  let text = ''
  let rest = line
  while (rest !== '' && !/^\s/.test(rest)) {
    const found = piece.exec(rest)
    if (found === null) return undefined
    const { single, double, escaped, bare } = found.groups ?? {}
    text += single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? bare ?? ''
    rest = rest.slice(found[0].length)
  }
  return { text, rest }
}
