// Where a class of jobs can run now, best first: judged once a slice for all of its equal jobs, kept up as they are placed. Data
// centers are looked at in the order of what they can score at most, and only as far as that can be better than what was found.
import type { Overlay } from '#core/overlay.ts';
import { takesRuns } from '#core/place.ts';
import type { DataCenter, JobClass, State } from '#core/state.ts';
import type { RunPart } from '#gen/isobar/log/v1/entity.ts';
import { barrier, NodeFilter } from './filter.ts';
import { fit, type Hint } from './fit.ts';
import type { Policy } from './policy.ts';
import { describeTerms, weigh, type Ranked, type Scales } from './score.ts';

interface Candidate {
  readonly dataCenter: DataCenter;
  readonly bound: number;
  readonly hint: Hint;
  /** Assignments of the slice when the score was computed; more of them make it stale. */
  assignments: number;
  score: number;
  hasRoom: boolean;
}

export interface Place {
  readonly parts: readonly RunPart[];
  readonly decision: string;
}

export interface Judge {
  readonly state: State;
  readonly overlay: Overlay;
  readonly policy: Policy;
  readonly scales: Scales;
}

export class Judgement {
  readonly #judge: Judge;
  readonly #jobClass: JobClass;
  readonly #grownSince: number;
  readonly #filter: NodeFilter;
  readonly #ranking: readonly Ranked[];
  /** Those of the ranking before this have been judged; the candidates are those that may run the class. */
  #judged = 0;
  readonly #candidates: Candidate[] = [];
  #cost = 0;

  /** `grownSince`: data centers whose room has not grown since then are known to have none. 0: look at all. */
  constructor(judge: Judge, jobClass: JobClass, grownSince: number) {
    this.#judge = judge;
    this.#jobClass = jobClass;
    this.#grownSince = grownSince;
    this.#filter = new NodeFilter(judge.state, jobClass);
    this.#ranking = judge.scales.ranking(judge.policy, jobClass);
  }

  /** How many data centers were looked at so far, each as often as it was. */
  get cost(): number {
    return this.#cost;
  }

  /** Takes room for one more job in the best data center that has it; undefined: none has. */
  next(): Place | undefined {
    for (let best = this.#best(); best !== undefined; best = this.#best()) {
      const { state, overlay, policy, scales } = this.#judge;
      const found = fit(state, overlay, this.#jobClass, best.dataCenter, this.#filter, best.hint);
      if (found.kind === 'fits') {
        const terms = scales.terms(overlay, this.#jobClass, best.dataCenter);
        overlay.count(this.#jobClass, best.dataCenter.index);
        return {
          parts: [{ dataCenter: best.dataCenter.entity.id, allocations: [...found.allocations] }],
          decision: describeTerms(policy, terms),
        };
      }
      best.hasRoom = false;
    }
    return undefined;
  }

  #best(): Candidate | undefined {
    const { overlay, policy, scales } = this.#judge;
    let best: Candidate | undefined;
    for (let at = 0; ; at++) {
      const candidate = this.#candidates[at] ?? this.#more(best?.score);
      // Home comes first, and as long as it has room nobody else needs to be looked at.
      if (candidate === undefined || (best !== undefined && candidate.bound < best.score)) break;
      this.#cost++;
      if (!candidate.hasRoom) continue;
      const assignments = overlay.assignments(candidate.dataCenter.index);
      if (candidate.assignments !== assignments) {
        candidate.assignments = assignments;
        // Nothing else that bars a data center changes within a slice.
        if (!takesRuns(overlay, candidate.dataCenter)) {
          candidate.hasRoom = false;
          continue;
        }
        candidate.score = weigh(
          policy,
          scales.terms(overlay, this.#jobClass, candidate.dataCenter),
        );
      }
      if (best === undefined || isBetter(candidate, best)) best = candidate;
    }
    return best;
  }

  /** The next of the ranking that may run the class, unless it cannot reach the score. */
  #more(score = -Infinity): Candidate | undefined {
    const { state, overlay, policy } = this.#judge;
    for (let next = this.#ranking[this.#judged]; ; next = this.#ranking[++this.#judged]) {
      if (next === undefined || next.bound < score) return undefined;
      const { dataCenter, bound } = next;
      this.#cost++;
      if (state.derived.grownAt[dataCenter.index]! < this.#grownSince) continue;
      if (barrier(state, overlay, policy, this.#jobClass, dataCenter) !== undefined) continue;
      this.#judged++;
      const candidate = {
        dataCenter,
        bound,
        hint: { block: 0 },
        assignments: -1,
        score: 0,
        hasRoom: true,
      };
      this.#candidates.push(candidate);
      return candidate;
    }
  }
}

/** Of equal scores the first registered wins, so that the same state gives the same decision. */
function isBetter(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.dataCenter.index < b.dataCenter.index);
}
