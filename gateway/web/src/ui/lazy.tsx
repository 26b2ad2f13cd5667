import { type ComponentChild, type ComponentType, createElement } from "preact";
import { useEffect, useState } from "preact/hooks";
import { attempt } from "./toast.tsx";

/** A component that is loaded when it is first shown. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => ComponentChild {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [Drawn, setDrawn] = useState<ComponentType<P> | null>(() => loaded);
    useEffect(() => {
      if (!loaded) {
        void attempt(async () => {
          const found = await load();
          loaded = found;
          setDrawn(() => found);
        });
      }
    }, []);
    return Drawn ? createElement(Drawn, props) : <div class="waiting" aria-busy="true" />;
  };
}
