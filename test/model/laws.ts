import { type Answer, bridgedMs, judgeContent, windowOf } from './answers.ts';
import type { Caller, Callers, Right } from './callers.ts';
import type { ModelRegistry } from './registry.ts';
import type { Timeline } from './timeline.ts';
import { Violation } from './violation.ts';
import { WINDOWS } from './windows.ts';

export interface LawsOptions {
  readonly now: () => number;
  readonly registry: ModelRegistry;
  readonly callers: Callers;
  /** Who sees at once that something was deleted: every isolate, the one that deleted it, or none for certain. */
  readonly deletesSeenBy: 'all' | 'own' | 'none';
}

/** Who asks which isolate about which repository. `isolate` is another one after a restart. */
export interface Asker {
  readonly isolate: string;
  readonly caller: Caller;
  readonly name: string;
}

/** A question about content. */
export interface Question extends Asker {
  readonly method: 'HEAD' | 'GET';
  readonly links: 'blobs' | 'manifests';
  readonly digest: string;
}

/** A question where a tag leads. */
export interface TagQuestion extends Asker {
  readonly method: 'HEAD' | 'GET';
  readonly tag: string;
}

interface Gone {
  /** The mark of its timeline when the delete was answered. */
  readonly mark: number;
  readonly isolate: string;
}

/** Judges the answers to questions, by what the registry had meanwhile. */
export class Laws {
  readonly #options: LawsOptions;
  /** What was deleted through an edge. */
  readonly #gone = new Map<string, Gone>();
  /** What happened, so that a run can show that the laws did not hold trivially. */
  readonly tally = { asked: 0, hits: 0, lies: 0, gone: 0, askedGone: 0 };

  constructor(options: LawsOptions) {
    this.#options = options;
  }

  /** Begins a question. @returns what judges its answer, and throws a `Violation` */
  ask(question: Question): (answer: Answer) => void {
    const { now, registry, callers } = this.#options;
    const { caller, method, digest } = question;
    const timeline = this.#timeline(question);
    const [startedAt, mark, gone] = [now(), timeline.mark(), this.#gone.get(keyOf(question))];
    const judgeAccess = this.#watchAccess(question, method === 'HEAD' ? 'stat' : 'pull');
    return (answer) => {
      judgeAccess(answer);
      const isGone = gone !== undefined && !timeline.since(gone.mark).includes(true);
      if (isGone) this.tally.askedGone += 1;
      this.#count(answer, timeline.since(mark).includes(true));
      if (answer.status === 404 && timeline.since(mark).every(Boolean)) {
        throw new Violation('2, "absent" is never answered without the origin', question);
      }
      if (answer.status !== 200) return;
      const isPullOnly = callers.isPullOnly(caller, question.name);
      const windowMs = windowOf(question, isPullOnly) + bridgedMs(answer) + WINDOWS.skew;
      if (!timeline.sinceTime(startedAt - windowMs).includes(true)) {
        throw new Violation('4, "exists" is told of what has been gone for longer than the window', {
          ...question,
          told: answer.headers.get('cache-status'),
        });
      }
      if (isGone) this.#judgeDeleted(question, gone, startedAt);
      judgeContent(answer, question, registry.content(digest));
      if (isPullOnly || method === 'HEAD') return;
      // No content of a blob is ever cached.
      if (question.links === 'blobs' && !timeline.since(mark).includes(true)) {
        throw new Violation('4, content is told that the origin does not have', question);
      }
    };
  }

  /** Begins a question where a tag leads. @returns what judges its answer */
  askTag(question: TagQuestion): (answer: Answer) => void {
    const { now, registry, callers } = this.#options;
    const { caller, method, name, tag } = question;
    const timeline = registry.tag(name, tag);
    const [startedAt, mark] = [now(), timeline.mark()];
    const judgeAccess = this.#watchAccess(question, method === 'HEAD' ? 'stat' : 'pull');
    return (answer) => {
      judgeAccess(answer);
      const told = answer.headers.get('docker-content-digest');
      const isPullOnly = callers.isPullOnly(caller, name);
      const windowMs = WINDOWS.tag + bridgedMs(answer) + WINDOWS.skew;
      const led = isPullOnly ? timeline.sinceTime(startedAt - windowMs) : timeline.since(mark);
      if (answer.status === 200 && !led.some((digest) => digest === told)) {
        throw new Violation('6, a tag is told to lead where it has not led within its time', question);
      }
      if (answer.status === 404 && !timeline.since(mark).includes(undefined)) {
        throw new Violation('2, a tag is told to be absent that was not', question);
      }
      if (answer.status === 200) judgeContent(answer, question, registry.content(told ?? ''));
    };
  }

  /**
   * Begins a delete, an event or a purge. @returns what notes that an edge has answered it: what the registry does not
   * have is gone now, unless the registry received it meanwhile
   */
  beginGone(asker: Asker, links: Question['links'], digest: string): () => void {
    const question: Question = { ...asker, links, digest, method: 'HEAD' };
    const timeline = this.#timeline(question);
    const mark = timeline.mark();
    return () => {
      const [, ...later] = timeline.since(mark);
      if (timeline.value || later.includes(true)) return;
      this.tally.gone += 1;
      this.#gone.set(keyOf(question), { mark: timeline.mark(), isolate: asker.isolate });
    };
  }

  /** @param isTrue whether the registry had the content while it was asked for */
  #count({ status, headers }: Answer, isTrue: boolean): void {
    this.tally.asked += 1;
    if (headers.get('cache-status')?.includes('; hit')) this.tally.hits += 1;
    if (status === 200 && !isTrue) this.tally.lies += 1;
  }

  #timeline({ links, name, digest }: Question): Timeline<boolean> {
    const { registry } = this.#options;
    return links === 'blobs' ? registry.blob(name, digest) : registry.manifest(name, digest);
  }

  /** Begins to watch a caller's right. @returns what judges whether it was refused or answered rightly */
  #watchAccess(asker: Asker, right: Right): (answer: Answer) => void {
    const { now, callers } = this.#options;
    const { caller, name } = asker;
    const startedAt = now();
    const hasHadIt = callers.watch(caller, right, name);
    return ({ status }) => {
      if (status === 500) throw new Violation('3, an edge fails without need', asker);
      if ((status === 401 || status === 403) && hasHadIt()) {
        throw new Violation('1, a caller that has the right is refused', asker);
      }
      const mayKnow = callers.mightSince(caller, right, name, startedAt - WINDOWS.grant);
      if ((status === 200 || status === 404) && !mayKnow) {
        throw new Violation('1, a caller is answered that has not proved its access', asker);
      }
    };
  }

  /** Judges "exists" of what has been gone since its delete was answered, before the question began. */
  #judgeDeleted(question: Question, { isolate }: Gone, startedAt: number): void {
    const { callers, deletesSeenBy } = this.#options;
    if (deletesSeenBy === 'none' || (deletesSeenBy === 'own' && isolate !== question.isolate)) return;
    const mayBeInMemory = callers.isPullOnly(question.caller, question.name) && isolate !== question.isolate;
    const since = startedAt - WINDOWS.memory - WINDOWS.skew;
    if (mayBeInMemory && this.#timeline(question).sinceTime(since).includes(true)) return;
    throw new Violation('7, deleted content came back', question);
  }
}

function keyOf({ links, name, digest }: Question): string {
  return `${name} ${links} ${digest}`;
}
