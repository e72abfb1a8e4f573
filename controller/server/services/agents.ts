// AgentService: the two streams of an agent. What is said on them is the loop's matter; here they are opened, bounded and ended.
import { refuse, type Refusal } from '#domain/refusal.ts';
import {
  AgentServiceService,
  type ConnectRequest,
  ConnectResponse,
  type Hello,
} from '#gen/isobar/v1/agent.ts';
import { FEDERATION } from '../authorize.ts';
import type { Handlers } from '../call.ts';
import { RefusalError } from '../errors.ts';
import type { CallContext } from '../running-call.ts';
import type { LogRouter } from './log-router.ts';
import type { Parts } from './parts.ts';

/** An agent says hello at once; what says nothing is none. */
const HELLO_MS = 10_000;
/**
 * What may wait for one agent: a burst of 4096 assignments of 16 KiB, which are sent without a pause. One that reads nothing is
 * let go before that, by its lease and by the patience of its stream.
 */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export function agentHandlers(parts: Parts, router: LogRouter): Handlers<AgentServiceService> {
  const { sessions } = parts;
  return {
    connect: {
      concern: () => FEDERATION,
      handle: async (requests, send, context) => {
        const dataCenter = dataCenterOf(context);
        const messages = requests[Symbol.asyncIterator]();
        const hello = await helloOf(parts, messages);
        const over = Promise.withResolvers<Refusal>();
        let waitingBytes = 0;
        const session = sessions.connect(dataCenter, hello, {
          send(message) {
            if (waitingBytes > MAX_WAITING_BYTES) return false;
            const bytes = ConnectResponse.encode(message).finish();
            waitingBytes += bytes.length;
            // A failure is the end of the call, which the reading side sees.
            send(bytes).then(
              () => (waitingBytes -= bytes.length),
              () => {},
            );
            return true;
          },
          close: (why) => over.resolve(why),
        });
        const reading = (async () => {
          for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
            session.receive(next.value);
          }
        })();
        try {
          return await Promise.race([over.promise, reading]);
        } finally {
          reading.catch(() => {}); // it ends with the call
          session.closed();
        }
      },
    },
    attachData: {
      concern: () => FEDERATION,
      handle: async (requests, send, context) => {
        const over = Promise.withResolvers<Refusal>();
        const stream = router.attach(dataCenterOf(context), {
          send: (message) => void send(message).catch(() => {}), // requests are few and small; a failure is the call's end
          close: (why) => over.resolve(why),
        });
        const reading = (async () => {
          for await (const message of requests) await stream.receive(message);
        })();
        try {
          return await Promise.race([over.promise, reading]);
        } finally {
          reading.catch(() => {}); // it ends with the call
          stream.close();
        }
      },
    },
  };
}

async function helloOf(
  { clock }: Parts,
  messages: AsyncIterator<ConnectRequest, unknown, undefined>,
): Promise<Hello> {
  const late = Promise.withResolvers<never>();
  const stop = clock.after(HELLO_MS, () => late.reject(new RefusalError(NO_HELLO)));
  try {
    const first = await Promise.race([messages.next(), late.promise]);
    const message = first.done === true ? undefined : first.value.message;
    if (message?.$case !== 'hello') throw new RefusalError(NO_HELLO);
    return message.value;
  } finally {
    stop();
  }
}

const NO_HELLO = refuse(
  'INVALID_ARGUMENT',
  'HELLO_EXPECTED',
  `the first message of an agent is hello, within ${HELLO_MS / 1000} s; update the agent`,
);

function dataCenterOf({ peer }: CallContext): string {
  if (peer?.identity.kind !== 'agent')
    throw new Error('the policy let somebody else than an agent in');
  return peer.identity.dataCenter;
}
