import type {
  Availability,
  Ban,
  Conversation,
  Id,
  Member,
  MemoryUsed,
  Message,
  Notification,
  Participant,
  Role,
  Room,
  Unread,
} from "../api/types.ts";

/** What a timeline's channel carries. Durable events have `offset`, `at` and `actor`; the others have neither. */
interface Durable {
  offset: number;
  at: string;
  actor: Id;
}

export type MessageEvent =
  | (Durable & { type: "message.posted"; message: Message })
  | (Durable & { type: "message.edited"; message: Message })
  | (Durable & { type: "message.deleted"; message_id: Id; message: Message })
  | (Durable & { type: "message.translated"; message_id: Id; language: string; text: string; provider: string })
  | (Durable & { type: "reaction.added" | "reaction.removed"; message_id: Id; emoji: string });

export type MembershipEvent =
  | (Durable & { type: "member.joined"; member: Member })
  | (Durable & { type: "member.left" | "member.removed"; participant_id: Id; participant: Participant | null })
  | (Durable & { type: "member.role_changed"; participant_id: Id; role: Role })
  | (Durable & { type: "member.banned"; ban: Ban })
  | (Durable & { type: "member.unbanned"; participant_id: Id })
  | (Durable & { type: "member.muted"; participant_id: Id; until: string | null });

export type RoomEvent =
  | (Durable & { type: "room.updated"; room: Room })
  | (Durable & { type: "room.archived" })
  | (Durable & { type: "conversation.updated"; conversation: Conversation });

export type AnswerEvent =
  | { type: "answer.started"; answer_id: string; author: Participant; question?: Id | null }
  | { type: "answer.delta"; answer_id: string; index: number; text: string; length: number }
  | { type: "answer.memories"; answer_id: string; memories: MemoryUsed[] }
  | { type: "answer.tool"; answer_id: string; name: string; state: string }
  | { type: "answer.completed"; answer_id: string; message_id: Id }
  | { type: "answer.failed"; answer_id: string; code: string; detail: string; text?: string }
  | { type: "answer.cancelled"; answer_id: string; by?: Id | null; text?: string };

export type Signal =
  | { type: "typing"; participants: Id[]; more?: number }
  | { type: "presence"; participant_id: Id; presence: Availability }
  | { type: "presence"; online: number; changes: { participant_id: Id; presence: Availability }[]; more?: number }
  | { type: "read"; participant_id: Id; offset: number };

export type TimelineEvent = MessageEvent | MembershipEvent | RoomEvent | AnswerEvent | Signal;

/** What a person's own channel carries. */
export type PersonalEvent =
  | ({ type: "unread" } & Unread)
  | { type: "notification"; notification: Notification }
  | { type: "invited"; timeline_id: Id; kind: "room" | "conversation"; name: string | null; by: Participant | null };
