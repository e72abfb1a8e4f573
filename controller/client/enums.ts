// Words for numbers: enums as people write and read them, `TENANT_ADMIN` as `tenant-admin`.

type Enum = Readonly<Record<string, number>>;

/** The word for a number of a generated enum. Empty for UNSPECIFIED. */
export function wordOf(of: Enum, value: number): string {
  if (value === 0) return '';
  for (const [name, number] of Object.entries(of)) if (number === value) return toWord(name);
  return `unknown-${value}`;
}

/** All words of a generated enum that a person may write. */
export function wordsOf(of: Enum): string[] {
  return Object.entries(of)
    .filter(([, value]) => value > 0)
    .map(([name]) => toWord(name));
}

/** The number for a word; undefined when the enum has no such word. */
export function numberOf<E extends Enum>(of: E, word: string): E[keyof E] | undefined {
  const name = word.toUpperCase().replaceAll('-', '_');
  const value = of[name];
  return value === undefined || value <= 0 ? undefined : (value as E[keyof E]); // looked up in it
}

function toWord(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}
