/** A page of a list, newest first. */
export interface Page<T> {
  data: T[];
  /** Whether there are more in the direction of reading. */
  hasMore: boolean;
}

/** Which part of a list to get. */
export interface Cursor {
  startingAfter?: string;
  endingBefore?: string;
}

/**
 * A list that is not read yet. Awaited, it is the array of one page; iterated with `for await`, it
 * is every entry, page after page: from new to old, or from old to new behind an `endingBefore`.
 */
export class List<T extends { id: string }> implements Promise<T[]>, AsyncIterable<T> {
  readonly #read: (cursor: Cursor) => Promise<Page<T>>;
  readonly #start: Cursor;
  #first: Promise<Page<T>> | undefined;

  constructor(start: Cursor, read: (cursor: Cursor) => Promise<Page<T>>) {
    this.#start = start;
    this.#read = read;
  }

  /** The same page as when awaited, and whether there are more. */
  page(): Promise<Page<T>> {
    this.#first ??= this.#read(this.#start);
    return this.#first;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const backwards = this.#start.endingBefore != null;
    for (let cursor: Cursor | undefined = this.#start; cursor; ) {
      const { data, hasMore }: Page<T> = await this.#read(cursor);
      if (backwards) data.reverse();
      yield* data;
      const last: T | undefined = data.at(-1);
      cursor = hasMore && last ? (backwards ? { endingBefore: last.id } : { startingAfter: last.id }) : undefined;
    }
  }

  then<A = T[], B = never>(
    onData?: ((data: T[]) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.page()
      .then(({ data }) => data)
      .then(onData, onError);
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<T[] | B> {
    return this.then(undefined, onError);
  }

  finally(onEnd?: (() => void) | null): Promise<T[]> {
    return this.then().finally(onEnd);
  }

  get [Symbol.toStringTag](): string {
    return "List";
  }
}
