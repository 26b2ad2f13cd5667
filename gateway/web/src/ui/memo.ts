import { Component, type ComponentChild, type ComponentType, createElement } from "preact";

/** A component that is drawn again only when one of its properties is another value. */
export function memo<P extends object>(Drawn: ComponentType<P>): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const before = this.props as P;
      return Object.keys({ ...before, ...next }).some((name) => before[name as keyof P] !== next[name as keyof P]);
    }
    override render(): ComponentChild {
      return createElement(Drawn, this.props as P);
    }
  };
}
