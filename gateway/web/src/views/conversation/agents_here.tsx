import { useEffect, useState } from "preact/hooks";
import { get, path, put, remove } from "../../api/http.ts";
import type { Agent, Page } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { attempt } from "../../ui/toast.tsx";

/** The agents that there are, and which of them take part here. */
export function AgentsHere({ timeline }: { timeline: Timeline }) {
  const [agents, setAgents] = useState<Agent[] | null>(null);
  useEffect(() => {
    get<Page<Agent>>(`${timeline.rest}/agents?limit=100`).then(
      (page) => setAgents(page.items),
      () => setAgents([]),
    );
  }, [timeline]);
  if (!agents) return <div class="waiting" aria-busy="true" />;
  if (!agents.length) return <p class="empty">{t("no_agents")}</p>;
  return (
    <ul class="members">
      {agents.map((agent) => (
        <AgentEntry key={agent.id} agent={agent} timeline={timeline} />
      ))}
    </ul>
  );
}

function AgentEntry({ agent, timeline }: { agent: Agent; timeline: Timeline }) {
  const here = timeline.members.value.has(agent.id);
  const name = agent.display_name ?? agent.name;
  const address = `${timeline.rest}${path`/agents/${agent.id}`}`;
  const policy = timeline.kind === "room" ? agent.room_policy : agent.conversation_policy;
  const mayInvite = timeline.kind === "conversation" || timeline.moderated;
  return (
    <li class="agent">
      <Avatar who={{ id: agent.id, kind: "agent", name }} size={36} />
      <div class="agent-about">
        <strong dir="auto">{name}</strong>
        {here && <p>{t("agent_is_here", { name: agent.name })}</p>}
        <p class="card-facts">
          {agent.model && `${agent.model} · `}
          {policy && t("speaks", { when: policy })}
          {agent.tools?.length ? ` · ${agent.tools.join(", ")}` : ""}
        </p>
      </div>
      {mayInvite && (
        <button
          type="button"
          class={here ? "button small" : "button small primary"}
          disabled={timeline.archived}
          aria-label={t(here ? "dismiss_named" : "invite_named", { name })}
          onClick={() => attempt(() => (here ? remove(address) : put(address)))}
        >
          {here ? t("dismiss_agent") : t("invite_agent")}
        </button>
      )}
    </li>
  );
}
