import { inspect } from 'node:util';

const shown = '[secret]';

/** A string that does not show itself: not in a template, in JSON, in `util.inspect`, in a log. `reveal` is the one way to it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The string itself, for whoever must hand it on. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [inspect.custom](): string {
    return shown;
  }
}
