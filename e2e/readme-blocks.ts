// The examples of a Markdown file: fenced blocks by language, and commands that are indented by four blanks.

export interface Block {
  /** As behind the fence; `command` for what is indented. */
  readonly language: string;
  readonly text: string;
}

export function blocksOf(markdown: string): Block[] {
  const blocks: { language: string; lines: string[] }[] = [];
  let fence: string | undefined;
  let inCommands = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) {
      fence = fence === undefined ? line.slice(3) : undefined;
      if (fence !== undefined) blocks.push({ language: fence, lines: [] });
      inCommands = false;
    } else if (fence !== undefined) {
      blocks.at(-1)?.lines.push(line);
    } else if (line.startsWith('    ')) {
      if (!inCommands) blocks.push({ language: 'command', lines: [] });
      inCommands = true;
      blocks.at(-1)?.lines.push(line.slice(4));
    } else {
      inCommands = false;
    }
  }
  return blocks.map(({ language, lines }) => ({ language, text: lines.join('\n') }));
}
