// An agent of a test: what it says is written by hand, what it hears is waited for by kind.
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { ConnectRequest, type ConnectResponse } from '#gen/isobar/v1/agent.ts';

type Message = NonNullable<ConnectResponse['message']>;
type ValueOf<K extends Message['$case']> = Extract<Message, { readonly $case: K }>['value'];

/** The agent's half of the control stream. */
export class TestAgent {
  readonly stream: ClientDuplexStream<ConnectRequest, ConnectResponse>;
  readonly #messages: Message[] = [];
  #wake: (() => void) | undefined;
  #error: ServiceError | undefined;
  #sequence = 0;

  constructor(stream: ClientDuplexStream<ConnectRequest, ConnectResponse>) {
    this.stream = stream;
    stream.on('data', ({ message }: ConnectResponse) => {
      if (message !== undefined) this.#messages.push(message);
      this.#wake?.();
    });
    stream.on('error', (error: ServiceError) => {
      this.#error = error;
      this.#wake?.();
    });
  }

  say(message: NonNullable<ConnectRequest['message']>): void {
    this.stream.write(ConnectRequest.create({ message }));
  }

  report(
    run: { readonly jobUid: number; readonly index: number; readonly epoch: number },
    phase: number,
    words: { exitCode?: number; runMillis?: number } = {},
  ): void {
    const report = {
      ...run,
      phase,
      ageMillis: 0,
      exitCode: 0,
      reason: undefined,
      lastLines: [],
      runMillis: 0,
      ...words,
    };
    // Only phases of the enum are asked for.
    this.say({ $case: 'reports', value: { runs: [report as never], sequence: ++this.#sequence } });
  }

  /** The next message of a kind; others before it are passed over. */
  async next<K extends Message['$case']>(kind: K): Promise<ValueOf<K>> {
    for (;;) {
      for (
        let message = this.#messages.shift();
        message !== undefined;
        message = this.#messages.shift()
      ) {
        // The case tells the type of the value.
        if (message.$case === kind) return message.value as ValueOf<K>;
      }
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** How the stream ended. */
  async ended(): Promise<ServiceError> {
    for (;;) {
      if (this.#error !== undefined) return this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
