import { useState } from "preact/hooks";
import type { Availability, Participant } from "../api/types.ts";
import { Icon } from "./icon.tsx";

const HUES = 12;

/** A person's picture, from the server; an agent's mark; initials where there is neither. */
export function Avatar({
  who,
  size = 36,
  presence,
}: {
  who: Participant;
  size?: number;
  presence?: Availability | undefined;
}) {
  const [broken, setBroken] = useState(false);
  const drawn = who.kind === "agent" || broken;
  return (
    <span class={`avatar avatar-${size} hue-${hue(who.id)} ${drawn ? "avatar-drawn" : ""}`} aria-hidden="true">
      {who.kind === "agent" ? (
        <Icon name="agent" size={Math.round(size * 0.6)} />
      ) : broken ? (
        initials(who.name)
      ) : (
        <img
          src={`/api/v1/users/${who.id}/avatar`}
          alt=""
          width={size}
          height={size}
          loading="lazy"
          onError={() => setBroken(true)}
        />
      )}
      {presence && presence !== "offline" && <span class={`dot dot-${presence}`} />}
    </span>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}

function hue(id: string): number {
  return Number.parseInt(id.slice(-6), 16) % HUES || 0; // the end of a UUIDv7 is its random part
}
