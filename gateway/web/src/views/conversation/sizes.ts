/** Elements whose heights matter, watched for as long as they are in the page. */
export class Sizes {
  private readonly observer: ResizeObserver;
  /** As far as the observer has told; it tells of each element once soon after it came. */
  private readonly heights = new Map<Element, number | null>();

  /** `changed` is called before the page is painted, with those that have become higher or lower since they came. */
  constructor(changed: (elements: Element[]) => void) {
    this.observer = new ResizeObserver((entries) => {
      const news = entries.filter(({ target, borderBoxSize: [size] }) => {
        const before = this.heights.get(target);
        this.heights.set(target, size?.blockSize ?? 0);
        return typeof before === "number" && before !== size?.blockSize;
      });
      if (news.length) changed(news.map((each) => each.target));
    });
  }

  /** From now on these, and no others. Answers those that are new. */
  watch(elements: readonly Element[]): Element[] {
    const gone = new Set(this.heights.keys());
    const fresh = elements.filter((each) => !gone.delete(each));
    for (const each of fresh) {
      this.heights.set(each, null);
      this.observer.observe(each);
    }
    for (const each of gone) {
      this.heights.delete(each);
      this.observer.unobserve(each);
    }
    return fresh;
  }

  forget(): void {
    this.observer.disconnect();
    this.heights.clear();
  }
}
