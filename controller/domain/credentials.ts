// What looks like a credential. A specification is stored, shown to everybody who may read the job and sent to the data
// center, so a credential in it is known to too many; the data center's secrets exist for them.
//
// Two rules, because a false alarm refuses somebody's work:
//   1. Whatever the name, a value with the unmistakable form of a credential: a private key in PEM, a JSON web token, a key
//      of a well-known issuer, an enrolment token of ours, a password in a URL.
//   2. A name that says credential, with a value that could be one. Names that end in PASSWORD or the like: anything but a
//      placeholder, a path or a switch. Names that end in TOKEN, SECRET or KEY have innocent uses as well (SORT_KEY, a
//      tokenizer's END_TOKEN), so the value must be random as well: long, of one piece, and spread over its alphabet.

const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/, 'a private key'],
  [/\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/, 'a JSON web token'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/, 'an AWS access key'],
  [/\b(?:gh[pousr]_\w{36,}|github_pat_\w{40,})/, 'a GitHub token'],
  [/\bglpat-[\w-]{20,}/, 'a GitLab token'],
  [/\bxox[abprs]-[\w-]{20,}/, 'a Slack token'],
  [/\b[rs]k_live_\w{20,}/, 'a Stripe key'],
  [/\bAIza[\w-]{35}\b/, 'a Google key'],
  [/\bisobar-[0-9a-f]{16}-[0-9a-f]{64}/, 'an enrolment token'],
  // The password ends at the last @ before the host; `$…`, `{…}`, `<…>` and stars stand for one that comes later.
  [
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{1,64}:(?![$<{*%])[^\s/@]{3,256}@/i,
    'a password in a URL',
  ],
];
/** No form is shorter, and none is without one of these: nearly every text is through after one look. */
const SHORTEST_FORM = 12;
const MARK =
  /-----BEGIN|eyJ|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|k_live_|AIza|isobar-|:\/\//;

/** What a text unmistakably holds, for example `a private key`; undefined: nothing of the kind. */
export function credentialIn(text: string): string | undefined {
  if (text.length < SHORTEST_FORM || !MARK.test(text)) return undefined;
  for (const [form, what] of FORMS) if (form.test(text)) return what;
  return undefined;
}

/** What the variable holds that should be a secret; undefined: nothing of the kind. */
export function credentialInVariable(name: string, value: string): string | undefined {
  const form = credentialIn(value);
  if (form !== undefined) return form;
  if (value.length < 6 || !SECRET_NAME.test(name)) return undefined;
  if (PLACEHOLDER.test(value) || PATH.test(value)) return undefined;
  if (PASSWORD_NAME.test(name)) return /\s/.test(value) ? undefined : 'a password';
  if (HARMLESS_NAME.test(name)) return undefined;
  if (/SECRET_?ACCESS_?KEY$/i.test(name) && AWS_SECRET.test(value)) return 'an AWS secret key';
  return isRandom(value) ? 'a credential' : undefined;
}

const SECRET_NAME = /(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|KEY|CREDENTIALS?|PAT)$/i;
const PASSWORD_NAME = /(?:PASSWORD|PASSWD|PASSPHRASE)$/i;
/** Keys of tables, caches and lookups, and keys that are meant to be known. */
const HARMLESS_NAME =
  /(?:SORT|PRIMARY|FOREIGN|PARTITION|SHARD|CACHE|GROUP|JOIN|ROUTING|OBJECT|INDEX|PUBLIC|PUB|LOOKUP|MAP|HASH|IDEMPOTENCY)_?KEY$/i;
/** `$SECRET`, `${SECRET}`, `<password>`, `{{ password }}`, `%PASSWORD%`, `***`, and words that switch something. */
const PLACEHOLDER =
  /^(?:[$<{%*].*|x+|false|true|disabled?|enabled?|optional|required|prompt|changeme|change-me|redacted|undefined|default)$/i;
const PATH = /^(?:\.{0,2}\/|~\/|[A-Za-z]:\\|file:)/;

/** Always of this length; some hold words by chance. */
const AWS_SECRET = /^[A-Za-z0-9/+]{40}$/;

/** Long enough for 96 bits or more, of one piece, and with more characters in use than words or numbers have. */
function isRandom(value: string): boolean {
  if (value.length < 20 || value.length > 4096 || !/^[\w+/=.~-]+$/.test(value)) return false;
  if (/^[0-9a-f]{32,}$/i.test(value)) return entropyOf(value) > 3;
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/].filter((kind) => kind.test(value)).length;
  // Words with separators have few digits among their letters; what is random has one in six.
  const digits = value.replace(/[^0-9]/g, '').length;
  return kinds === 3 && digits >= 2 && entropyOf(value) > 3.6 && longestWord(value) < 7;
}

/** The longest run of letters in one case, as words have it and random text has not. */
function longestWord(value: string): number {
  let longest = 0;
  for (const word of value.match(/[A-Z]?[a-z]+|[A-Z]+/g) ?? [])
    longest = Math.max(longest, word.length);
  return longest;
}

/** Shannon's entropy of the characters, in bits for each. */
function entropyOf(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) {
    const share = count / value.length;
    entropy -= share * Math.log2(share);
  }
  return entropy;
}
