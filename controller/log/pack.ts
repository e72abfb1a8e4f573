// One buffer for what goes from one thread to another: numbers, then bytes, then all text in one piece. Encoding and decoding
// a string has a fixed cost, so thousands of short ones are joined, written once, and cut again on the other side.

const headerNumbers = 4;

export class Packer {
  readonly #numbers: number[] = [];
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #text = '';
  readonly #columns: string[] = [];

  /** About how many bytes finish() will make. */
  get sizeBytes(): number {
    return this.#numbers.length * 8 + this.#chunkBytes + this.#text.length;
  }

  number(value: number): void {
    this.#numbers.push(value);
  }

  bytes(value: Uint8Array): void {
    this.#numbers.push(value.length);
    this.#chunkBytes += value.length;
    this.#chunks.push(value);
  }

  /** A string in a column that often says the same as in the row before, and then costs nothing. */
  text(column: number, value: string): void {
    if (this.#columns[column] === value) {
      this.#numbers.push(-1);
      return;
    }
    this.#columns[column] = value;
    this.#numbers.push(value.length);
    this.#text += value;
  }

  finish(): ArrayBuffer {
    const textBytes = Buffer.byteLength(this.#text, 'utf8');
    const numberBytes = (headerNumbers + this.#numbers.length) * 8;
    const buffer = new ArrayBuffer(numberBytes + this.#chunkBytes + textBytes);
    const numbers = new Float64Array(buffer, 0, headerNumbers + this.#numbers.length);
    numbers[0] = this.#numbers.length;
    numbers[1] = this.#chunkBytes;
    numbers[2] = textBytes;
    numbers[3] = this.#text.length;
    numbers.set(this.#numbers, headerNumbers);

    const bytes = Buffer.from(buffer);
    let at = numberBytes;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    // As many bytes as characters: all of it is ASCII, and Latin-1 is the fastest way to write that.
    bytes.write(this.#text, at, textBytes === this.#text.length ? 'latin1' : 'utf8');
    return buffer;
  }
}

/** Gives back what a Packer took, in the same order. Bytes are views of the buffer. */
export class Unpacker {
  readonly #buffer: ArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #text: string;
  #numberAt = 0;
  #byteAt: number;
  #textAt = 0;
  readonly #columns: string[] = [];

  constructor(buffer: ArrayBuffer) {
    const [count = 0, chunkBytes = 0, textBytes = 0, textLength = 0] = new Float64Array(
      buffer,
      0,
      headerNumbers,
    );
    this.#buffer = buffer;
    this.#numbers = new Float64Array(buffer, headerNumbers * 8, count);
    this.#byteAt = (headerNumbers + count) * 8;
    this.#text = Buffer.from(buffer, this.#byteAt + chunkBytes, textBytes).toString(
      textBytes === textLength ? 'latin1' : 'utf8',
    );
  }

  get atEnd(): boolean {
    return this.#numberAt >= this.#numbers.length;
  }

  number(): number {
    const value = this.#numbers[this.#numberAt++];
    if (value === undefined) throw new Error('unpacking reads past what was packed');
    return value;
  }

  bytes(): Uint8Array {
    const length = this.number();
    const view = new Uint8Array(this.#buffer, this.#byteAt, length);
    this.#byteAt += length;
    return view;
  }

  text(column: number): string {
    const length = this.number();
    if (length === -1) return this.#columns[column] ?? '';
    const value = this.#text.slice(this.#textAt, this.#textAt + length);
    this.#textAt += length;
    this.#columns[column] = value;
    return value;
  }
}
