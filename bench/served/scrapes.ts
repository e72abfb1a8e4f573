// What the controller's own metrics say.

/** The value of a series without labels. */
export async function scrapedValue(address: string, metric: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${metric} `));
  if (line === undefined) throw new Error(`the controller tells no ${metric}`);
  return Number(line.slice(metric.length + 1));
}
